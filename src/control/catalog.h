/* The commands of every daemon. */
#pragma once

#include "control/command.h"

/* Several rows may have one name where the daemons that know it differ in what it takes. */
extern const struct control_command control_catalog[];
