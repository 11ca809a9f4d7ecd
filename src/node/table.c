#include "node/table.h"

#include "base/hash.h"
#include "base/mem.h"
#include "route/weight_table.h"

#include <stdlib.h>
#include <string.h>

struct held {
	struct fib_next_hop nh;
	bool claimed; /* a member has named it */
};

struct node_service {
	struct list link, changed;
	struct hash_node node;
	struct prefix prefix;
	struct list members;
	struct held *held; /* what was found; NULL: nothing, or not held any more */
	size_t held_count;
	struct fib_next_hop *said; /* the last answer */
	size_t said_count;
};

struct node_table {
	struct list services, changed;
	struct hash by_prefix;
	struct route_weight_table *weights;
};

const char *node_state_text(enum node_state s)
{
	static const char *const text[NODE_STATES] = { "announcing", "draining", "withdrawn" };

	return text[s];
}

/* --- services --- */

static struct node_service *find(const struct node_table *t, const struct prefix *p)
{
	for (struct hash_node *n = hash_first(&t->by_prefix, prefix_hash(p)); n; n = hash_next(n)) {
		struct node_service *s = HASH_ENTRY(n, struct node_service, node);

		if (prefix_equal(&s->prefix, p))
			return s;
	}
	return NULL;
}

static struct node_service *need(struct node_table *t, const struct prefix *p)
{
	struct node_service *s = find(t, p);

	if (s)
		return s;
	s = mem_calloc(1, sizeof(*s));
	s->prefix = *p;
	list_init(&s->members);
	list_add_tail(&t->services, &s->link);
	hash_add(&t->by_prefix, &s->node, prefix_hash(p));
	return s;
}

static void mark(struct node_table *t, struct node_service *s)
{
	if (!list_linked(&s->changed))
		list_add_tail(&t->changed, &s->changed);
}

static void release(struct node_service *s)
{
	free(s->held);
	s->held = NULL;
	s->held_count = 0;
}

static void service_free(struct node_table *t, struct node_service *s)
{
	list_del(&s->link);
	list_del(&s->changed);
	hash_del(&t->by_prefix, &s->node);
	release(s);
	free(s->said);
	free(s);
}

static void member_free(struct node_member *m)
{
	free(m->problem);
	free(m);
}

/* --- life --- */

struct node_table *node_table_new(void)
{
	struct node_table *t = mem_calloc(1, sizeof(*t));

	list_init(&t->services);
	list_init(&t->changed);
	t->weights = route_weight_table_new();
	return t;
}

void node_table_free(struct node_table *t)
{
	if (!t)
		return;
	LIST_FOREACH (link, &t->services) {
		struct node_service *s = LIST_ENTRY(link, struct node_service, link);

		LIST_FOREACH (m, &s->members)
			member_free(LIST_ENTRY(m, struct node_member, link));
		service_free(t, s);
	}
	hash_fini(&t->by_prefix);
	route_weight_table_free(t->weights);
	free(t);
}

/* --- what was found --- */

static struct held *find_held(const struct node_service *s, const struct ip_addr *pod)
{
	for (size_t i = 0; i < s->held_count; i++)
		if (ip_addr_equal(&s->held[i].nh.addr, pod))
			return &s->held[i];
	return NULL;
}

static bool has_member(const struct node_service *s, const struct ip_addr *pod)
{
	LIST_FOREACH (link, &s->members)
		if (ip_addr_equal(&LIST_ENTRY(link, struct node_member, link)->pod, pod))
			return true;
	return false;
}

static void release_when_claimed(struct node_service *s)
{
	for (size_t i = 0; i < s->held_count; i++)
		if (!s->held[i].claimed)
			return;
	release(s);
}

void node_table_found(
	struct node_table *t, const struct prefix *prefix, const struct fib_next_hop *nh, size_t count)
{
	struct node_service *s = need(t, prefix);

	release(s);
	s->held = mem_calloc(count, sizeof(*s->held));
	s->held_count = count;
	for (size_t i = 0; i < count; i++)
		s->held[i] = (struct held){ nh[i], has_member(s, &nh[i].addr) };
	release_when_claimed(s);
	mark(t, s);
}

