#include "base/mem.h"
#include "bgp/message.h"
#include "route/engine_private.h"
#include "route/peer_private.h"

#include <stdlib.h>
#include <string.h>

static const char *const reject_text[ROUTE_REJECTS] = {
	[ROUTE_REJECT_PREFIX] = "prefix not allowed",
	[ROUTE_REJECT_NEXT_HOP] = "next hop not allowed",
	[ROUTE_REJECT_OWN_NEXT_HOP] = "next hop is our own or a loopback address",
	[ROUTE_REJECT_OFF_LINK_NEXT_HOP] = "next hop is on no network of ours",
	[ROUTE_REJECT_AS_LOOP] = "own AS in AS_PATH",
	[ROUTE_REJECT_ORIGINATOR_LOOP] = "own identifier in ORIGINATOR_ID",
	[ROUTE_REJECT_CLUSTER_LOOP] = "own cluster in CLUSTER_LIST",
	[ROUTE_REJECT_MARTIAN] = "prefix cannot be routed",
	[ROUTE_REJECT_MAX_PREFIXES] = "over max-prefixes",
};

const char *route_reject_text(enum route_reject r)
{
	return reject_text[r];
}

const char *route_send_mode_text(enum route_send_mode m)
{
	static const char *const text[] = { "best", "all", "best-n", "multipath" };

	return text[m];
}

const struct route_peer_config *route_peer_config(const struct route_peer *p)
{
	return &p->cfg;
}

bool route_peer_served(const struct route_peer *p)
{
	return !p->unserved;
}

const struct route_peer_counters *route_peer_counters(const struct route_peer *p)
{
	return &p->counters;
}

uint32_t route_peer_advertised(const struct route_peer *p, enum bgp_family family)
{
	const struct route_member *m = p->member[family];
	uint32_t own = 0;

	if (!m)
		return 0;
	for (const struct route_path *path = route_rib_path(m->group->rib, p->adj_rib_in[family].first); path;
		path = route_rib_path(m->group->rib, path->peer_link.next))
		own += route_sent_any(route_rib_sent(m->group->rib), path->sent, m->group->id);
	return m->group->sent - own;
}

bool route_peer_last_rejected(const struct route_peer *p, struct prefix *prefix, enum route_reject *why)
{
	*prefix = p->last_rejected;
	*why = p->last_reject;
	return p->last_rejected.family != IP_NONE;
}

/* --- import --- */

void route_peer_reject(
	struct route_peer *p, const struct bgp_nlri *n, const struct ip_addr *next_hop, enum route_reject why)
{
	const struct route_reject_entry e = {
		.nlri = *n, .next_hop = *next_hop, .why = why, .at_s = p->engine->now_s
	};

	p->counters.rejected[why]++;
	p->last_rejected = n->prefix;
	p->last_reject = why;
	if (!p->rejects && p->cfg.rejects_max)
		p->rejects = route_rejects_new(p->cfg.rejects_max);
	if (p->rejects)
		route_rejects_add(p->rejects, &e);
	if (p->engine->ops.refused)
		p->engine->ops.refused(p->user, &n->prefix, why);
}

const struct route_rejects *route_peer_rejects(const struct route_peer *p)
{
	return p->rejects;
}

struct route_rejects *route_peer_take_rejects(struct route_peer *p)
{
	struct route_rejects *r = p->rejects;

	p->rejects = NULL;
	return r;
}

/* Loops concern all routes of an UPDATE. RFC 4271 9.1.2 (AS), RFC 4456 8 (originator, cluster). */
static bool is_loop(const struct route_peer *p, const struct bgp_attrs *a, enum route_reject *why)
{
	const struct route_engine_config *cfg = &p->engine->cfg;
	struct cursor c = cursor_init(a->cluster_list.data, a->cluster_list.len);

	*why = ROUTE_REJECT_AS_LOOP;
	if (bgp_as_path_contains(a->as_path, cfg->local_as))
		return true;
	*why = ROUTE_REJECT_ORIGINATOR_LOOP;
	if (a->has & BGP_HAS_ORIGINATOR_ID && a->originator_id == cfg->router_id)
		return true;
	*why = ROUTE_REJECT_CLUSTER_LOOP;
	while (a->has & BGP_HAS_CLUSTER_LIST && cursor_left(&c) >= 4)
		if (cursor_u32(&c) == cfg->cluster_id)
			return true;
	return false;
}

/* RFC 4271 6.3: that the way leads back to us is an error, unless the operator has said that it may: a reflector may stand on
 * a host that others send packets to. Another host's loopback is nowhere. Where next hops are looked at, such a route is kept and
 * takes no part instead. */
