#include "kube/cache.h"

#include "base/mem.h"

#include <stdlib.h>
#include <string.h>

struct set {
	struct hash slices; /* by name */
	size_t endpoints, octets, skipped;
};

struct kube_cache {
	const char *service;
	struct set now, listed; /* what counts; what a list has told so far */
};

/* --- a set of slices --- */

static struct kube_slice *find(const struct set *s, const char *name)
{
	uint32_t h = hash_bytes(name, strlen(name), 0);

	for (struct hash_node *n = hash_first(&s->slices, h); n; n = hash_next(n)) {
		struct kube_slice *slice = HASH_ENTRY(n, struct kube_slice, node);

		if (strcmp(slice->name, name) == 0)
			return slice;
	}
	return NULL;
}

static void take_out(struct set *s, struct kube_slice *slice)
{
	hash_del(&s->slices, &slice->node);
	s->endpoints -= slice->endpoint_count;
	s->octets -= slice->octets;
	s->skipped -= slice->skipped;
	kube_slice_free(slice);
}

static void put_in(struct set *s, struct kube_slice *slice)
{
	hash_add(&s->slices, &slice->node, hash_bytes(slice->name, strlen(slice->name), 0));
	s->endpoints += slice->endpoint_count;
	s->octets += slice->octets;
	s->skipped += slice->skipped;
}

static struct hash_node *first(const struct set *s)
{
	return hash_walk(&s->slices, NULL);
}

/* The slice after n in a walk that may free what it is given. */
static struct kube_slice *next_slice(const struct set *s, struct hash_node **n)
{
	struct hash_node *now = *n;

	*n = now ? hash_walk(&s->slices, now) : NULL;
	return now ? HASH_ENTRY(now, struct kube_slice, node) : NULL;
}

static void empty(struct set *s)
{
	struct hash_node *n = first(s);

	for (struct kube_slice *slice = next_slice(s, &n); slice; slice = next_slice(s, &n))
		kube_slice_free(slice);
	hash_fini(&s->slices);
	*s = (struct set){ 0 };
}

static bool has_room(
	const struct set *s, const struct kube_slice *old, const struct kube_slice *slice, struct text *why)
{
	size_t endpoints = s->endpoints + slice->endpoint_count - (old ? old->endpoint_count : 0);

	if (!old && s->slices.count == KUBE_SLICES_MAX)
		text_add(why, "more than %d slices", KUBE_SLICES_MAX);
	else if (endpoints > KUBE_ENDPOINTS_MAX)
		text_add(why, "more than %d endpoints", KUBE_ENDPOINTS_MAX);
	else
		return true;
	return false;
}

/* A server that takes no account of what it was asked for would mix up services. */
static bool is_ours(const struct kube_cache *c, const struct row *object, struct text *why)
{
	const char *service = row_get_text(
		row_get(row_get(object, "metadata"), "labels"), "kubernetes.io/service-name");

	if (service && strcmp(service, c->service) == 0)
		return true;
	text_add(why, "a slice of another service was told; was the question changed on its way?");
	return false;
}

static bool put(struct kube_cache *c, struct set *s, const struct row *object, struct text *why)
{
	struct kube_slice *slice, *old;

	if (!is_ours(c, object, why))
		return false;
	slice = kube_slice_parse(object, why);
	if (!slice)
		return false;
	old = find(s, slice->name);
	if (!has_room(s, old, slice, why)) {
		kube_slice_free(slice);
		return false;
	}
	if (old)
		take_out(s, old);
	put_in(s, slice);
	return true;
}

/* --- the cache --- */

struct kube_cache *kube_cache_new(const char *service)
{
	struct kube_cache *c = mem_calloc(1, sizeof(*c));

	c->service = service;
	return c;
}

void kube_cache_free(struct kube_cache *c)
{
	if (!c)
		return;
	empty(&c->now);
	empty(&c->listed);
	free(c);
}

