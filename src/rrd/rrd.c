#include "rrd/rrd.h"

#include "base/log.h"
#include "base/mem.h"
#include "config.h"
#include "daemon/group.h"
#include "daemon/limit.h"
#include "daemon/notify.h"
#include "rrd/listen.h"
#include "rrd/neighbor.h"
#include "rrd/policies.h"
#include "rrd/reload.h"
#include "rrd/show.h"
#include "rrd/watch.h"

#include <errno.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>

enum {
	GOODBYE_US = 1500000, /* for NOTIFICATIONs to arrive */
	GOODBYE_LOOK_US = 10000,
};

uint64_t rrd_now_ms(const struct rrd *r)
{
	return io_loop_now_us(r->loop) / 1000;
}

/* --- work --- */

static void engine_wake(void *user)
{
	struct rrd *r = user;

	io_job_post(r->work);
}

static void engine_kick(void *peer_user)
{
	struct neighbor *n = peer_user;

	session_kick(n->session);
}

static void engine_refiltered(void *peer_user)
{
	neighbor_refiltered(peer_user);
}

static void engine_unserved(void *peer_user)
{
	neighbor_unserved(peer_user);
}

static void engine_oversized(void *user, const struct prefix *p, const struct route_peer_config *from)
{
	char prefix[PREFIX_TEXT_MAX], address[PREFIX_TEXT_MAX];
	struct rrd *r = user;
	uint64_t held_back;

	r->oversized++;
	if (!log_limit_pass(&r->oversized_limit, rrd_now_ms(r), 1000, &held_back))
		return;
	prefix_format(p, prefix);
	ip_addr_format(&from->address, address);
	log_about(LOG_LEVEL_WARNING, LOG_ABOUT("route-oversized", .neighbor = address, .prefix = prefix),
		"route %s from %s: its attributes do not fit into a message to some peers, not sent to them "
		"(%llu more before)",
		prefix, address, (unsigned long long)held_back);
}

/* The kernel first: its route is what traffic waits for. */
static void work(void *user)
{
	struct rrd *r = user;
	bool more = fib_feed_work(r);
	uint64_t wait_ms = route_engine_work(r->engine, rrd_now_ms(r));

	next_hop_feed_work(r);
	if (more || wait_ms == 0)
		io_job_post(r->work);
	else if (wait_ms != UINT64_MAX)
		io_timer_set(r->work_later, wait_ms * 1000);
	if (r->fib && route_reader_behind(&r->fib_reader[BGP_IPV4_UNICAST]))
		io_job_post(r->work);
	if (r->fib && route_reader_behind(&r->fib_reader[BGP_IPV6_UNICAST]))
		io_job_post(r->work);
}

/* --- neighbors --- */

static void *dynamic_new(void *user, void *range_user, const struct ip_addr *remote,
	struct session_config *cfg, const struct session_ops **ops)
{
	const struct config_range *range = range_user;
	struct rrd *r = user;

	if (!range->peer.enabled)
		return NULL;
	neighbor_session_config(r, &range->peer, range->peer_group, remote, cfg);
	*ops = &neighbor_session_ops;
	return neighbor_new(r, &range->peer, range->peer_group, &range->prefix);
}

static void dynamic_gone(void *user, void *session_user)
{
	(void)user;
	neighbor_free(session_user);
}

static void refused(void *user, const struct ip_addr *remote, const char *why)
{
	const struct rrd *r = user;

	watch_refused(r->watch, remote, why);
}

static const struct session_neighbors_ops neighbors_ops = { dynamic_new, dynamic_gone, refused };

static bool start_security(struct rrd *r)
{
	char err[RRD_ERROR_MAX];
	bool ok = security_apply(r, r->cfg, err);

	if (!ok)
		log_error("%s", err);
	return ok;
}

