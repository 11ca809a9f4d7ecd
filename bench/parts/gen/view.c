#include "view.h"

#include "base/hash.h"
#include "base/mem.h"
#include "wire.h"

#include <stdlib.h>
#include <string.h>

enum { PATHS_FIRST = 1 << 6 };

void view_init(struct view *v, const struct numbers *numbers, uint32_t bgp_identifier)
{
	*v = (struct view){ .numbers = numbers, .bgp_identifier = bgp_identifier };
}

void view_fini(struct view *v)
{
	free(v->bit);
	free(v->path);
	churn_view_fini(&v->churn);
	*v = (struct view){ 0 };
}

/* --- the set of paths: open addressing, 0 is free --- */

static uint64_t path_key(uint32_t number, uint32_t path_id)
{
	return ((uint64_t)path_id << 32 | number) + 1;
}

static uint32_t path_find(const struct view *v, uint64_t key)
{
	uint32_t i = hash_u64(key) & v->mask;

	while (v->path[i] && v->path[i] != key)
		i = (i + 1) & v->mask;
	return i;
}

static void path_grow(struct view *v)
{
	uint64_t *old = v->path;
	uint32_t old_mask = v->mask;

	v->mask = old ? old_mask * 2 + 1 : PATHS_FIRST - 1;
	v->path = mem_calloc(v->mask + 1u, sizeof(*v->path));
	for (uint32_t i = 0; old && i <= old_mask; i++) {
		if (old[i])
			v->path[path_find(v, old[i])] = old[i];
	}
	free(old);
}

static bool path_add(struct view *v, uint64_t key)
{
	uint32_t i;

	if (!v->path || v->present > v->mask / 2)
		path_grow(v);
	i = path_find(v, key);
	if (v->path[i])
		return false;
	v->path[i] = key;
	return true;
}

/* Whoever stands behind a place that became free moves up, so that a look-up never meets a gap. */
static bool path_del(struct view *v, uint64_t key)
{
	uint32_t gap, i;

	if (!v->path)
		return false;
	gap = i = path_find(v, key);
	if (!v->path[i])
		return false;
	for (;;) {
		uint32_t home;

		i = (i + 1) & v->mask;
		if (!v->path[i])
			break;
		home = hash_u64(v->path[i]) & v->mask;
		if (((i - home) & v->mask) >= ((i - gap) & v->mask)) {
			v->path[gap] = v->path[i];
			gap = i;
		}
	}
	v->path[gap] = 0;
	return true;
}

/* --- both kinds --- */

static bool hold(struct view *v, uint32_t number, uint32_t path_id)
{
	uint64_t mask = UINT64_C(1) << (number % 64), *word;

	if (v->add_path)
		return path_add(v, path_key(number, path_id));
	if (!v->bit)
		v->bit = mem_calloc(v->numbers->count / 64 + 1, sizeof(*v->bit));
	word = &v->bit[number / 64];
	if (*word & mask)
		return false;
	*word |= mask;
	return true;
}

static bool forget(struct view *v, uint32_t number, uint32_t path_id)
{
	uint64_t mask = UINT64_C(1) << (number % 64);

	if (v->add_path)
		return path_del(v, path_key(number, path_id));
	if (!v->bit || !(v->bit[number / 64] & mask))
		return false;
	v->bit[number / 64] &= ~mask;
	return true;
}

static void announced(struct view *v, struct wire_field f)
{
	struct wire_prefix p;

	while (wire_next(&f, v->add_path, &p)) {
		uint32_t number = numbers_find(v->numbers, p.address, p.len);

		v->announced++;
		if (number == NUMBERS_NONE)
			v->unknown++;
		else if (hold(v, number, p.path_id))
			v->present++;
		else
			v->again++;
	}
	v->broken += f.len != 0;
}

static void withdrawn(struct view *v, struct wire_field f)
{
	struct wire_prefix p;

	while (wire_next(&f, v->add_path, &p)) {
		uint32_t number = numbers_find(v->numbers, p.address, p.len);

		v->withdrawn++;
		if (number != NUMBERS_NONE && forget(v, number, p.path_id))
			v->present--;
		else
			v->unheld++;
	}
	v->broken += f.len != 0;
}

void view_update(struct view *v, const uint8_t *message, size_t len, uint64_t now_ns)
{
	struct wire_update u;

	if (!wire_update(message, len, &u)) {
		v->broken++;
		return;
	}
	withdrawn(v, u.withdrawn);
	withdrawn(v, u.unreached);
	if (u.originator_id == v->bgp_identifier) {
		v->returned++;
		return;
	}
	announced(v, u.announced);
	announced(v, u.reached);
	if (u.med)
		churn_view_seen(&v->churn, u.med, now_ns);
}