size_t node_table_forget(struct node_table *t)
{
	size_t forgotten = 0;

	LIST_FOREACH (link, &t->services) {
		struct node_service *s = LIST_ENTRY(link, struct node_service, link);

		if (!s->held)
			continue;
		for (size_t i = 0; i < s->held_count; i++)
			forgotten += !s->held[i].claimed;
		release(s);
		mark(t, s);
	}
	return forgotten;
}

/* Its last member is gone: we know now that it is not to be waited for. */
static void let_go(struct node_service *s, const struct ip_addr *pod)
{
	struct held *h = find_held(s, pod);

	if (!h)
		return;
	*h = s->held[--s->held_count];
	release_when_claimed(s);
}

/* --- members --- */

const struct prefix *node_member_prefix(const struct node_member *m)
{
	return &m->service->prefix;
}

struct node_member *node_table_add(
	struct node_table *t, const struct prefix *prefix, const struct ip_addr *pod, void *owner)
{
	struct node_member *m = mem_calloc(1, sizeof(*m));
	struct held *h;

	m->service = need(t, prefix);
	m->pod = *pod;
	m->state = NODE_WITHDRAWN;
	m->owner = owner;
	list_add_tail(&m->service->members, &m->link);
	h = find_held(m->service, pod);
	if (h)
		h->claimed = true;
	mark(t, m->service);
	return m;
}

void node_table_set(
	struct node_table *t, struct node_member *m, enum node_state state, uint64_t capacity_bit_s)
{
	m->state = state;
	m->capacity_bit_s = capacity_bit_s;
	/* Not before: until it is set its weight is not known. */
	release_when_claimed(m->service);
	mark(t, m->service);
}

void node_table_del(struct node_table *t, struct node_member *m)
{
	struct node_service *s = m->service;

	list_del(&m->link);
	if (!has_member(s, &m->pod))
		let_go(s, &m->pod);
	mark(t, s);
	member_free(m);
}

void node_table_touch(struct node_table *t, const struct ip_addr *pod)
{
	LIST_FOREACH (link, &t->services) {
		struct node_service *s = LIST_ENTRY(link, struct node_service, link);

		if (has_member(s, pod))
			mark(t, s);
	}
}

/* --- next hops --- */

bool node_table_changed(struct node_table *t, struct prefix *out)
{
	struct node_service *s;

	if (list_empty(&t->changed))
		return false;
	s = LIST_ENTRY(t->changed.next, struct node_service, changed);
	list_del(&s->changed);
	*out = s->prefix;
	return true;
}

bool node_table_due(struct node_table *t, uint64_t now_ms, struct prefix *out, uint64_t *wait_ms)
{
	return route_weight_table_due(t->weights, now_ms, out, wait_ms);
}

struct asking {
	struct node_service *service;
	bool (*usable)(void *user, const struct ip_addr *pod);
	void *user;
};

/* Members that have withdrawn, or those that have not. One pod's are one load balancer to the weights. */
static size_t collect(const struct asking *a, bool withdrawn, struct route_balancer *list)
{
	size_t n = 0;

	LIST_FOREACH (link, &a->service->members) {
		const struct node_member *m = LIST_ENTRY(link, struct node_member, link);

		if ((m->state == NODE_WITHDRAWN) != withdrawn || !a->usable(a->user, &m->pod))
			continue;
		list[n++] = (struct route_balancer){ .next_hop = m->pod,
			.bandwidth = m->state == NODE_DRAINING ? 0 : (float)m->capacity_bit_s / 8 };
	}
	return n;
}

static size_t count_members(const struct node_service *s)
{
	size_t n = 0;

	LIST_FOREACH (link, &s->members)
		n++;
	return n;
}

static size_t by_capacity(
	struct node_table *t, const struct asking *a, uint64_t now_ms, struct fib_next_hop *out)
{
	struct route_balancer *list = mem_calloc(count_members(a->service) + 1, sizeof(*list));
	struct route_next_hop nh[FIB_NEXT_HOPS_MAX];
	size_t n = collect(a, false, list);

