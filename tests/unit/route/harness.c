#include "harness.h"

#include "base/mem.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

static void wake(void *user)
{
	((struct harness *)user)->awake = true;
}

static void kick(void *peer_user)
{
	((struct test_peer *)peer_user)->kicked = true;
}

static void oversized(void *user, const struct prefix *p, const struct route_peer_config *from)
{
	(void)p;
	(void)from;
	((struct harness *)user)->oversized++;
}

static void hop_used(void *user, const struct ip_addr *addr)
{
	(void)addr;
	((struct harness *)user)->hops_used++;
}

static void hop_unused(void *user, const struct ip_addr *addr)
{
	(void)addr;
	((struct harness *)user)->hops_unused++;
}

static void refiltered(void *peer_user)
{
	((struct test_peer *)peer_user)->refiltered++;
}

static void unserved(void *peer_user)
{
	((struct test_peer *)peer_user)->unserved++;
}

void harness_init(struct harness *h, const struct route_engine_config *cfg)
{
	static const struct route_engine_ops ops = { wake, kick, oversized, refiltered, unserved,
		{ hop_used, hop_unused } };

	memset(h, 0, sizeof(*h));
	h->now_ms = 1000;
	h->arena = arena_new();
	h->e = route_engine_new(cfg, &ops, h);
}

void harness_fini(struct harness *h)
{
	route_engine_free(h->e);
	arena_free(h->arena);
	for (int i = 0; i < HARNESS_PEERS; i++) {
		free(h->peer[i].held);
		free(h->peer[i].in);
	}
}

struct test_peer *harness_peer(struct harness *h, unsigned i, enum route_peer_type type)
{
	struct test_peer *p = &h->peer[i];

	p->h = h;
	p->cfg = (struct route_peer_config){
		.address = ip_addr_v4(0x0a000000 + i),
		.local = { ip_addr_v4(0x0a0000fe) },
		.router_id = 0x0a000000 + i,
		.type = type,
	};
	p->n = (struct bgp_negotiated){
		.family = { true, false },
		.as4 = true,
		.max_tx = BGP_MESSAGE_MAX,
		.max_rx = BGP_MESSAGE_MAX,
	};
	p->held = mem_calloc(HARNESS_ROUTES, sizeof(*p->held));
	p->in = mem_alloc(2 * BGP_EXTENDED_MESSAGE_MAX);
	return p;
}

void harness_up(struct test_peer *p)
{
	p->count = p->in_len = 0;
	p->end_of_rib[0] = p->end_of_rib[1] = 0;
	p->p = route_peer_new(p->h->e, &p->cfg, &p->n, p);
}

void harness_down(struct test_peer *p)
{
	route_peer_close(p->p);
	p->p = NULL;
	p->count = p->in_len = 0;
	p->kicked = false;
}

static struct bgp_octets as_path_of(const char *text, struct arena *arena)
{
	struct bgp_octets path = { NULL, 0 };
	uint32_t as[64];
	size_t n = 0;

	for (char *end; text && *text; text = end)
		as[n++] = (uint32_t)strtoul(text, &end, 10);
	while (n)
		path = bgp_as_path_prepend(path, as[--n], arena);
	return path;
}

static struct bgp_octets behind_confederation(struct bgp_octets path, struct arena *arena)
{
	uint8_t *p = arena_alloc(arena, path.len + 6u);
	struct writer w = writer_init(p, path.len + 6u);

	writer_u8(&w, BGP_AS_CONFED_SEQUENCE);
	writer_u8(&w, 1);
	writer_u32(&w, 64512);
	writer_bytes(&w, path.data, path.len);
	return (struct bgp_octets){ p, (uint16_t)writer_len(&w) };
}

static uint64_t first_extended(const struct bgp_attrs *a)
{
	uint64_t v = 0;

	for (int i = 0; i < 8 && a->has & BGP_HAS_EXTENDED_COMMUNITIES; i++)
		v = v << 8 | a->extended_communities.data[i];
	return v;
}

