#include "config/peer.h"

#include "config/scalar.h"

#include <string.h>

#define AT(member) .offset = offsetof(struct config_peer, member)

enum { ADD_PATH_BEST_MAX = 1024 };

static const struct config_word peer_as_words[] = { { "internal", CONFIG_PEER_AS_INTERNAL },
	{ "external", CONFIG_PEER_AS_EXTERNAL }, { "any", CONFIG_PEER_AS_ANY }, { NULL } };
static const struct config_word send_words[] = { { "none", CONFIG_SEND_BEST }, { "all", CONFIG_SEND_ALL },
	{ "multipath", CONFIG_SEND_MULTIPATH }, { NULL } };

/* The word of a value; NULL when it has none. */
static const char *word_of(const struct config_word *words, unsigned value)
{
	while (words->name && words->value != value)
		words++;
	return words->name;
}

static bool parse_peer_as(
	struct config_reader *r, const struct config_field *f, const char *text, void *out, struct text *why)
{
	struct config_peer_as as = { .kind = CONFIG_PEER_AS_NUMBER };
	char q[CONFIG_QUOTE_MAX];

	(void)r;
	(void)f;
	for (const struct config_word *w = peer_as_words; w->name; w++) {
		if (strcmp(text, w->name) == 0) {
			as.kind = w->value;
			*(struct config_peer_as *)out = as;
			return true;
		}
	}
	if (!strpbrk(text, "0123456789")) {
		text_add(why, "%s is neither an AS number nor internal, external or any",
			config_quote(text, q));
		return false;
	}
	if (!config_parse_as(text, &as.number, why))
		return false;
	*(struct config_peer_as *)out = as;
	return true;
}

static bool parse_hold_time(
	struct config_reader *r, const struct config_field *f, const char *text, void *out, struct text *why)
{
	uint64_t v;

	(void)r;
	(void)f;
	if (!config_parse_number(text, 0, UINT16_MAX, &v, why))
		return false;
	if (v == 1 || v == 2) {
		text_add(why, "a hold time of %s s is not allowed (RFC 4271 4.2): 0 (off) or 3..65535", text);
		return false;
	}
	*(uint16_t *)out = (uint16_t)v;
	return true;
}

static bool parse_send(
	struct config_reader *r, const struct config_field *f, const char *text, void *out, struct text *why)
{
	struct config_add_path send = { .send = CONFIG_SEND_BEST_N };
	char q[CONFIG_QUOTE_MAX];
	uint64_t n;

	(void)r;
	(void)f;
	for (const struct config_word *w = send_words; w->name; w++) {
		if (strcmp(text, w->name) == 0) {
			send.send = w->value;
			*(struct config_add_path *)out = send;
			return true;
		}
	}
	if (strncmp(text, "best ", 5) != 0) {
		text_add(why, "%s is not one of none, all, multipath, best N (N: 1..%d)",
			config_quote(text, q), ADD_PATH_BEST_MAX);
		return false;
	}
	if (!config_parse_number(text + 5, 1, ADD_PATH_BEST_MAX, &n, why))
		return false;
	send.best = (uint16_t)n;
	*(struct config_add_path *)out = send;
	return true;
}

/* One of "ge N" and "le N" behind a prefix; *text moves on. */
static bool parse_bound(const char **text, const char *word, uint8_t *out, bool *found, struct text *why)
{
	const char *p = *text + strspn(*text, " ");
	char number[8];
	uint64_t v;
	size_t n;

	*found = strncmp(p, word, 2) == 0 && p[2] == ' ';
	if (!*found)
		return true;
	p += 2 + strspn(p + 2, " ");
	n = strcspn(p, " ");
	if (n >= sizeof(number))
		n = sizeof(number) - 1;
	memcpy(number, p, n);
	number[n] = 0;
	if (!config_parse_number(number, 0, 128, &v, why))
		return false;
	*out = (uint8_t)v;
	*text = p + n;
	return true;
}

static bool check_rule(const struct config_prefix_rule *rule, struct text *why)
{
	unsigned bits = ip_family_bits(rule->prefix.family);

	if (rule->ge < rule->prefix.len)
		text_add(why, "ge %u is less than the prefix's own length %u", rule->ge, rule->prefix.len);
	else if (rule->le > bits)
		text_add(why, "le %u is more than the %u bits of an address", rule->le, bits);
	else if (rule->ge > rule->le)
		text_add(why, "no length is from %u to %u: ge and le must not cross", rule->ge, rule->le);
	else
		return true;
	return false;
}

/* PREFIX [ge N] [le N] */
static bool parse_rule(
	struct config_reader *r, const struct config_field *f, const char *text, void *out, struct text *why)
{
	struct config_prefix_rule rule;
	char first[PREFIX_TEXT_MAX], q[CONFIG_QUOTE_MAX];
	size_t n = strcspn(text, " ");
	const char *rest = text + n;
	bool ge, le;

