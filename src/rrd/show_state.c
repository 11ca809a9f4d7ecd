/* The smaller answers: FIB, memory, status. */
#include "rrd/show.h"

#include "base/mem.h"
#include "base/row_net.h"
#include "bgp/message.h"
#include "config.h"
#include "control/log.h"
#include "daemon/limit.h"

#include <stdio.h>
#include <stdlib.h>

/* --- a list of rows made at once: for answers that are short by nature --- */

struct few_rows {
	struct row **row;
	size_t next, count;
};

static void few_add(struct few_rows *s, struct row *r)
{
	s->row = mem_realloc(s->row, (s->count + 1) * sizeof(*s->row));
	s->row[s->count++] = r;
}

static struct row *few_next(void *state, char *err)
{
	struct few_rows *s = state;

	err[0] = 0;
	return s->next < s->count ? s->row[s->next++] : NULL;
}

static void few_done(void *state)
{
	struct few_rows *s = state;

	while (s->next < s->count)
		row_free(s->row[s->next++]);
	free(s->row);
	free(s);
}

/* --- fib --- */

struct fib_rows {
	struct rrd *rrd;
	struct fib_listing *listing;
};

static struct row *fib_next(void *state, char *err)
{
	struct fib_rows *s = state;

	err[0] = 0;
	return s->rrd->fib ? fib_row(s->rrd->fib, s->listing) : NULL;
}

static void fib_done(void *state)
{
	struct fib_rows *s = state;

	fib_listing_free(s->listing);
	free(s);
}

bool show_is_router(const struct rrd *r, char *err)
{
	if (!r->fib)
		snprintf(err, SHOW_ERROR_MAX,
			"this daemon is no router: fib: {enabled: true} in its configuration makes it one");
	return r->fib != NULL;
}

bool show_fib(void *user, const struct row *args, struct control_answer *out, char *err)
{
	struct rrd *r = user;
	struct fib_rows *s;

	(void)args;
	if (!show_is_router(r, err))
		return false;
	s = mem_calloc(1, sizeof(*s));
	s->rrd = r;
	s->listing = fib_listing_new();
	*out = (struct control_answer){ fib_next, fib_done, s };
	return true;
}

/* --- memory --- */

static void memory_row(void *user, const char *what, size_t objects, size_t octets)
{
	struct row *r = row_new();

	row_text(r, "what", what);
	row_int(r, "objects", (int64_t)objects);
	row_int(r, "octets", (int64_t)octets);
	few_add(user, r);
}

bool show_memory(void *user, const struct row *args, struct control_answer *out, char *err)
{
	struct few_rows *s = mem_calloc(1, sizeof(*s));
	struct rrd *r = user;

	(void)args;
	(void)err;
	route_engine_memory(r->engine, memory_row, s);
	memory_row(s, "neighbors", session_neighbors_count(r->neighbors), 0);
	memory_row(s, "the whole process", 1, daemon_resident_octets());
	*out = (struct control_answer){ few_next, few_done, s };
	return true;
}

/* --- status --- */

static void put_tables(struct row *row, const struct rrd *r)
{
	for (int f = 0; f < BGP_FAMILIES; f++) {
		const struct route_rib *rib = route_engine_rib(r->engine, (enum bgp_family)f);
		struct row *table = row_new();

		row_int(table, "prefixes", (int64_t)route_rib_entries(rib));
		row_int(table, "paths", (int64_t)route_rib_paths(rib));
		row_int(table, "update-groups", (int64_t)route_engine_groups(r->engine, (enum bgp_family)f));
		row_put(row, bgp_family_text((enum bgp_family)f), table);
	}
}

/* What a keepalive or an answer may have had to wait for. */
static void put_longest_turn(struct row *row, const struct rrd *r)
{
	const struct io_turn *t = io_loop_longest_turn(r->loop);
	struct row *turn = row_new();

	row_int(turn, "us", (int64_t)t->us);
	row_int(turn, "cpu-us", (int64_t)t->cpu_us);
	row_int(turn, "ago-ms", (int64_t)(rrd_now_ms(r) - t->at_us / 1000));
	row_int(turn, "descriptors-us", (int64_t)t->descriptors_us);
	row_int(turn, "descriptors", t->served);
	row_int(turn, "timers-us", (int64_t)t->timers_us);
	row_int(turn, "jobs-us", (int64_t)t->jobs_us);
	row_put(row, "longest-turn", turn);
	row_int(row, "long-turns", (int64_t)io_loop_long_turns(r->loop));
}

bool show_status(void *user, const struct row *args, struct control_answer *out, char *err)
{
	struct rrd *r = user;
	struct row *row = row_new();

	(void)args;
	(void)err;
	row_text(row, "program", "rrd");
	row_text(row, "version", PACKAGE_VERSION);
	row_int(row, "as", r->cfg->router.as);
	row_ipv4(row, "router-id", r->cfg->router.router_id);
	row_ipv4(row, "cluster-id", r->cfg->router.cluster_id);
	row_int(row, "uptime-ms", (int64_t)(rrd_now_ms(r) - r->started_ms));
	row_int(row, "loaded-ms", (int64_t)(rrd_now_ms(r) - r->loaded_ms));
	reload_status(&r->reload, row);
	row_int(row, "neighbors", (int64_t)session_neighbors_count(r->neighbors));
	row_bool(row, "draining", route_engine_graceful_shutdown(r->engine));
	put_tables(row, r);
	row_int(row, "oversized", (int64_t)r->oversized);
	put_longest_turn(row, r);
	control_log_put_status(row);
	if (r->fib)
		row_put(row, "fib", fib_status(r->fib));
	control_answer_row(out, row);
	return true;
}

static bool show_bfd(void *user, const struct row *args, struct control_answer *out, char *err)
{
	const struct rrd *r = user;

	(void)args;
	(void)err;
	return guards_show(r->guards, out);
}

static bool watch_bfd(void *user, const struct row *args, struct control_answer *out, char *err)
{
	struct rrd *r = user;

	(void)args;
	(void)err;
	return guards_watch(r->guards, out);
}

const struct control_handler rrd_handlers[] = {
	{ "show neighbors", show_neighbors },
	{ "show neighbor", show_neighbor },
	{ "show routes", show_routes },
	{ "show route", show_route },
	{ "show route for", show_route_for },
	{ "show fib", show_fib },
	{ "show nexthops", show_next_hops },
	{ "show ranges", show_ranges },
	{ "show ranges failed", show_failures },
	{ "show bfd", show_bfd },
	{ "show memory", show_memory },
	{ "show status", show_status },
	{ "show config", show_config },
	{ "reload", reload },
	{ "metrics", show_metrics },
	{ "clear neighbor", clear_neighbor },
	{ "show received", show_received },
	{ "show advertised", show_advertised },
	{ "show rejected", show_rejected },
	{ "show log", show_log },
	{ "log level", control_log_level },
	{ "log debug", debug_neighbors },
	{ "refresh", refresh_neighbor },
	{ "shutdown", shutdown_neighbor },
	{ "enable", enable_neighbor },
	{ "drain", drain },
	{ "undrain", undrain },
	{ "watch routes", watch_routes },
	{ "watch neighbors", watch_neighbors },
	{ "watch fib", watch_fib },
	{ "watch bfd", watch_bfd },
	{ NULL, NULL },
};
