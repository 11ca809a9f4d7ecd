/* Who watches routes: a feed and a filter each, and the engine's watch, which is on while there is one of them. */
#pragma once

struct rrd;
struct watch_routes;

struct watch_routes *watch_routes_new(struct rrd *r);
/* Nobody watches any more. */
void watch_routes_free(struct watch_routes *w);
