/* The announcer and the node's lb-announcer --node: what it is told of each service, and what its answers do. */
#include "announcer/announcer.h"

#include "base/log.h"
#include "base/mem.h"

#include <stdlib.h>
#include <unistd.h>

enum { LEAVE_PATIENCE_MS = 2000 };

static void changed(void *user, size_t service, bool ready)
{
	struct announcer *a = user;

	(void)service;
	(void)ready;
	if (!a->speakers)
		return;
	announcer_say(a);
	announcer_tell_agent(a);
}

static bool find_pods(const struct announcer *a, struct node_client_service *out)
{
	for (size_t i = 0; i < a->cfg->service_count; i++) {
		const struct prefix *p = &a->cfg->services[i].prefix;
		const struct ip_addr *pod = identity_pod(&a->id, p->family);
		char text[PREFIX_TEXT_MAX];

		if (pod) {
			out[i] = (struct node_client_service){ *p, *pod };
			continue;
		}
		log_error(
			"service %s: node-route: the pod's %s address is not known: set environment variable "
			"%s (status.podIPs)",
			prefix_format(p, text), p->family == IP_V4 ? "IPv4" : "IPv6",
			a->cfg->environment.pod_ip);
		return false;
	}
	return true;
}

bool announcer_node_routes_start(struct announcer *a)
{
	struct node_client_service *services;
	char name[64] = "";
	bool found;

	if (!a->cfg->node_route.socket)
		return true;
	services = mem_calloc(a->cfg->service_count + 1, sizeof(*services));
	found = find_pods(a, services);
	gethostname(name, sizeof(name) - 1);
	if (found)
		a->node_client = node_client_new(
			a->loop, &(struct node_client_config){ .path = a->cfg->node_route.socket,
					 .name = name,
					 .services = services,
					 .service_count = a->cfg->service_count,
					 .changed = changed,
					 .user = a });
	free(services);
	announcer_node_routes_update(a);
	return found;
}

void announcer_node_routes_update(struct announcer *a)
{
	static const enum node_state states[] = { [VOICE_SILENT] = NODE_WITHDRAWN,
		[VOICE_DRAINING] = NODE_DRAINING,
		[VOICE_FULL] = NODE_ANNOUNCING };

	for (size_t i = 0; a->node_client && i < a->cfg->service_count; i++) {
		struct told t = announcer_wish(a, &a->services[i]);
		uint64_t capacity_bit_s = a->cfg->services[i].capacity_bit_s;

		if (t.voice != VOICE_SILENT)
			capacity_bit_s = capacity_bit_s * t.quarters / SHARE_WHOLE;
		node_client_want(a->node_client, i, states[t.voice], capacity_bit_s);
	}
}

bool announcer_has_node_route(const struct announcer *a, const struct service *sv)
{
	return sv->node_route ||
	       (a->node_client && node_client_is_ready(a->node_client, (size_t)(sv - a->services)));
}

void announcer_node_routes_leave(struct announcer *a)
{
	if (a->node_client)
		node_client_leave(a->node_client, LEAVE_PATIENCE_MS);
}
