/*
 * FRR's configuration as rrd.conf: router bgp with its neighbors, peer groups, listen ranges and address families.
 *
 * Lines are statements, and what they mean depends on the block they stand in. Where FRR's default is not ours, it is written
 * out: the hold time of its profile, IPv4 alone unless a family is activated, several paths received, routes put into
 * the kernel.
 */
#include "convert/common.h"
#include "convert/reader.h"
#include "convert/statement.h"

#include <stdlib.h>
#include <string.h>

enum block { TOP, BGP, OTHER };

struct context {
	struct convert_model *m;
	enum block block;
	const char *family; /* of the address family; NULL: of none that we speak */
	bool in_family;
};

struct rule {
	const char *pattern;
	const char *key;
	const char *value; /* NULL: the second argument */
	const char *what;
	void (*call)(struct context *c, const struct statement *s, const char **a);
};

static const char unknown[] = "rrctl knows no key of ours for this; rrd.conf(5) has all there are";
static const char filters[] =
	"route maps and lists are not translated: every route passes now; write import.prefixes, "
	"import.next-hops or export.prefixes";
static const char other_block[] =
	"is not about BGP sessions; rrd has nothing for it, and the lines of its block go with it";

static struct convert_place at(const struct context *c, const struct statement *s)
{
	return convert_at(c->m, s->line);
}

static const char *words(const struct context *c, const struct statement *s)
{
	return statement_quote(c->m->arena, s);
}

static void lost(const struct context *c, const struct statement *s, const char *what)
{
	convert_note(c->m->notes, CONVERT_LOST, at(c, s), "%s: %s", words(c, s), what);
}

/* The neighbor or peer group of a name. */
static struct convert_part *peer(struct context *c, const struct statement *s, const char *name)
{
	struct convert_part *p;

	if (!convert_is_address(name))
		return convert_part_need(c->m, "peer-groups", convert_name(c->m, name), at(c, s));
	for (p = NULL; (p = convert_part_next(c->m, p, "neighbors")) != NULL;)
		if (p->name && strcmp(p->name, name) == 0)
			return p;
	p = convert_part_add(c->m, "neighbors", convert_text(c->m, "%s", name), at(c, s));
	convert_set(c->m, p, "address", name, at(c, s), words(c, s));
	return p;
}

static void set(
	struct context *c, const struct statement *s, const char *who, const char *key, const char *text)
{
	convert_set(c->m, peer(c, s, who), key, text, at(c, s), words(c, s));
}

/* What the other program's own state is, kept beside the settings of ours. */
static void mark(struct context *c, const struct statement *s, const char *key, const char *text)
{
	convert_put(c->m, convert_part_need(c->m, "frr", NULL, at(c, s)), key, text, at(c, s));
}

static const char *marked(const struct convert_model *m, const char *key, const char *otherwise)
{
	const char *text = convert_get(convert_part_find(m, "frr", NULL), key);

	return text ? text : otherwise;
}

/* --- the router --- */

static void router_bgp(struct context *c, const struct statement *s, const char **a)
{
	bool has_more = a[1] && *a[1];

	c->block = has_more ? OTHER : BGP;
	c->in_family = false;
	if (has_more)
		lost(c, s, "a second instance is a second daemon; start it in the VRF (ip vrf exec)");
	else
		convert_router_as(c->m, a[0], at(c, s));
}

static void router(struct context *c, const struct statement *s, const char *key, const char *text)
{
	convert_set(
		c->m, convert_part_need(c->m, "router", NULL, at(c, s)), key, text, at(c, s), words(c, s));
}

static void router_id(struct context *c, const struct statement *s, const char **a)
{
	router(c, s, "router-id", a[0]);
}

static void cluster_id(struct context *c, const struct statement *s, const char **a)
{
	const char *id = a[0];

	if (convert_is_number(id)) {
		unsigned long v = 0;

		for (const char *p = id; *p; p++)
			v = v * 10 + (unsigned long)(*p - '0');
		id = convert_text(
			c->m, "%lu.%lu.%lu.%lu", v >> 24 & 255, v >> 16 & 255, v >> 8 & 255, v & 255);
	}
	router(c, s, "cluster-id", id);
}

