#include "rrd/neighbor.h"

#include "base/log.h"
#include "base/mem.h"
#include "bgp/message.h"
#include "config.h"
#include "kernel/local_route.h"
#include "route/rejects.h"
#include "rrd/policies.h"
#include "rrd/watch.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

static uint8_t add_path_of(const struct config_peer *cfg)
{
	uint8_t add_path = BGP_ADD_PATH_NONE;

	if (cfg->add_path_send.send != CONFIG_SEND_BEST)
		add_path |= BGP_ADD_PATH_SEND;
	if (cfg->add_path_receive)
		add_path |= BGP_ADD_PATH_RECEIVE;
	return add_path;
}

void neighbor_session_config(const struct rrd *r, const struct config_peer *cfg, const char *name,
	const struct ip_addr *remote, struct session_config *out)
{
	*out = (struct session_config){
		.remote = *remote,
		.local = cfg->local_address,
		.remote_port = cfg->port,
		.local_as = r->cfg->router.as,
		.peer_as = cfg->as.kind == CONFIG_PEER_AS_NUMBER || cfg->as.kind == CONFIG_PEER_AS_INTERNAL
				   ? cfg->as.number
				   : 0,
		.peer_as_external = cfg->as.kind == CONFIG_PEER_AS_EXTERNAL,
		.router_id = r->cfg->router.router_id,
		.passive = cfg->passive,
		.enabled = cfg->enabled,
		.hold_time_s = cfg->hold_time_s,
		.min_hold_time_s = cfg->min_hold_time_s,
		.keepalive_s = cfg->keepalive_s,
		.connect_retry_s = cfg->connect_retry_s,
		.connect_retry_max_s = cfg->connect_retry_max_s,
		.idle_hold_s = cfg->idle_hold_s,
		.idle_hold_max_s = cfg->idle_hold_max_s,
		.send_hold_time_s = cfg->send_hold_time_s,
		.extended_message = cfg->extended_messages,
		.route_refresh = cfg->route_refresh,
		.extended_next_hop = cfg->extended_next_hop,
	};
	for (int f = 0; f < BGP_FAMILIES; f++) {
		out->family[f] = cfg->family[f];
		out->add_path[f] = add_path_of(cfg);
	}
	security_ttl(cfg, &out->ttl, &out->min_ttl);
	gethostname(out->fqdn, sizeof(out->fqdn) - 1);
	snprintf(out->software, sizeof(out->software), "rrd/%s", PACKAGE_VERSION);
	if (name)
		snprintf(out->name, sizeof(out->name), "%s", name);
}

static enum route_peer_type peer_type(const struct neighbor *n, uint32_t remote_as)
{
	if (remote_as != n->rrd->cfg->router.as)
		return ROUTE_PEER_EBGP;
	return n->cfg->route_reflector_client ? ROUTE_PEER_IBGP_CLIENT : ROUTE_PEER_IBGP;
}

static enum route_send_mode send_mode(enum config_add_path_send send)
{
	switch (send) {
	case CONFIG_SEND_ALL:
		return ROUTE_SEND_ALL;
	case CONFIG_SEND_BEST_N:
		return ROUTE_SEND_BEST_N;
	case CONFIG_SEND_MULTIPATH:
		return ROUTE_SEND_MULTIPATH;
	case CONFIG_SEND_BEST:
		break;
	}
	return ROUTE_SEND_BEST;
}

/* The part of the engine's settings that may change while the session is up. */
static void set_engine_config(const struct neighbor *n, struct route_peer_config *out)
{
	out->send_n = n->cfg->add_path_send.best;
	out->next_hop_self = n->cfg->next_hop_self;
	out->advertisement_interval_ms = n->cfg->advertisement_interval_s * 1000u;
	out->rejects_max = n->cfg->keep_rejected;
	out->import = policies_get(n->rrd->policies, &n->cfg->import);
	out->export = policies_get(n->rrd->policies, &n->cfg->export);
	for (int f = 0; f < BGP_FAMILIES; f++)
		out->send_mode[f] = send_mode(n->cfg->add_path_send.send);
}

