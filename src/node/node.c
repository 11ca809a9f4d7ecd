#include "node/node.h"

#include "base/log.h"
#include "base/mem.h"
#include "config.h"
#include "daemon/capability.h"
#include "daemon/group.h"
#include "daemon/notify.h"
#include "node/hash.h"

#include <assert.h>
#include <signal.h>
#include <stdlib.h>

uint64_t node_now_ms(const struct node *n)
{
	return io_loop_now_us(n->loop) / 1000;
}

void node_changed(struct node *n)
{
	io_job_post(n->work);
}

/* --- pods --- */

struct node_pod *node_pod_find(const struct node *n, const struct ip_addr *addr)
{
	LIST_FOREACH (link, &n->pods) {
		struct node_pod *p = LIST_ENTRY(link, struct node_pod, link);

		if (ip_addr_equal(&p->addr, addr))
			return p;
	}
	return NULL;
}

struct node_pod *node_pod_ref(struct node *n, const struct ip_addr *addr)
{
	struct node_pod *p = node_pod_find(n, addr);

	if (!p) {
		p = mem_calloc(1, sizeof(*p));
		p->addr = *addr;
		list_add_tail(&n->pods, &p->link);
		fib_watch(n->fib, addr);
	}
	p->members++;
	return p;
}

void node_pod_unref(struct node *n, const struct ip_addr *addr)
{
	struct node_pod *p = node_pod_find(n, addr);

	assert(p);
	if (--p->members)
		return;
	if (n->fib)
		fib_unwatch(n->fib, addr);
	list_del(&p->link);
	free(p);
}

bool node_pod_usable(void *node, const struct ip_addr *addr)
{
	const struct node_pod *p = node_pod_find(node, addr);

	/* One that cannot be reached at the moment is the FIB's to leave out and to put in again; and it asks about a new one
	 * before it writes anything. */
	return p && (!p->known || !p->reachable || ip_addr_equal(&p->gateway, addr));
}

static void reached(void *user, const struct ip_addr *addr, const struct fib_reach *reach)
{
	struct node *n = user;
	struct node_pod *p = node_pod_find(n, addr);

	if (!p)
		return;
	p->known = true;
	p->reachable = reach->reachable;
	p->why = reach->why;
	p->gateway = reach->gateway;
	node_table_touch(n->table, addr);
	node_changed(n);
}

/* --- routes --- */

static bool is_allowed(const struct node *n, const struct prefix *prefix, const struct fib_next_hop *nh,
	size_t count, struct fib_next_hop *out, size_t *left)
{
	const struct config_node_settings *c = &n->cfg->node;
	bool service = false;

	for (size_t i = 0; i < c->service_count; i++)
		service |= prefix_contains(&c->services[i], prefix);
	*left = 0;
	for (size_t i = 0; service && i < count; i++)
		for (size_t k = 0; k < c->pod_count; k++)
			if (prefix_contains_addr(&c->pods[k], &nh[i].addr)) {
				out[(*left)++] = nh[i];
				break;
			}
	return *left > 0;
}

/* The kernel's listing has come. What is there is ours to keep as long as today's configuration allows it. */
static void take_over(struct node *n)
{
	struct fib_next_hop nh[FIB_NEXT_HOPS_MAX], allowed[FIB_NEXT_HOPS_MAX];
	size_t count, left, services = 0;
	struct fib_listing *l = fib_listing_new();
	struct prefix at;

	while ((count = fib_leftover(n->fib, l, &at, nh)) > 0) {
		if (!is_allowed(n, &at, nh, count, allowed, &left))
			continue;
		node_table_found(n->table, &at, allowed, left);
		services++;
	}
	fib_listing_free(l);
	n->taken_over = true;
	if (!services && !fib_is_classic(n->fib))
		return;
	log_info("%zu routes of an earlier run are held for %u s, for their pods to register again", services,
		n->cfg->node.restart_time_s);
	io_timer_set(n->restart, n->cfg->node.restart_time_s * UINT64_C(1000000));
}

