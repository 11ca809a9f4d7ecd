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

static bool find_next_hop(const struct announcer *a, struct service *sv)
{
	const struct ip_addr *node = identity_node(&a->id, sv->cfg->prefix.family);
	char text[PREFIX_TEXT_MAX];

	if (sv->cfg->next_hop.family != IP_NONE) {
		sv->next_hop = sv->cfg->next_hop;
		return true;
	}
	if (node) {
		sv->next_hop = *node;
		return true;
	}
	log_error(
		"service %s: next-hop: auto: the node's %s address is not known: set environment variable %s "
		"(status.hostIP), or next-hop in the configuration",
		prefix_format(&sv->cfg->prefix, text), sv->cfg->prefix.family == IP_V4 ? "IPv4" : "IPv6",
		a->cfg->environment.node_ip);
	return false;
}

static bool add_local_route(struct service *sv)
{
	char err[256], text[PREFIX_TEXT_MAX];

	if (!sv->cfg->local_route)
		return true;
	sv->local_route = local_route_add(&sv->cfg->prefix, sv->cfg->interface, err, sizeof(err));
	if (!sv->local_route)
		log_error("service %s: local route: %s", prefix_format(&sv->cfg->prefix, text), err);
	return sv->local_route != NULL;
}

static bool add_node_route(struct announcer *a, struct service *sv)
{
	const struct ip_addr *pod = identity_pod(&a->id, sv->cfg->prefix.family);
	char err[512] = "", text[PREFIX_TEXT_MAX];

	if (!a->node)
		return true;
	if (pod)
		sv->node_route = node_route_add(a->node, &sv->cfg->prefix, pod, err, sizeof(err));
	else
		snprintf(err, sizeof(err),
			"the pod's %s address is not known: set environment variable %s (status.podIPs)",
			sv->cfg->prefix.family == IP_V4 ? "IPv4" : "IPv6", a->cfg->environment.pod_ip);
	if (!sv->node_route)
		log_error("service %s: node-route: %s", prefix_format(&sv->cfg->prefix, text), err);
	return sv->node_route != NULL;
}

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

/* The node must not send what the pod does not take yet: its route comes last, and goes first. */
static bool start_services(struct announcer *a)
{
	if (!open_node(a))
		return false;
	a->services = mem_calloc(a->cfg->service_count + 1, sizeof(*a->services));
	for (size_t i = 0; i < a->cfg->service_count; i++) {
		a->services[i].cfg = &a->cfg->services[i];
		if (!find_next_hop(a, &a->services[i]) || !add_local_route(&a->services[i]) ||
			!add_node_route(a, &a->services[i]))
			return false;
	}
	return true;
}

static void end_services(struct announcer *a)
{
	node_client_free(a->node_client);
	for (size_t i = 0; a->services && i < a->cfg->service_count; i++)
		node_route_del(a->services[i].node_route);
	for (size_t i = 0; a->services && i < a->cfg->service_count; i++)
		local_route_del(a->services[i].local_route);
	for (size_t i = 0; a->services && i < a->cfg->service_count; i++)
		conditions_free(a->services[i].conditions);
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

/* Nothing has been heard yet: only what is bound to no agent and no condition is announced at once. */
static void start_gates(struct announcer *a)
{
	for (size_t i = 0; i < a->cfg->service_count; i++) {
		gate_init(&a->services[i].gate, a->started_ms);
		a->services[i].told_since_ms = a->started_ms;
		a->services[i].conditions = conditions_new(
			&a->checks, a->services[i].cfg, announcer_judge, a);
	}
	announcer_start_commands(a);
	if (a->cfg->agent.socket)
		a->agent = agent_link_new(a->loop, a->cfg->agent.socket, announcer_judge, a);
	announcer_judge(a);
}

/* --- speakers --- */

static bool start_speakers(struct announcer *a)
{
	a->speakers = mem_calloc(a->cfg->neighbor_count + 1, sizeof(*a->speakers));
	for (size_t i = 0; i < a->cfg->neighbor_count; i++)
		bgp_queue_init(&a->speakers[i].queue);
	for (size_t i = 0; i < a->cfg->neighbor_count; i++) {
		struct speaker *s = &a->speakers[i];
		struct session_config cfg;

		s->announcer = a;
		s->cfg = &a->cfg->neighbors[i];
		speaker_session_config(a, s->cfg, &cfg);
		if (!speaker_key_works(&cfg))
			return false;
		s->session = session_new(a->sessions, &cfg, &speaker_ops, s);
		session_start(s->session);
	}
	return true;
}

static void end_speakers(struct announcer *a)
{
	for (size_t i = 0; a->speakers && i < a->cfg->neighbor_count; i++) {
		session_free(a->speakers[i].session);
		bgp_queue_fini(&a->speakers[i].queue);
	}
	free(a->speakers);
}

/* --- start and end --- */

static const char *environment(const char *name)
{
	return getenv(name);
}

static bool start_control(struct announcer *a)
{
	const struct config_control *c = &a->cfg->control;
	gid_t gid = (gid_t)-1;
	char err[256];

	if (c->group && !daemon_group_find(c->group, &gid))
		log_warning("control: there is no group \"%s\" here: only root and this user can use %s",
			c->group, c->socket);
	a->control = control_server_new(a->loop, c->socket, gid, announcer_commands, a, err);
	if (!a->control)
		log_error("control: %s", err);
	return a->control != NULL;
}

/* For the service manager. */
static void status_line(void *user, struct text *out)
{
	const struct announcer *a = user;
	size_t announced = 0, draining = 0, up = 0;

	for (size_t i = 0; i < a->cfg->service_count; i++) {
		announced += a->services[i].told.voice == VOICE_FULL;
		draining += a->services[i].told.voice == VOICE_DRAINING;
	}
	for (size_t i = 0; i < a->cfg->neighbor_count; i++)
		up += a->speakers[i].up;
	text_add(out, "%zu of %zu services announced", announced, a->cfg->service_count);
	if (draining)
		text_add(out, ", %zu draining", draining);
	text_add(out, "; %zu of %zu neighbors up", up, a->cfg->neighbor_count);
}

struct announcer *announcer_new(struct config_announcer *cfg)
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
	a->drain_timer = io_timer_new(a->loop, announcer_drain_timer, a);
	a->gate_timer = io_timer_new(a->loop, announcer_judge, a);
	a->feed = control_feed_new(0);
	a->pulse = daemon_pulse_new(a->loop, status_line, a);
	a->sessions = session_io_new(a->loop);
	if (!identity_find(&a->id, cfg, environment, local_route_source, err, sizeof(err))) {
		log_error("%s", err);
		announcer_free(a);
		return NULL;
	}
	if (!start_checks(a) || !start_drain_file(a) || !start_services(a) || !start_control(a) ||
		!announcer_node_routes_start(a) || !start_speakers(a)) {
		announcer_free(a);
		return NULL;
	}
	start_gates(a);
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
	session_io_free(a->sessions);
	io_timer_free(a->drain_timer);
	io_timer_free(a->gate_timer);
	io_signal_free(a->on_term);
	io_signal_free(a->on_int);
	io_loop_free(a->loop);
	config_announcer_free(a->cfg);
	free(a);
}
