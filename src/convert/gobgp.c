/*
 * GoBGP's configuration: YAML, TOML or JSON of the same keys.
 *
 * One table says of each key of theirs what becomes of it. A key that stands in no row is a note. Keys are compared without
 * regard to case, as GoBGP does.
 */
#include "convert/common.h"
#include "convert/reader.h"
#include "convert/toml.h"

#include "config/yaml.h"

#include <string.h>
#include <strings.h>

enum action {
	OURS,	/* a row ends with it, or: it is so with us without being said */
	SET,	/* a key of ours with the same value */
	TRUTH,	/* the same; yes or no */
	IF_SET, /* lost when it is more than "false", 0 or nothing */
	LOST,
	CALL,
	EACH, /* a list of maps, each with a table of its own */
};

struct context;
struct row {
	const char *path; /* in the map, without the indices of lists */
	enum action action;
	const char *to; /* our key; LOST, IF_SET: what to do */
	void (*call)(struct context *c, const struct config_node *n);
	const struct row *rows; /* EACH */
};

/* What is read just now. */
struct context {
	struct convert_model *m;
	struct convert_part *part; /* of the element of a list */
	const struct row *rows;
	const char *family; /* of the afi-safi */
};

static struct convert_place at(const struct context *c, const struct config_node *n)
{
	return convert_at(c->m, n->key ? n->key_line : n->line);
}

static const char *where(const struct context *c, const struct config_node *n)
{
	char path[CONFIG_PATH_MAX];

	return convert_text(c->m, "%s", config_node_path(n, path));
}

static void lost(const struct context *c, const struct config_node *n, const char *what)
{
	convert_note(c->m->notes, CONVERT_LOST, at(c, n), "%s: %s", where(c, n), what);
}

static bool is_nothing(const struct config_node *n)
{
	for (const struct config_node *c = n->first; c; c = c->next)
		if (!is_nothing(c))
			return false;
	if (n->kind != CONFIG_NODE_SCALAR)
		return true;
	return !*n->text || strcmp(n->text, "0") == 0 || strcasecmp(n->text, "false") == 0 ||
	       strcmp(n->text, "null") == 0;
}

/* A scalar beside n in its map; NULL when there is none. */
static const char *beside(const struct config_node *n, const char *key)
{
	for (const struct config_node *c = n->parent ? n->parent->first : NULL; c; c = c->next)
		if (c->key && c->kind == CONFIG_NODE_SCALAR && strcasecmp(c->key, key) == 0)
			return c->text;
	return NULL;
}

/* --- global --- */

static void set_router(struct context *c, const struct config_node *n, const char *key)
{
	convert_router_once(c->m, key, n->text, at(c, n), where(c, n));
}

static void global_as(struct context *c, const struct config_node *n)
{
	set_router(c, n, "as");
}

static void global_router_id(struct context *c, const struct config_node *n)
{
	set_router(c, n, "router-id");
}

static void global_med(struct context *c, const struct config_node *n)
{
	convert_set(c->m, convert_part_need(c->m, "router", NULL, at(c, n)), "always-compare-med",
		convert_truth(n->text) ? "true" : "false", at(c, n), where(c, n));
}

static void add_listen(struct context *c, const struct config_node *n, const char *address, const char *port)
{
	struct convert_part *p = convert_part_add(c->m, "listen", NULL, at(c, n));

	if (convert_set(c->m, p, "address", address, at(c, n), where(c, n)) && port)
		convert_set(c->m, p, "port", port, at(c, n), where(c, n));
}

static void listen_addresses(struct context *c, const struct config_node *n)
{
	const char *port = beside(n, "port");

	if (port && strcmp(port, "-1") == 0)
		return;
	for (const struct config_node *a = n->first; a; a = a->next) {
		if (a->kind == CONFIG_NODE_SCALAR)
			add_listen(c, a, a->text, port);
		else
			lost(c, a, "not an address");
	}
}