static void restart_time_over(void *user)
{
	struct node *n = user;
	size_t forgotten = node_table_forget(n->table);

	if (forgotten)
		log_info("%zu next hops of an earlier run go: nobody has registered them within "
			 "node.restart-time, %u s",
			forgotten, n->cfg->node.restart_time_s);
	fib_sweep(n->fib);
	node_changed(n);
}

static void put(struct node *n, const struct prefix *p)
{
	struct fib_next_hop nh[FIB_NEXT_HOPS_MAX];
	size_t count = node_table_next_hops(n->table, p, node_pod_usable, n, node_now_ms(n), nh);

	if (count)
		fib_set(n->fib, p, nh, count);
	else
		fib_del(n->fib, p);
}

static void put_all(struct node *n)
{
	uint64_t wait_ms = UINT64_MAX;
	struct prefix p;

	while (node_table_changed(n->table, &p))
		put(n, &p);
	while (node_table_due(n->table, node_now_ms(n), &p, &wait_ms))
		put(n, &p);
	if (wait_ms != UINT64_MAX)
		io_timer_set(n->weights_due, wait_ms * 1000);
}

static void work(void *user)
{
	struct node *n = user;
	bool first = !n->taken_over && fib_is_listed(n->fib);

	if (first)
		take_over(n);
	if (n->taken_over)
		put_all(n);
	fib_commit(n->fib);
	/* What is to stay has been wished for; all else of an earlier run goes. Without next-hop objects nothing could be wished
	 * for, and all has to stay for the time being. */
	if (first && !fib_is_classic(n->fib))
		fib_sweep(n->fib);
	node_register_look(n);
}

static void turned(void *user)
{
	node_changed(user);
}

/* --- start and end --- */

static void set_group(struct node *n, struct fib_config *cfg)
{
	const struct config_node_group *g = &n->cfg->node.group;

	if (g->type != CONFIG_GROUP_RESILIENT)
		return;
	n->rule[0] = (struct fib_prefix_rule){ { .family = IP_V4 }, 0, 32 };
	n->rule[1] = (struct fib_prefix_rule){ { .family = IP_V6 }, 0, 128 };
	n->group = (struct fib_group){ .rule = n->rule,
		.rule_count = 2,
		.resilient = true,
		.buckets = g->buckets,
		.idle_timer_s = g->idle_timer_s,
		.unbalanced_timer_s = g->unbalanced_timer_s };
	cfg->group = &n->group;
	cfg->group_count = 1;
}

static bool start_fib(struct node *n)
{
	enum { RESILIENT_GROUPS_MAX = 256 };
	const struct config_node_settings *c = &n->cfg->node;
	struct fib_config cfg = {
		.table = c->table,
		.metric = c->metric,
		.protocol = c->protocol,
		.next_hop_id_base = c->next_hop_id_base,
		.next_hop_id_count = c->next_hop_id_count,
		.remove_on_exit = c->on_exit == CONFIG_ON_EXIT_REMOVE,
		.max_resilient_groups = RESILIENT_GROUPS_MAX,
		.compare_interval_s = c->compare_interval_s,
		.sysctls = (enum fib_sysctls)c->sysctls,
		.ipv4 = config_node_has_services(c, IP_V4),
		.ipv6 = config_node_has_services(c, IP_V6),
		.reached = reached,
		.turned = turned,
		.user = n,
	};
	char err[512];

	set_group(n, &cfg);
	n->fib = fib_new(n->loop, &cfg, err, sizeof(err));
	if (!n->fib)
		log_error("%s", err);
	return n->fib;
}

static bool start_registry(struct node *n)
{
	const struct config_node_settings *c = &n->cfg->node;
	const struct control_server_config cfg = {
		.program = "lb-announcer --node",
		.targets = OF_REGISTRY,
		.handlers = node_registry_handlers,
		.user = n,
		.full = { c->socket,
			daemon_group_of_socket("node.socket-group", c->socket_group, c->socket) },
	};
	char err[256];

	n->registry = control_server_new(n->loop, &cfg, err);
	if (!n->registry)
		log_error("node.socket: %s", err);
	return n->registry != NULL;
}