	(void)r;
	(void)f;
	if (n >= sizeof(first))
		n = sizeof(first) - 1;
	memcpy(first, text, n);
	first[n] = 0;
	if (!config_parse_prefix(first, &rule.prefix, why))
		return false;
	rule.ge = rule.le = rule.prefix.len;
	if (!parse_bound(&rest, "ge", &rule.ge, &ge, why) || !parse_bound(&rest, "le", &rule.le, &le, why))
		return false;
	if (rest[strspn(rest, " ")]) {
		text_add(why,
			"%s is not a rule; expected PREFIX, PREFIX le N, PREFIX ge N, or PREFIX ge N le N",
			config_quote(text, q));
		return false;
	}
	if (ge && !le)
		rule.le = ip_family_bits(rule.prefix.family);
	if (!check_rule(&rule, why))
		return false;
	*(struct config_prefix_rule *)out = rule;
	return true;
}

/* "all" and "none" in the place of a policy's keys forget what the group said; keys lift a group's "none". */
static bool policy_word(struct config_reader *r, const char *text, void *out, struct text *why)
{
	struct config_policy policy = { 0 };
	char q[CONFIG_QUOTE_MAX];

	(void)r;
	if (!text) {
		((struct config_policy *)out)->none = false;
		return true;
	}
	policy.none = strcmp(text, "none") == 0;
	if (!policy.none && strcmp(text, "all") != 0) {
		text_add(why, "%s is neither all nor none, nor keys with values", config_quote(text, q));
		return false;
	}
	*(struct config_policy *)out = policy;
	return true;
}

static bool policy_format(const void *value, struct text *out)
{
	const struct config_policy *policy = value;

	if (policy->none)
		text_add(out, "none");
	return policy->none;
}

static void format_peer_as(const struct config_field *f, const void *value, struct text *out)
{
	const struct config_peer_as *as = value;

	(void)f;
	if (as->kind == CONFIG_PEER_AS_NUMBER)
		text_add(out, "%u", as->number);
	else
		text_add(out, "%s", word_of(peer_as_words, as->kind));
}

static void format_hold_time(const struct config_field *f, const void *value, struct text *out)
{
	(void)f;
	text_add(out, "%u", *(const uint16_t *)value);
}

static void format_send(const struct config_field *f, const void *value, struct text *out)
{
	const struct config_add_path *send = value;

	(void)f;
	if (send->send == CONFIG_SEND_BEST_N)
		text_add(out, "best %u", send->best);
	else
		text_add(out, "%s", word_of(send_words, send->send));
}

/* Which of several paths are sent is no matter of the session; whether there may be several is a capability. */
static enum config_apply send_change(const void *before, const void *after)
{
	const struct config_add_path *a = before, *b = after;

	return a->send == CONFIG_SEND_BEST || b->send == CONFIG_SEND_BEST ? CONFIG_RESET_SESSION
									  : CONFIG_REEVALUATE;
}

static void format_rule(const struct config_field *f, const void *value, struct text *out)
{
	const struct config_prefix_rule *rule = value;
	char buf[PREFIX_TEXT_MAX];

	(void)f;
	text_add(out, "%s", prefix_format(&rule->prefix, buf));
	if (rule->ge != rule->prefix.len)
		text_add(out, " ge %u", rule->ge);
	if (rule->le != rule->ge || rule->ge != rule->prefix.len)
		text_add(out, " le %u", rule->le);
}

static const struct config_scalar type_peer_as = { "an AS number, or internal | external | any", NULL,
	sizeof(struct config_peer_as), .parse = parse_peer_as, .format = format_peer_as };
static const struct config_scalar type_hold_time = { "seconds", "0, 3..65535", sizeof(uint16_t),
	.parse = parse_hold_time, .format = format_hold_time };
static const struct config_scalar type_send = { "a word", "none | all | multipath | best N (1..1024)",
	sizeof(struct config_add_path), .parse = parse_send, .format = format_send };
const struct config_scalar config_rule = { "a rule", "PREFIX [ge N] [le N]",
	sizeof(struct config_prefix_rule), .parse = parse_rule, .format = format_rule };

#define IN_POLICY(member)    .offset = offsetof(struct config_policy, member)
#define COUNT_POLICY(member) .count_offset = offsetof(struct config_policy, member)

