/*
 * Keys of TCP-MD5 by prefix, on listeners and live connections.
 *
 * The kernel keeps the keys of each listener and chooses by the longest prefix, as the trie here does. A change is tried on a
 * socket of no other use first, which has the same room for keys as a listener: so a set of keys that the kernel refuses
 * is refused whole. Then what is gone is taken away before what is new is set, or there might be no room for both.
 */
#include "base/mem.h"
#include "session/neighbors_private.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

static const struct io_tcp_key no_key;

static int to_socket(
	int fd, uint8_t family, const struct session_key *keys, size_t count, struct prefix *refused)
{
	for (size_t i = 0; i < count; i++) {
		int err = keys[i].peers.family == family ? io_tcp_set_key(fd, &keys[i].peers, &keys[i].key)
							 : 0;

		if (err && refused)
			*refused = keys[i].peers;
		if (err)
			return err;
	}
	return 0;
}

int neighbors_keys_to_socket(const struct session_neighbors *set, int fd, uint8_t family)
{
	return to_socket(fd, family, set->keys, set->key_count, NULL);
}

static bool has_family(const struct session_key *keys, size_t count, uint8_t family)
{
	for (size_t i = 0; i < count; i++)
		if (keys[i].peers.family == family)
			return true;
	return false;
}

/* Where no listener is, too: connections will need them. */
static int try(uint8_t family, const struct session_key *keys, size_t count, struct prefix *refused)
{
	int fd, err;

	if (!has_family(keys, count, family))
		return 0;
	fd = io_tcp_key_trial(family);
	if (fd < 0)
		return fd;
	err = to_socket(fd, family, keys, count, refused);
	close(fd);
	return err;
}

static struct trie *index_keys(const struct session_key *keys, size_t count)
{
	struct trie *t = trie_new();

	for (size_t i = 0; i < count; i++)
		trie_set(t, &keys[i].peers, (void *)(uintptr_t)&keys[i]);
	return t;
}

/* From the keys that the listeners have to those of *set. */
static int change_listeners(struct session_neighbors *set, const struct session_key *old, size_t old_count,
	const struct trie *old_trie, struct prefix *refused)
{
	int err = 0;

	for (size_t i = 0; i < old_count; i++)
		if (!trie_get(set->key_trie, &old[i].peers))
			neighbors_listeners_set_key(set, &old[i].peers, &no_key);
	for (size_t i = 0; i < set->key_count && !err; i++) {
		const struct session_key *k = &set->keys[i], *before = trie_get(old_trie, &k->peers);

		/* Of two for one prefix the last counts. */
		if (trie_get(set->key_trie, &k->peers) != k ||
			(before && io_tcp_key_equal(&before->key, &k->key)))
			continue;
		err = neighbors_listeners_set_key(set, &k->peers, &k->key);
		if (err && refused)
			*refused = k->peers;
	}
	return err;
}

static void change_sessions(struct session_neighbors *set)
{
	for (size_t i = 0; i < set->count; i++) {
		struct session *s = set->item[i]->session;
		const struct io_tcp_key *key = session_neighbors_key(set, &s->cfg.remote);

		session_set_key(s, key ? key : &no_key);
	}
}

static void free_keys(struct session_key *keys, size_t count, struct trie *trie)
{
	if (keys)
		explicit_bzero(keys, count * sizeof(*keys));
	free(keys);
	trie_free(trie);
}

static void use(struct session_neighbors *set, struct session_key *keys, size_t count, struct trie *trie)
{
	set->keys = keys;
	set->key_count = count;
	set->key_trie = trie;
}

int session_neighbors_try_keys(const struct session_key *keys, size_t count, struct prefix *refused)
{
	int err = try(IP_V4, keys, count, refused);

	return err ? err : try(IP_V6, keys, count, refused);
}

int session_neighbors_set_keys(
	struct session_neighbors *set, const struct session_key *keys, size_t count, struct prefix *refused)
{
	struct session_key *old = set->keys, *copy = mem_calloc(count + 1, sizeof(*copy));
	struct trie *old_trie = set->key_trie;
	size_t old_count = set->key_count;
	int err = session_neighbors_try_keys(keys, count, refused);

	if (count)
		memcpy(copy, keys, count * sizeof(*copy));
	if (err) {
		free_keys(copy, count, NULL);
		return err;
	}
	use(set, copy, count, index_keys(copy, count));
	err = change_listeners(set, old, old_count, old_trie, refused);
	if (err) {
		struct trie *trie = set->key_trie;

		use(set, old, old_count, old_trie);
		change_listeners(set, copy, count, trie, NULL);
		free_keys(copy, count, trie);
		return err;
	}
	change_sessions(set);
	neighbors_arrivals_set_keys(set);
	free_keys(old, old_count, old_trie);
	return 0;
}

const struct io_tcp_key *session_neighbors_key(
	const struct session_neighbors *set, const struct ip_addr *remote)
{
	struct prefix host = prefix_host(remote);
	const struct session_key *k = trie_match(set->key_trie, &host);

	return k ? &k->key : NULL;
}

void neighbors_keys_fini(struct session_neighbors *set)
{
	free_keys(set->keys, set->key_count, set->key_trie);
}
