#include "route/rib.h"

#include "base/hash_index.h"
#include "base/mem.h"

#include <stdlib.h>
#include <string.h>

enum { EMPTY_ENTRIES_MAX = 65536 };

struct route_rib {
	enum bgp_family family;
	struct route_attr_store *store;
	struct route_sent *sent;
	void (*changed)(void *user);
	void *user;
	struct hash_index index;
	size_t tombstones;
	size_t occupied; /* entries with paths, tombstones included */
	uint32_t next_path_id;
	bool path_ids_wrapped;
	struct chain changes;
	struct pool entries; /* and the readers' marks */
	struct pool paths;
	size_t list_octets; /* of the entries' lists of paths */
};

static size_t entry_size(enum bgp_family family)
{
	const size_t align = _Alignof(struct route_entry);

	return (offsetof(struct route_entry, addr) + (family == BGP_IPV4_UNICAST ? 4 : 16) + align - 1) /
	       align * align;
}

_Static_assert(offsetof(struct route_entry, addr) + 4 <= 24, "the memory of a prefix");
_Static_assert(sizeof(struct route_path) == 48, "the memory of a path");

struct route_rib *route_rib_new(
	enum bgp_family family, struct route_attr_store *store, void (*changed)(void *user), void *user)
{
	struct route_rib *rib = mem_calloc(1, sizeof(*rib));

	rib->family = family;
	rib->store = store;
	rib->sent = route_sent_new();
	rib->changed = changed;
	rib->user = user;
	hash_index_init(&rib->index);
	pool_init(&rib->entries, entry_size(family), 0);
	pool_init(&rib->paths, sizeof(struct route_path), 0);
	return rib;
}

static struct route_entry *entry_at(const struct route_rib *rib, uint32_t number)
{
	return pool_at(&rib->entries, number);
}

void route_rib_free(struct route_rib *rib)
{
	if (!rib)
		return;
	for (size_t i = 0; i < rib->index.size; i++)
		if (rib->index.slot[i].number)
			route_paths_fini(&entry_at(rib, rib->index.slot[i].number)->paths);
	pool_fini(&rib->entries);
	pool_fini(&rib->paths);
	route_sent_free(rib->sent);
	hash_index_fini(&rib->index);
	free(rib);
}

enum bgp_family route_rib_family(const struct route_rib *rib)
{
	return rib->family;
}

struct route_sent *route_rib_sent(const struct route_rib *rib)
{
	return rib->sent;
}

struct route_attr_store *route_rib_store(const struct route_rib *rib)
{
	return rib->store;
}

size_t route_rib_entries(const struct route_rib *rib)
{
	return rib->index.count;
}

size_t route_rib_paths(const struct route_rib *rib)
{
	return rib->paths.count - rib->tombstones;
}

size_t route_rib_tombstones(const struct route_rib *rib)
{
	return rib->tombstones;
}

size_t route_rib_bytes(const struct route_rib *rib)
{
	return rib->entries.bytes + rib->paths.bytes + rib->list_octets + hash_index_octets(&rib->index);
}

bool route_rib_crowded(const struct route_rib *rib)
{
	return rib->index.count - rib->occupied > EMPTY_ENTRIES_MAX;
}

/* --- entries --- */

static uint32_t entry_hash(const struct route_entry *e)
{
	return prefix_bytes_hash(e->family, e->len, e->addr);
}

static struct route_entry *find(const struct route_rib *rib, const struct prefix *p, uint32_t hash)
{
	uint32_t number;

	for (size_t i = hash_index_first(&rib->index, hash); (number = hash_index_at(&rib->index, i, hash));
		i++) {
		struct route_entry *e = entry_at(rib, number);

		if (prefix_is(p, e->family, e->len, e->addr))
			return e;
	}
	return NULL;
}

struct route_entry *route_rib_find(const struct route_rib *rib, const struct prefix *p)
{
	return find(rib, p, prefix_hash(p));
}

/* Where the search leads to as a rule, without a look at it; or NULL. */
static struct route_entry *expected(const struct route_rib *rib, uint32_t hash)
{
	uint32_t number = hash_index_at(&rib->index, hash_index_first(&rib->index, hash), hash);

	return number ? entry_at(rib, number) : NULL;
}

void route_rib_expect(const struct route_rib *rib, const struct bgp_nlri *n, size_t count)
{
	for (size_t i = 0; i < count; i++)
		hash_index_expect(&rib->index, prefix_hash(&n[i].prefix));
}

void route_rib_approach(
	const struct route_rib *rib, const struct route_peer *peer, const struct bgp_nlri *n, size_t count)
{
	struct route_entry *e[ROUTE_EXPECT_MAX];
	const struct route_path *path[ROUTE_EXPECT_MAX];

	for (size_t i = 0; i < count; i++) {
		e[i] = expected(rib, prefix_hash(&n[i].prefix));
		if (e[i])
			__builtin_prefetch(e[i]);
	}
	for (size_t i = 0; i < count; i++)
		if (e[i])
			__builtin_prefetch(route_paths_list(e[i]->paths));
	for (size_t i = 0; i < count; i++) {
		path[i] = e[i] ? route_paths_likely(&e[i]->paths, peer, n[i].path_id) : NULL;
		__builtin_prefetch(path[i]);
	}
	for (size_t i = 0; i < count; i++)
		if (path[i])
			__builtin_prefetch(path[i]->attrs);
}