static const struct config_field import_fields[] = {
	{ "prefixes", CONFIG_LIST, &config_rule, IN_POLICY(rules), COUNT_POLICY(rule_count), .min = 1,
		.def_doc = "every prefix", .apply = CONFIG_REEVALUATE,
		.doc = "the prefixes that are taken: with the length that is written, or with any from ge to "
		       "le" },
	{ "next-hops", CONFIG_LIST, &config_prefix, IN_POLICY(next_hops), COUNT_POLICY(next_hop_count),
		.min = 1, .def_doc = "every next hop", .apply = CONFIG_REEVALUATE,
		.doc = "where the next hop of a route must be for it to be taken" },
	{ "max-prefixes", CONFIG_SCALAR, &config_u32, IN_POLICY(max_prefixes), .max = 100000000, .def = "0",
		.apply = CONFIG_REEVALUATE,
		.doc = "a peer that sends more prefixes than this is sent Cease; 0: no limit" },
	{ NULL },
};

static const struct config_field export_fields[] = {
	{ "prefixes", CONFIG_LIST, &config_rule, IN_POLICY(rules), COUNT_POLICY(rule_count), .min = 1,
		.def_doc = "every prefix", .apply = CONFIG_REEVALUATE,
		.doc = "the prefixes that are sent: with the length that is written, or with any from ge to "
		       "le" },
	{ NULL },
};

static const struct config_schema import_schema = { sizeof(struct config_policy), import_fields,
	.shorthand = policy_word,
	.shorthand_doc = "all | none, or the keys below; default all; re-evaluates routes\t"
			 "which routes are taken from the peer",
	.shorthand_format = policy_format };
static const struct config_schema export_schema = { sizeof(struct config_policy), export_fields,
	.shorthand = policy_word,
	.shorthand_doc = "all | none, or the keys below; default all; re-evaluates routes\t"
			 "which routes are sent to the peer",
	.shorthand_format = policy_format };

static const struct config_field add_paths_fields[] = {
	{ "send", CONFIG_SCALAR, &type_send, AT(add_path_send), .def = "none", .apply = CONFIG_RESET_SESSION,
		.apply_change = send_change,
		.doc = "which paths of a prefix the peer is sent; none: the best one, without path "
		       "identifiers" },
	{ "receive", CONFIG_SCALAR, &config_bool, AT(add_path_receive), .def = "false",
		.apply = CONFIG_RESET_SESSION, .doc = "take several paths of a prefix from the peer" },
	{ NULL },
};

static const struct config_schema add_paths_schema = { sizeof(struct config_peer), add_paths_fields };

static const struct config_word families[] = { { "ipv4-unicast", BGP_IPV4_UNICAST },
	{ "ipv6-unicast", BGP_IPV6_UNICAST }, { NULL } };

