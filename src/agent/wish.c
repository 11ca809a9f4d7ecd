#include "agent/wish.h"

#include <netinet/in.h>
#include <stdio.h>

void wish_key(const struct config_virtual *v, struct ipvs_key *out)
{
	*out = (struct ipvs_key){ .family = (uint8_t)v->family };
	if (v->mark) {
		out->mark = v->mark;
		return;
	}
	out->protocol = (uint8_t)v->protocol;
	out->addr = v->address;
	out->port = v->port;
}

static uint32_t flags_of(const struct config_virtual *v)
{
	uint32_t flags = 0;

	if (v->flags[CONFIG_MH_FALLBACK] || v->flags[CONFIG_SH_FALLBACK])
		flags |= IPVS_SCHED_1;
	if (v->flags[CONFIG_MH_PORT] || v->flags[CONFIG_SH_PORT])
		flags |= IPVS_SCHED_2;
	if (v->persistence.timeout_s)
		flags |= IPVS_PERSISTENT;
	if (v->one_packet)
		flags |= IPVS_ONE_PACKET;
	return flags;
}

void wish_service(const struct config_virtual *v, struct ipvs_service *out)
{
	*out = (struct ipvs_service){ .flags = flags_of(v) };
	wish_key(v, &out->key);
	snprintf(out->scheduler, sizeof(out->scheduler), "%s", v->scheduler);
	if (!v->persistence.timeout_s)
		return;
	out->persistence_s = v->persistence.timeout_s;
	out->persistence_len = v->persistence.prefix_len;
	if (v->persistence.engine)
		snprintf(out->engine, sizeof(out->engine), "%s", v->persistence.engine);
}

void wish_dest(const struct config_virtual *v, const struct ip_addr *addr, uint16_t port, int32_t weight,
	struct ipvs_dest *out)
{
	static const uint8_t forward[] = { [CONFIG_FORWARD_NAT] = IPVS_NAT,
		[CONFIG_FORWARD_DR] = IPVS_DR,
		[CONFIG_FORWARD_TUN] = IPVS_TUN };
	static const uint8_t tunnel[] = { [CONFIG_TUNNEL_IPIP] = IPVS_IPIP,
		[CONFIG_TUNNEL_GUE] = IPVS_GUE,
		[CONFIG_TUNNEL_GRE] = IPVS_GRE };
	static const uint16_t checksum[] = { [CONFIG_TUNNEL_CHECKSUM] = IPVS_TUNNEL_CSUM,
		[CONFIG_TUNNEL_REMOTE_CHECKSUM] = IPVS_TUNNEL_REMCSUM };

	*out = (struct ipvs_dest){ .addr = *addr,
		.port = port		 ? port
			: v->server_port ? v->server_port
					 : v->port,
		.forward = forward[v->forward],
		.weight = weight,
		.upper_threshold = v->upper_threshold,
		.lower_threshold = v->lower_threshold };
	if (v->forward != CONFIG_FORWARD_TUN)
		return;
	out->tunnel = tunnel[v->tunnel.type];
	out->tunnel_port = v->tunnel.port;
	out->tunnel_flags = checksum[v->tunnel.checksum];
}