static void always_med(struct context *c, const struct statement *s, const char **a)
{
	(void)a;
	router(c, s, "always-compare-med", "true");
}

static void relax(struct context *c, const struct statement *s, const char **a)
{
	(void)a;
	router(c, s, "as-path-relax", "true");
}

static void router_timers(struct context *c, const struct statement *s, const char **a)
{
	mark(c, s, "keepalive", a[0]);
	mark(c, s, "hold", a[1]);
}

static void listen_range(struct context *c, const struct statement *s, const char **a)
{
	struct convert_part *p = convert_part_add(c->m, "dynamic-neighbors", NULL, at(c, s));

	if (convert_set(c->m, p, "prefix", a[0], at(c, s), words(c, s)))
		convert_put(c->m, p, "peer-group", peer(c, s, a[1])->name, at(c, s));
}

static void listen_limit(struct context *c, const struct statement *s, const char **a)
{
	mark(c, s, "limit", a[0]);
}

static void no_ipv4(struct context *c, const struct statement *s, const char **a)
{
	(void)a;
	mark(c, s, "ipv4", "no");
}

/* FRR has a number for iBGP and one for eBGP, in each family. */
static void maximum_paths(struct context *c, const struct statement *s, const char **a)
{
	const char *before = convert_get(convert_part_find(c->m, "router", NULL), "multipath-max");

	if (before && strcmp(before, a[0]) != 0)
		lost(c, s,
			convert_text(c->m, "router.multipath-max is one for all paths, and is %s", before));
	else
		router(c, s, "multipath-max", a[0]);
}

static void profile(struct context *c, const struct statement *s, const char **a)
{
	mark(c, s, "profile", a[0]);
}

/* --- neighbors --- */

static void define_group(struct context *c, const struct statement *s, const char **a)
{
	peer(c, s, a[0]);
}

static void join_group(struct context *c, const struct statement *s, const char **a)
{
	struct convert_part *p = peer(c, s, a[0]);

	if (strcmp(p->section, "peer-groups") == 0)
		lost(c, s, "a peer group is in no other; write what it shares with that into both");
	else
		convert_put(c->m, p, "peer-group", peer(c, s, a[1])->name, at(c, s));
}

static void password(struct context *c, const struct statement *s, const char **a)
{
	convert_set(c->m, peer(c, s, a[0]), "password", a[1], at(c, s), "neighbor password");
}

/* FRR sends keepalives at least three times in a hold time, whatever is written. */
static void set_timers(struct convert_model *m, struct convert_part *p, const char *keepalive,
	const char *hold, struct convert_place at)
{
	if (!convert_set(m, p, "hold-time", hold, at, "timers"))
		return;
	if (convert_is_number(keepalive) && strtoul(keepalive, NULL, 10) * 3 <= strtoul(hold, NULL, 10))
		convert_set(m, p, "keepalive-interval", keepalive, at, "timers");
	else
		convert_note(m->notes, CONVERT_REMARK, at,
			"a keepalive of %s s is more than a third of the hold time, which FRR and rrd take "
			"instead",
			keepalive);
}

static void timers(struct context *c, const struct statement *s, const char **a)
{
	set_timers(c->m, peer(c, s, a[0]), a[1], a[2], at(c, s));
}

static void connect_timer(struct context *c, const struct statement *s, const char **a)
{
	convert_connect_retry(c->m, peer(c, s, a[0]), a[1], at(c, s), words(c, s));
}

static void update_source(struct context *c, const struct statement *s, const char **a)
{
	if (convert_is_address(a[1]))
		set(c, s, a[0], "local-address", a[1]);
	else
		lost(c, s, "rrd connects from an address; write that of the interface: local-address");
}

static void shutdown_peer(struct context *c, const struct statement *s, const char **a)
{
	set(c, s, a[0], "enabled", "false");
	if (a[1] && *a[1])
		lost(c, s, "a text for the peer is given when the session is cleared (rrctl clear neighbor)");
}