	if (!n)
		n = collect(a, true, list);
	n = route_weight_table_next_hops(
		t->weights, &a->service->prefix, 0, list, n, now_ms, nh, FIB_NEXT_HOPS_MAX);
	for (size_t i = 0; i < n; i++)
		out[i] = (struct fib_next_hop){ nh[i].addr, nh[i].weight };
	free(list);
	return n;
}

/* Its most eager member's. */
static enum node_state pod_state(const struct node_service *s, const struct ip_addr *pod)
{
	enum node_state state = NODE_WITHDRAWN;

	LIST_FOREACH (link, &s->members) {
		const struct node_member *m = LIST_ENTRY(link, struct node_member, link);

		if (ip_addr_equal(&m->pod, pod) && m->state < state)
			state = m->state;
	}
	return state;
}

static void put(struct fib_next_hop *out, size_t *n, const struct ip_addr *pod, uint16_t weight)
{
	for (size_t i = 0; i < *n; i++)
		if (ip_addr_equal(&out[i].addr, pod))
			return;
	if (*n < FIB_NEXT_HOPS_MAX)
		out[(*n)++] = (struct fib_next_hop){ *pod, weight };
}

/* As it was found; and who has come since then takes as much as the heaviest. */
static size_t as_found(const struct asking *a, struct fib_next_hop *out)
{
	const struct node_service *s = a->service;
	uint16_t weight = 1;
	size_t n = 0;

	for (size_t i = 0; i < s->held_count; i++) {
		const struct held *h = &s->held[i];

		if (h->nh.weight > weight)
			weight = h->nh.weight;
		if (!h->claimed ||
			(pod_state(s, &h->nh.addr) != NODE_WITHDRAWN && a->usable(a->user, &h->nh.addr)))
			put(out, &n, &h->nh.addr, h->nh.weight);
	}
	LIST_FOREACH (link, &s->members) {
		const struct node_member *m = LIST_ENTRY(link, struct node_member, link);

		if (m->state != NODE_WITHDRAWN && a->usable(a->user, &m->pod))
			put(out, &n, &m->pod, m->state == NODE_DRAINING ? 1 : weight);
	}
	return n;
}

size_t node_table_next_hops(struct node_table *t, const struct prefix *prefix,
	bool (*usable)(void *user, const struct ip_addr *pod), void *user, uint64_t now_ms,
	struct fib_next_hop *out)
{
	struct asking a = { find(t, prefix), usable, user };
	struct route_balancer nobody;
	struct route_next_hop none;
	size_t n;

	/* A weight that waited may call for a prefix that is gone. */
	if (!a.service)
		return route_weight_table_next_hops(t->weights, prefix, 0, &nobody, 0, now_ms, &none, 1);
	n = a.service->held ? as_found(&a, out) : by_capacity(t, &a, now_ms, out);
	if (!n && !a.service->held && list_empty(&a.service->members)) {
		service_free(t, a.service);
		return 0;
	}
	free(a.service->said);
	a.service->said = mem_calloc(n + 1, sizeof(*out));
	a.service->said_count = n;
	memcpy(a.service->said, out, n * sizeof(*out));
	return n;
}

/* --- to be shown --- */

struct node_service *node_table_next(const struct node_table *t, const struct node_service *after)
{
	const struct list *link = after ? after->link.next : t->services.next;

	return link == &t->services ? NULL : LIST_ENTRY(link, struct node_service, link);
}

const struct prefix *node_service_prefix(const struct node_service *s)
{
	return &s->prefix;
}

struct node_member *node_service_next(const struct node_service *s, const struct node_member *after)
{
	const struct list *link = after ? after->link.next : s->members.next;

	return link == &s->members ? NULL : LIST_ENTRY(link, struct node_member, link);
}

uint16_t node_service_weight(const struct node_service *s, const struct ip_addr *pod)
{
	for (size_t i = 0; i < s->said_count; i++)
		if (ip_addr_equal(&s->said[i].addr, pod))
			return s->said[i].weight;
	return 0;
}

bool node_service_unclaimed(const struct node_service *s, size_t i, struct fib_next_hop *out)
{
	for (size_t k = 0; k < s->held_count; k++) {
		if (s->held[k].claimed || i-- > 0)
			continue;
		*out = s->held[k].nh;
		return true;
	}
	return false;
}
