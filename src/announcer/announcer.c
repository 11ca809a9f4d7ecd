#include "announcer/announcer.h"

#include "base/log.h"
#include "base/mem.h"
#include "config.h"
#include "daemon/group.h"
#include "daemon/notify.h"

#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

uint64_t announcer_now_ms(const struct announcer *a)
{
	return io_loop_now_us(a->loop) / 1000;
}

/* --- services --- */

static bool open_node(struct announcer *a)
{
	char err[512];

	if (!a->cfg->node_route.netns)
		return true;
	a->node = node_netns_open(a->cfg->node_route.netns, err, sizeof(err));
	if (!a->node)
		log_error("node-route: %s", err);
	return a->node != NULL;
}

static bool start_services(struct announcer *a)
{
	char err[ANNOUNCER_ERROR_MAX];

	if (!open_node(a))
		return false;
	a->services = mem_calloc(a->cfg->service_count + 1, sizeof(struct service *));
	for (size_t i = 0; i < a->cfg->service_count; i++) {
		struct service *sv = service_new(a, a->cfg, &a->cfg->services[i], &a->id, err);

		if (!sv) {
			log_error("%s", err);
			return false;
		}
		a->services[a->service_count++] = sv;
	}
	return true;
}

/* Before any pod's route all of the node's go. */
static void end_services(struct announcer *a)
{
	node_client_free(a->node_client);
	for (size_t i = 0; i < a->service_count; i++) {
		node_route_del(a->services[i]->node_route);
		a->services[i]->node_route = NULL;
		a->services[i]->node_entry = NULL;
	}
	while (a->service_count) {
		struct service *sv = a->services[--a->service_count];
		const struct config_announcer *of = sv->of;

		service_free(sv);
		announcer_drop_config(a, of);
	}
	node_netns_close(a->node);
	free(a->services);
}

static bool start_checks(struct announcer *a)
{
	a->checks = (struct check_env){ .loop = a->loop, .user_agent = "User-Agent: lb-announcer" };
	if (conditions_need_http(a->cfg))
		a->checks.http = io_http_new(a->loop);
	return a->checks.http || !conditions_need_http(a->cfg);
}

/* A file that is there already: nothing is announced in the first place. */
static bool start_drain_file(struct announcer *a)
{
	const char *file = a->cfg->drain.file;

	if (!file)
		return true;
	a->drain_file = drain_file_new(a->loop, file, announcer_drain_file, a);
	if (!a->drain_file || !drain_file_there(a->drain_file))
		return a->drain_file != NULL;
	log_info("%s is there: announcing nothing", file);
	drain_start(&a->drain, a->started_ms, 0);
	a->drained_by_file = true;
	return true;
}

static void start_gates(struct announcer *a)
{
	for (size_t i = 0; i < a->service_count; i++)
		service_begin(a, a->services[i]);
	if (a->cfg->agent.socket)
		a->agent = agent_link_new(a->loop, a->cfg->agent.socket, announcer_judge, a);
	announcer_judge(a);
}

/* --- speakers --- */

static bool start_speakers(struct announcer *a)
{
	char err[ANNOUNCER_ERROR_MAX];

	a->speakers = mem_calloc(a->cfg->neighbor_count + 1, sizeof(struct speaker *));
	for (size_t i = 0; i < a->cfg->neighbor_count; i++) {
		const struct config_reflector *n = &a->cfg->neighbors[i];

		if (!speaker_key_works(a, n, err)) {
			log_error("%s", err);
			return false;
		}
		a->speakers[a->speaker_count++] = speaker_new(a, n);
	}
	return true;
}

static void end_speakers(struct announcer *a)
{
	for (size_t i = 0; i < a->speaker_count; i++)
		speaker_free(a->speakers[i]);
	free(a->speakers);
}

/* --- start and end --- */

static bool start_control(struct announcer *a)
{
	const struct config_control *c = &a->cfg->control;
	struct control_server_config cfg = {
		.program = "lb-announcer", .targets = OF_ANNOUNCER, .handlers = announcer_handlers, .user = a
	};
	char err[256];

	cfg.full = (struct control_socket){ c->socket,
		daemon_group_of_socket("control.group", c->group, c->socket) };
	cfg.read_only = (struct control_socket){ c->read_only_socket,
		daemon_group_of_socket("control.read-only-group", c->read_only_group, c->read_only_socket) };
	a->control = control_server_new(a->loop, &cfg, err);
	if (!a->control)
		log_error("control: %s", err);
	return a->control != NULL;
}