bool route_rib_has(const struct route_rib *rib, const struct prefix *p)
{
	const struct route_entry *e = route_rib_find(rib, p);

	if (e)
		ROUTE_EACH_PATH (path, &e->paths)
			if (!(path->flags & ROUTE_PATH_GONE))
				return true;
	return false;
}

static struct route_entry *find_or_add(struct route_rib *rib, const struct prefix *p)
{
	uint32_t hash = prefix_hash(p);
	struct route_entry *e = find(rib, p, hash);

	if (e)
		return e;
	e = pool_alloc(&rib->entries, 0);
	*e = (struct route_entry){ .family = p->family, .len = p->len };
	prefix_bytes_copy(e->addr, p);
	hash_index_add(&rib->index, pool_number(e), hash);
	return e;
}

static bool is_changed(const struct route_rib *rib, const struct route_entry *e)
{
	return chain_has(&rib->changes, &rib->entries, pool_number(e));
}

/* Frees an entry that has neither paths nor a place in the change list. */
static bool release(struct route_rib *rib, struct route_entry *e)
{
	if (route_paths_count(e->paths) || is_changed(rib, e))
		return false;
	hash_index_remove(&rib->index, pool_number(e), entry_hash(e));
	pool_free(&rib->entries, e);
	return true;
}

/* --- the change list --- */

static bool is_mark(const struct route_entry *e)
{
	return e->family == IP_NONE;
}

void route_rib_touch(struct route_rib *rib, struct route_entry *e)
{
	bool quiet = !rib->changes.last || is_mark(entry_at(rib, rib->changes.last));
	uint32_t number = pool_number(e);

	e->flags = 0;
	if (chain_has(&rib->changes, &rib->entries, number))
		chain_del(&rib->changes, &rib->entries, number);
	chain_add_tail(&rib->changes, &rib->entries, number);
	if ((quiet || route_rib_crowded(rib)) && rib->changed)
		rib->changed(rib->user);
}

void route_reader_init(struct route_reader *r, struct route_rib *rib)
{
	struct route_entry *mark = pool_alloc(&rib->entries, 0);

	*mark = (struct route_entry){ .family = IP_NONE };
	*r = (struct route_reader){ rib, pool_number(mark) };
	chain_add_tail(&rib->changes, &rib->entries, r->mark);
}

void route_reader_fini(struct route_reader *r)
{
	if (!r->mark)
		return;
	chain_del(&r->rib->changes, &r->rib->entries, r->mark);
	pool_free(&r->rib->entries, entry_at(r->rib, r->mark));
	r->mark = 0;
	route_rib_trim(r->rib);
}

static struct route_entry *next_changed(const struct route_reader *r)
{
	struct route_entry *e = entry_at(r->rib, r->mark);

	do
		e = e->link.next ? entry_at(r->rib, e->link.next) : NULL;
	while (e && is_mark(e));
	return e;
}

bool route_reader_behind(const struct route_reader *r)
{
	return next_changed(r) != NULL;
}

struct route_entry *route_reader_next(struct route_reader *r)
{
	struct route_entry *e = next_changed(r);

	if (!e)
		return NULL;
	chain_del(&r->rib->changes, &r->rib->entries, r->mark);
	chain_add_after(&r->rib->changes, &r->rib->entries, pool_number(e), r->mark);
	return e;
}

/* Some entries that no reader will read; those that go are expected to be looked for. */
static size_t take_read(struct route_rib *rib, struct route_entry *out[ROUTE_EXPECT_MAX])
{
	size_t count = 0;

	while (count < ROUTE_EXPECT_MAX && rib->changes.first) {
		struct route_entry *e = entry_at(rib, rib->changes.first);

		if (is_mark(e))
			break;
		chain_del(&rib->changes, &rib->entries, rib->changes.first);
		if (!route_paths_count(e->paths))
			hash_index_expect(&rib->index, entry_hash(e));
		out[count++] = e;
	}
	return count;
}

void route_rib_trim(struct route_rib *rib)
{
	struct route_entry *read[ROUTE_EXPECT_MAX];
	size_t count;

	while ((count = take_read(rib, read)))
		for (size_t i = 0; i < count; i++)
			release(rib, read[i]);
}

/* --- paths --- */

static bool path_id_used(const struct route_entry *e, uint32_t id)
{
	ROUTE_EACH_PATH (p, &e->paths)
		if (p->path_id_out == id)
			return true;
	return false;
}

static uint32_t new_path_id(struct route_rib *rib, const struct route_entry *e)
{
	do {
		if (++rib->next_path_id == 0) {
			rib->path_ids_wrapped = true;
			rib->next_path_id = 1;
		}
	} while (rib->path_ids_wrapped && path_id_used(e, rib->next_path_id));
	return rib->next_path_id;
}

