/*
 * ExaBGP's configuration, of 3.x (groups, static) and 4.x (templates, announce), as that of lb-announcer.
 *
 * A neighbor becomes one of ours, with what its group or template says; its routes become services. lb-announcer tells
 * every service to every neighbor, so where ExaBGP tells neighbors different routes, there is a note.
 */
#include "convert/common.h"
#include "convert/reader.h"
#include "convert/statement.h"

#include <string.h>
#include <strings.h>

enum { INHERIT_MAX = 8 };

struct context {
	struct convert_model *m;
	const struct statement *root;
	struct convert_part *neighbor;
	bool nested; /* within what is inherited or a block: told once */
};

struct rule {
	const char *pattern;
	const char *key;  /* of the neighbor; or NULL */
	const char *what; /* to do: it is lost; NULL: ours */
	void (*call)(struct context *c, const struct statement *s, const char **a);
};

static struct convert_place at(const struct context *c, const struct statement *s)
{
	return convert_at(c->m, s->line);
}

static void lost(const struct context *c, const struct statement *s, const char *what)
{
	convert_note(c->m->notes, CONVERT_LOST, at(c, s), "%s: %s", statement_quote(c->m->arena, s), what);
}

static void apply(struct context *c, const struct rule *rules, const struct statement *block)
{
	for (const struct statement *s = block->first; s; s = s->next) {
		const char *a[STATEMENT_ARGUMENTS_MAX] = { 0 };
		const struct rule *r = rules;

		while (r->pattern && !statement_match(c->m->arena, s, r->pattern, a))
			r++;
		if (!r->pattern)
			lost(c, s, "lb-announcer has nothing like it; lb-announcer.conf(5) has all there is");
		else if (r->call)
			r->call(c, s, a);
		else if (r->key)
			convert_set(
				c->m, c->neighbor, r->key, a[0], at(c, s), statement_quote(c->m->arena, s));
		else if (r->what)
			lost(c, s, r->what);
	}
}

/* --- the neighbor --- */

static void router_id(struct context *c, const struct statement *s, const char **a)
{
	convert_router_once(c->m, "router-id", a[0], at(c, s), statement_quote(c->m->arena, s));
}

static void local_as(struct context *c, const struct statement *s, const char **a)
{
	convert_router_as(c->m, a[0], at(c, s));
}

static void password(struct context *c, const struct statement *s, const char **a)
{
	convert_set(c->m, c->neighbor, "password", a[0], at(c, s), "md5-password");
}

static void incoming_ttl(struct context *c, const struct statement *s, const char **a)
{
	convert_set(c->m, c->neighbor, "ttl-security-hops", convert_hops(c->m, a[0]), at(c, s),
		statement_quote(c->m->arena, s));
}

static void if_true(struct context *c, const struct statement *s, const char **a)
{
	if (convert_truth(a[0]))
		lost(c, s, "lb-announcer has nothing like it");
}

static void if_off(struct context *c, const struct statement *s, const char **a)
{
	if (!convert_truth(a[0]))
		lost(c, s, "lb-announcer always offers it");
}

/* --- routes --- */

/* "[ a b ]" or one word, from the i-th word on; the index behind it. */
static size_t communities(
	struct context *c, struct convert_part *service, const struct statement *s, size_t i)
{
	bool list = i < s->count && strcmp(s->words[i], "[") == 0;

	for (i += list; i < s->count; i++) {
		const char *word = s->words[i];

		if (list && strcmp(word, "]") == 0)
			return i + 1;
		if (strcmp(word, ",") == 0)
			continue;
		if (convert_takes(c->m, "services", "communities", word, NULL))
			convert_list_add(c->m, service, "communities", word, at(c, s));
		else
			lost(c, s, convert_text(c->m, "%s is no community of ours", word));
		if (!list)
			return i + 1;
	}
	return i;
}

/* A service has one path. */
static void set_once(struct context *c, struct convert_part *service, const struct statement *s,
	const char *key, const char *value)
{
	const struct convert_setting *before = convert_setting(service, key);

	if (!before)
		convert_set(c->m, service, key, value, at(c, s), key);
	else if (strcmp(before->text, value) != 0)
		lost(c, s,
			convert_text(c->m,
				"a service has one path, and its %s is %s since line %u; announce the other "
				"path from the "
				"load balancer it leads to",
				key, before->text, before->at.line));
}