static bool is_own_next_hop(const struct route_peer *p, const struct ip_addr *next_hop)
{
	bool own = ip_addr_is_loopback(next_hop) && !ip_addr_is_loopback(&p->cfg.address);

	for (int f = 0; f < BGP_FAMILIES; f++)
		own |= ip_addr_equal(next_hop, &p->cfg.local[f]);
	return own && !p->engine->cfg.next_hop_check && !route_policy_names_next_hop(p->cfg.import, next_hop);
}

/* RFC 4271 6.3: an external neighbor one hop away names itself or somebody on a network that we are on, or what the operator has
 * said that it may. */
static bool is_off_link(const struct route_peer *p, const struct ip_addr *next_hop)
{
	struct prefix host = prefix_host(next_hop);

	if (p->cfg.on_link_count == 0 || ip_addr_equal(next_hop, &p->cfg.address))
		return false;
	for (size_t i = 0; i < p->cfg.on_link_count; i++)
		if (prefix_contains(&p->cfg.on_link[i], &host))
			return false;
	return !route_policy_names_next_hop(p->cfg.import, next_hop);
}

bool route_peer_allows_next_hop(
	const struct route_peer *p, const struct ip_addr *next_hop, enum route_reject *why)
{
	*why = ROUTE_REJECT_NEXT_HOP;
	if (!route_policy_allows_next_hop(p->cfg.import, next_hop))
		return false;
	*why = ROUTE_REJECT_OWN_NEXT_HOP;
	if (is_own_next_hop(p, next_hop))
		return false;
	*why = ROUTE_REJECT_OFF_LINK_NEXT_HOP;
	return !is_off_link(p, next_hop);
}

bool route_peer_admits_more(const struct route_peer *p, const struct route_policy *import)
{
	static const struct prefix loopback[] = { { .family = IP_V4, .len = 8, .bytes = { 127 } },
		{ .family = IP_V6, .len = 128, .bytes = { [15] = 1 } } };
	static const struct prefix anywhere[] = { { .family = IP_V4 }, { .family = IP_V6 } };
	bool more = route_policy_admits_more(p->cfg.import, import);

	for (int f = 0; f < BGP_FAMILIES; f++) {
		struct prefix own = prefix_host(&p->cfg.local[f]);

		more |= p->cfg.local[f].family != IP_NONE &&
			route_policy_names_more(p->cfg.import, import, &own);
		more |= route_policy_names_more(p->cfg.import, import, &loopback[f]);
		more |= p->cfg.on_link_count && route_policy_names_more(p->cfg.import, import, &anywhere[f]);
	}
	return more;
}

/* Prefixes that no router may route: loopback, multicast, link-local, and IPv4's this-network. */
static bool is_martian(const struct prefix *p)
{
	struct ip_addr a = prefix_addr(p);

	if (p->family == IP_V4)
		return a.bytes[0] == 127 || a.bytes[0] >= 224 || (a.bytes[0] == 0 && p->len >= 8);
	return ip_addr_is_multicast(&a) || (p->len >= 10 && ip_addr_is_link_local(&a)) ||
	       (p->len == 128 && (ip_addr_is_loopback(&a) || ip_addr_is_any(&a)));
}

/* Of routes that were not looked at yet: how many to look ahead at. */
static size_t ahead(const struct bgp_nlri_list *l, size_t i)
{
	return l->count - i < ROUTE_EXPECT_MAX ? l->count - i : ROUTE_EXPECT_MAX;
}

/* With the first of some the others are made ready, too. */
static void look_ahead(const struct route_peer *p, enum bgp_family f, const struct bgp_nlri_list *l, size_t i)
{
	const struct route_rib *rib = p->engine->rib[f];

	if (i % ROUTE_EXPECT_MAX)
		return;
	if (i)
		route_rib_expect(rib, &l->item[i], ahead(l, i));
	route_rib_approach(rib, p, &l->item[i], ahead(l, i));
}

static void withdraw(struct route_peer *p, enum bgp_family f, const struct bgp_nlri *n)
{
	if (route_rib_withdraw(p->engine->rib[f], p, &p->adj_rib_in[f], &n->prefix, n->path_id))
		p->counters.received[f]--;
	else if (p->rejects)
		route_rejects_del(p->rejects, n);
}

/* A route that is refused replaces, and so removes, what the peer had sent before under that name. */
static void refuse(struct route_peer *p, enum bgp_family f, const struct bgp_nlri *n,
	const struct ip_addr *next_hop, enum route_reject why)
{
	withdraw(p, f, n);
	route_peer_reject(p, n, next_hop, why);
}

static void refuse_all(struct route_peer *p, enum bgp_family f, const struct bgp_nlri_list *l,
	const struct ip_addr *next_hop, enum route_reject why)
{
	for (size_t i = 0; i < l->count; i++)
		refuse(p, f, &l->item[i], next_hop, why);
}

