/*
 * BIRD 2's configuration as rrd.conf: protocols and templates of BGP, the kernel protocol, the router id.
 *
 * A template becomes a peer group, a protocol a neighbor; one with "neighbor range" a dynamic range with a peer group of
 * its own. Where BIRD's default is not ours (the hold time; a channel exports nothing unless told), it is written out.
 * BIRD's language of filters is not translated: that a filter was there is a note.
 */
#include "convert/common.h"
#include "convert/reader.h"
#include "convert/statement.h"

#include <string.h>

struct context {
	struct convert_model *m;
	struct statement *root;
	struct convert_part *part;  /* the neighbor, or the group of a range or template */
	struct convert_part *range; /* of "neighbor range" */
};

struct rule {
	const char *pattern;
	const char *key;
	const char *value; /* NULL: the first argument */
	const char *what;
	void (*call)(struct context *c, const struct statement *s, const char **a);
};

static const char unknown[] = "rrctl knows no key of ours for this; rrd.conf(5) has all there are";
static const char filters[] =
	"filters are not translated: every route passes now; write import.prefixes, import.next-hops "
	"or export.prefixes";

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
	convert_note(
		c->m->notes, CONVERT_LOST, at(c, s), "%s%s: %s", words(c, s), s->block ? " { }" : "", what);
}

static void set(struct context *c, const struct statement *s, const char *key, const char *text)
{
	convert_set(c->m, c->part, key, text, at(c, s), words(c, s));
}

static void apply_one(struct context *c, const struct rule *rules, const struct statement *s)
{
	const char *a[STATEMENT_ARGUMENTS_MAX] = { 0 };

	if (!s->count)
		return;
	while (rules->pattern && !statement_match(c->m->arena, s, rules->pattern, a))
		rules++;
	if (!rules->pattern)
		lost(c, s, unknown);
	else if (rules->call)
		rules->call(c, s, a);
	else if (rules->key)
		set(c, s, rules->key, rules->value ? rules->value : a[0]);
	else if (rules->what)
		lost(c, s, rules->what);
}

static void apply(struct context *c, const struct rule *rules, const struct statement *block)
{
	for (const struct statement *s = block->first; s; s = s->next)
		apply_one(c, rules, s);
}

/* --- channels --- */

static void add_paths(struct context *c, const struct statement *s, const char **a)
{
	bool both = convert_truth(a[0]);

	if (both || strcmp(a[0], "tx") == 0)
		set(c, s, "add-paths.send", "all");
	if (both || strcmp(a[0], "rx") == 0)
		set(c, s, "add-paths.receive", "true");
	if (strcmp(a[0], "off") == 0 || strcmp(a[0], "no") == 0) {
		set(c, s, "add-paths.send", "none");
		set(c, s, "add-paths.receive", "false");
	}
}

/* A policy of the channel; ours is of the session. */
static void policy(struct context *c, const struct statement *s, const char **a)
{
	const char *key = s->words[0], *before = convert_get(c->part, key);
	bool none = strcmp(a[0], "none") == 0, all = strcmp(a[0], "all") == 0;

	if (!none && !all)
		lost(c, s, filters);
	if (before && (strcmp(before, "none") == 0) != none)
		lost(c, s,
			"import and export are of the session with rrd, and no other channel has it so; give "
			"the families "
			"sessions of their own");
	else
		set(c, s, key, none ? "none" : "all");
}

static void import_limit(struct context *c, const struct statement *s, const char **a)
{
	if (strcmp(a[0], "off") == 0)
		return;
	set(c, s, "import.max-prefixes", a[0]);
	if (*a[1] && strcmp(a[1], "action restart") != 0 && strcmp(a[1], "action disable") != 0)
		lost(c, s, "a peer beyond import.max-prefixes is sent Cease");
}

static void truth(struct context *c, const struct statement *s, const char *key, const char *text)
{
	set(c, s, key, convert_truth(text) ? "true" : "false");
}

static void next_hop_self(struct context *c, const struct statement *s, const char **a)
{
	if (strcmp(a[0], "ibgp") == 0 || strcmp(a[0], "ebgp") == 0)
		lost(c, s, "next-hop-self is for all routes to a peer, whoever they came from");
	else
		truth(c, s, "next-hop-self", a[0]);
}

static void extended_next_hop(struct context *c, const struct statement *s, const char **a)
{
	truth(c, s, "extended-next-hop", a[0]);
}

