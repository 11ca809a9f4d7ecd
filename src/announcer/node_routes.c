/* The announcer and the node's lb-announcer --node: what it is told of each service, and what its answers do. */
#include "announcer/announcer.h"

#include "base/log.h"
#include "base/mem.h"

#include <stdlib.h>
#include <unistd.h>

enum { LEAVE_PATIENCE_MS = 2000 };

static void changed(void *user)
{
	struct announcer *a = user;

	announcer_say(a);
	announcer_tell_agent(a);
}

void announcer_node_routes_start(struct announcer *a)
{
	char name[64] = "";

	if (!a->cfg->node_route.socket)
		return;
	gethostname(name, sizeof(name) - 1);
	a->node_client = node_client_new(a->loop,
		&(struct node_client_config){
			.path = a->cfg->node_route.socket, .name = name, .changed = changed, .user = a });
}

void announcer_node_routes_add(struct announcer *a, struct service *sv)
{
	const struct prefix *p = &sv->cfg->prefix;

	if (a->node_client)
		sv->node_entry = node_client_add(a->node_client,
			&(struct node_client_service){ *p, *identity_pod(&a->id, p->family) });
}

void announcer_node_routes_update(struct announcer *a)
{
	static const enum node_state states[] = { [VOICE_SILENT] = NODE_WITHDRAWN,
		[VOICE_DRAINING] = NODE_DRAINING,
		[VOICE_FULL] = NODE_ANNOUNCING };

	for (size_t i = 0; i < a->service_count; i++) {
		const struct service *sv = a->services[i];
		struct told t = announcer_wish(a, sv);
		uint64_t capacity_bit_s = sv->cfg->capacity_bit_s;

		if (t.voice != VOICE_SILENT)
			capacity_bit_s = capacity_bit_s * t.quarters / SHARE_WHOLE;
		if (sv->node_entry)
			node_client_want(sv->node_entry, states[t.voice], capacity_bit_s);
	}
}

bool announcer_has_node_route(const struct announcer *a, const struct service *sv)
{
	(void)a;
	return sv->node_route || node_client_is_ready(sv->node_entry);
}

void announcer_node_routes_leave(struct announcer *a)
{
	if (a->node_client)
		node_client_leave(a->node_client, LEAVE_PATIENCE_MS);
}