/* One attribute, from the i-th word on; the index behind it. */
static size_t attribute(struct context *c, struct convert_part *service, const struct statement *s, size_t i)
{
	const char *name = s->words[i], *value = i + 1 < s->count ? s->words[i + 1] : "";
	const char *local = convert_get(c->neighbor, "local-address");
	bool self = strcmp(value, "self") == 0;

	if (strcmp(name, "community") == 0)
		return communities(c, service, s, i + 1);
	if (strcmp(name, "next-hop") == 0 && self && !local)
		lost(c, s, "next-hop self: write the address; auto is the node's");
	else if (strcmp(name, "next-hop") == 0)
		set_once(c, service, s, "next-hop", self ? local : value);
	else if (strcmp(name, "med") == 0 || strcmp(name, "local-preference") == 0)
		set_once(c, service, s, strcmp(name, "med") == 0 ? "med" : "local-preference", value);
	else if (strcmp(name, "origin") == 0 && strcasecmp(value, "igp") == 0)
		return i + 2;
	else {
		size_t end = i + 1;

		if (end < s->count && strcmp(s->words[end], "[") == 0)
			while (end < s->count && strcmp(s->words[end], "]") != 0)
				end++;
		lost(c, s,
			convert_text(c->m, "the attribute %s is not among those of lb-announcer's services",
				name));
		return end + 1;
	}
	return i + 2;
}

static struct convert_part *service_of(struct context *c, const struct statement *s, const char *prefix)
{
	struct convert_part *p = NULL;

	while ((p = convert_part_next(c->m, p, "services")) != NULL)
		if (convert_get(p, "prefix") && strcmp(convert_get(p, "prefix"), prefix) == 0)
			return p;
	p = convert_part_add(c->m, "services", NULL, at(c, s));
	return convert_set(c->m, p, "prefix", prefix, at(c, s), "route") ? p : NULL;
}

/* The neighbors that a service is announced to, as a list of their addresses. */
static void announced_to(struct context *c, struct convert_part *service, const struct statement *s)
{
	const char *address = convert_get(c->neighbor, "address");

	if (address)
		convert_list_add(c->m, service, "of", address, at(c, s));
}

/* PREFIX ATTRIBUTE..., the prefix at the i-th word; or with a block of attributes. */
static void route_from(struct context *c, const struct statement *s, size_t i)
{
	struct convert_part *service = i < s->count ? service_of(c, s, s->words[i]) : NULL;

	if (!service) {
		if (i >= s->count)
			lost(c, s, "a route without a prefix");
		return;
	}
	announced_to(c, service, s);
	for (i++; i < s->count;)
		i = attribute(c, service, s, i);
	for (const struct statement *a = s->first; a; a = a->next)
		for (i = 0; i < a->count;)
			i = attribute(c, service, a, i);
	if (!convert_get(service, "next-hop"))
		lost(c, s,
			"a service without a next hop gets the node's address (next-hop: auto); write it if "
			"it is another");
}

static void route(struct context *c, const struct statement *s, const char **a)
{
	(void)a;
	route_from(c, s, 1);
}

static const struct rule route_rules[] = {
	{ "route|unicast *", .call = route },
	{ NULL },
};

static void routes(struct context *c, const struct statement *s, const char **a)
{
	(void)a;
	apply(c, route_rules, s);
}

static const struct rule announce_rules[] = {
	{ "ipv4|ipv6", .call = routes },
	{ NULL },
};

static void announce(struct context *c, const struct statement *s, const char **a)
{
	(void)a;
	apply(c, announce_rules, s);
}

/* --- blocks of a neighbor --- */

static const struct rule family_rules[] = {
	{ "ipv4|ipv6|inet|inet6|inet4 unicast" },
	{ "all" },
	{ "minimal" },
	{ NULL },
};

static void family(struct context *c, const struct statement *s, const char **a)
{
	(void)a;
	apply(c, family_rules, s);
}

static const struct rule capability_rules[] = {
	{ "route-refresh|asn4|extended-message enable|enabled|on|true" },
	{ "route-refresh|asn4|extended-message *", .call = if_off },
	{ "add-path disable|disabled|off|none" },
	{ "add-path *", .what = "lb-announcer announces one path of a service; add-paths are the reflector's "
				"and the router's" },
	{ "graceful-restart *", .what = "lb-announcer has no graceful restart: a load balancer that is gone "
					"must be withdrawn at once" },
	{ "multi-session|operational|nexthop|aigp|link-local-nexthop|software-version %", .call = if_true },
	{ NULL },
};