/* For the service manager. */
static void status_line(void *user, struct text *out)
{
	const struct announcer *a = user;
	size_t announced = 0, draining = 0, up = 0;

	for (size_t i = 0; i < a->service_count; i++) {
		announced += a->services[i]->told.voice == VOICE_FULL;
		draining += a->services[i]->told.voice == VOICE_DRAINING;
	}
	for (size_t i = 0; i < a->speaker_count; i++)
		up += a->speakers[i]->up;
	text_add(out, "%zu of %zu services announced", announced, a->service_count);
	if (draining)
		text_add(out, ", %zu draining", draining);
	text_add(out, "; %zu of %zu neighbors up", up, a->speaker_count);
	reload_status_text(&a->reload, out);
}

struct announcer *announcer_new(struct config_announcer *cfg, const char *path)
{
	struct announcer *a = mem_calloc(1, sizeof(*a));
	char err[256], id[PREFIX_TEXT_MAX];
	struct ip_addr router_id;

	signal(SIGPIPE, SIG_IGN);
	a->cfg = cfg;
	a->loop = io_loop_new();
	a->started_ms = announcer_now_ms(a);
	drain_init(&a->drain, a->started_ms, cfg->drain.time_s * UINT64_C(1000),
		cfg->drain.linger_s * UINT64_C(1000));
	a->on_term = io_signal_new(a->loop, SIGTERM, announcer_end, a);
	a->on_int = io_signal_new(a->loop, SIGINT, announcer_end, a);
	a->on_hup = io_signal_new(a->loop, SIGHUP, reload_signal, &a->reload);
	reload_init(&a->reload, &announcer_reload_ops, path, a);
	a->drain_timer = io_timer_new(a->loop, announcer_drain_timer, a);
	a->gate_timer = io_timer_new(a->loop, announcer_judge, a);
	a->retire_timer = io_timer_new(a->loop, announcer_retire_timer, a);
	a->routes_timer = io_timer_new(a->loop, announcer_mend_routes, a);
	a->feed = control_feed_new(0);
	a->pulse = daemon_pulse_new(a->loop, status_line, a);
	a->sessions = session_io_new(a->loop);
	a->guards = guards_new(a->loop, GUARDS_ANNOUNCER, &cfg->bfd);
	session_debug_set(a->sessions, cfg->log.debug_neighbors, cfg->log.debug_neighbor_count);
	if (!identity_find(&a->id, cfg, identity_environment, local_route_source, err, sizeof(err))) {
		log_error("%s", err);
		announcer_free(a);
		return NULL;
	}
	if (!start_checks(a) || !start_drain_file(a) || !start_services(a) || !start_control(a) ||
		!start_speakers(a)) {
		announcer_free(a);
		return NULL;
	}
	announcer_node_routes_start(a);
	start_gates(a);
	announcer_mend_routes(a);
	router_id = ip_addr_v4(a->id.router_id);
	log_info("lb-announcer %s: AS %u, router-id %s, %zu services, %zu neighbors", PACKAGE_VERSION,
		cfg->router.as, ip_addr_format(&router_id, id), cfg->service_count, cfg->neighbor_count);
	return a;
}

void announcer_run(struct announcer *a)
{
	daemon_notify(DAEMON_READY, NULL);
	io_loop_run(a->loop);
	announcer_node_routes_leave(a);
}

void announcer_free(struct announcer *a)
{
	daemon_pulse_free(a->pulse);
	control_server_free(a->control);
	control_feed_free(a->feed);
	end_speakers(a);
	agent_link_free(a->agent);
	announcer_end_commands(a);
	end_services(a);
	io_http_free(a->checks.http);
	drain_file_free(a->drain_file);
	guards_free(a->guards);
	session_io_free(a->sessions);
	io_timer_free(a->drain_timer);
	io_timer_free(a->gate_timer);
	io_timer_free(a->retire_timer);
	io_timer_free(a->routes_timer);
	io_signal_free(a->on_term);
	io_signal_free(a->on_int);
	io_signal_free(a->on_hup);
	reload_fini(&a->reload);
	io_loop_free(a->loop);
	config_announcer_free(a->cfg);
	free(a);
}