static bool start_listeners(struct rrd *r)
{
	for (size_t i = 0; i < r->cfg->listen_count; i++) {
		const struct config_listen *l = &r->cfg->listen[i];
		int err = session_neighbors_listen(r->neighbors, &l->address, l->port);
		char *why;

		if (err == 0)
			continue;
		why = listen_error(l, err);
		log_error("%s", why);
		free(why);
		return false;
	}
	return true;
}

void rrd_add_neighbor(struct rrd *r, const struct config_neighbor *c)
{
	struct neighbor *n = neighbor_new(r, &c->peer, c->peer_group, NULL);
	struct session_config cfg;

	neighbor_session_config(r, &c->peer, c->peer_group, &c->address, &cfg);
	n->session = session_neighbors_add(r->neighbors, &cfg, &neighbor_session_ops, n);
	session_start(n->session);
}

static void start_neighbors(struct rrd *r)
{
	for (size_t i = 0; i < r->cfg->range_count; i++) {
		struct config_range *range = &r->cfg->ranges[i];

		session_neighbors_set_range(r->neighbors, &range->prefix, range->limit, range);
		session_neighbors_set_range_rate(r->neighbors, &range->prefix, range->limit_rate);
	}
	for (size_t i = 0; i < r->cfg->neighbor_count; i++)
		rrd_add_neighbor(r, &r->cfg->neighbors[i]);
}

/* --- start and end --- */

static bool start_control(struct rrd *r)
{
	const struct config_control *c = &r->cfg->control;
	struct control_server_config cfg = {
		.program = "rrd", .targets = OF_RRD, .handlers = rrd_handlers, .user = r
	};
	char err[256];

	cfg.full = (struct control_socket){ c->socket,
		daemon_group_of_socket("control.group", c->group, c->socket) };
	cfg.read_only = (struct control_socket){ c->read_only_socket,
		daemon_group_of_socket("control.read-only-group", c->read_only_group, c->read_only_socket) };
	r->control = control_server_new(r->loop, &cfg, err);
	if (!r->control)
		log_error("control: %s", err);
	return r->control != NULL;
}

static void on_signal(void *user)
{
	struct rrd *r = user;

	log_info("told to end: %zu neighbors are told so", session_neighbors_count(r->neighbors));
	io_loop_stop(r->loop);
}

static void engine_refused(void *peer_user, const struct prefix *p, enum route_reject why)
{
	neighbor_refused(peer_user, p, why);
}

static struct route_engine *make_engine(struct rrd *r)
{
	const struct route_engine_ops ops = { engine_wake, engine_kick, engine_oversized, engine_refiltered,
		engine_unserved, next_hop_feed_ops, engine_refused };
	const struct config_router *c = &r->cfg->router;

	return route_engine_new(&(struct route_engine_config){ .local_as = c->as,
					.router_id = c->router_id,
					.cluster_id = c->cluster_id,
					.decide = { c->always_compare_med, c->as_path_relax },
					.next_hop_check = c->next_hop_check },
		&ops, r);
}

/* For the service manager. */
static void status_line(void *user, struct text *out)
{
	struct rrd *r = user;
	size_t up = 0, count = 0;
	struct ip_addr at;

	for (struct session *s = NULL; (s = session_neighbors_next(r->neighbors, s ? &at : NULL)); count++) {
		at = session_config(s)->remote;
		up += session_state(s) == SESSION_ESTABLISHED;
	}
	text_add(out, "%zu neighbors up, %zu down", up, count - up);
	if (r->fib)
		text_add(out, "; %zu routes in the kernel", fib_routes(r->fib));
	reload_status_text(&r->reload, out);
}

struct rrd *rrd_new(struct config_rrd *cfg, const char *path)
{
	struct rrd *r = mem_calloc(1, sizeof(*r));
	unsigned long files = daemon_fd_limit();