static void listen_port(struct context *c, const struct config_node *n)
{
	if (strcmp(n->text, "-1") == 0) {
		convert_part_add(c->m, "listen", NULL, at(c, n));
		return;
	}
	for (const struct config_node *s = n->parent->first; s; s = s->next)
		if (strcasecmp(s->key, "local-address-list") == 0)
			return;
	if (strcmp(n->text, "179") == 0)
		return;
	add_listen(c, n, "0.0.0.0", n->text);
	add_listen(c, n, "::", n->text);
}

static void multiple_paths(struct context *c, const struct config_node *n)
{
	convert_put(c->m, convert_part_need(c->m, "gobgp", NULL, at(c, n)), "multiple-paths",
		convert_truth(n->text) ? "true" : "false", at(c, n));
}

static void zebra_enabled(struct context *c, const struct config_node *n)
{
	if (convert_truth(n->text))
		convert_set(c->m, convert_part_need(c->m, "fib", NULL, at(c, n)), "enabled", "true", at(c, n),
			where(c, n));
}

/* --- peers --- */

static void set(struct context *c, const struct config_node *n, const char *key, const char *text)
{
	convert_set(c->m, c->part, key, text, at(c, n), where(c, n));
}

static void peer_name(struct context *c, const struct config_node *n)
{
	c->part->name = convert_name(c->m, n->text);
}

static void peer_group(struct context *c, const struct config_node *n)
{
	if (*n->text)
		set(c, n, "peer-group", convert_name(c->m, n->text));
}

static void peer_local_as(struct context *c, const struct config_node *n)
{
	if (!is_nothing(n))
		convert_put(c->m, c->part, "local-as", n->text, at(c, n));
}

static void peer_as(struct context *c, const struct config_node *n)
{
	if (!is_nothing(n))
		set(c, n, "peer-as", n->text);
}

static void peer_password(struct context *c, const struct config_node *n)
{
	if (*n->text)
		set(c, n, "password", n->text);
}

static void peer_down(struct context *c, const struct config_node *n)
{
	if (convert_truth(n->text))
		set(c, n, "enabled", "false");
}

static bool enabled(const struct config_node *n)
{
	const char *text = beside(n, "enabled");

	return text && convert_truth(text);
}

static void peer_multihop(struct context *c, const struct config_node *n)
{
	if (enabled(n))
		set(c, n, "multihop-ttl", n->text);
}

static void peer_ttl(struct context *c, const struct config_node *n)
{
	if (enabled(n))
		set(c, n, "ttl-security-hops", convert_hops(c->m, n->text));
}

/* GoBGP's times are numbers with a fraction, which ours are not: "9.0" is 9. */
static const char *seconds(struct context *c, const char *text)
{
	size_t len = strcspn(text, ".");

	return text[len] && !text[len + 1 + strspn(text + len + 1, "0")]
		       ? convert_text(c->m, "%.*s", (int)len, text)
		       : text;
}

static void peer_time(struct context *c, const struct config_node *n)
{
	static const char *const keys[][2] = { { "hold-time", "hold-time" },
		{ "keepalive-interval", "keepalive-interval" },
		{ "idle-hold-time-after-reset", "idle-hold-time" },
		{ "minimum-advertisement-interval", "advertisement-interval" } };

	for (size_t i = 0; i < sizeof(keys) / sizeof(keys[0]); i++)
		if (strcasecmp(n->key, keys[i][0]) == 0)
			set(c, n, keys[i][1], seconds(c, n->text));
}

static void peer_connect_retry(struct context *c, const struct config_node *n)
{
	convert_connect_retry(c->m, c->part, seconds(c, n->text), at(c, n), where(c, n));
}

static void peer_cluster(struct context *c, const struct config_node *n)
{
	convert_router_once(c->m, "cluster-id", n->text, at(c, n), where(c, n));
}

static void peer_send_max(struct context *c, const struct config_node *n)
{
	if (!is_nothing(n))
		set(c, n, "add-paths.send", convert_text(c->m, "best %s", n->text));
}