static const struct rule channel_rules[] = {
	{ "add paths %", .call = add_paths },
	{ "import|receive limit % *", .call = import_limit },
	{ "import|export *", .call = policy },
	{ "next hop self *", .call = next_hop_self },
	{ "next hop keep *", .what = "an internal peer is sent next hops as they are, an external one always "
				     "our own address" },
	{ "extended next hop *", .call = extended_next_hop },
	{ "preference *", .what = "rrd compares paths of BGP only" },
	{ "table *", .what = "rrd has one table; a second table is a second daemon" },
	{ "gateway|igp *", .what = "next hops are looked up in the kernel's table" },
	{ "import|export table *" },
	{ "mandatory *" },
	{ NULL },
};

static void channel(struct context *c, const struct statement *s, const char **a)
{
	const char *families = convert_get(c->part, "families");
	const char *family = strcmp(s->words[0], "ipv4") == 0 ? "ipv4-unicast" : "ipv6-unicast";

	(void)a;
	if (!families || !strstr(families, family))
		convert_list_add(c->m, c->part, "families", family, at(c, s));
	apply(c, channel_rules, s);
}

/* --- sessions --- */

static void neighbor_port(struct context *c, const struct statement *s, const char *port)
{
	if (strcmp(s->words[0], "neighbor") == 0)
		set(c, s, "port", port);
	else if (strcmp(port, "179") != 0)
		lost(c, s, "the port to listen on is one for all neighbors: listen[].port");
}

static void ends_as(struct context *c, const struct statement *s, const char *as)
{
	if (strcmp(s->words[0], "neighbor") == 0)
		set(c, s, "peer-as", as);
	else
		convert_router_as(c->m, as, at(c, s));
}

/* "neighbor ADDRESS port N as N", "neighbor range PREFIX as N", "local ADDRESS as N". */
static void ends(struct context *c, const struct statement *s, const char **a)
{
	bool neighbor = strcmp(s->words[0], "neighbor") == 0;

	(void)a;
	for (size_t i = 1; i < s->count; i++) {
		const char *word = s->words[i], *next = i + 1 < s->count ? s->words[i + 1] : "";

		if (strcmp(word, "as") == 0 && ++i)
			ends_as(c, s, next);
		else if (strcmp(word, "port") == 0 && ++i)
			neighbor_port(c, s, next);
		else if (neighbor && c->range && strcmp(word, "range") == 0 && ++i)
			convert_set(c->m, c->range, "prefix", next, at(c, s), words(c, s));
		else if (neighbor && (strcmp(word, "internal") == 0 || strcmp(word, "external") == 0))
			set(c, s, "peer-as", word);
		else if (!convert_is_address(word))
			lost(c, s, convert_text(c->m, "%s is nothing that rrctl knows here", word));
		else if (!neighbor)
			set(c, s, "local-address", word);
		else if (strcmp(c->part->section, "neighbors") == 0)
			set(c, s, "address", word);
		else
			lost(c, s,
				"a template's neighbor has no place in a peer group; write it under "
				"neighbors");
	}
}

static void cluster_id(struct context *c, const struct statement *s, const char **a)
{
	convert_router_once(c->m, "cluster-id", a[0], at(c, s), words(c, s));
}

static void session_router_id(struct context *c, const struct statement *s, const char **a)
{
	convert_router_once(c->m, "router-id", a[0], at(c, s), words(c, s));
}

static void connect_retry(struct context *c, const struct statement *s, const char **a)
{
	convert_connect_retry(c->m, c->part, a[0], at(c, s), words(c, s));
}

static void error_wait(struct context *c, const struct statement *s, const char **a)
{
	set(c, s, "idle-hold-time", a[0]);
	set(c, s, "idle-hold-time-max", a[1]);
}

static void password(struct context *c, const struct statement *s, const char **a)
{
	convert_set(c->m, c->part, "password", a[0], at(c, s), "password");
}

static void disabled(struct context *c, const struct statement *s, const char **a)
{
	set(c, s, "enabled", convert_truth(a[0]) ? "false" : "true");
}

static void client(struct context *c, const struct statement *s, const char **a)
{
	truth(c, s, "route-reflector-client", a[0]);
}

static void passive(struct context *c, const struct statement *s, const char **a)
{
	truth(c, s, "passive", a[0]);
}

static void extended_messages(struct context *c, const struct statement *s, const char **a)
{
	truth(c, s, "extended-messages", a[0]);
}

static void route_refresh(struct context *c, const struct statement *s, const char **a)
{
	truth(c, s, "route-refresh", a[0]);
}

