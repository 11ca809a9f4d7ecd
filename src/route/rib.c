#include "route/rib.h"

#include "base/hash.h"
#include "base/mem.h"
#include "route/entry_table.h"

#include <stdlib.h>
#include <string.h>

enum { EMPTY_ENTRIES_MAX = 65536 };

struct route_rib {
	enum bgp_family family;
	struct route_attr_store *store;
	struct route_sent *sent;
	void (*changed)(void *user);
	void *user;
	struct route_entry_table table;
	size_t tombstones;
	size_t occupied; /* entries with paths, tombstones included */
	uint32_t next_path_id;
	bool path_ids_wrapped;
	struct list changes;
	struct slab entries, paths;
	size_t list_octets; /* of the entries' lists of paths */
};

static size_t entry_size(enum bgp_family family)
{
	return offsetof(struct route_entry, addr) + (family == BGP_IPV4_UNICAST ? 4 : 16);
}

_Static_assert(
	offsetof(struct route_entry, family) == offsetof(struct route_reader, family), "told apart by it");
_Static_assert(sizeof(struct route_path) == 56, "the memory of a path");

struct route_rib *route_rib_new(
	enum bgp_family family, struct route_attr_store *store, void (*changed)(void *user), void *user)
{
	struct route_rib *rib = mem_calloc(1, sizeof(*rib));

	rib->family = family;
	rib->store = store;
	rib->sent = route_sent_new();
	rib->changed = changed;
	rib->user = user;
	route_entry_table_init(&rib->table);
	list_init(&rib->changes);
	slab_init(&rib->entries, entry_size(family));
	slab_init(&rib->paths, sizeof(struct route_path));
	return rib;
}

void route_rib_free(struct route_rib *rib)
{
	if (!rib)
		return;
	for (size_t i = 0; i < rib->table.size; i++)
		if (rib->table.slot[i].entry)
			route_paths_fini(&rib->table.slot[i].entry->paths);
	slab_fini(&rib->entries);
	slab_fini(&rib->paths);
	route_sent_free(rib->sent);
	route_entry_table_fini(&rib->table);
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
	return rib->table.count;
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
	return rib->entries.bytes + rib->paths.bytes + rib->list_octets +
	       route_entry_table_octets(&rib->table);
}

bool route_rib_crowded(const struct route_rib *rib)
{
	return rib->table.count - rib->occupied > EMPTY_ENTRIES_MAX;
}

/* --- entries --- */

static size_t addr_len(uint8_t family)
{
	return family == IP_V4 ? 4 : 16;
}

struct prefix route_entry_prefix(const struct route_entry *e)
{
	struct prefix p = { .family = e->family, .len = e->len };

	memcpy(p.bytes, e->addr, addr_len(e->family));
	return p;
}

static uint32_t entry_hash(const struct route_entry *e)
{
	struct prefix p = route_entry_prefix(e);

	return prefix_hash(&p);
}

void route_rib_expect(const struct route_rib *rib, const struct prefix *p)
{
	__builtin_prefetch(&rib->table.slot[route_entry_table_place(&rib->table, prefix_hash(p))]);
}

struct route_entry *route_rib_find(const struct route_rib *rib, const struct prefix *p)
{
	return route_entry_table_find(&rib->table, p, prefix_hash(p));
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
	struct route_entry *e = route_entry_table_find(&rib->table, p, hash);

	if (e)
		return e;
	e = slab_alloc(&rib->entries);
	*e = (struct route_entry){ .family = p->family, .len = p->len };
	memcpy(e->addr, p->bytes, addr_len(p->family));
	route_entry_table_add(&rib->table, e, hash);
	return e;
}

/* Frees an entry that has neither paths nor a place in the change list. */
static bool release(struct route_rib *rib, struct route_entry *e)
{
	if (route_paths_count(e->paths) || list_linked(&e->link))
		return false;
	route_entry_table_remove(&rib->table, e, entry_hash(e));
	slab_free(&rib->entries, e);
	return true;
}

/* --- the change list --- */

static bool is_reader(const struct list *link)
{
	return ((const struct route_entry *)(const void *)link)->family == IP_NONE;
}

void route_rib_touch(struct route_rib *rib, struct route_entry *e)
{
	bool quiet = list_empty(&rib->changes) || is_reader(rib->changes.prev);

	e->flags = 0;
	list_del(&e->link);
	list_add_tail(&rib->changes, &e->link);
	if ((quiet || route_rib_crowded(rib)) && rib->changed)
		rib->changed(rib->user);
}

