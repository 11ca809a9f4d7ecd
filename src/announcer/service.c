/* A service's life: what it needs around it, made before anybody is told of it, and gone after the last. */
#include "announcer/announcer.h"

#include "base/log.h"
#include "base/mem.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum {
	LOOK_US = 2000000, /* at local routes */
	ROUTE_LOG_MS = 60000,
};

static bool add_local_route(struct service *sv, char *err)
{
	char why[256], text[PREFIX_TEXT_MAX];

	if (!sv->cfg->local_route)
		return true;
	sv->local_route = local_route_add(&sv->cfg->prefix, sv->cfg->interface, why, sizeof(why));
	if (!sv->local_route)
		snprintf(err, ANNOUNCER_ERROR_MAX, "service %s: local route: %s",
			prefix_format(&sv->cfg->prefix, text), why);
	return sv->local_route != NULL;
}

/* The node must not send what the pod does not take yet: its route comes last, and goes first. */
static bool add_node_route(
	const struct announcer *a, struct service *sv, const struct identity *id, char *err)
{
	const struct ip_addr *pod = identity_pod(id, sv->cfg->prefix.family);
	char why[400] = "", text[PREFIX_TEXT_MAX];

	if (!a->node && !a->cfg->node_route.socket)
		return true;
	if (!pod)
		snprintf(why, sizeof(why),
			"the pod's %s address is not known: set environment variable %s (status.podIPs)",
			sv->cfg->prefix.family == IP_V4 ? "IPv4" : "IPv6", a->cfg->environment.pod_ip);
	else if (a->node)
		sv->node_route = node_route_add(a->node, &sv->cfg->prefix, pod, why, sizeof(why));
	if (pod && (sv->node_route || !a->node))
		return true;
	snprintf(err, ANNOUNCER_ERROR_MAX, "service %s: node-route: %s",
		prefix_format(&sv->cfg->prefix, text), why);
	return false;
}

struct service *service_new(struct announcer *a, const struct config_announcer *of,
	const struct config_service *c, const struct identity *id, char *err)
{
	struct service *sv = mem_calloc(1, sizeof(*sv));

	sv->cfg = c;
	sv->of = of;
	if (identity_next_hop(id, a->cfg, c, &sv->next_hop, err, ANNOUNCER_ERROR_MAX) &&
		add_local_route(sv, err) && add_node_route(a, sv, id, err))
		return sv;
	service_free(sv);
	return NULL;
}

void service_free(struct service *sv)
{
	if (!sv)
		return;
	node_client_del(sv->node_entry);
	node_route_del(sv->node_route);
	local_route_del(sv->local_route);
	conditions_free(sv->conditions);
	on_change_free(sv->on_change);
	free(sv);
}

/* Nothing has been heard yet: only what is bound to no agent and no condition is announced at once. */
void service_begin(struct announcer *a, struct service *sv)
{
	uint64_t now_ms = announcer_now_ms(a);

	gate_init(&sv->gate, now_ms);
	sv->told_since_ms = now_ms;
	sv->conditions = conditions_new(&a->checks, sv->cfg, announcer_judge, a);
	announcer_configure_command(a, sv);
	announcer_node_routes_add(a, sv);
}

static bool same_communities(const struct config_service *x, const struct config_service *y)
{
	return x->community_count == y->community_count &&
	       (!x->community_count ||
		       memcmp(x->communities, y->communities, x->community_count * sizeof(uint32_t)) == 0);
}

/* What neighbors are told of it. */
static bool same_path(const struct config_service *x, const struct config_service *y)
{
	return x->med.set == y->med.set && x->med.value == y->med.value &&
	       x->local_preference == y->local_preference && x->capacity_bit_s == y->capacity_bit_s &&
	       same_communities(x, y);
}

void service_configure(struct announcer *a, struct service *sv, const struct config_announcer *of,
	const struct config_service *c, const struct ip_addr *next_hop)
{
	bool open = sv->gate.state != GATE_CLOSED;

	if (!same_path(sv->cfg, c) || !ip_addr_equal(&sv->next_hop, next_hop) ||
		(sv->told.voice == VOICE_DRAINING && sv->of->drain.method != of->drain.method))
		sv->stale = true;
	sv->cfg = c;
	sv->of = of;
	sv->next_hop = *next_hop;
	if (!c->local_route) {
		local_route_del(sv->local_route);
		sv->local_route = NULL;
	}
	/* What is announced stays so until it is known that a new condition does not hold. */
	sv->conditions = conditions_configure(sv->conditions, &a->checks, c, open, announcer_judge, a);
	announcer_configure_command(a, sv);
}

/* As long as it cannot be put in, that is told each minute. */
static void mend(struct announcer *a, struct service *sv)
{
	char text[PREFIX_TEXT_MAX], why[ANNOUNCER_ERROR_MAX];
	int result = local_route_mend(sv->local_route, why, sizeof(why));

	if (result > 0)
		log_warning("service %s: the local route was removed, not by us; it is put right",
			prefix_format(&sv->cfg->prefix, text));
	else if (result < 0 && log_limit_pass(&sv->route_limit, announcer_now_ms(a), ROUTE_LOG_MS, NULL))
		log_error("service %s: its packets are not ours, and its local route cannot be put right: %s",
			prefix_format(&sv->cfg->prefix, text), why);
}

void announcer_mend_routes(void *user)
{
	struct announcer *a = user;

	for (size_t i = 0; i < a->service_count; i++)
		if (a->services[i]->local_route)
			mend(a, a->services[i]);
	io_timer_set(a->routes_timer, LOOK_US);
}