static void multihop(struct context *c, const struct statement *s, const char **a)
{
	set(c, s, a[0], "multihop-ttl", *a[1] ? a[1] : "255");
}

static bool has_word(const char *list, const char *word)
{
	return list && strstr(list, word);
}

static void activate(struct context *c, const struct statement *s, const char **a)
{
	struct convert_part *p = peer(c, s, a[0]);

	if (!c->family)
		lost(c, s, "rrd speaks ipv4-unicast and ipv6-unicast only");
	else if (!has_word(convert_get(p, "families"), c->family))
		convert_list_add(c->m, p, "families", c->family, at(c, s));
}

static void no_activate(struct context *c, const struct statement *s, const char **a)
{
	if (c->family && strcmp(c->family, "ipv4-unicast") == 0)
		convert_put(c->m, peer(c, s, a[0]), "no-ipv4", "yes", at(c, s));
}

static void maximum_prefix(struct context *c, const struct statement *s, const char **a)
{
	set(c, s, a[0], "import.max-prefixes", a[1]);
	if (a[2] && strstr(a[2], "warning-only"))
		lost(c, s, "a peer beyond import.max-prefixes is sent Cease");
}

static void enter_family(struct context *c, const struct statement *s, const char **a)
{
	bool ours = !a[1] || !*a[1] || strcmp(a[1], "unicast") == 0;

	c->in_family = true;
	c->family = ours && strcmp(a[0], "ipv4") == 0	? "ipv4-unicast"
		    : ours && strcmp(a[0], "ipv6") == 0 ? "ipv6-unicast"
							: NULL;
	if (!c->family)
		lost(c, s, "rrd speaks ipv4-unicast and ipv6-unicast; the lines of the block go with it");
}

static const struct rule bgp_rules[] = {
	{ "bgp router-id %", .call = router_id },
	{ "bgp cluster-id %", .call = cluster_id },
	{ "bgp always-compare-med", .call = always_med },
	{ "bgp bestpath as-path multipath-relax *", .call = relax },
	{ "bgp listen range % peer-group %", .call = listen_range },
	{ "bgp listen limit %", .call = listen_limit },
	{ "bgp log-neighbor-changes" },
	{ "bgp graceful-restart *",
		.what = "rrd has no graceful restart; what was heard is withdrawn when the session ends" },
	{ "no bgp default ipv4-unicast", .call = no_ipv4 },
	{ "no bgp ebgp-requires-policy|network import-check|suppress-duplicates" },
	{ "no bgp network import-check" },
	{ "no bgp enforce-first-as" },
	{ "no auto-summary|synchronization" },
	{ "timers bgp % %", .call = router_timers },
	{ "maximum-paths %", .call = maximum_paths },
	{ "maximum-paths ibgp % *", .call = maximum_paths },
	{ "network *", .what = "rrd announces nothing of its own; lb-announcer announces prefixes" },
	{ "redistribute *",
		.what = "rrd announces no routes of the kernel; lb-announcer announces prefixes" },
	{ "address-family % *", .call = enter_family },
	{ "neighbor % peer-group", .call = define_group },
	{ "neighbor % peer-group %", .call = join_group },
	{ "neighbor % remote-as %", "peer-as" },
	{ "neighbor % description *", "description" },
	{ "neighbor % password %", .call = password },
	{ "neighbor % timers connect %", .call = connect_timer },
	{ "neighbor % timers % %", .call = timers },
	{ "neighbor % update-source %", .call = update_source },
	{ "neighbor % passive", "passive", "true" },
	{ "neighbor % port %", "port" },
	{ "neighbor % shutdown *", .call = shutdown_peer },
	{ "neighbor % ttl-security hops %", "ttl-security-hops" },
	{ "neighbor % ebgp-multihop *", .call = multihop },
	{ "neighbor % advertisement-interval %", "advertisement-interval" },
	{ "neighbor % capability extended-nexthop", "extended-next-hop", "true" },
	{ "neighbor % capability dynamic" },
	{ "neighbor % disable-connected-check" },
	{ "neighbor % route-reflector-client", "route-reflector-client", "true" },
	{ "neighbor % next-hop-self *", "next-hop-self", "true" },
	{ "neighbor % addpath-tx-all-paths", "add-paths.send", "all" },
	{ "neighbor % disable-addpath-rx", "add-paths.receive", "false" },
	{ "neighbor % maximum-prefix % *", .call = maximum_prefix },
	{ "neighbor % soft-reconfiguration inbound" },
	{ "neighbor % send-community *" },
	{ "neighbor % activate", .call = activate },
	{ "no neighbor % activate", .call = no_activate },
	{ "no neighbor % send-community *", .what = "rrd reflects communities as they are" },
	{ "neighbor % bfd *",
		.what = "rrd does not speak BFD; a hold time of 3 to 9 s finds a silent death" },
	{ "neighbor % route-map|prefix-list|filter-list|distribute-list *", .what = filters },
	{ "neighbor % addpath-tx-bestpath-per-AS", .what = "add-paths.send is all, multipath or best N" },
	{ "neighbor % local-as *", .what = "router.as is one for all neighbors" },
	{ "neighbor % interface *", .what = "rrd knows its neighbors by address; write it under neighbors" },
	{ "neighbor % route-server-client", .what = "rrd is a reflector and no route server" },
	{ "exit-address-family|exit *" },
	{ NULL },
};

