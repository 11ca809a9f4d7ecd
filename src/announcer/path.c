#include "announcer/path.h"

#include "base/writer.h"
#include "bgp/link_bandwidth.h"
#include "bgp/proto.h"

#include <string.h>

static bool shuts_down(const struct path_speaker *to)
{
	return to->draining && to->method == CONFIG_DRAIN_GRACEFUL_SHUTDOWN;
}

double path_octets_s(const struct config_service *c, const struct path_speaker *to)
{
	/* Under GRACEFUL_SHUTDOWN the path is chosen last or not at all: what it could take stays true. */
	if (to->draining && to->method == CONFIG_DRAIN_WEIGHT)
		return 0;
	return (double)c->capacity_bit_s / 8 * to->quarters / SHARE_WHOLE;
}

static struct bgp_octets communities(
	const struct config_service *c, const struct path_speaker *to, struct arena *arena)
{
	size_t size = (c->community_count + 1) * 4;
	uint8_t *data = arena_alloc(arena, size);
	struct writer w = writer_init(data, size);
	bool shutdown = shuts_down(to);

	for (size_t i = 0; i < c->community_count; i++) {
		writer_u32(&w, c->communities[i]);
		if (c->communities[i] == BGP_COMMUNITY_GRACEFUL_SHUTDOWN)
			shutdown = false;
	}
	if (shutdown)
		writer_u32(&w, BGP_COMMUNITY_GRACEFUL_SHUTDOWN);
	return (struct bgp_octets){ data, (uint16_t)writer_len(&w) };
}

static struct bgp_octets link_bandwidth(
	const struct config_service *c, const struct path_speaker *to, struct arena *arena)
{
	uint8_t *data = arena_alloc(arena, BGP_LINK_BANDWIDTH_LEN);
	struct writer w = writer_init(data, BGP_LINK_BANDWIDTH_LEN);

	bgp_link_bandwidth_encode(&w, to->local_as, path_octets_s(c, to));
	return (struct bgp_octets){ data, BGP_LINK_BANDWIDTH_LEN };
}

void path_attrs(const struct config_service *c, const struct path_speaker *to, struct arena *arena,
	struct bgp_attrs *out)
{
	*out = (struct bgp_attrs){ .has = BGP_HAS_ORIGIN | BGP_HAS_AS_PATH | BGP_HAS_EXTENDED_COMMUNITIES,
		.origin = BGP_ORIGIN_IGP };
	if (to->peer_as == to->local_as) {
		out->has |= BGP_HAS_LOCAL_PREF;
		/* RFC 8326 4.2: the lowest there is. */
		out->local_pref = shuts_down(to) ? 0 : c->local_preference;
	} else {
		out->as_path = bgp_as_path_prepend(out->as_path, to->local_as, arena);
	}
	if (c->med.set) {
		out->has |= BGP_HAS_MED;
		out->med = c->med.value;
	}
	out->communities = communities(c, to, arena);
	if (out->communities.len)
		out->has |= BGP_HAS_COMMUNITIES;
	out->extended_communities = link_bandwidth(c, to, arena);
}
