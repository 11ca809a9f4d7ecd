/*
 * A map from prefix to a pointer, both families, with longest match: dynamic-neighbor ranges, prefix lists.
 *
 * A path-compressed binary trie. Owns its nodes, not the values; a value is never NULL.
 */
#pragma once

#include "base/prefix.h"

struct trie;

struct trie *trie_new(void);
void trie_free(struct trie *t);
/* Sets the value of a prefix and returns the one it had, or NULL. */
void *trie_set(struct trie *t, const struct prefix *p, void *value);
/* Removes a prefix and returns its value, or NULL when it was not there. */
void *trie_del(struct trie *t, const struct prefix *p);
void *trie_get(const struct trie *t, const struct prefix *p);
/* The value of the longest prefix that contains p, or NULL. */
void *trie_match(const struct trie *t, const struct prefix *p);
/* Calls fn for each prefix that contains p, shortest first, until fn returns true; returns whether one did. */
bool trie_walk_covering(const struct trie *t, const struct prefix *p,
	bool (*fn)(void *user, const struct prefix *covering, void *value), void *user);
size_t trie_count(const struct trie *t);