static struct bgp_octets be32(uint32_t v, struct arena *arena)
{
	uint8_t *p = arena_alloc(arena, 4);
	struct writer w = writer_init(p, 4);

	writer_u32(&w, v);
	return (struct bgp_octets){ p, 4 };
}

static struct bgp_octets unknown_of(uint16_t len, struct arena *arena)
{
	uint8_t *p = arena_alloc(arena, (size_t)len + 4);
	struct writer w = writer_init(p, (size_t)len + 4);

	writer_u8(&w, BGP_ATTR_OPTIONAL | BGP_ATTR_TRANSITIVE | BGP_ATTR_PARTIAL | BGP_ATTR_EXTENDED_LENGTH);
	writer_u8(&w, 200);
	writer_u16(&w, len);
	memset(writer_skip(&w, len), 0x55, len);
	return (struct bgp_octets){ p, (uint16_t)(len + 4) };
}

/* Path identifiers are never used again, so each belongs to one prefix. */
static bool path_was(const struct harness *h, const struct bgp_nlri *n)
{
	return n->path_id == 0 ||
	       (n->path_id < HARNESS_PATH_IDS && h->path_prefix[n->path_id] == prefix_hash(&n->prefix));
}

static void note_paths(struct harness *h, const struct prefix *p, enum bgp_family f)
{
	const struct route_entry *e = route_rib_find(route_engine_rib(h->e, f), p);

	if (!e)
		return;
	ROUTE_EACH_PATH (path, &e->paths) {
		assert_true(path->path_id_out < HARNESS_PATH_IDS);
		h->path_prefix[path->path_id_out] = prefix_hash(p);
	}
}

enum route_import harness_announce(struct test_peer *p, const struct route *r)
{
	struct bgp_update u = { .verdict = BGP_VERDICT_OK };
	struct bgp_attrs *a = &u.attrs;
	struct bgp_nlri nlri = { .path_id = r->path_id }, apart = { 0 };
	struct ip_addr nh = p->cfg.address;
	enum route_import result;
	enum bgp_family f, failed;

	assert_true(prefix_parse(r->prefix, &nlri.prefix, NULL));
	f = nlri.prefix.family == IP_V4 ? BGP_IPV4_UNICAST : BGP_IPV6_UNICAST;
	if (r->next_hop)
		assert_true(ip_addr_parse(r->next_hop, &nh));
	a->has = BGP_HAS_ORIGIN | BGP_HAS_AS_PATH;
	a->origin = r->origin;
	a->as_path = as_path_of(r->as_path, p->h->arena);
	if (r->confederation)
		a->as_path = behind_confederation(a->as_path, p->h->arena);
	if (r->aggregated) {
		a->has |= BGP_HAS_ATOMIC_AGGREGATE | BGP_HAS_AGGREGATOR;
		a->aggregator.as = 65001;
	}
	a->med = r->med;
	a->local_pref = r->local_pref;
	a->originator_id = r->originator_id;
	if (r->med)
		a->has |= BGP_HAS_MED;
	if (r->local_pref)
		a->has |= BGP_HAS_LOCAL_PREF;
	if (r->originator_id)
		a->has |= BGP_HAS_ORIGINATOR_ID;
	if (r->cluster_id) {
		a->has |= BGP_HAS_CLUSTER_LIST;
		a->cluster_list = be32(r->cluster_id, p->h->arena);
	}
	if (r->community) {
		a->has |= BGP_HAS_COMMUNITIES;
		a->communities = be32(r->community, p->h->arena);
	}
	if (r->extended) {
		uint8_t *octets = arena_alloc(p->h->arena, 8);

		for (int i = 0; i < 8; i++)
			octets[i] = (uint8_t)(r->extended >> (56 - 8 * i));
		a->has |= BGP_HAS_EXTENDED_COMMUNITIES;
		a->extended_communities = (struct bgp_octets){ octets, 8 };
	}
	if (r->padding) {
		a->has |= BGP_HAS_UNKNOWN;
		a->unknown = unknown_of(r->padding, p->h->arena);
	}
	u.next_hop[f] = bgp_next_hop_from_addr(&nh);
	u.announced[f] = (struct bgp_nlri_list){ &nlri, 1 };
	if (r->apart) {
		struct ip_addr hop;

		assert_true(prefix_parse(r->apart, &apart.prefix, NULL) &&
			    ip_addr_parse(r->apart_next_hop, &hop));
		u.apart = (struct bgp_nlri_list){ &apart, 1 };
		u.apart_next_hop = bgp_next_hop_from_addr(&hop);
	}
	result = route_peer_update(p->p, &u, p->h->now_ms, &failed);
	note_paths(p->h, &nlri.prefix, f);
	if (r->apart)
		note_paths(p->h, &apart.prefix, f);
	return result;
}