/* GTSM over "multihop N" allows N hops. */
static void ttl_security(struct context *c, const struct statement *s, const char **a)
{
	if (convert_truth(a[0]))
		convert_put(c->m, c->part, "gtsm", "on", at(c, s));
}

static void multihop(struct context *c, const struct statement *s, const char **a)
{
	if (*a[0])
		set(c, s, "multihop-ttl", a[0]);
}

static void if_true(struct context *c, const struct statement *s, const char **a)
{
	if (convert_truth(a[0]))
		lost(c, s, unknown);
}

static const struct rule session_rules[] = {
	{ "local|neighbor *", .call = ends },
	{ "ipv4|ipv6", .call = channel },
	{ "router id %", .call = session_router_id },
	{ "rr cluster id %", .call = cluster_id },
	{ "rr client *", .call = client },
	{ "hold time %", "hold-time" },
	{ "keepalive time %", "keepalive-interval" },
	{ "send hold time %", "send-hold-time" },
	{ "connect retry time %", .call = connect_retry },
	{ "startup hold time %", .what = "hold-time is asked for from the first message on" },
	{ "connect delay time %", .what = "rrd connects at once; connect-retry is the wait after a failure" },
	{ "error wait time % , %", .call = error_wait },
	{ "error forget time %", .what = "the wait begins anew with idle-hold-time once a session was up" },
	{ "passive *", .call = passive },
	{ "password %", .call = password },
	{ "authentication md5|none" },
	{ "source address %", "local-address" },
	{ "description *", "description" },
	{ "disabled *", .call = disabled },
	{ "multihop *", .call = multihop },
	{ "direct *" },
	{ "ttl security *", .call = ttl_security },
	{ "enable route refresh *", .call = route_refresh },
	{ "enable extended messages *", .call = extended_messages },
	{ "enable as4 *" },
	{ "graceful restart off|no|aware" },
	{ "graceful restart *",
		.what = "rrd has no graceful restart; what was heard is withdrawn when the session ends" },
	{ "long lived graceful restart *", .what = "rrd has no graceful restart" },
	{ "bfd off|no" },
	{ "bfd *", .what = "rrd does not speak BFD; a hold time of 3 to 9 s finds a silent death" },
	{ "dynamic name *", .what = "rrd names neighbors by their address" },
	{ "dynamic name digits *", .what = "rrd names neighbors by their address" },
	{ "strict bind *", .what = "which addresses are listened on is said under listen" },
	{ "check link *", .what = "the session ends by its hold time" },
	{ "interface *", .what = "rrd knows its neighbors by address" },
	{ "med metric|prefer older|deterministic med|secondary|rs client|allow bgp_local_pref *",
		.call = NULL, .what = unknown },
	{ "interpret communities *", .what = "rrd heeds NO_EXPORT, NO_ADVERTISE and NO_EXPORT_SUBCONFED" },
	{ "capabilities|advertise %", .call = if_true },
	{ "debug *", .what = "log.debug-neighbors and rrctl log debug tell what sessions do" },
	{ NULL },
};

static struct convert_part *template_of(struct context *c, const struct statement *s, const char *name)
{
	struct convert_part *group = name ? convert_part_find(c->m, "peer-groups", convert_name(c->m, name))
					  : NULL;

	if (name && !group)
		lost(c, s, "no template of this name stands before it in the files");
	return group;
}

/* What depends on more than one statement of the protocol, or holds where there is none. */
static void complete(struct context *c, const struct statement *s, const struct convert_part *template)
{
	struct convert_part *p = c->part;
	const char *own = convert_get(p, "families"), *theirs = convert_get(template, "families");
	const char *gtsm = convert_get(p, "gtsm") ? convert_get(p, "gtsm") : convert_get(template, "gtsm");
	const struct convert_setting *hops = convert_setting(p, "multihop-ttl");

	if (own && theirs && strcmp(own, theirs) != 0)
		convert_put(c->m, p, "families", "ipv4-unicast, ipv6-unicast", at(c, s));
	if (!own && !theirs)
		lost(c, s,
			"no channel (ipv4, ipv6), so BIRD speaks of no routes; rrd offers both families: set "
			"families");
	if (!convert_get(p, "export") && !convert_get(template, "export") && (own || theirs))
		convert_put(c->m, p, "export", "none", at(c, s));
	if (!convert_get(p, "hold-time") && !convert_get(template, "hold-time"))
		convert_put(c->m, p, "hold-time", "240", at(c, s));
	if (!hops)
		hops = convert_setting(template, "multihop-ttl");
	if (gtsm) {
		convert_set(c->m, p, "ttl-security-hops", hops ? hops->text : "1", at(c, s), "ttl security");
		convert_put(c->m, p, "multihop-ttl", hops ? "0" : NULL, at(c, s));
	}
}