	signal(SIGPIPE, SIG_IGN);
	r->cfg = cfg;
	reload_init(&r->reload, &rrd_reload_ops, path, r);
	r->loop = io_loop_new();
	r->started_ms = r->loaded_ms = rrd_now_ms(r);
	r->on_term = io_signal_new(r->loop, SIGTERM, on_signal, r);
	r->on_int = io_signal_new(r->loop, SIGINT, on_signal, r);
	r->on_hup = io_signal_new(r->loop, SIGHUP, reload_signal, &r->reload);
	r->work = io_job_new(r->loop, work, r);
	r->work_later = io_timer_new(r->loop, engine_wake, r);
	r->pulse = daemon_pulse_new(r->loop, status_line, r);
	r->policies = policies_new();
	r->watch = watch_new(r);
	r->guards = guards_new(r->loop, GUARDS_RRD, &cfg->bfd);
	r->engine = make_engine(r);
	r->sessions = session_io_new(r->loop);
	session_debug_set(r->sessions, cfg->log.debug_neighbors, cfg->log.debug_neighbor_count);
	r->neighbors = session_neighbors_new(r->sessions, &neighbors_ops, r);
	session_neighbors_set_waiting_max(r->neighbors, files / 2);
	if (!start_control(r) || !fib_feed_start(r) || !next_hop_feed_start(r) || !start_security(r) ||
		!start_listeners(r)) {
		rrd_free(r);
		return NULL;
	}
	start_neighbors(r);
	log_info("rrd %s: AS %u, %zu neighbors, %zu ranges, at most %lu sessions (open files)%s",
		PACKAGE_VERSION, cfg->router.as, cfg->neighbor_count, cfg->range_count,
		files > 64 ? files - 64 : 0, r->fib ? ", router" : "");
	return r;
}

void rrd_run(struct rrd *r)
{
	daemon_notify(DAEMON_READY, NULL);
	io_loop_run(r->loop);
	daemon_notify(DAEMON_STOPPING, NULL);
}

static void look_whether_gone(void *user)
{
	struct rrd *r = user;

	if (session_io_lingering(r->sessions) == 0 || rrd_now_ms(r) - r->stopping_ms > GOODBYE_US / 1000)
		io_loop_stop(r->loop);
	else
		io_timer_set(r->exit_timer, GOODBYE_LOOK_US);
}

/* Cease/2 to everybody, and the loop runs on until it has arrived. */
static void say_goodbye(struct rrd *r)
{
	struct ip_addr at = { .family = IP_NONE };

	for (struct session *s = NULL; (s = session_neighbors_next(r->neighbors, s ? &at : NULL));) {
		at = session_config(s)->remote;
		session_stop(s, BGP_CEASE_ADMINISTRATIVE_SHUTDOWN, NULL);
	}
	r->stopping_ms = rrd_now_ms(r);
	r->exit_timer = io_timer_new(r->loop, look_whether_gone, r);
	io_timer_set(r->exit_timer, 0);
	io_loop_run(r->loop);
}

static void free_static_neighbors(struct rrd *r)
{
	struct ip_addr at = { .family = IP_NONE };

	for (struct session *s = NULL; (s = session_neighbors_next(r->neighbors, s ? &at : NULL));) {
		struct neighbor *n = session_user(s);

		at = session_config(s)->remote;
		if (!n->range) {
			session_neighbors_del(r->neighbors, &at);
			neighbor_free(n);
		}
	}
}

void rrd_free(struct rrd *r)
{
	daemon_pulse_free(r->pulse);
	control_server_free(r->control);
	r->control = NULL;
	/* The routes stay or go by the FIB's rules, not because the sessions end now. */
	next_hop_feed_stop(r);
	fib_feed_stop(r);
	say_goodbye(r);
	free_static_neighbors(r);
	session_neighbors_free(r->neighbors);
	guards_free(r->guards);
	session_io_free(r->sessions);
	route_engine_free(r->engine);
	watch_free(r->watch);
	policies_free(r->policies);
	io_job_free(r->work);
	io_timer_free(r->work_later);
	io_timer_free(r->exit_timer);
	io_signal_free(r->on_term);
	io_signal_free(r->on_int);
	io_signal_free(r->on_hup);
	io_loop_free(r->loop);
	config_rrd_free(r->cfg);
	reload_fini(&r->reload);
	free(r);
}