void harness_withdraw(struct test_peer *p, const char *prefix, uint32_t path_id)
{
	struct bgp_update u = { .verdict = BGP_VERDICT_OK };
	struct bgp_nlri nlri = { .path_id = path_id };
	enum bgp_family f;

	assert_true(prefix_parse(prefix, &nlri.prefix, NULL));
	f = nlri.prefix.family == IP_V4 ? BGP_IPV4_UNICAST : BGP_IPV6_UNICAST;
	u.withdrawn[f] = (struct bgp_nlri_list){ &nlri, 1 };
	route_peer_update(p->p, &u, p->h->now_ms, &f);
}

static struct held *find_held(struct test_peer *p, const struct bgp_nlri *n)
{
	for (size_t i = 0; i < p->count; i++)
		if (p->held[i].path_id == n->path_id && prefix_equal(&p->held[i].prefix, &n->prefix))
			return &p->held[i];
	return NULL;
}

static void take_announced(struct test_peer *p, const struct bgp_update *u, enum bgp_family f)
{
	for (size_t i = 0; i < u->announced[f].count; i++) {
		const struct bgp_nlri *n = &u->announced[f].item[i];
		struct held *h = find_held(p, n);

		if (!h) {
			assert_true(p->count < HARNESS_ROUTES);
			h = &p->held[p->count++];
		}
		*h = (struct held){ .prefix = n->prefix,
			.path_id = n->path_id,
			.med = u->attrs.has & BGP_HAS_MED ? u->attrs.med : 0,
			.local_pref = u->attrs.has & BGP_HAS_LOCAL_PREF ? u->attrs.local_pref : 0,
			.originator_id = u->attrs.has & BGP_HAS_ORIGINATOR_ID ? u->attrs.originator_id : 0,
			.cluster_list_len = u->attrs.has & BGP_HAS_CLUSTER_LIST
						    ? u->attrs.cluster_list.len / 4
						    : 0,
			.as_path_len = bgp_as_path_length(u->attrs.as_path),
			.has = u->attrs.has,
			.extended = first_extended(&u->attrs),
			.next_hop = bgp_next_hop_addr(&u->next_hop[f]) };
		p->announced++;
		p->own_routes += h->originator_id == p->cfg.router_id;
	}
}

static void take_withdrawn(struct test_peer *p, const struct bgp_update *u, enum bgp_family f)
{
	for (size_t i = 0; i < u->withdrawn[f].count; i++) {
		struct held *h = find_held(p, &u->withdrawn[f].item[i]);

		if (h)
			*h = p->held[--p->count];
		else
			p->unknown_withdrawals++;
		p->withdrawn++;
		p->bogus_withdrawals += !path_was(p->h, &u->withdrawn[f].item[i]);
	}
}