static void syslog_(struct context *c, const struct statement *s, const char **a)
{
	(void)a;
	convert_set(
		c->m, convert_part_need(c->m, "log", NULL, at(c, s)), "to", "syslog", at(c, s), words(c, s));
}

static const struct rule top_rules[] = {
	{ "router bgp % *", .call = router_bgp },
	{ "frr defaults %", .call = profile },
	{ "frr version *" },
	{ "log syslog *", .call = syslog_ },
	{ "log stdout|timestamp *" },
	{ "log *", .what = "rrd writes to the journal, standard error or syslog (log.to)" },
	{ "hostname|service|line|end|exit|exit-vrf *" },
	{ "password|enable|username *",
		.what = "access to rrctl is by the control socket's group (control.group)" },
	{ "ip|ipv6 forwarding" },
	{ "no ip|ipv6 forwarding",
		.what = "the kernel's settings are checked by rrd where fib.enabled (fib.sysctls)" },
	{ "ip|ipv6|bgp|no *", .what = other_block },
	{ NULL },
};

static void apply(struct context *c, const struct rule *rules, const struct statement *s)
{
	const char *a[STATEMENT_ARGUMENTS_MAX] = { 0 };

	while (rules->pattern && !statement_match(c->m->arena, s, rules->pattern, a))
		rules++;
	if (!rules->pattern)
		lost(c, s, c->block == BGP ? unknown : other_block);
	else if (rules->call)
		rules->call(c, s, a);
	else if (rules->key)
		set(c, s, a[0], rules->key, rules->value ? rules->value : a[1]);
	else if (rules->what)
		lost(c, s, rules->what);
	if (!rules->pattern && c->block == TOP)
		c->block = OTHER;
}

/* Words that begin a block of their own wherever they stand. */
static bool begins_block(const struct statement *s)
{
	static const char *const begins[] = { "router", "interface", "vrf", "route-map", "line", "frr",
		"hostname", "log", "ip", "ipv6", "access-list", "key", "bfd", "service", "segment-routing",
		"rpki", "end", "password", "enable", "username", "debug" };

	for (size_t i = 0; i < sizeof(begins) / sizeof(begins[0]); i++)
		if (strcmp(s->words[0], begins[i]) == 0)
			return true;
	return strcmp(s->words[0], "bgp") == 0 && s->count > 1 &&
	       (strcmp(s->words[1], "as-path") == 0 || strstr(s->words[1], "community-list"));
}

static bool is(const struct statement *s, const char *word)
{
	return s->count == 1 && strcmp(s->words[0], word) == 0;
}