void kube_cache_size(const struct kube_cache *c, struct kube_cache_size *out)
{
	*out = (struct kube_cache_size){ .slices = c->now.slices.count,
		.endpoints = c->now.endpoints,
		.octets = c->now.octets + c->listed.octets,
		.skipped = c->now.skipped };
}

void kube_cache_list_begin(struct kube_cache *c)
{
	empty(&c->listed);
}

bool kube_cache_list_add(struct kube_cache *c, const struct kube_page *page, struct text *why)
{
	for (size_t i = 0; i < row_list_size(page->items); i++)
		if (!put(c, &c->listed, row_list_get(page->items, i), why))
			return false;
	return true;
}

void kube_cache_list_end(struct kube_cache *c)
{
	empty(&c->now);
	c->now = c->listed;
	c->listed = (struct set){ 0 };
}

static bool take_away(struct kube_cache *c, const struct row *object, struct text *why)
{
	const char *name = row_get_text(row_get(object, "metadata"), "name");
	struct kube_slice *old = name ? find(&c->now, name) : NULL;

	if (!name) {
		text_add(why, "a slice without a name was deleted");
		return false;
	}
	/* One that is not known was deleted before, which is what is wanted. */
	if (old)
		take_out(&c->now, old);
	return true;
}

bool kube_cache_apply(struct kube_cache *c, const struct kube_event *e, struct text *why)
{
	switch (e->type) {
	case KUBE_ADDED:
	case KUBE_MODIFIED:
		return put(c, &c->now, e->object, why);
	case KUBE_DELETED:
		return take_away(c, e->object, why);
	case KUBE_BOOKMARK:
	case KUBE_ERROR:
		break;
	}
	return true;
}

/* --- servers --- */

struct server {
	const struct kube_endpoint *endpoint;
	uint16_t port;
};

enum port_found { PORT_FOUND, PORT_MISSING, PORT_AMBIGUOUS };

static enum port_found find_port(const struct kube_slice *s, const struct kube_want *want, uint16_t *out)
{
	size_t matches = 0;

	*out = 0;
	if (want->own_port && !want->port)
		return PORT_FOUND;
	for (size_t i = 0; i < s->port_count; i++) {
		const struct kube_port *p = &s->ports[i];

		if ((want->protocol && p->protocol != want->protocol) ||
			(want->port && strcmp(p->name, want->port) != 0))
			continue;
		*out = want->own_port ? 0 : p->number;
		matches++;
	}
	/* A service without ports is served under any. */
	if (!s->port_count && !want->port)
		return PORT_FOUND;
	return matches == 1 ? PORT_FOUND : matches ? PORT_AMBIGUOUS : PORT_MISSING;
}

static void say_ports(
	const struct kube_slice *s, const struct kube_want *want, enum port_found found, struct text *why)
{
	if (found == PORT_AMBIGUOUS)
		text_add(why, "the service has several ports; say which is meant (source.kubernetes.port): ");
	else if (want->port)
		text_add(why, "the service has no port named %s of this protocol; it has: ", want->port);
	else
		text_add(why, "the service has no port of this protocol; it has: ");
	for (size_t i = 0; i < s->port_count; i++)
		text_add(why, "%s%s", i ? ", " : "",
			*s->ports[i].name ? s->ports[i].name : "one without a name");
	if (!s->port_count)
		text_add(why, "none");
}

static bool is_wanted(const struct kube_want *want, const struct kube_endpoint *e)
{
	return !want->family || e->addr.family == want->family;
}