void neighbor_unserved(struct neighbor *n)
{
	session_log(n->session, LOG_LEVEL_ERROR, "too-many-groups", NULL,
		"there are %d kinds of peers with other settings already, no more fit: give more of them one "
		"peer group",
		ROUTE_GROUPS_MAX);
	session_notify(n->session, BGP_ERR_CEASE, BGP_CEASE_OUT_OF_RESOURCES, NULL, 0);
}

/* What can be the next hop of routes of each family where it becomes ours: the session's address if it can, and else one that
 * is beside it. */
static void set_local(
	struct neighbor *n, const struct session *s, bool extended_next_hop, struct route_peer_config *out)
{
	struct ip_addr local = session_local_addr(s),
		       beside = session_neighbors_beside_local(n->rrd->neighbors, s);

	out->local[BGP_IPV6_UNICAST] = local.family == IP_V6 ? local : beside;
	out->local[BGP_IPV4_UNICAST] = local.family == IP_V4 || extended_next_hop ? local : beside;
}

/* Where an external neighbor's next hops have to be. One that is on none of our networks is further away, and so is one that the
 * operator says is; then they may be anywhere, as where we are on very many. */
static void set_on_link(const struct neighbor *n, struct route_peer_config *out)
{
	struct prefix peer = prefix_host(&out->address);
	size_t count;

	if (out->type != ROUTE_PEER_EBGP || n->cfg->multihop_ttl)
		return;
	count = local_route_networks(out->on_link, ROUTE_ON_LINK_MAX);
	if (count > ROUTE_ON_LINK_MAX)
		return;
	for (size_t i = 0; i < count; i++)
		if (prefix_contains(&out->on_link[i], &peer))
			out->on_link_count = (uint8_t)count;
}

static void up(void *user, struct session *s, const struct bgp_negotiated *negotiated)
{
	struct neighbor *n = user;
	const struct bgp_open *open = session_remote_open(s);
	struct route_peer_config cfg = {
		.address = session_config(s)->remote,
		.router_id = open->bgp_identifier,
		.peer_as = open->as,
		.type = peer_type(n, open->as),
	};

	set_engine_config(n, &cfg);
	set_local(n, s, negotiated->extended_next_hop, &cfg);
	set_on_link(n, &cfg);
	for (int f = 0; f < BGP_FAMILIES; f++)
		n->awaits_end[f] = negotiated->family[f];
	n->session = s;
	n->ask_again = false;
	route_rejects_free(n->rejects);
	n->rejects = NULL;
	n->peer = route_peer_new(n->rrd->engine, &cfg, negotiated, n);
	guard_set(n->rrd->guards, &n->guard, s, &n->cfg->bfd, n->peer_group);
	if (!route_peer_served(n->peer))
		neighbor_unserved(n);
	watch_neighbor(n->rrd->watch, "up", s, NULL);
}

static void close_peer(struct neighbor *n)
{
	guard_free(n->guard);
	n->guard = NULL;
	if (!n->peer)
		return;
	for (int i = 0; i < ROUTE_REJECTS; i++)
		n->rejected[i] += route_peer_counters(n->peer)->rejected[i];
	n->oversized += route_peer_counters(n->peer)->oversized;
	n->rejects = route_peer_take_rejects(n->peer);
	route_peer_close(n->peer);
	n->peer = NULL;
}

static void down(void *user, struct session *s, const struct session_down *why)
{
	close_peer(user);
	watch_neighbor(((struct neighbor *)user)->rrd->watch, "down", s, why);
}

/* RFC 4486 4: the family and the limit that was passed. */
static void over_limit(struct neighbor *n, struct session *s, enum bgp_family f)
{
	uint8_t data[7];
	struct writer w = writer_init(data, sizeof(data));

	writer_u16(&w, bgp_family_afi(f));
	writer_u8(&w, BGP_SAFI_UNICAST);
	writer_u32(&w, n->cfg->import.max_prefixes);
	session_log(s, LOG_LEVEL_WARNING, "max-prefixes", NULL, "sent more than max-prefixes %u of %s",
		n->cfg->import.max_prefixes, bgp_family_text(f));
	session_notify(s, BGP_ERR_CEASE, BGP_CEASE_MAXIMUM_PREFIXES, data, writer_len(&w));
}