static bool has_range(const struct statement *block)
{
	for (const struct statement *s = block->first; s; s = s->next)
		if (s->count > 1 && strcmp(s->words[0], "neighbor") == 0 && strcmp(s->words[1], "range") == 0)
			return true;
	return false;
}

/* protocol bgp [NAME] [from TEMPLATE] */
static void protocol_bgp(struct context *c, const struct statement *s, const char **a)
{
	size_t from = 2;
	const char *name = s->count > 2 && strcmp(s->words[2], "from") != 0 ? s->words[2] : NULL;
	struct convert_part *template;

	(void)a;
	while (from < s->count && strcmp(s->words[from], "from") != 0)
		from++;
	template = template_of(c, s, from + 1 < s->count ? s->words[from + 1] : NULL);
	if (has_range(s)) {
		const char *group = convert_name(
			c->m, name ? name : convert_text(c->m, "bgp-line-%u", s->line));

		c->range = convert_part_add(c->m, "dynamic-neighbors", NULL, at(c, s));
		c->part = convert_part_add(c->m, "peer-groups", group, at(c, s));
		convert_put(c->m, c->range, "peer-group", group, at(c, s));
		apply(c, session_rules, s);
		complete(c, s, template);
		convert_inherit(c->m, c->part, template);
		c->range = NULL;
		return;
	}
	c->part = convert_part_add(c->m, "neighbors", NULL, at(c, s));
	if (template)
		convert_put(c->m, c->part, "peer-group", template->name, at(c, s));
	apply(c, session_rules, s);
	complete(c, s, template);
	if (name && !convert_get(c->part, "description") && !convert_get(template, "description"))
		convert_put(c->m, c->part, "description", name, at(c, s));
}

static void template_bgp(struct context *c, const struct statement *s, const char **a)
{
	struct convert_part *base = template_of(c, s, a[1]);

	c->part = convert_part_add(c->m, "peer-groups", convert_name(c->m, a[0]), at(c, s));
	apply(c, session_rules, s);
	convert_inherit(c->m, c->part, base);
}

/* --- the kernel --- */

static void kernel_export(struct context *c, const struct statement *s, const char **a)
{
	if (strcmp(a[0], "none") == 0)
		return;
	set(c, s, "enabled", "true");
	if (strcmp(a[0], "all") != 0)
		lost(c, s,
			"filters are not translated: what passes import reaches the kernel; write "
			"import.prefixes of the peers");
}

static const struct rule kernel_channel_rules[] = {
	{ "export *", .call = kernel_export },
	{ "import none" },
	{ "import *", .what = "rrd announces no routes of the kernel" },
	{ "table *", .what = "rrd has one table; a second table is a second daemon" },
	{ NULL },
};

static void kernel_channel(struct context *c, const struct statement *s, const char **a)
{
	(void)a;
	apply(c, kernel_channel_rules, s);
}

static void merge_paths(struct context *c, const struct statement *s, const char **a)
{
	if (convert_truth(a[0]))
		convert_put(c->m, c->part, "merge", *a[1] ? a[1] + strspn(a[1], "limit ") : "16", at(c, s));
}

static void kernel_table(struct context *c, const struct statement *s, const char **a)
{
	const char *before = convert_get(c->part, "table");

	if (before && strcmp(before, a[0]) != 0)
		lost(c, s, "rrd writes into one table; a second table is a second daemon");
	else
		set(c, s, "table", a[0]);
}

static const struct rule kernel_rules[] = {
	{ "ipv4|ipv6", .call = kernel_channel },
	{ "metric %", "metric" },
	{ "kernel table %", .call = kernel_table },
	{ "merge paths % *", .call = merge_paths },
	{ "merge paths", .call = NULL, .what = "merge paths needs on or off here" },
	{ "persist *", "on-exit", "keep" },
	{ "scan time %" },
	{ "learn *", .what = "rrd announces no routes of the kernel" },
	{ "device routes *", .what = "rrd announces no routes of the kernel" },
	{ "graceful restart *" },
	{ NULL },
};

/* One that exports nothing into the kernel leaves no part behind. */
static void protocol_kernel(struct context *c, const struct statement *s, const char **a)
{
	(void)a;
	c->part = convert_part_need(c->m, "fib", NULL, at(c, s));
	apply(c, kernel_rules, s);
}

/* --- the whole --- */

