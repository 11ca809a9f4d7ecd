/* The answers to rrctl: tables as rows. Each function is a control_handler's start. */
#pragma once

#include "control/server.h"
#include "rrd/rrd.h"

enum { SHOW_ERROR_MAX = 256 };

bool show_routes(void *user, const struct row *args, struct control_answer *out, char *err);
bool show_route(void *user, const struct row *args, struct control_answer *out, char *err);
bool show_route_for(void *user, const struct row *args, struct control_answer *out, char *err);
bool show_neighbors(void *user, const struct row *args, struct control_answer *out, char *err);
bool show_neighbor(void *user, const struct row *args, struct control_answer *out, char *err);
bool show_ranges(void *user, const struct row *args, struct control_answer *out, char *err);
bool show_failures(void *user, const struct row *args, struct control_answer *out, char *err);
bool show_fib(void *user, const struct row *args, struct control_answer *out, char *err);
bool show_next_hops(void *user, const struct row *args, struct control_answer *out, char *err);
bool show_memory(void *user, const struct row *args, struct control_answer *out, char *err);
bool show_status(void *user, const struct row *args, struct control_answer *out, char *err);
bool show_metrics(void *user, const struct row *args, struct control_answer *out, char *err);
bool show_config(void *user, const struct row *args, struct control_answer *out, char *err);
bool reload(void *user, const struct row *args, struct control_answer *out, char *err);
bool show_log(void *user, const struct row *args, struct control_answer *out, char *err);
bool debug_neighbors(void *user, const struct row *args, struct control_answer *out, char *err);
bool show_received(void *user, const struct row *args, struct control_answer *out, char *err);
bool show_advertised(void *user, const struct row *args, struct control_answer *out, char *err);
bool show_rejected(void *user, const struct row *args, struct control_answer *out, char *err);
bool watch_routes(void *user, const struct row *args, struct control_answer *out, char *err);
bool watch_neighbors(void *user, const struct row *args, struct control_answer *out, char *err);
bool watch_fib(void *user, const struct row *args, struct control_answer *out, char *err);
bool refresh_neighbor(void *user, const struct row *args, struct control_answer *out, char *err);
bool shutdown_neighbor(void *user, const struct row *args, struct control_answer *out, char *err);
bool enable_neighbor(void *user, const struct row *args, struct control_answer *out, char *err);
bool drain(void *user, const struct row *args, struct control_answer *out, char *err);
bool undrain(void *user, const struct row *args, struct control_answer *out, char *err);
bool clear_neighbor(void *user, const struct row *args, struct control_answer *out, char *err);

/* False with a text in err (SHOW_ERROR_MAX). */
bool show_is_router(const struct rrd *r, char *err);
bool show_parse_prefix(const char *text, struct prefix *out, char *err);
/* The neighbor that args name; NULL with a text in err (SHOW_ERROR_MAX). */
struct session *show_find_neighbor(struct rrd *r, const struct row *args, char *err);

/* All commands, for the control server. */
extern const struct control_handler rrd_handlers[];
