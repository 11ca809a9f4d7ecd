/*
 * What happens, for whoever watches: sessions, routes and the kernel's table as feeds of rows.
 *
 * Sessions and the kernel have one feed each. Routes are watched by prefix, so each who watches them has a feed of his own
 * (watch_routes.h), and all share one watch of the engine. While nobody watches no row is made and the table is not marked.
 *
 * Each answer begins, if it is asked for, with what is there, as rows with the event "present"; then comes a row "watching", and
 * from there on nothing is left out. What happens while the first rows are sent comes behind them.
 */
#pragma once

#include "base/prefix.h"
#include "control/feed.h"
#include "kernel/fib.h"
#include "session/session.h"

struct rrd;
struct watch;
struct watch_routes;

struct watch *watch_new(struct rrd *r);
/* The engine and the control server must be gone. */
void watch_free(struct watch *w);
struct watch_routes *watch_routes_of(struct watch *w);

/* A session came up or went down (why). */
void watch_neighbor(struct watch *w, const char *event, struct session *s, const struct session_down *why);
/* An operator has said something of an address: "shutdown", "enabled". text may be NULL. */
void watch_admin(struct watch *w, const char *event, const struct ip_addr *address, const char *text);
/* A connection was not let in. */
void watch_refused(struct watch *w, const struct ip_addr *remote, const char *why);
/* A fib_config's callback; user: struct rrd. */
void watch_fib_changed(void *user, const struct fib_change *c);