static bool over_limit(const struct route_peer *p, enum bgp_family f)
{
	uint32_t max = route_policy_max_prefixes(p->cfg.import);

	/* With a new policy it is not known yet how much of what is held will stay. */
	return max && !p->refilter && p->counters.received[f] > max;
}

static void withdraw_all(struct route_peer *p, enum bgp_family f, const struct bgp_update *u)
{
	const struct bgp_nlri_list *l = &u->withdrawn[f];

	route_rib_expect(p->engine->rib[f], l->item, ahead(l, 0));
	for (size_t i = 0; i < l->count; i++) {
		look_ahead(p, f, l, i);
		withdraw(p, f, &l->item[i]);
	}
}

static enum route_import announce(struct route_peer *p, enum bgp_family f, const struct bgp_attrs *a,
	const struct bgp_next_hop *hop, const struct bgp_nlri_list *l)
{
	struct ip_addr next_hop = bgp_next_hop_addr(hop);
	enum route_import result = ROUTE_IMPORT_OK;
	struct route_rib *rib = p->engine->rib[f];
	enum route_reject why;
	struct route_attrs *attrs;

	if (l->count == 0)
		return ROUTE_IMPORT_OK;
	if (is_loop(p, a, &why) || !route_peer_allows_next_hop(p, &next_hop, &why)) {
		refuse_all(p, f, l, &next_hop, why);
		return ROUTE_IMPORT_OK;
	}
	route_rib_expect(rib, l->item, ahead(l, 0));
	attrs = route_attrs_intern(p->engine->store, a, hop);
	for (size_t i = 0; i < l->count; i++) {
		const struct bgp_nlri *n = &l->item[i];

		look_ahead(p, f, l, i);
		if (is_martian(&n->prefix)) {
			refuse(p, f, n, &next_hop, ROUTE_REJECT_MARTIAN);
		} else if (!route_policy_allows_prefix(p->cfg.import, &n->prefix)) {
			refuse(p, f, n, &next_hop, ROUTE_REJECT_PREFIX);
		} else if (route_rib_announce(rib, p, &p->adj_rib_in[f], &n->prefix, n->path_id,
				   route_attrs_ref(attrs), (uint32_t)p->engine->now_s)) {
			p->counters.received[f]++;
			if (over_limit(p, f)) {
				refuse(p, f, n, &next_hop, ROUTE_REJECT_MAX_PREFIXES);
				result = ROUTE_IMPORT_MAX_PREFIXES;
			}
		}
	}
	route_attrs_unref(p->engine->store, attrs);
	return result;
}

enum route_import route_peer_update(
	struct route_peer *p, const struct bgp_update *u, uint64_t now_ms, enum bgp_family *family)
{
	enum route_import result = ROUTE_IMPORT_OK;

	p->engine->now_s = now_ms / 1000;
	for (int i = 0; i < BGP_FAMILIES; i++) {
		enum bgp_family f = (enum bgp_family)i;

		withdraw_all(p, f, u);
		if (announce(p, f, &u->attrs, &u->next_hop[f], &u->announced[f]) ==
			ROUTE_IMPORT_MAX_PREFIXES) {
			result = ROUTE_IMPORT_MAX_PREFIXES;
			*family = f;
		}
	}
	if (announce(p, BGP_IPV4_UNICAST, &u->attrs, &u->apart_next_hop, &u->apart) ==
		ROUTE_IMPORT_MAX_PREFIXES) {
		result = ROUTE_IMPORT_MAX_PREFIXES;
		*family = BGP_IPV4_UNICAST;
	}
	return result;
}

/* --- output --- */

/* Nothing is sent, and so is said (RFC 7313 4); not while the peer does not read such answers. */
static void refresh_of_nothing(struct route_peer *p, enum bgp_family family)
{
	struct bgp_queue *q = &p->queue;
	struct writer w;

	if (!p->negotiated.enhanced_route_refresh || q->octets > BGP_MESSAGE_MAX)
		return;
	w = writer_init(bgp_queue_room(q, BGP_MESSAGE_MAX), BGP_MESSAGE_MAX);
	bgp_refresh_encode(&w, family, BGP_REFRESH_BEGIN);
	bgp_refresh_encode(&w, family, BGP_REFRESH_END);
	bgp_queue_commit(q, writer_len(&w));
}

void route_peer_refresh(struct route_peer *p, enum bgp_family family)
{
	if (p->member[family])
		route_member_walk(p->member[family]);
	else
		refresh_of_nothing(p, family);
	p->engine->ops.kick(p->user);
}