static void capability(struct context *c, const struct statement *s, const char **a)
{
	(void)a;
	apply(c, capability_rules, s);
}

static void inherit(struct context *c, const struct statement *s, const char **a);

#define NO_PROCESS                                                                                           \
	"lb-announcer runs no process that writes announcements; what it checked is said by conditions of "  \
	"a service or by "                                                                                   \
	"lb-ipvs-agent (agent.socket)"

/* What may stand in a neighbor, a group and a template. */
static const struct rule neighbor_rules[] = {
	{ "router-id %", .call = router_id },
	{ "local-as %", .call = local_as },
	{ "local-address auto" },
	{ "local-address %", "local-address" },
	{ "peer-as %", "peer-as" },
	{ "hold-time %", "hold-time" },
	{ "description *", "description" },
	{ "connect %", "port" },
	{ "md5-password %", .call = password },
	{ "md5-base64 false|disable|off" },
	{ "md5-base64 *",
		.what = "the password is in base64; write it decoded (password, or password-file)" },
	{ "md5-ip *", .what = "lb-announcer signs for the neighbor's address" },
	{ "incoming-ttl %", .call = incoming_ttl },
	{ "outgoing-ttl 255" },
	{ "outgoing-ttl|ttl-security *",
		.what = "set ttl-security-hops to the number of hops to the reflector if it asks for GTSM" },
	{ "passive false|disable|off" },
	{ "passive *", .what = "lb-announcer always connects; let the reflector be passive" },
	{ "listen %", .what = "lb-announcer does not listen; the reflector listens" },
	{ "inherit *", .call = inherit },
	{ "host-name|domain-name *", .what = "the peer is told the host's own name" },
	{ "group-updates|auto-flush|adj-rib-in|adj-rib-out|manual-eor|rate-limit|source-interface %",
		.call = if_true },
	{ "family", .call = family },
	{ "capability", .call = capability },
	{ "static", .call = routes },
	{ "announce", .call = announce },
	{ "api *", .what = NO_PROCESS },
	{ "process *", .what = NO_PROCESS },
	{ "flow|l2vpn|nexthop|operational *", .what = "lb-announcer announces unicast prefixes only" },
	{ "neighbor %" }, /* of a group: by itself */
	{ NULL },
};

static const struct statement *template_named(const struct statement *root, const char *name)
{
	for (const struct statement *s = root->first; s; s = s->next)
		if (s->count == 1 && strcmp(s->words[0], "template") == 0)
			for (const struct statement *t = s->first; t; t = t->next)
				if (t->count == 2 && strcmp(t->words[1], name) == 0)
					return t;
	return NULL;
}

/* "inherit a" or "inherit [ a b ]". */
static void inherit(struct context *c, const struct statement *s, const char **a)
{
	(void)a;
	for (size_t i = 1; i < s->count; i++) {
		const struct statement *t;

		if (strchr("[],", *s->words[i]))
			continue;
		t = template_named(c->root, s->words[i]);
		if (!t)
			lost(c, s, convert_text(c->m, "there is no template %s in this file", s->words[i]));
		else if (c->nested)
			lost(c, s, "a template that inherits");
		else {
			c->nested = true;
			apply(c, neighbor_rules, t);
			c->nested = false;
		}
	}
}

static bool is_inherit(const struct statement *s)
{
	return s->count > 1 && strcmp(s->words[0], "inherit") == 0;
}

/* What is inherited comes first, so that the neighbor's own words win wherever they stand. */
static void read_neighbor(struct context *c, const struct statement *group, const struct statement *s)
{
	struct statement own = { .block = true }, **tail = &own.first;

	c->neighbor = convert_part_add(c->m, "neighbors", NULL, at(c, s));
	if (!convert_set(c->m, c->neighbor, "address", s->words[1], at(c, s), "neighbor"))
		return;
	for (int pass = 0; pass < 2; pass++) {
		for (const struct statement *i = s->first; i; i = i->next) {
			bool early = is_inherit(i) || (i->count && strcmp(i->words[0], "local-address") == 0);

			if (early != (pass == 0))
				continue;
			*tail = arena_alloc(c->m->arena, sizeof(**tail));
			**tail = *i;
			(*tail)->next = NULL;
			tail = &(*tail)->next;
		}
	}
	if (group)
		apply(c, neighbor_rules, group);
	apply(c, neighbor_rules, &own);
}

