#include "route/paths.h"

#include "base/hash.h"
#include "base/mem.h"
#include "route/rib.h"

#include <assert.h>
#include <stdlib.h>

/* Of a longer list, reading what names the paths costs as much as finding one. */
enum { GUESSED_MAX = 8 };

static uint16_t tag_of(const struct route_peer *peer, uint32_t path_id_in)
{
	return (uint16_t)hash_u64((uint64_t)(uintptr_t)peer ^ (uint64_t)path_id_in << 32);
}

static bool is_live(const struct route_path *path, const struct route_peer *peer, uint32_t path_id_in)
{
	return path->peer == peer && path->path_id_in == path_id_in && !(path->flags & ROUTE_PATH_GONE);
}

struct route_path *route_paths_find(
	const struct route_paths *p, const struct route_peer *peer, uint32_t path_id_in)
{
	const struct route_path_list *l = route_paths_list(*p);
	uint16_t tag;

	if (!l)
		return p->ref && is_live(route_paths_at(*p, 0), peer, path_id_in) ? route_paths_at(*p, 0)
										  : NULL;
	tag = tag_of(peer, path_id_in);
	for (size_t i = 0; i < l->count; i++)
		if (l->slot[i].tag == tag && is_live(route_paths_at(*p, i), peer, path_id_in))
			return route_paths_at(*p, i);
	return NULL;
}

struct route_path *route_paths_likely(
	const struct route_paths *p, const struct route_peer *peer, uint32_t path_id_in)
{
	const struct route_path_list *l = route_paths_list(*p);
	uint16_t tag;

	if (!l)
		return (struct route_path *)p->ref;
	tag = tag_of(peer, path_id_in);
	for (size_t i = 0; i < l->count && i < GUESSED_MAX; i++)
		if (l->slot[i].tag == tag)
			return route_paths_at(*p, i);
	return NULL;
}

static struct route_path_slot slot_of(const struct route_path *path)
{
	struct route_path_slot s = { .tag = tag_of(path->peer, path->path_id_in), .path = (uintptr_t)path };

	if (s.path != (uintptr_t)path)
		abort();
	return s;
}

static void resize(struct route_paths *p, uint32_t size)
{
	struct route_path_list *l = route_paths_list(*p);

	l = mem_realloc(l, sizeof(*l) + size * sizeof(l->slot[0]));
	l->size = size;
	p->ref = (uintptr_t)l + 1;
}

/* Small steps: what is allocated and not used counts for every prefix. */
static uint32_t more(uint32_t size)
{
	return size + (size / 8 + 2) / 2 * 2;
}

void route_paths_add(struct route_paths *p, struct route_path *path)
{
	struct route_path_list *l = route_paths_list(*p);

	if (!l && !p->ref) {
		p->ref = (uintptr_t)path;
		return;
	}
	if (!l) {
		struct route_path_slot first = slot_of(route_paths_at(*p, 0));

		p->ref = 0;
		resize(p, 2);
		l = route_paths_list(*p);
		assert(l);
		l->count = 1;
		l->slot[0] = first;
	} else if (l->count == l->size) {
		resize(p, more(l->size));
		l = route_paths_list(*p);
	}
	assert(l);
	l->slot[l->count++] = slot_of(path);
}

static size_t index_of(const struct route_path_list *l, const struct route_path *path)
{
	size_t i = 0;

	while (l->slot[i].path != (uintptr_t)path)
		i++;
	return i;
}

void route_paths_remove(struct route_paths *p, const struct route_path *path)
{
	struct route_path_list *l = route_paths_list(*p);

	if (!l) {
		p->ref = 0;
		return;
	}
	l->slot[index_of(l, path)] = l->slot[l->count - 1];
	l->count--;
	if (l->count == 1) {
		p->ref = l->slot[0].path;
		free(l);
	} else if (l->count < l->size / 2) {
		resize(p, more(l->count));
	}
}

void route_paths_to_front(struct route_paths *p, const struct route_path *path)
{
	struct route_path_list *l = route_paths_list(*p);
	struct route_path_slot first;
	size_t i;

	if (!l)
		return;
	i = index_of(l, path);
	first = l->slot[0];
	l->slot[0] = l->slot[i];
	l->slot[i] = first;
}

size_t route_paths_octets(const struct route_paths *p)
{
	const struct route_path_list *l = route_paths_list(*p);

	return l ? sizeof(*l) + l->size * sizeof(l->slot[0]) : 0;
}

void route_paths_fini(struct route_paths *p)
{
	free(route_paths_list(*p));
	p->ref = 0;
}