static struct route_path *add_path(
	struct route_rib *rib, struct route_entry *e, struct route_peer *peer, uint32_t path_id_in)
{
	struct route_path *path = pool_alloc(&rib->paths, 0);

	*path = (struct route_path){ .entry = e, .peer = peer, .path_id_in = path_id_in };
	path->path_id_out = new_path_id(rib, e);
	rib->occupied += !route_paths_count(e->paths);
	rib->list_octets -= route_paths_octets(&e->paths);
	route_paths_add(&e->paths, path);
	rib->list_octets += route_paths_octets(&e->paths);
	return path;
}

/* Those that are not confirmed stay together in front. */
static void confirm(const struct route_rib *rib, struct route_path *path, struct chain *adj_rib_in)
{
	path->flags &= (unsigned)~ROUTE_PATH_UNCONFIRMED & 15;
	chain_del(adj_rib_in, &rib->paths, pool_number(path));
	chain_add_tail(adj_rib_in, &rib->paths, pool_number(path));
}

bool route_rib_announce(struct route_rib *rib, struct route_peer *peer, struct chain *adj_rib_in,
	const struct prefix *p, uint32_t path_id_in, struct route_attrs *attrs, uint32_t now_s)
{
	struct route_entry *e = find_or_add(rib, p);
	struct route_path *path = route_paths_find(&e->paths, peer, path_id_in);
	bool is_new = !path;

	if (path && path->flags & ROUTE_PATH_UNCONFIRMED)
		confirm(rib, path, adj_rib_in);
	if (path && path->attrs == attrs) {
		route_attrs_unref(rib->store, attrs);
		return false;
	}
	if (path) {
		route_attrs_unref(rib->store, path->attrs);
		path->sent = route_sent_outdate(rib->sent, path->sent);
	} else {
		path = add_path(rib, e, peer, path_id_in);
		chain_add_tail(adj_rib_in, &rib->paths, pool_number(path));
	}
	path->attrs = attrs;
	path->since_s = now_s;
	route_rib_touch(rib, e);
	return is_new;
}

static void free_path(struct route_rib *rib, struct route_path *path)
{
	struct route_paths *paths = &path->entry->paths;

	rib->list_octets -= route_paths_octets(paths);
	route_paths_remove(paths, path);
	rib->list_octets += route_paths_octets(paths);
	rib->occupied -= !route_paths_count(*paths);
	pool_free(&rib->paths, path);
}

void route_rib_remove(struct route_rib *rib, struct chain *adj_rib_in, struct route_path *path)
{
	struct route_entry *e = path->entry;

	chain_del(adj_rib_in, &rib->paths, pool_number(path));
	route_attrs_unref(rib->store, path->attrs);
	path->attrs = NULL;
	if (path->sent) {
		path->flags = ROUTE_PATH_GONE;
		rib->tombstones++;
	} else {
		free_path(rib, path);
	}
	route_rib_touch(rib, e);
}

bool route_rib_withdraw(struct route_rib *rib, struct route_peer *peer, struct chain *adj_rib_in,
	const struct prefix *p, uint32_t path_id_in)
{
	struct route_entry *e = route_rib_find(rib, p);
	struct route_path *path = e ? route_paths_find(&e->paths, peer, path_id_in) : NULL;

	if (path)
		route_rib_remove(rib, adj_rib_in, path);
	return path != NULL;
}

struct route_path *route_rib_path(const struct route_rib *rib, uint32_t number)
{
	return number ? pool_at(&rib->paths, number) : NULL;
}

void route_path_sent(struct route_rib *rib, struct route_path *path, unsigned group)
{
	path->sent = route_sent_set(rib->sent, path->sent, group);
}

void route_path_unsent(struct route_rib *rib, struct route_path *path, unsigned group)
{
	path->sent = route_sent_clear(rib->sent, path->sent, group);
	if (path->sent == 0 && path->flags & ROUTE_PATH_GONE) {
		rib->tombstones--;
		free_path(rib, path);
	}
}

/* --- walks --- */

/* Returns whether the entry has gone. */
static bool walk_one(struct route_rib *rib, struct route_entry *e,
	void (*fn)(void *user, struct route_entry *e), void *user)
{
	fn(user, e);
	return release(rib, e);
}

bool route_rib_walk(
	struct route_rib *rib, uint64_t *at, void (*fn)(void *user, struct route_entry *e), void *user)
{
	const struct hash_index *t = &rib->index;
	uint64_t begin = *at;
	size_t i;

	if (begin >> 32)
		return false;
	i = hash_index_place(t, (uint32_t)begin);
	*at = hash_index_place_begin(t, i + 1);
	while (t->slot[i].number && t->slot[i].hash < *at) {
		/* Of an earlier place, or staying: on; else the next one has moved up. */
		if (t->slot[i].hash < begin || !walk_one(rib, entry_at(rib, t->slot[i].number), fn, user))
			i++;
	}
	return *at >> 32 == 0;
}

bool route_rib_walked(const struct route_rib *rib, uint64_t at, const struct route_entry *e)
{
	(void)rib;
	return entry_hash(e) < at;
}