bool frr_read(struct convert_model *m, const char *text, size_t len)
{
	struct context c = { .m = m, .family = "ipv4-unicast" };
	const struct statement *root = statement_parse_lines(m->arena, text, len, m->errs);

	for (const struct statement *s = root ? root->first : NULL; s; s = s->next) {
		if (begins_block(s)) {
			c.block = TOP;
			c.in_family = false;
			c.family = "ipv4-unicast";
		}
		if (c.block == BGP && (is(s, "exit-address-family") || (c.in_family && is(s, "exit")))) {
			c.in_family = false;
			c.family = "ipv4-unicast";
		} else if (c.block != TOP && is(s, "exit")) {
			c.block = TOP;
		} else if (c.block == OTHER ||
			   (c.in_family && !c.family && strcmp(s->words[0], "address-family") != 0)) {
			continue;
		} else {
			apply(&c, c.block == BGP ? bgp_rules : top_rules, s);
		}
	}
	return root != NULL;
}

/* --- all files read --- */

/* The families of a neighbor or of a range's group: IPv4 unless that was switched off, and what was activated. */
static void families(struct convert_model *m, struct convert_part *p)
{
	const struct convert_part *group = convert_group_of(m, p);
	const char *own = convert_get(p, "families") ? convert_get(p, "families")
						     : convert_get(group, "families");
	bool ipv4 = has_word(own, "ipv4") || strcmp(marked(m, "ipv4", "yes"), "yes") == 0;

	if (convert_get(p, "no-ipv4") || convert_get(group, "no-ipv4"))
		ipv4 = false;
	if (!ipv4 && !has_word(own, "ipv6"))
		convert_note(m->notes, CONVERT_LOST, p->at,
			"%s has no address family activated, so FRR speaks of no routes; rrd offers both "
			"families: set families",
			p->name ? p->name : "the range");
	else
		convert_put(m, p, "families",
			!ipv4			? "ipv6-unicast"
			: has_word(own, "ipv6") ? "ipv4-unicast, ipv6-unicast"
						: "ipv4-unicast",
			p->at);
}

static void defaults(struct convert_model *m, struct convert_part *p)
{
	bool datacenter = strcmp(marked(m, "profile", "traditional"), "datacenter") == 0;

	families(m, p);
	convert_default(m, p, "add-paths.receive", "true");
	if (!convert_get(p, "hold-time") && !convert_get(convert_group_of(m, p), "hold-time")) {
		set_timers(m, p, marked(m, "keepalive", datacenter ? "3" : "60"),
			marked(m, "hold", datacenter ? "9" : "180"), p->at);
	}
}

static void limits(struct convert_model *m)
{
	const struct convert_setting *limit = convert_setting(convert_part_find(m, "frr", NULL), "limit");
	struct convert_part *p = NULL;
	size_t ranges = 0;

	for (; (p = convert_part_next(m, p, "dynamic-neighbors")) != NULL; ranges++) {
		if (limit)
			convert_set(m, p, "limit", limit->text, limit->at, "bgp listen limit");
		else
			convert_put(m, p, "limit", "100", p->at);
	}
	if (ranges > 1)
		convert_note(m->notes, CONVERT_REMARK,
			limit ? limit->at : convert_part_find(m, "dynamic-neighbors", NULL)->at,
			"FRR's listen limit is of all ranges together, ours of each range");
}

void frr_finish(struct convert_model *m)
{
	const struct convert_part *ours = convert_part_find(m, "router", NULL);
	struct convert_part *p = NULL;

	while ((p = convert_part_next(m, p, "neighbors")) != NULL)
		defaults(m, p);
	while ((p = convert_part_next(m, p, "peer-groups")) != NULL)
		if (convert_group_has_range(m, p))
			defaults(m, p);
	limits(m);
	if (!ours)
		return;
	convert_put(m, convert_part_need(m, "fib", NULL, ours->at), "enabled", "true", ours->at);
	convert_note(m->notes, CONVERT_REMARK, ours->at,
		"FRR puts routes into the kernel, so fib.enabled is true; a reflector that forwards no "
		"packets wants false");
}
