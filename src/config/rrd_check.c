#include "config/rrd.h"

#include "base/nearest.h"
#include "base/trie.h"

#include <string.h>

/* What no key alone can tell. Each check says nothing when what it looks at was already wrong by itself. */

struct check {
	const struct config_rrd *c;
	struct config_errors *errs;
	struct trie *seen; /* of the list under check */
};

static const struct config_node *value(const struct config_head *h, const char *key)
{
	const struct config_node *n = config_node_get(h->node, key);

	return n ? n : h->node;
}

static const struct config_node *group_node(const struct config_rrd *c, const char *name)
{
	for (size_t i = 0; name && i < c->group_count; i++)
		if (strcmp(c->groups[i].head.name, name) == 0)
			return c->groups[i].head.node;
	return NULL;
}

static void check_group_name(const struct check *k, const struct config_head *h, const char *name)
{
	struct nearest near;
	char known[300], q[CONFIG_QUOTE_MAX];
	struct text t = text_init(known, sizeof(known));

	if (!name || group_node(k->c, name))
		return;
	near = nearest_init(name);
	for (size_t i = 0; i < k->c->group_count; i++) {
		nearest_try(&near, k->c->groups[i].head.name);
		text_add(&t, "%s%s", i ? ", " : "", k->c->groups[i].head.name);
	}
	config_quote(name, q);
	if (near.best)
		config_error_value(k->errs, value(h, "peer-group"),
			"there is no peer group %s; did you mean \"%s\"?", q, near.best);
	else if (k->c->group_count)
		config_error_value(k->errs, value(h, "peer-group"),
			"there is no peer group %s; there are: %s%s", q, known, text_cut(&t) ? "..." : "");
	else
		config_error_value(k->errs, value(h, "peer-group"),
			"there is no peer group %s; define it under peer-groups", q);
}

/* An error that names the first place when the prefix was in the list before. */
static void once(struct check *k, const struct prefix *p, const struct config_head *h, const char *key)
{
	const struct config_node *n = value(h, key), *first = trie_get(k->seen, p);
	char q[CONFIG_QUOTE_MAX];

	if (!first) {
		trie_set(k->seen, p, (void *)(uintptr_t)n);
		return;
	}
	config_error_value(k->errs, n, "%s is here twice; it was first set in line %u, column %u",
		config_quote(n->text, q), first->line, first->column);
}

enum { V4_MAPPED_LEN = 96 };

/* Who comes so is seen as IPv4, and the kernel would look for a key of IPv4. */
static const char v4_mapped[] = "an IPv4-mapped address comes as IPv4; write it so";

static bool is_v4_mapped(const struct prefix *p)
{
	struct ip_addr a = prefix_addr(p);

	return ip_addr_is_v4_mapped(&a);
}

static bool listens(const struct config_rrd *c, uint8_t family)
{
	for (size_t i = 0; i < c->listen_count; i++)
		if (c->listen[i].address.family == family)
			return true;
	return false;
}

static void check_listen(const struct check *k)
{
	const struct config_rrd *c = k->c;

	for (size_t i = 0; i < c->listen_count; i++) {
		const struct config_listen *l = &c->listen[i];

		if (ip_addr_is_multicast(&l->address))
			config_error_value(k->errs, value(&l->head, "address"),
				"a multicast address is nobody's own; expected an address of this host");
		if (ip_addr_is_link_local(&l->address))
			config_error_value(k->errs, value(&l->head, "address"),
				"a link-local address needs an interface, which cannot be given here; use a "
				"global one");
		for (size_t j = 0; j < i; j++)
			if (l->address.family && l->port == c->listen[j].port &&
				ip_addr_equal(&l->address, &c->listen[j].address))
				config_error_value(k->errs, l->head.node,
					"the same address and port as in line %u",
					c->listen[j].head.node->line);
	}
}