void neighbor_refiltered(struct neighbor *n)
{
	enum bgp_family over;

	if (route_peer_over_limit(n->peer, &over)) {
		over_limit(n, n->session, over);
		return;
	}
	for (int f = 0; n->ask_again && f < BGP_FAMILIES; f++)
		session_send_refresh(n->session, (enum bgp_family)f, BGP_REFRESH_REQUEST);
	n->ask_again = false;
}

/* A refused route is the peer's mistake or an attack: the log tells of it, but not as often as the peer likes. */
static void tell_rejected(struct neighbor *n)
{
	uint64_t all = neighbor_rejected_all(n);
	char prefix[PREFIX_TEXT_MAX];
	enum route_reject why;
	struct prefix last;

	if (all == n->told_rejected || !route_peer_last_rejected(n->peer, &last, &why) ||
		!log_limit_pass(&n->rejected_limit, rrd_now_ms(n->rrd), 1000, NULL))
		return;
	session_log(n->session, LOG_LEVEL_WARNING, "route-refused", &last,
		"route %s refused: %s (%llu refused so far)", prefix_format(&last, prefix),
		route_reject_text(why), (unsigned long long)all);
	n->told_rejected = all;
}

void neighbor_refused(const struct neighbor *n, const struct prefix *p, enum route_reject why)
{
	char text[PREFIX_TEXT_MAX];

	if (session_debugged(n->session))
		session_debug(n->session, "route-refused", p, "route %s refused: %s", prefix_format(p, text),
			route_reject_text(why));
}

static void take_end_of_rib(struct neighbor *n, const struct bgp_update *u)
{
	bool any = false;

	for (int f = 0; f < BGP_FAMILIES; f++) {
		any |= u->end_of_rib[f];
		n->awaits_end[f] &= !u->end_of_rib[f];
	}
	if (any)
		fib_feed_end_of_rib(n->rrd);
}

bool neighbor_has_told_all(const struct neighbor *n)
{
	bool awaits = !n->peer;

	for (int f = 0; f < BGP_FAMILIES; f++)
		awaits |= n->awaits_end[f];
	return !awaits;
}

static void update(void *user, struct session *s, const struct bgp_update *u)
{
	struct neighbor *n = user;
	enum bgp_family f;

	enum route_import result;

	if (!n->peer)
		return;
	result = route_peer_update(n->peer, u, rrd_now_ms(n->rrd), &f);
	tell_rejected(n);
	if (result == ROUTE_IMPORT_MAX_PREFIXES)
		over_limit(n, s, f);
	take_end_of_rib(n, u);
}

/* RFC 7313 4: while a peer that restarts gracefully has not told all it has, nothing of it can be stale. */
static bool begins_too_early(const struct neighbor *n, const struct session *s, enum bgp_family family)
{
	return session_remote_open(s)->caps.graceful_restart && n->awaits_end[family];
}

static void begin_refresh(struct neighbor *n, struct session *s, enum bgp_family family)
{
	if (!begins_too_early(n, s, family))
		route_peer_refresh_begin(n->peer, family);
	else if (log_limit_pass(&n->refresh_limit, rrd_now_ms(n->rrd), 10000, NULL))
		session_log(s, LOG_LEVEL_WARNING, "early-refresh", NULL,
			"began to send %s again before End-of-RIB, ignored", bgp_family_text(family));
}

static void refresh(void *user, struct session *s, enum bgp_family family, enum bgp_refresh_subtype subtype)
{
	struct neighbor *n = user;

	if (!n->peer)
		return;
	switch (subtype) {
	case BGP_REFRESH_REQUEST:
		route_peer_refresh(n->peer, family);
		break;
	case BGP_REFRESH_BEGIN:
		begin_refresh(n, s, family);
		break;
	case BGP_REFRESH_END:
		route_peer_refresh_end(n->peer, family);
		break;
	}
}

