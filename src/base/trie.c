#include "base/trie.h"

#include "base/mem.h"

#include <stdlib.h>

struct node {
	struct prefix prefix;
	struct node *child[2];
	void *value; /* NULL: a branching point only */
};

struct trie {
	struct node *root[2]; /* IPv4, IPv6 */
	size_t count;
};

struct trie *trie_new(void)
{
	return mem_calloc(1, sizeof(struct trie));
}

static void free_nodes(struct node *n)
{
	if (!n)
		return;
	free_nodes(n->child[0]);
	free_nodes(n->child[1]);
	free(n);
}

void trie_free(struct trie *t)
{
	if (!t)
		return;
	free_nodes(t->root[0]);
	free_nodes(t->root[1]);
	free(t);
}

static unsigned bit_at(const struct prefix *p, unsigned i)
{
	return p->bytes[i / 8] >> (7 - i % 8) & 1;
}

static unsigned common_len(const struct prefix *a, const struct prefix *b)
{
	unsigned max = a->len < b->len ? a->len : b->len, i = 0;

	while (i + 8 <= max && a->bytes[i / 8] == b->bytes[i / 8])
		i += 8;
	while (i < max && bit_at(a, i) == bit_at(b, i))
		i++;
	return i;
}

static struct node **root_of(const struct trie *t, const struct prefix *p)
{
	return (struct node **)&t->root[p->family == IP_V6];
}

static struct node *new_node(const struct prefix *p, unsigned len)
{
	struct node *n = mem_calloc(1, sizeof(*n));

	n->prefix = *p;
	n->prefix.len = (uint8_t)len;
	prefix_mask(&n->prefix);
	return n;
}

/* The link where p's node is, or would have to be put. */
static struct node **find_link(const struct trie *t, const struct prefix *p)
{
	struct node **link = root_of(t, p);

	while (*link && (*link)->prefix.len < p->len && prefix_contains(&(*link)->prefix, p))
		link = &(*link)->child[bit_at(p, (*link)->prefix.len)];
	return link;
}

void *trie_set(struct trie *t, const struct prefix *p, void *value)
{
	struct node **link = find_link(t, p), *old = *link, *n;
	void *before;

	if (old && prefix_equal(&old->prefix, p)) {
		before = old->value;
		old->value = value;
		t->count += !before;
		return before;
	}
	n = new_node(p, p->len);
	n->value = value;
	t->count++;
	if (old && prefix_contains(p, &old->prefix)) {
		n->child[bit_at(&old->prefix, p->len)] = old;
		*link = n;
	} else if (old) {
		struct node *fork = new_node(p, common_len(p, &old->prefix));

		fork->child[bit_at(p, fork->prefix.len)] = n;
		fork->child[bit_at(&old->prefix, fork->prefix.len)] = old;
		*link = fork;
	} else {
		*link = n;
	}
	return NULL;
}

/* A node without a value stays only while it has two children. */
static void prune(struct node **link)
{
	struct node *n = *link;

	if (n && !n->value && !(n->child[0] && n->child[1])) {
		*link = n->child[0] ? n->child[0] : n->child[1];
		free(n);
	}
}

void *trie_del(struct trie *t, const struct prefix *p)
{
	struct node **link = root_of(t, p), **parent = NULL;
	void *value;

	while (*link && (*link)->prefix.len < p->len && prefix_contains(&(*link)->prefix, p)) {
		parent = link;
		link = &(*link)->child[bit_at(p, (*link)->prefix.len)];
	}
	if (!*link || !prefix_equal(&(*link)->prefix, p) || !(*link)->value)
		return NULL;
	value = (*link)->value;
	(*link)->value = NULL;
	t->count--;
	prune(link);
	if (parent)
		prune(parent);
	return value;
}

void *trie_get(const struct trie *t, const struct prefix *p)
{
	struct node *n = *find_link(t, p);

	return n && prefix_equal(&n->prefix, p) ? n->value : NULL;
}

bool trie_walk_covering(const struct trie *t, const struct prefix *p,
	bool (*fn)(void *user, const struct prefix *covering, void *value), void *user)
{
	const struct node *n = *root_of(t, p);

	while (n && prefix_contains(&n->prefix, p)) {
		if (n->value && fn(user, &n->prefix, n->value))
			return true;
		if (n->prefix.len >= p->len)
			break;
		n = n->child[bit_at(p, n->prefix.len)];
	}
	return false;
}

static bool remember(void *user, const struct prefix *covering, void *value)
{
	(void)covering;
	*(void **)user = value;
	return false;
}

void *trie_match(const struct trie *t, const struct prefix *p)
{
	void *found = NULL;

	trie_walk_covering(t, p, remember, &found);
	return found;
}

size_t trie_count(const struct trie *t)
{
	return t->count;
}