/* A second beginning begins anew: what was confirmed since the first has to be confirmed again (RFC 7313 4). Only that is
 * walked over, so who begins again and again must have told as much in between. */
void route_peer_refresh_begin(struct route_peer *p, enum bgp_family family)
{
	const struct route_rib *rib = p->engine->rib[family];
	struct route_path *path = route_rib_path(rib, p->adj_rib_in[family].last);

	p->refreshing[family] = true;
	p->rejects_before[family] = p->rejects ? route_rejects_last(p->rejects) : 0;
	for (; path && !(path->flags & ROUTE_PATH_UNCONFIRMED);
		path = route_rib_path(rib, path->peer_link.prev))
		path->flags |= ROUTE_PATH_UNCONFIRMED;
}

void route_peer_refresh_end(struct route_peer *p, enum bgp_family family)
{
	struct route_rib *rib = p->engine->rib[family];
	struct route_path *path, *next;

	if (!p->refreshing[family])
		return;
	p->refreshing[family] = false;
	if (p->rejects)
		route_rejects_del_until(
			p->rejects, family == BGP_IPV4_UNICAST ? IP_V4 : IP_V6, p->rejects_before[family]);
	for (path = route_rib_path(rib, p->adj_rib_in[family].first); path; path = next) {
		next = route_rib_path(rib, path->peer_link.next);
		if (!(path->flags & ROUTE_PATH_UNCONFIRMED))
			continue;
		route_rib_remove(rib, &p->adj_rib_in[family], path);
		p->counters.received[family]--;
	}
}

static bool streams(const struct route_member *m)
{
	return m && m->state == ROUTE_MEMBER_STREAM;
}

/* The member with a message partly sent from its stream; only one can be, there is one socket. */
static struct route_member *partly_sent(const struct route_peer *p)
{
	for (int f = 0; f < BGP_FAMILIES; f++)
		if (streams(p->member[f]) && p->member[f]->pos.rest)
			return p->member[f];
	return NULL;
}

static void offer(struct route_peer *p, struct route_member *m, size_t octets)
{
	p->offered[p->offers].member = m;
	p->offered[p->offers++].octets = octets;
}

static void become_hungry(struct route_member *m)
{
	struct route_group *g = m->group;

	if (m->hungry)
		return;
	m->hungry = true;
	if (g->hungry++ == 0 && route_group_waiting(g))
		g->engine->ops.wake(g->engine->user);
}

static int offer_stream(struct route_peer *p, struct route_member *m, struct iovec *iov, int max)
{
	size_t octets = 0;
	int n;

	if (!route_stream_ready(&m->group->stream, &m->pos, p)) {
		become_hungry(m);
		return 0;
	}
	n = route_stream_peek(&m->group->stream, &m->pos, p, iov, max, &octets);
	if (n)
		offer(p, m, octets);
	return n;
}

/* The rest of a message partly sent comes first, and with it its stream; then the peer's own queue, whose messages are
 * older than what the other streams hold for it. */
int route_peer_fill(struct route_peer *p, struct iovec *iov, int max, size_t *partial)
{
	struct route_member *part = partly_sent(p);
	size_t octets = 0;
	int n = 0, queued;

	p->offers = 0;
	*partial = part ? part->pos.rest : p->queue.rest;
	if (part)
		n = offer_stream(p, part, iov, max);
	for (int f = 0; f < BGP_FAMILIES; f++)
		if (p->member[f] && p->queue.octets == 0)
			route_member_serve(p->member[f]);
	queued = bgp_queue_peek(&p->queue, iov + n, max - n, &octets);
	if (queued)
		offer(p, NULL, octets);
	n += queued;
	for (int f = 0; f < BGP_FAMILIES && n < max; f++)
		if (streams(p->member[f]) && p->member[f] != part)
			n += offer_stream(p, p->member[f], iov + n, max - n);
	return n;
}

static bool is_moving(const struct route_peer *p)
{
	for (int f = 0; f < BGP_FAMILIES; f++)
		if (p->member[f] && p->member[f]->state == ROUTE_MEMBER_MOVE)
			return true;
	return false;
}

void route_peer_consumed(struct route_peer *p, size_t octets)
{
	for (int i = 0; i < p->offers && octets; i++) {
		size_t n = p->offered[i].octets < octets ? p->offered[i].octets : octets;
		struct route_member *m = p->offered[i].member;

		if (m)
			route_stream_consume(&m->group->stream, &m->pos, p, n);
		else
			bgp_queue_consume(&p->queue, n);
		p->offered[i].octets -= n;
		octets -= n;
	}
	p->offers = 0;
	if (p->queue.octets == 0 && is_moving(p))
		p->engine->ops.wake(p->engine->user);
}