static void family_name(struct context *c, const struct config_node *n)
{
	const char *so_far = convert_get(c->part, "families");

	c->family = n->text;
	if (strcmp(n->text, "ipv4-unicast") != 0 && strcmp(n->text, "ipv6-unicast") != 0)
		lost(c, n,
			"rrd speaks ipv4-unicast and ipv6-unicast; a peer that needs another family needs "
			"another daemon");
	else if (!so_far || !strstr(so_far, n->text))
		convert_list_add(c->m, c->part, "families", n->text, at(c, n));
}

static const char applied[] =
	"policies are not translated: every route passes now; write import.prefixes, import.next-hops "
	"and export.prefixes";

static void default_policy(struct context *c, const struct config_node *n)
{
	if (strcasecmp(n->text, "accept-route") != 0)
		lost(c, n, applied);
}

static const struct row family_rows[] = {
	{ "config.afi-safi-name", CALL, .call = family_name },
	{ "config.enabled", OURS },
	{ "add-paths.config.receive", TRUTH, "add-paths.receive" },
	{ "add-paths.config.send-max", CALL, .call = peer_send_max },
	{ "prefix-limit.config.max-prefixes", SET, "import.max-prefixes" },
	{ "prefix-limit.config.shutdown-threshold-pct", IF_SET,
		"rrd warns at no share of import.max-prefixes; watch its metrics" },
	{ "mp-graceful-restart", IF_SET,
		"rrd has no graceful restart; the peer withdraws what it heard when the session ends" },
	{ NULL },
};

#define PEER_ROWS                                                                                            \
	{ "config.peer-as", CALL, .call = peer_as }, { "config.local-as", CALL, .call = peer_local_as },     \
		{ "config.description", SET, "description" }, { "config.peer-type", OURS },                  \
		{ "config.auth-password", CALL, .call = peer_password },                                     \
		{ "config.admin-down", CALL, .call = peer_down }, { "config.send-community", OURS },         \
		{ "config.remove-private-as", IF_SET, "rrd leaves AS paths as they are" },                   \
		{ "config.neighbor-interface", LOST,                                                         \
			"rrd knows its neighbors by address; write it under neighbors" },                    \
		{ "config.vrf", IF_SET,                                                                      \
			"rrd has one table; start it in the VRF (ip vrf exec), one daemon for each" },       \
		{ "timers.config.hold-time", CALL, .call = peer_time },                                      \
		{ "timers.config.keepalive-interval", CALL, .call = peer_time },                             \
		{ "timers.config.connect-retry", CALL, .call = peer_connect_retry },                         \
		{ "timers.config.idle-hold-time-after-reset", CALL, .call = peer_time },                     \
		{ "timers.config.minimum-advertisement-interval", CALL, .call = peer_time },                 \
		{ "transport.config.local-address", SET, "local-address" },                                  \
		{ "transport.config.remote-port", SET, "port" },                                             \
		{ "transport.config.passive-mode", TRUTH, "passive" },                                       \
		{ "transport.config.ttl", SET, "multihop-ttl" }, { "ebgp-multihop.config.enabled", OURS },   \
		{ "ebgp-multihop.config.multihop-ttl", CALL, .call = peer_multihop },                        \
		{ "ttl-security.config.enabled", OURS },                                                     \
		{ "ttl-security.config.ttl-min", CALL, .call = peer_ttl },                                   \
		{ "route-reflector.config.route-reflector-client", TRUTH, "route-reflector-client" },        \
		{ "route-reflector.config.route-reflector-cluster-id", CALL, .call = peer_cluster },         \
		{ "add-paths.config.receive", TRUTH, "add-paths.receive" },                                  \
		{ "add-paths.config.send-max", CALL, .call = peer_send_max },                                \
		{ "afi-safis", EACH, .rows = family_rows },                                                  \
		{ "graceful-restart.config.enabled", IF_SET,                                                 \
			"rrd has no graceful restart; the peer withdraws what it heard when the session "    \
			"ends" },                                                                            \
		{ "graceful-restart.config.restart-time", OURS },                                            \
		{ "graceful-restart.config.notification-enabled", OURS },                                    \
		{ "graceful-restart.config.long-lived-enabled", OURS },                                      \
		{ "route-server.config.route-server-client", IF_SET,                                         \
			"rrd is a reflector and no route server" },                                          \
		{ "apply-policy.config.default-import-policy", CALL, .call = default_policy },               \
		{ "apply-policy.config.default-export-policy", CALL, .call = default_policy },               \
		{ "apply-policy.config.import-policy-list", IF_SET, applied },                               \
		{ "apply-policy.config.export-policy-list", IF_SET, applied },                               \
		{ "apply-policy.config.in-policy-list", IF_SET, applied },                                   \
		{ "graceful-restart.config.deferral-time", OURS },                                           \
	{                                                                                                    \
		NULL                                                                                         \
	}