/* All endpoints of the family under their ports, as they come. False when there are some and none has the port. */
static bool gather(const struct kube_cache *c, const struct kube_want *want, struct server *out,
	size_t *count, struct text *why)
{
	const struct kube_slice *odd = NULL;
	enum port_found odd_found = PORT_FOUND;

	*count = 0;
	for (struct hash_node *n = first(&c->now); n; n = hash_walk(&c->now.slices, n)) {
		const struct kube_slice *s = HASH_ENTRY(n, struct kube_slice, node);
		enum port_found found;
		uint16_t port;

		if (!s->endpoint_count || !is_wanted(want, &s->endpoints[0]))
			continue;
		found = find_port(s, want, &port);
		if (found != PORT_FOUND && (!odd || odd_found == PORT_MISSING)) {
			odd = s;
			odd_found = found;
		}
		for (size_t i = 0; found == PORT_FOUND && i < s->endpoint_count; i++)
			out[(*count)++] = (struct server){ &s->endpoints[i], port };
	}
	if (!odd || (*count && odd_found == PORT_MISSING))
		return true;
	say_ports(odd, want, odd_found, why);
	return false;
}

static unsigned rank(const struct kube_endpoint *e)
{
	return (e->conditions & KUBE_READY ? 4 : 0) + (e->conditions & KUBE_SERVING ? 2 : 0) +
	       (e->conditions & KUBE_TERMINATING ? 0 : 1);
}

/* By address and port, of the same ones the best first; then by name, so that the order of the slices says nothing. */
static int cmp(const void *pa, const void *pb)
{
	const struct server *a = pa, *b = pb;
	const char *name_a = a->endpoint->name ? a->endpoint->name : "",
		   *name_b = b->endpoint->name ? b->endpoint->name : "";
	int c = ip_addr_cmp(&a->endpoint->addr, &b->endpoint->addr);

	if (!c)
		c = (int)a->port - (int)b->port;
	if (!c)
		c = (int)rank(b->endpoint) - (int)rank(a->endpoint);
	return c ? c : strcmp(name_a, name_b);
}

static size_t join(struct server *s, size_t count)
{
	size_t n = 0;

	qsort(s, count, sizeof(*s), cmp);
	for (size_t i = 0; i < count; i++)
		if (!n || s[i].port != s[n - 1].port ||
			!ip_addr_equal(&s[i].endpoint->addr, &s[n - 1].endpoint->addr))
			s[n++] = s[i];
	return n;
}

static enum endpoint_state state_of(uint8_t conditions, enum config_conditions count, bool last_resort)
{
	bool serving = conditions & KUBE_SERVING, terminating = conditions & KUBE_TERMINATING;
	bool takes = conditions & KUBE_READY || (serving && (count == CONFIG_SERVING || last_resort)) ||
		     (!terminating && count == CONFIG_ANY);

	if (takes)
		return ENDPOINT_READY;
	return terminating ? ENDPOINT_TERMINATING : ENDPOINT_UNREADY;
}

static bool none_ready(const struct server *s, size_t count)
{
	for (size_t i = 0; i < count; i++)
		if (s[i].endpoint->conditions & KUBE_READY)
			return false;
	return true;
}

bool kube_cache_servers(
	const struct kube_cache *c, const struct kube_want *want, struct endpoint_list *out, struct text *why)
{
	struct server *servers = mem_calloc(c->now.endpoints + 1, sizeof(*servers));
	struct endpoint *list;
	bool last_resort;
	size_t count;

	*out = (struct endpoint_list){ NULL, 0 };
	if (!gather(c, want, servers, &count, why)) {
		free(servers);
		return false;
	}
	count = join(servers, count);
	last_resort = want->conditions == CONFIG_READY && none_ready(servers, count);
	list = mem_calloc(count + 1, sizeof(*list));
	for (size_t i = 0; i < count; i++) {
		const struct kube_endpoint *e = servers[i].endpoint;

		list[i] = (struct endpoint){ .addr = e->addr,
			.port = servers[i].port,
			.weight = -1,
			.state = (uint8_t)state_of(e->conditions, want->conditions, last_resort),
			.name = e->name };
	}
	free(servers);
	*out = (struct endpoint_list){ list, count };
	return true;
}