static bool start_control(struct node *n)
{
	const struct config_control *c = &n->cfg->control;
	struct control_server_config cfg = {
		.program = "lb-announcer --node", .targets = OF_NODE, .handlers = node_handlers, .user = n
	};
	char err[256];

	cfg.full = (struct control_socket){ c->socket,
		daemon_group_of_socket("control.group", c->group, c->socket) };
	cfg.read_only = (struct control_socket){ c->read_only_socket,
		daemon_group_of_socket("control.read-only-group", c->read_only_group, c->read_only_socket) };
	n->control = control_server_new(n->loop, &cfg, err);
	if (!n->control)
		log_error("control: %s", err);
	return n->control != NULL;
}

static void end(void *user)
{
	struct node *n = user;

	log_info("told to end: the routes %s",
		n->cfg->node.on_exit == CONFIG_ON_EXIT_KEEP ? "stay as they are" : "go");
	daemon_notify(DAEMON_STOPPING, NULL);
	io_loop_stop(n->loop);
}

static bool has_capability(void)
{
	if (daemon_has_capability(DAEMON_CAP_NET_ADMIN))
		return true;
	log_error("CAP_NET_ADMIN is missing: no route can be written; run it as root, or with this one "
		  "capability "
		  "(Kubernetes: securityContext: capabilities: add: [NET_ADMIN])");
	return false;
}

/* For the service manager. */
static void status_line(void *user, struct text *out)
{
	const struct node *n = user;
	size_t pods = 0;

	LIST_FOREACH (link, &n->pods)
		pods++;
	text_add(out, "%zu pods registered; %zu routes in the kernel", pods, fib_routes(n->fib));
	reload_status_text(&n->reload, out);
}

struct node *node_new(struct config_node_routes *cfg, const char *path)
{
	struct node *n = mem_calloc(1, sizeof(*n));

	signal(SIGPIPE, SIG_IGN);
	n->cfg = cfg;
	list_init(&n->pods);
	list_init(&n->registrants);
	n->loop = io_loop_new();
	n->started_ms = node_now_ms(n);
	n->pulse = daemon_pulse_new(n->loop, status_line, n);
	n->table = node_table_new();
	n->work = io_job_new(n->loop, work, n);
	n->weights_due = io_timer_new(n->loop, turned, n);
	n->waiting = io_timer_new(n->loop, node_register_look, n);
	n->restart = io_timer_new(n->loop, restart_time_over, n);
	n->on_term = io_signal_new(n->loop, SIGTERM, end, n);
	n->on_int = io_signal_new(n->loop, SIGINT, end, n);
	n->on_hup = io_signal_new(n->loop, SIGHUP, reload_signal, &n->reload);
	n->strays = io_timer_new(n->loop, node_register_drop_strays, n);
	reload_init(&n->reload, &node_reload_ops, path, n);
	if (cfg->node.hash == CONFIG_HASH_OWN)
		node_hash_see_to(config_node_has_services(&cfg->node, IP_V4),
			config_node_has_services(&cfg->node, IP_V6));
	if (!has_capability() || !start_fib(n) || !start_control(n) || !start_registry(n)) {
		node_free(n);
		return NULL;
	}
	log_info("lb-announcer --node %s: announcers register at %s", PACKAGE_VERSION, cfg->node.socket);
	return n;
}

void node_run(struct node *n)
{
	daemon_notify(DAEMON_READY, NULL);
	io_loop_run(n->loop);
}

/* Who registered keeps its routes: that its connection ends now is our doing. */
void node_free(struct node *n)
{
	daemon_pulse_free(n->pulse);
	fib_free(n->fib);
	n->fib = NULL;
	control_server_free(n->registry);
	control_server_free(n->control);
	LIST_FOREACH (link, &n->pods)
		free(LIST_ENTRY(link, struct node_pod, link));
	node_table_free(n->table);
	io_timer_free(n->weights_due);
	io_timer_free(n->waiting);
	io_timer_free(n->restart);
	io_timer_free(n->strays);
	reload_fini(&n->reload);
	io_job_free(n->work);
	io_signal_free(n->on_term);
	io_signal_free(n->on_int);
	io_signal_free(n->on_hup);
	io_loop_free(n->loop);
	config_node_routes_free(n->cfg);
	free(n);
}