static const struct row group_rows[] = { { "config.peer-group-name", CALL, .call = peer_name }, PEER_ROWS };
static const struct row neighbor_rows[] = { { "config.neighbor-address", SET, "address" },
	{ "config.peer-group", CALL, .call = peer_group }, PEER_ROWS };
static const struct row range_rows[] = { { "config.prefix", SET, "prefix" },
	{ "config.peer-group", CALL, .call = peer_group }, { NULL } };

static const char policies[] =
	"policies are not translated: write import.prefixes, import.next-hops and export.prefixes of "
	"the peers they are for";

static const struct row top_rows[] = {
	{ "global.config.as", CALL, .call = global_as },
	{ "global.config.router-id", CALL, .call = global_router_id },
	{ "global.config.port", CALL, .call = listen_port },
	{ "global.config.local-address-list", CALL, .call = listen_addresses },
	{ "global.use-multiple-paths.config.enabled", CALL, .call = multiple_paths },
	{ "global.route-selection-options.config.always-compare-med", CALL, .call = global_med },
	{ "global.route-selection-options.config.external-compare-router-id", OURS },
	{ "global.apply-policy.config.default-import-policy", CALL, .call = default_policy },
	{ "global.apply-policy.config.default-export-policy", CALL, .call = default_policy },
	{ "global.apply-policy.config.import-policy-list", IF_SET, applied },
	{ "global.apply-policy.config.export-policy-list", IF_SET, applied },
	{ "zebra.config.enabled", CALL, .call = zebra_enabled },
	{ "zebra.config.url", OURS },
	{ "zebra.config.version", OURS },
	{ "zebra.config.software-name", OURS },
	{ "zebra.config.nexthop-trigger-enable", OURS },
	{ "zebra.config.nexthop-trigger-delay", OURS },
	{ "zebra.config.redistribute-route-type-list", IF_SET,
		"rrd announces no routes of the kernel; announce them with lb-announcer, or from the program "
		"that owns them" },
	{ "zebra.config.mpls-label-range-size", IF_SET, "rrd has no labels" },
	{ "peer-groups", EACH, .rows = group_rows },
	{ "neighbors", EACH, .rows = neighbor_rows },
	{ "dynamic-neighbors", EACH, .rows = range_rows },
	{ "defined-sets", IF_SET, policies },
	{ "policy-definitions", IF_SET, policies },
	{ NULL },
};

/* --- walking --- */

static const struct row *find(const struct row *rows, const char *path, bool *below)
{
	size_t len = strlen(path);

	*below = false;
	for (; rows->path; rows++) {
		if (strcasecmp(rows->path, path) == 0)
			return rows;
		*below |= strncasecmp(rows->path, path, len) == 0 && rows->path[len] == '.';
	}
	return NULL;
}

static void read_map(struct context *c, const struct config_node *map, const char *path);

/* One element of a list: of peers it is a part of its own. */
static void read_element(struct context *c, const struct row *row, const struct config_node *n)
{
	struct context inner = { .m = c->m, .part = c->part, .rows = row->rows };

	if (n->kind != CONFIG_NODE_MAP) {
		lost(c, n, "expected keys with values here");
		return;
	}
	if (row->rows != family_rows)
		inner.part = convert_part_add(c->m, row->path, NULL, at(c, n));
	read_map(&inner, n, "");
}