static void log_to(struct context *c, const struct statement *s, const char **a)
{
	const char *to = strcmp(a[0], "syslog") == 0 ? "syslog" : "stderr";

	c->part = convert_part_need(c->m, "log", NULL, at(c, s));
	if (strcmp(a[0], "syslog") != 0 && strcmp(a[0], "stderr") != 0)
		lost(c, s, "rrd writes to the journal, standard error or syslog (log.to)");
	else
		set(c, s, "to", to);
}

static void router_id(struct context *c, const struct statement *s, const char **a)
{
	c->part = convert_part_need(c->m, "router", NULL, at(c, s));
	set(c, s, "router-id", a[0]);
}

static void protocol_direct(struct context *c, const struct statement *s, const char **a)
{
	(void)a;
	convert_note(c->m->notes, CONVERT_REMARK, at(c, s),
		"protocol direct: rrd looks next hops up in the kernel and needs nothing for that; routes of "
		"interfaces are not "
		"announced");
}

static const struct rule top_rules[] = {
	{ "router id %", .call = router_id },
	{ "router id from *", .what = "write the address: router.router-id" },
	{ "log % *", .call = log_to },
	{ "define *" },
	{ "protocol device *" },
	{ "protocol direct *", .call = protocol_direct },
	{ "template bgp %", .call = template_bgp },
	{ "template bgp % from %", .call = template_bgp },
	{ "protocol bgp *", .call = protocol_bgp },
	{ "protocol kernel *", .call = protocol_kernel },
	{ "protocol static *", .what = "rrd announces nothing of its own; lb-announcer announces prefixes" },
	{ "protocol bfd *", .what = "rrd does not speak BFD; a hold time of 3 to 9 s finds a silent death" },
	{ "protocol *", .what = "rrd speaks BGP only" },
	{ "filter|function *", .what = filters },
	{ "include *", .what = "is not followed; name that file on the command line before this one" },
	{ "ipv4|ipv6 table *", .what = "rrd has one table; a second table is a second daemon" },
	{ "debug|mrtdump|timeformat|watchdog *",
		.what = "is said in another way: log, rrctl watch, rrctl metrics" },
	{ NULL },
};

/* --- define --- */

enum { DEFINES_MAX = 256 };

static const char *defined(const struct statement *root, const char *word)
{
	unsigned seen = 0;

	for (const struct statement *s = root->first; s && seen < DEFINES_MAX; s = s->next) {
		if (s->count != 4 || strcmp(s->words[0], "define") != 0)
			continue;
		if (strcmp(s->words[1], word) == 0)
			return s->words[3];
		seen++;
	}
	return word;
}

static bool is_text(const struct statement *s)
{
	return s->count && (strcmp(s->words[0], "password") == 0 || strcmp(s->words[0], "description") == 0 ||
				   strcmp(s->words[0], "define") == 0);
}

static void replace_defined(const struct statement *root, struct statement *block)
{
	for (struct statement *s = block->first; s; s = s->next) {
		for (size_t i = 1; i < s->count && !is_text(s); i++)
			s->words[i] = defined(root, s->words[i]);
		replace_defined(root, s);
	}
}

/* "protocol bgp x { ... } ;" leaves nothing, "define X = 1 + 2" is not computed. */
bool bird_read(struct convert_model *m, const char *text, size_t len)
{
	static const struct statement_syntax syntax = {
		.singles = "[](),=", .c_comments = true, .programs = true
	};
	struct context c = { .m = m, .root = statement_parse(m->arena, &syntax, text, len, m->errs) };

	if (!c.root)
		return false;
	for (const struct statement *s = c.root->first; s; s = s->next)
		if (s->count && strcmp(s->words[0], "define") == 0 && s->count != 4)
			lost(&c, s,
				"only a single value is taken from a definition; write the value where it is "
				"used");
	replace_defined(c.root, c.root);
	apply(&c, top_rules, c.root);
	return true;
}

void bird_finish(struct convert_model *m)
{
	struct convert_part *fib = convert_part_find(m, "fib", NULL);
	const struct convert_setting *merge = convert_setting(fib, "merge");

	if (!fib)
		return;
	if (!convert_get(fib, "enabled")) {
		fib->settings = NULL;
		return;
	}
	if (!convert_get(fib, "metric"))
		convert_put(m, fib, "metric", "32", fib->at);
	convert_set(m, convert_part_need(m, "router", NULL, fib->at), "multipath-max",
		merge ? merge->text : "1", merge ? merge->at : fib->at, "merge paths");
}