static const struct config_field peer_fields[] = {
	{ "peer-as", CONFIG_SCALAR, &type_peer_as, AT(as), .def = "internal", .apply = CONFIG_RESET_SESSION,
		.doc = "the AS the peer must be in; internal: ours, external: any but ours" },
	{ "description", CONFIG_SCALAR, &config_text, AT(description), .max = 255, .def_doc = "none",
		.apply = CONFIG_LIVE, .doc = "a line for humans, shown by rrctl" },
	{ "enabled", CONFIG_SCALAR, &config_bool, AT(enabled), .def = "true", .apply = CONFIG_RESET_SESSION,
		.doc = "whether there is to be a session" },
	{ "route-reflector-client", CONFIG_SCALAR, &config_bool, AT(route_reflector_client), .def = "false",
		.apply = CONFIG_RESET_SESSION,
		.doc = "reflect routes to and from this peer (RFC 4456); internal peers only" },
	{ "passive", CONFIG_SCALAR, &config_bool, AT(passive), .def = "false", .apply = CONFIG_RESET_SESSION,
		.doc = "wait for the peer to connect" },
	{ "port", CONFIG_SCALAR, &config_u16, AT(port), .min = 1, .max = 65535, .def = "179",
		.apply = CONFIG_RESET_SESSION, .doc = "the TCP port to connect to" },
	{ "local-address", CONFIG_SCALAR, &config_addr, AT(local_address), .def_doc = "the kernel's choice",
		.apply = CONFIG_RESET_SESSION, .doc = "the address to connect from" },
	{ "families", CONFIG_FLAGS, .words = families, AT(family), .min = 1,
		.def = "ipv4-unicast, ipv6-unicast", .apply = CONFIG_RESET_SESSION,
		.doc = "the address families offered to the peer" },
	{ "add-paths", CONFIG_STRUCT, .schema = &add_paths_schema },
	{ "import", CONFIG_STRUCT, .schema = &import_schema, AT(import) },
	{ "export", CONFIG_STRUCT, .schema = &export_schema, AT(export) },
	{ "keep-rejected", CONFIG_SCALAR, &config_u32, AT(keep_rejected), .max = 10000, .def = "256",
		.apply = CONFIG_LIVE,
		.doc = "how many of the routes that import refused last are remembered, for rrctl show "
		       "rejected; 0: none" },
	{ "next-hop-self", CONFIG_SCALAR, &config_bool, AT(next_hop_self), .def = "false",
		.apply = CONFIG_REEVALUATE,
		.doc = "send our own address as next hop; an external peer gets it always" },
	{ "advertisement-interval", CONFIG_SCALAR, &config_seconds, AT(advertisement_interval_s), .max = 600,
		.def = "0", .apply = CONFIG_LIVE,
		.doc = "the least time between two announcements of a prefix; withdrawals never wait, as "
		       "they would by RFC 4271 9.2.1.1" },
	{ "hold-time", CONFIG_SCALAR, &type_hold_time, AT(hold_time_s), .def = "90",
		.apply = CONFIG_RESET_SESSION,
		.doc = "silence after which the peer is taken for dead; the smaller of both sides' holds; 0: "
		       "never" },
	{ "min-hold-time", CONFIG_SCALAR, &config_seconds, AT(min_hold_time_s), .max = 65535, .def = "0",
		.def_doc = "0, in a group of a dynamic range 3", .apply = CONFIG_RESET_SESSION,
		.doc = "refuse a peer that offers a smaller hold time, or 0; 0: take what RFC 4271 allows" },
	{ "keepalive-interval", CONFIG_SCALAR, &config_seconds, AT(keepalive_s), .max = 21845, .def = "0",
		.apply = CONFIG_RESET_SESSION,
		.doc = "the time between keepalives; 0: a third of the hold time agreed on" },
	{ "send-hold-time", CONFIG_SCALAR, &config_seconds, AT(send_hold_time_s), .max = 65535, .def = "0",
		.apply = CONFIG_RESET_SESSION,
		.doc = "close the session when the peer has taken nothing for so long (RFC 9687); 0: 8 "
		       "minutes, or twice the hold time if that is more" },
	{ "connect-retry", CONFIG_SCALAR, &config_seconds, AT(connect_retry_s), .min = 1, .max = 65535,
		.def = "1", .apply = CONFIG_LIVE,
		.doc = "the wait after the first failure to connect; it doubles with each further one" },
	{ "connect-retry-max", CONFIG_SCALAR, &config_seconds, AT(connect_retry_max_s), .min = 1,
		.max = 65535, .def = "10", .apply = CONFIG_LIVE,
		.doc = "the longest wait between two attempts to connect" },
	{ "idle-hold-time", CONFIG_SCALAR, &config_seconds, AT(idle_hold_s), .min = 1, .max = 65535,
		.def = "1", .apply = CONFIG_LIVE,
		.doc = "the wait after a session ended with a NOTIFICATION for an error; it doubles with "
		       "each further one" },
	{ "idle-hold-time-max", CONFIG_SCALAR, &config_seconds, AT(idle_hold_max_s), .min = 1, .max = 65535,
		.def = "60", .apply = CONFIG_LIVE, .doc = "the longest wait after errors" },
	{ "multihop-ttl", CONFIG_SCALAR, &config_u8, AT(multihop_ttl), .max = 255, .def = "0",
		.apply = CONFIG_RESET_SESSION,
		.doc = "the TTL of packets to the peer, for one that is not on the link; 0: the kernel's "
		       "default" },
	{ "ttl-security-hops", CONFIG_SCALAR, &config_u8, AT(ttl_security_hops), .max = 254, .def = "0",
		.apply = CONFIG_RESET_SESSION,
		.doc = "drop packets of a peer more than so many hops away (GTSM, RFC 5082; a neighbor on "
		       "the link is 1 hop away); 0: off" },
	CONFIG_PASSWORD_ROWS(offsetof(struct config_peer, password), CONFIG_LIVE),
	{ "tcp-ao", CONFIG_SCALAR, &config_path, AT(tcp_ao), .max = 4095, .def_doc = "none",
		.apply = CONFIG_LIVE, .needs = CONFIG_FEATURE_TCP_AO,
		.doc = "the file with the keys of TCP-AO (RFC 5925); refused where it cannot be had" },
	{ "bfd", CONFIG_STRUCT, .schema = &config_bfd_schema, AT(bfd) },
	{ "extended-messages", CONFIG_SCALAR, &config_bool, AT(extended_messages), .def = "true",
		.apply = CONFIG_RESET_SESSION, .doc = "offer messages of up to 65535 octets (RFC 8654)" },
	{ "extended-next-hop", CONFIG_SCALAR, &config_bool, AT(extended_next_hop), .def = "false",
		.apply = CONFIG_RESET_SESSION, .doc = "offer IPv4 routes with IPv6 next hops (RFC 8950)" },
	{ "route-refresh", CONFIG_SCALAR, &config_bool, AT(route_refresh), .def = "true",
		.apply = CONFIG_RESET_SESSION, .doc = "offer route refresh (RFC 2918)" },
	{ NULL },
};

const struct config_schema config_peer_schema = { sizeof(struct config_peer), peer_fields };