static void read_known(struct context *c, const struct row *row, const struct config_node *n)
{
	bool scalar = n->kind == CONFIG_NODE_SCALAR;

	if (row->action == EACH && scalar == false) {
		for (const struct config_node *e = n->first; e; e = e->next)
			read_element(c, row, e);
	} else if (row->action == LOST || (row->action == IF_SET && !is_nothing(n))) {
		lost(c, n, row->to);
	} else if (row->action == OURS || row->action == IF_SET) {
		return;
	} else if (scalar != (row->call != listen_addresses) || row->action == EACH) {
		lost(c, n, "not of the kind that GoBGP reads here");
	} else if (row->action == CALL) {
		row->call(c, n);
	} else if (row->action == TRUTH) {
		set(c, n, row->to, convert_truth(n->text) ? "true" : "false");
	} else if (*n->text) {
		set(c, n, row->to, n->text);
	}
}

static void read_map(struct context *c, const struct config_node *map, const char *path)
{
	for (const struct config_node *n = map->first; n; n = n->next) {
		const char *own = convert_text(c->m, "%s%s%s", path, *path ? "." : "", n->key);
		bool below;
		const struct row *row = find(c->rows, own, &below);

		if (row)
			read_known(c, row, n);
		else if (below && n->kind == CONFIG_NODE_MAP)
			read_map(c, n, own);
		else if (!is_nothing(n))
			lost(c, n, "rrctl knows no key of ours for this; rrd.conf(5) has all there are");
	}
}

/* TOML begins with a table's name or a key and "="; JSON is YAML to our reader. */
static bool is_toml(const char *text, size_t len)
{
	const char *p = text, *end = text + len;

	while (p < end) {
		const char *newline = memchr(p, '\n', (size_t)(end - p)), *line_end = newline ? newline : end;

		while (p < line_end && (*p == ' ' || *p == '\t' || *p == '\r'))
			p++;
		if (p < line_end && *p != '#')
			return *p == '[' || (*p != '{' && memchr(p, '=', (size_t)(line_end - p)) &&
						    !memchr(p, ':', (size_t)(line_end - p)));
		p = line_end + 1;
	}
	return false;
}

bool gobgp_read(struct convert_model *m, const char *text, size_t len)
{
	struct context c = { .m = m, .rows = top_rows };
	const struct config_node *root = is_toml(text, len) ? toml_parse(m->arena, text, len, m->errs)
							    : config_yaml_parse(m->arena, text, len, m->errs);

	if (root && root->kind != CONFIG_NODE_MAP) {
		config_error_value(m->errs, root, "expected keys with values, as global: and neighbors:");
		return false;
	}
	if (root)
		read_map(&c, root, "");
	return root != NULL;
}

/* What holds in GoBGP where nothing is written. */
static void families(struct convert_model *m)
{
	struct convert_part *p = NULL;

	while ((p = convert_part_next(m, p, "dynamic-neighbors")) != NULL) {
		struct convert_part *group = convert_group_of(m, p);
		const char *prefix = convert_get(p, "prefix");

		if (group && prefix && !convert_get(group, "families"))
			convert_put(m, group, "families", convert_family(prefix), p->at);
	}
	while ((p = convert_part_next(m, p, "neighbors")) != NULL) {
		const char *address = convert_get(p, "address");

		if (address)
			convert_default(m, p, "families", convert_family(address));
	}
}

/* The local AS of a peer, once the router's is known whatever the order of the file. */
static void local_as(struct convert_model *m, const char *section)
{
	for (struct convert_part *p = NULL; (p = convert_part_next(m, p, section)) != NULL;) {
		const struct convert_setting *s = convert_setting(p, "local-as");

		if (s)
			convert_router_as(m, s->text, s->at);
	}
}

void gobgp_finish(struct convert_model *m)
{
	const struct convert_part *fib = convert_part_find(m, "fib", NULL);
	const char *several = convert_get(convert_part_find(m, "gobgp", NULL), "multiple-paths");

	families(m);
	local_as(m, "peer-groups");
	local_as(m, "neighbors");
	if (fib && (!several || strcmp(several, "true") != 0))
		convert_put(m, convert_part_need(m, "router", NULL, fib->at), "multipath-max", "1", fib->at);
}