static void read_group(struct context *c, const struct statement *group)
{
	bool any = false;

	for (const struct statement *s = group->first; s; s = s->next) {
		if (s->count == 2 && s->block && strcmp(s->words[0], "neighbor") == 0) {
			read_neighbor(c, group, s);
			any = true;
		}
	}
	if (!any)
		lost(c, group, "a group without neighbors says nothing");
}

bool exabgp_read(struct convert_model *m, const char *text, size_t len)
{
	static const struct statement_syntax syntax = { .singles = "[]()," };
	struct context c = { .m = m, .root = statement_parse(m->arena, &syntax, text, len, m->errs) };

	for (const struct statement *s = c.root ? c.root->first : NULL; s; s = s->next) {
		const char *first = s->count ? s->words[0] : "";

		if (strcmp(first, "neighbor") == 0 && s->count == 2 && s->block)
			read_neighbor(&c, NULL, s);
		else if (strcmp(first, "group") == 0 && s->block)
			read_group(&c, s);
		else if (strcmp(first, "process") == 0)
			lost(&c, s, NO_PROCESS);
		else if (strcmp(first, "template") != 0)
			lost(&c, s,
				"lb-announcer has nothing like it; lb-announcer.conf(5) has all there is");
	}
	return c.root != NULL;
}

/* --- all files read --- */

/* ExaBGP's identifier is its address where it is told no other. */
static void router_id_of_address(struct convert_model *m)
{
	const struct convert_setting *s = convert_setting(
		convert_part_find(m, "neighbors", NULL), "local-address");
	struct convert_part *router = convert_part_find(m, "router", NULL);

	if (s && s->text && router && !convert_get(router, "router-id") &&
		convert_takes(m, "router", "router-id", s->text, NULL))
		convert_put(m, router, "router-id", s->text, s->at);
}

/* One local address of all neighbors is the router's. */
static void local_address(struct convert_model *m)
{
	const struct convert_setting *one = convert_setting(
		convert_part_find(m, "neighbors", NULL), "local-address");
	struct convert_part *p = NULL, *router;

	if (!one || !one->text)
		return;
	while ((p = convert_part_next(m, p, "neighbors")) != NULL)
		if (!convert_get(p, "local-address") ||
			strcmp(convert_get(p, "local-address"), one->text) != 0)
			return;
	router = convert_part_need(m, "router", NULL, one->at);
	convert_put(m, router, "local-address", one->text, one->at);
	while ((p = convert_part_next(m, p, "neighbors")) != NULL)
		convert_put(m, p, "local-address", NULL, one->at);
}

/* Every service goes to every neighbor. */
static void audience(struct convert_model *m)
{
	for (struct convert_part *s = NULL; (s = convert_part_next(m, s, "services")) != NULL;) {
		for (struct convert_part *n = NULL; (n = convert_part_next(m, n, "neighbors")) != NULL;) {
			const char *address = convert_get(n, "address");

			if (address && !convert_list_has(convert_get(s, "of"), address))
				convert_note(m->notes, CONVERT_LOST, s->at,
					"%s was not announced to %s: lb-announcer tells every service to "
					"every neighbor; "
					"a second lb-announcer can tell others",
					convert_get(s, "prefix"), address);
		}
	}
}

void exabgp_finish(struct convert_model *m)
{
	struct convert_part *p = NULL;

	while ((p = convert_part_next(m, p, "neighbors")) != NULL) {
		if (!convert_get(p, "hold-time")) {
			convert_put(m, p, "hold-time", "180", p->at);
			convert_note(m->notes, CONVERT_REMARK, p->at,
				"hold-time: 180 is ExaBGP's default; with 9, lb-announcer's, a load balancer "
				"that dies in "
				"silence is missed sooner");
		}
	}
	router_id_of_address(m);
	local_address(m);
	audience(m);
	p = convert_part_find(m, "services", NULL);
	if (p)
		convert_note(m->notes, CONVERT_REMARK, p->at,
			"lb-announcer also makes the prefixes of services local in the pod (local-route), "
			"which ExaBGP left to "
			"others, and drains for 6 s before it leaves (drain)");
}