void route_reader_init(struct route_reader *r, struct route_rib *rib)
{
	*r = (struct route_reader){ .rib = rib };
	list_add_tail(&rib->changes, &r->link);
}

void route_reader_fini(struct route_reader *r)
{
	list_del(&r->link);
	route_rib_trim(r->rib);
}

static struct list *next_entry(const struct route_reader *r)
{
	struct list *link = r->link.next;

	while (link != &r->rib->changes && is_reader(link))
		link = link->next;
	return link;
}

bool route_reader_behind(const struct route_reader *r)
{
	return next_entry(r) != &r->rib->changes;
}

struct route_entry *route_reader_next(struct route_reader *r)
{
	struct list *link = next_entry(r);

	if (link == &r->rib->changes)
		return NULL;
	list_del(&r->link);
	list_add_after(link, &r->link);
	return (struct route_entry *)(void *)link;
}

void route_rib_trim(struct route_rib *rib)
{
	while (!list_empty(&rib->changes) && !is_reader(rib->changes.next)) {
		struct route_entry *e = (struct route_entry *)(void *)rib->changes.next;

		list_del(&e->link);
		release(rib, e);
	}
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
	struct route_path *path = slab_alloc(&rib->paths);

	*path = (struct route_path){ .entry = e, .peer = peer, .path_id_in = path_id_in };
	path->path_id_out = new_path_id(rib, e);
	rib->occupied += !route_paths_count(e->paths);
	rib->list_octets -= route_paths_octets(&e->paths);
	route_paths_add(&e->paths, path);
	rib->list_octets += route_paths_octets(&e->paths);
	return path;
}

/* Those that are not confirmed stay together in front. */
static void confirm(struct route_path *path, struct list *adj_rib_in)
{
	path->flags &= (unsigned)~ROUTE_PATH_UNCONFIRMED & 15;
	list_del(&path->peer_link);
	list_add_tail(adj_rib_in, &path->peer_link);
}

bool route_rib_announce(struct route_rib *rib, struct route_peer *peer, struct list *adj_rib_in,
	const struct prefix *p, uint32_t path_id_in, struct route_attrs *attrs, uint32_t now_s)
{
	struct route_entry *e = find_or_add(rib, p);
	struct route_path *path = route_paths_find(&e->paths, peer, path_id_in);
	bool is_new = !path;

	if (path && path->flags & ROUTE_PATH_UNCONFIRMED)
		confirm(path, adj_rib_in);
	if (path && path->attrs == attrs) {
		route_attrs_unref(rib->store, attrs);
		return false;
	}
	if (path) {
		route_attrs_unref(rib->store, path->attrs);
		path->sent = route_sent_outdate(rib->sent, path->sent);
	} else {
		path = add_path(rib, e, peer, path_id_in);
		list_add_tail(adj_rib_in, &path->peer_link);
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
	slab_free(&rib->paths, path);
}

void route_rib_remove(struct route_rib *rib, struct route_path *path)
{
	struct route_entry *e = path->entry;

	list_del(&path->peer_link);
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

bool route_rib_withdraw(
	struct route_rib *rib, struct route_peer *peer, const struct prefix *p, uint32_t path_id_in)
{
	struct route_entry *e = route_rib_find(rib, p);
	struct route_path *path = e ? route_paths_find(&e->paths, peer, path_id_in) : NULL;

	if (path)
		route_rib_remove(rib, path);
	return path != NULL;
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
	const struct route_entry_table *t = &rib->table;
	uint64_t begin = *at;
	size_t i;

	if (begin >> 32)
		return false;
	i = route_entry_table_place(t, (uint32_t)begin);
	*at = route_entry_table_place_begin(t, i + 1);
	while (t->slot[i].entry && t->slot[i].hash < *at) {
		/* Of an earlier place, or staying: on; else the next one has moved up. */
		if (t->slot[i].hash < begin || !walk_one(rib, t->slot[i].entry, fn, user))
			i++;
	}
	return *at >> 32 == 0;
}

bool route_rib_walked(const struct route_rib *rib, uint64_t at, const struct route_entry *e)
{
	(void)rib;
	return entry_hash(e) < at;
}