static int fill(void *user, struct iovec *iov, int max, size_t *partial)
{
	struct neighbor *n = user;

	return n->peer ? route_peer_fill(n->peer, iov, max, partial) : 0;
}

static void consumed(void *user, size_t octets)
{
	struct neighbor *n = user;

	if (n->peer)
		route_peer_consumed(n->peer, octets);
}

const struct session_ops neighbor_session_ops = {
	.up = up,
	.down = down,
	.update = update,
	.refresh = refresh,
	.fill = fill,
	.consumed = consumed,
};

/* --- other settings --- */

static bool is_over(const struct neighbor *n, uint32_t max)
{
	for (int f = 0; max && n->peer && f < BGP_FAMILIES; f++)
		if (route_peer_counters(n->peer)->received[f] > max)
			return true;
	return false;
}

struct neighbor_change neighbor_change(
	const struct neighbor *n, const struct config_diff *d, const struct config_peer *to)
{
	struct neighbor_change c = { .apply = config_diff_apply(d) };
	bool more;

	if (!n->peer || c.apply >= CONFIG_RESET_SESSION)
		return c;
	more = route_peer_admits_more(n->peer, policies_get(n->rrd->policies, &to->import));
	c.ask = more && session_negotiated(n->session)->route_refresh;
	c.cannot_ask = more && !c.ask;
	c.over = to->import.max_prefixes != n->cfg->import.max_prefixes &&
		 is_over(n, to->import.max_prefixes);
	if (c.cannot_ask)
		c.apply = CONFIG_RESET_SESSION;
	return c;
}

static void configure_session(struct neighbor *n, struct session *s)
{
	struct session_config cfg;

	neighbor_session_config(n->rrd, n->cfg, n->peer_group, &session_config(s)->remote, &cfg);
	if (n->range)
		cfg.passive = cfg.enabled = true;
	session_configure(s, &cfg);
}

/* A session that is not up has nothing to lose, and perhaps waits for just this change. */
static bool has_to_start_again(const struct neighbor *n, enum config_apply apply)
{
	return apply == CONFIG_RESET_SESSION || (apply == CONFIG_REEVALUATE && !n->peer && !n->range);
}

void neighbor_configure(struct neighbor *n, struct session *s, const struct config_peer *to,
	const char *peer_group, const struct prefix *range, const struct neighbor_change *change)
{
	bool again = has_to_start_again(n, change->apply);
	struct route_peer_config cfg;

	if (again)
		session_stop(s,
			to->enabled ? BGP_CEASE_OTHER_CONFIGURATION_CHANGE
				    : BGP_CEASE_ADMINISTRATIVE_SHUTDOWN,
			NULL);
	n->cfg = to;
	n->peer_group = peer_group;
	n->range = range;
	configure_session(n, s);
	/* A dynamic one comes again by itself, as another. */
	if (again && !range)
		session_start(s);
	if (again || !n->peer)
		return;
	n->ask_again |= change->ask;
	guard_set(n->rrd->guards, &n->guard, s, &n->cfg->bfd, n->peer_group);
	cfg = *route_peer_config(n->peer);
	set_engine_config(n, &cfg);
	route_peer_set_config(n->peer, &cfg);
}

struct neighbor *neighbor_new(
	struct rrd *r, const struct config_peer *cfg, const char *peer_group, const struct prefix *range)
{
	struct neighbor *n = mem_calloc(1, sizeof(*n));

	n->rrd = r;
	n->cfg = cfg;
	n->peer_group = peer_group;
	n->range = range;
	return n;
}

void neighbor_free(struct neighbor *n)
{
	close_peer(n);
	route_rejects_free(n->rejects);
	free(n);
}

uint64_t neighbor_rejected(const struct neighbor *n, enum route_reject why)
{
	return n->rejected[why] + (n->peer ? route_peer_counters(n->peer)->rejected[why] : 0);
}

uint64_t neighbor_rejected_all(const struct neighbor *n)
{
	uint64_t all = 0;

	for (int why = 0; why < ROUTE_REJECTS; why++)
		all += neighbor_rejected(n, (enum route_reject)why);
	return all;
}
