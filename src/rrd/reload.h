/* The configuration read again: what would change, or the change itself. */
#pragma once

#include "reload/reload.h"
#include "rrd/reload_plan.h"
#include "rrd/rrd.h"

/* user: the daemon. */
extern const struct reload_ops rrd_reload_ops;