static void take_update(struct test_peer *p, struct cursor body)
{
	struct bgp_negotiated n = p->n;
	struct bgp_update u;

	for (int f = 0; f < BGP_FAMILIES; f++)
		n.add_path_rx[f] = p->n.add_path_tx[f] && p->cfg.send_mode[f] != ROUTE_SEND_BEST;
	bgp_update_decode(body, &n, p->cfg.type == ROUTE_PEER_EBGP, p->h->arena, &u);
	assert_int_equal(u.verdict, BGP_VERDICT_OK);
	p->updates++;
	for (int f = 0; f < BGP_FAMILIES; f++) {
		take_withdrawn(p, &u, (enum bgp_family)f);
		take_announced(p, &u, (enum bgp_family)f);
		p->end_of_rib[f] += u.end_of_rib[f];
	}
	arena_reset(p->h->arena);
}

static void take_message(struct test_peer *p, const struct bgp_frame *frame)
{
	struct bgp_refresh refresh;
	struct bgp_error err;

	if (frame->type == BGP_UPDATE) {
		take_update(p, frame->body);
		return;
	}
	assert_int_equal(frame->type, BGP_ROUTE_REFRESH);
	assert_true(bgp_refresh_decode(frame->body, true, &refresh, &err));
	p->refresh_begin += refresh.subtype == BGP_REFRESH_BEGIN;
	p->refresh_end += refresh.subtype == BGP_REFRESH_END;
}

static void take_octets(struct test_peer *p, const uint8_t *data, size_t len)
{
	struct bgp_frame frame;
	struct bgp_error err;

	p->octets += len;
	while (len) {
		size_t n = 2 * BGP_EXTENDED_MESSAGE_MAX - p->in_len;

		n = n < len ? n : len;
		memcpy(p->in + p->in_len, data, n);
		p->in_len += n;
		data += n;
		len -= n;
		for (;;) {
			enum bgp_frame_result r = bgp_frame_decode(
				p->in, p->in_len, p->n.max_tx, &frame, &err);

			assert_int_not_equal(r, BGP_FRAME_BAD);
			if (r == BGP_FRAME_INCOMPLETE)
				break;
			take_message(p, &frame);
			p->in_len -= frame.len;
			memmove(p->in, p->in + frame.len, p->in_len);
		}
	}
}

/* One write: a socket that takes at most chunk octets. Returns whether there was anything. */
bool harness_pull(struct test_peer *p, size_t chunk)
{
	struct iovec iov[8];
	size_t partial, taken = 0;
	int n = route_peer_fill(p->p, iov, 8, &partial);

	if (!n)
		return false;
	assert_int_equal(partial > 0, p->in_len > 0);
	for (int i = 0; i < n && (!chunk || taken < chunk); i++) {
		size_t len = iov[i].iov_len;

		if (chunk && len > chunk - taken)
			len = chunk - taken;
		take_octets(p, iov[i].iov_base, len);
		taken += len;
	}
	route_peer_consumed(p->p, taken);
	return true;
}

void harness_settle(struct harness *h, size_t chunk)
{
	bool busy = true;

	for (int turn = 0; busy; turn++) {
		uint64_t wait;

		assert_true(turn < 1000000);
		h->awake = false;
		wait = route_engine_work(h->e, h->now_ms);
		busy = wait == 0;
		for (int i = 0; i < HARNESS_PEERS; i++) {
			struct test_peer *p = &h->peer[i];

			if (!p->p || p->stuck || !p->kicked)
				continue;
			p->kicked = harness_pull(p, chunk);
			busy |= p->kicked;
		}
		busy |= h->awake;
	}
}

size_t harness_held_count(const struct test_peer *p, const char *prefix)
{
	struct prefix want;
	size_t n = 0;

	assert_true(prefix_parse(prefix, &want, NULL));
	for (size_t i = 0; i < p->count; i++)
		n += prefix_equal(&p->held[i].prefix, &want);
	return n;
}

const struct held *harness_held(const struct test_peer *p, const char *prefix, size_t n)
{
	struct prefix want;

	assert_true(prefix_parse(prefix, &want, NULL));
	for (size_t i = 0; i < p->count; i++)
		if (prefix_equal(&p->held[i].prefix, &want) && n-- == 0)
			return &p->held[i];
	return NULL;
}