static void check_groups(const struct check *k)
{
	for (size_t i = 0; i < k->c->group_count; i++) {
		const struct config_group *g = &k->c->groups[i];
		struct config_peer_check pc = { k->errs, g->head.node, NULL, k->c->router.as };

		config_peer_check(&pc, &g->peer);
	}
}

/* A group's hold time may be right for neighbors and wrong for a range, whose minimum is 3 unless set. */
static void check_range_hold_time(const struct check *k, const struct config_range *range)
{
	const struct config_node *group = group_node(k->c, range->peer_group);
	const struct config_node *hold = config_node_get(group, "hold-time");

	if (!hold || config_node_get(group, "min-hold-time"))
		return;
	if (range->peer.hold_time_s < range->peer.min_hold_time_s)
		config_error_value(k->errs, hold,
			"hold-time %u is less than %u, the least for dynamic-neighbors (line %u uses this "
			"group); raise it, or set min-hold-time: 0",
			range->peer.hold_time_s, range->peer.min_hold_time_s, range->head.node->line);
}

static void check_ranges(struct check *k)
{
	for (size_t i = 0; i < k->c->range_count; i++) {
		const struct config_range *range = &k->c->ranges[i];

		check_group_name(k, &range->head, range->peer_group);
		check_range_hold_time(k, range);
		config_secret_check(range->head.node, k->errs);
		if (range->prefix.family == IP_NONE)
			continue;
		once(k, &range->prefix, &range->head, "prefix");
		if (range->prefix.len >= V4_MAPPED_LEN && is_v4_mapped(&range->prefix))
			config_error_value(k->errs, value(&range->head, "prefix"), "%s", v4_mapped);
		if (!listens(k->c, range->prefix.family))
			config_error_value(k->errs, value(&range->head, "prefix"),
				"nothing under listen is IPv%d, so nobody in this range can connect",
				range->prefix.family);
	}
}

static const char *unfit_address(const struct ip_addr *a)
{
	if (ip_addr_is_any(a))
		return "the unspecified address is nobody's; expected the neighbor's address";
	if (ip_addr_is_multicast(a))
		return "a multicast address is no neighbor's; expected the neighbor's address";
	if (ip_addr_is_link_local(a))
		return "a link-local address needs an interface, which cannot be given here; use a global "
		       "one";
	if (ip_addr_is_v4_mapped(a))
		return v4_mapped;
	return NULL;
}

static void check_local_address(const struct check *k, const struct config_neighbor *n)
{
	const struct ip_addr *local = &n->peer.local_address;
	const struct config_node *node = config_node_get(n->head.node, "local-address");

	if (!node)
		node = value(&n->head, "address");
	if (local->family == IP_NONE)
		return;
	if (local->family != n->address.family)
		config_error_value(k->errs, node,
			"local-address is IPv%d, the neighbor's address IPv%d; they must be of one kind",
			local->family, n->address.family);
	else if (ip_addr_equal(local, &n->address))
		config_error_value(
			k->errs, node, "local-address is the neighbor's own; give one of this host");
	else if (unfit_address(local))
		config_error_value(k->errs, node,
			"local-address is not a host's own; leave it out, or give one of this host");
}

static void check_address(struct check *k, const struct config_neighbor *n)
{
	const struct config_node *node = value(&n->head, "address");
	struct prefix host = prefix_host(&n->address);

	if (n->address.family == IP_NONE)
		return;
	if (unfit_address(&n->address))
		config_error_value(k->errs, node, "%s", unfit_address(&n->address));
	for (size_t i = 0; i < k->c->listen_count; i++) {
		if (!ip_addr_equal(&k->c->listen[i].address, &n->address) || ip_addr_is_any(&n->address))
			continue;
		config_error_value(k->errs, node,
			"this is our own address (listen, line %u); a neighbor is somebody else",
			k->c->listen[i].head.node->line);
		break;
	}
	once(k, &host, &n->head, "address");
	check_local_address(k, n);
}

