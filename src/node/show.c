#include "node/node.h"

#include "base/mem.h"
#include "base/row_net.h"
#include "config.h"
#include "control/log.h"
#include "control/rows.h"
#include "daemon/limit.h"
#include "node/hash.h"

#include <stdlib.h>

/* --- who has registered what --- */

static struct row *member_row(const struct node *n, const struct node_service *s, const struct node_member *m)
{
	struct row *r = row_new();

	row_prefix(r, "prefix", node_service_prefix(s));
	row_addr(r, "pod", &m->pod);
	row_text(r, "name", node_member_name(m)[0] ? node_member_name(m) : NULL);
	row_int(r, "pid", node_member_pid(m));
	row_text(r, "state", node_state_text(m->state));
	row_int(r, "capacity", (int64_t)m->capacity_bit_s);
	row_int(r, "weight", node_service_weight(s, &m->pod));
	row_int(r, "since-ms", (int64_t)(node_now_ms(n) - m->since_ms));
	row_text(r, "problem", m->problem);
	return r;
}

static struct row *unclaimed_row(const struct node_service *s, const struct fib_next_hop *nh)
{
	struct row *r = row_new();

	row_prefix(r, "prefix", node_service_prefix(s));
	row_addr(r, "pod", &nh->addr);
	row_text(r, "state", "unclaimed");
	row_int(r, "weight", nh->weight);
	return r;
}

static bool show_services(void *user, const struct row *args, struct control_answer *out, char *err)
{
	struct control_rows *rows = control_rows_new();
	const struct node *n = user;
	struct fib_next_hop nh;

	(void)args;
	(void)err;
	for (struct node_service *s = NULL; (s = node_table_next(n->table, s));) {
		for (struct node_member *m = NULL; (m = node_service_next(s, m));)
			control_rows_add(rows, member_row(n, s, m));
		for (size_t i = 0; node_service_unclaimed(s, i, &nh); i++)
			control_rows_add(rows, unclaimed_row(s, &nh));
	}
	control_answer_rows(out, rows);
	return true;
}

/* --- what the kernel has --- */

struct route_rows {
	const struct node *node;
	struct fib_listing *listing;
};

static struct row *next_route(void *state, char *err)
{
	struct route_rows *s = state;

	(void)err;
	return fib_row(s->node->fib, s->listing);
}

static void routes_done(void *state)
{
	struct route_rows *s = state;

	fib_listing_free(s->listing);
	free(s);
}

static bool show_routes(void *user, const struct row *args, struct control_answer *out, char *err)
{
	struct route_rows *s = mem_calloc(1, sizeof(*s));

	(void)args;
	(void)err;
	s->node = user;
	s->listing = fib_listing_new();
	*out = (struct control_answer){ next_route, routes_done, s };
	return true;
}

/* --- at a glance --- */

static bool show_status(void *user, const struct row *args, struct control_answer *out, char *err)
{
	const struct node *n = user;
	struct row *r = row_new();
	size_t pods = 0, services = 0;

	(void)args;
	(void)err;
	LIST_FOREACH (link, &n->pods)
		pods++;
	for (struct node_service *s = NULL; (s = node_table_next(n->table, s));)
		services++;
	row_text(r, "program", "lb-announcer --node");
	row_text(r, "version", PACKAGE_VERSION);
	row_int(r, "uptime-ms", (int64_t)(node_now_ms(n) - n->started_ms));
	row_text(r, "registry", n->cfg->node.socket);
	row_int(r, "services", (int64_t)services);
	row_int(r, "pods", (int64_t)pods);
	row_int(r, "registered", (int64_t)n->registered);
	row_int(r, "gone", (int64_t)n->gone);
	row_int(r, "refused", (int64_t)n->refused);
	reload_status(&n->reload, r);
	row_bool(r, "holding", io_timer_pending(n->restart));
	row_text(r, "hash-seed", node_hash_seed_state());
	control_log_put_status(r);
	row_put(r, "fib", fib_status(n->fib));
	control_answer_row(out, r);
	return true;
}

static bool show_config(void *user, const struct row *args, struct control_answer *out, char *err)
{
	const struct node *n = user;

	(void)err;
	return reload_show_config(&config_node_routes_schema, n->cfg, n->cfg->root, args, out);
}

static bool reload(void *user, const struct row *args, struct control_answer *out, char *err)
{
	struct node *n = user;

	return reload_answer(&n->reload, args, out, err);
}

const struct control_handler node_handlers[] = {
	{ "show services", show_services },
	{ "show routes", show_routes },
	{ "show status", show_status },
	{ "metrics", node_metrics },
	{ "show config", show_config },
	{ "show log", control_show_log },
	{ "log level", control_log_level },
	{ "reload", reload },
	{ NULL, NULL },
};
