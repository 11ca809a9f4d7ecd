/* The watch, for the engine. */
#pragma once

#include "route/engine.h"

#include <stdbool.h>

struct route_watch;

/* A slice; true when more is waiting. */
bool route_watch_work(struct route_engine *e);
void route_watch_fini(struct route_engine *e);