static void check_neighbors(struct check *k)
{
	for (size_t i = 0; i < k->c->neighbor_count; i++) {
		const struct config_neighbor *n = &k->c->neighbors[i];
		struct config_peer_check pc = { k->errs, n->head.node, group_node(k->c, n->peer_group),
			k->c->router.as };

		check_group_name(k, &n->head, n->peer_group);
		check_address(k, n);
		config_peer_check(&pc, &n->peer);
		if (n->peer.passive && n->address.family && !listens(k->c, n->address.family))
			config_error_value(k->errs, value(&n->head, "passive"),
				"passive, but nothing under listen is IPv%d: nobody would ever connect",
				n->address.family);
	}
}

/* The kernel chooses a key by the longest prefix that has one, and an exception cannot be told it. */
static void check_shielded(const struct check *k, const struct trie *ranges, const struct config_head *h,
	const char *key, const struct prefix *p)
{
	const struct config_range *outer = trie_match(ranges, p);
	char text[PREFIX_TEXT_MAX];

	if (outer)
		config_error_value(k->errs, value(h, key),
			"has no password, but is in range %s (line %u), which has one, and the kernel asks "
			"everybody "
			"in it for one; give it a password, too",
			prefix_format(&outer->prefix, text), outer->head.node->line);
}

/* What was there when the key itself was read, and not any more when the group was merged in. */
static void check_read(const struct check *k, const struct config_node *own, const char *group,
	const struct config_secret *password)
{
	const struct config_node *n = config_node_get(own, "password-file");

	if (!n)
		n = config_node_get(group_node(k->c, group), "password-file");
	if (n && !password->len)
		config_error_value(k->errs, n, "was changed while it was read; try again");
}

/* After all else is right: a prefix that is wrong or here twice would be in the way. */
static void check_passwords(const struct check *k)
{
	struct trie *ranges = trie_new();

	for (size_t i = 0; i < k->c->range_count; i++)
		if (k->c->ranges[i].peer.password.len)
			trie_set(ranges, &k->c->ranges[i].prefix, &k->c->ranges[i]);
	for (size_t i = 0; i < k->c->range_count; i++) {
		const struct config_range *r = &k->c->ranges[i];

		check_read(k, r->head.node, r->peer_group, &r->peer.password);
		if (!r->peer.password.len)
			check_shielded(k, ranges, &r->head, "prefix", &r->prefix);
	}
	for (size_t i = 0; i < k->c->neighbor_count; i++) {
		const struct config_neighbor *n = &k->c->neighbors[i];
		struct prefix host = prefix_host(&n->address);

		check_read(k, n->head.node, n->peer_group, &n->peer.password);
		if (!n->peer.password.len)
			check_shielded(k, ranges, &n->head, "address", &host);
	}
	trie_free(ranges);
}

static void check_fib(const struct check *k, const struct config_node *fib)
{
	uint64_t end = (uint64_t)k->c->fib.next_hop_id_base + k->c->fib.next_hop_id_count - 1;
	const struct config_node *n = config_node_get(fib, "next-hop-id-count");

	if (k->c->fib.group_count > CONFIG_FIB_GROUPS_MAX)
		config_error_value(k->errs, config_node_get(fib, "groups"),
			"there are %zu groups; at most %d are allowed", k->c->fib.group_count,
			CONFIG_FIB_GROUPS_MAX);
	if (!n)
		n = config_node_get(fib, "next-hop-id-base");
	if (n && end > UINT32_MAX)
		config_error_value(k->errs, n,
			"next-hop-id-base plus next-hop-id-count is more than 4294967295; lower one of them");
}

void config_rrd_check(const struct config_rrd *c, const struct config_node *root, struct config_errors *errs)
{
	struct check k = { .c = c, .errs = errs };

	check_listen(&k);
	check_groups(&k);
	k.seen = trie_new();
	check_ranges(&k);
	trie_free(k.seen);
	k.seen = trie_new();
	check_neighbors(&k);
	trie_free(k.seen);
	check_fib(&k, config_node_get(root, "fib"));
	if (config_errors_count(errs) == 0)
		check_passwords(&k);
}
