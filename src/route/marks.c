#include "route/marks.h"

#include "base/hash.h"
#include "base/mem.h"

#include <stdlib.h>
#include <string.h>

enum { FIRST_SIZE = 16, PART_BITS = 4, PARTS = 1 << PART_BITS };

/* Open addressing, half full at most; nothing is ever deleted from a table but all at once. */
struct table {
	struct route_mark *slot; /* family IP_NONE: free */
	size_t size, count;
};

/* Marks are in parts by the upper bits of their hash value, so that no table becomes so large that its growing would
 * hold the loop. They are added to one while another is being served, slot by slot. */
struct route_marks {
	struct table adding[PARTS], serving;
	unsigned part; /* to be served next */
	size_t next, served, count;
};

struct route_marks *route_marks_new(void)
{
	return mem_calloc(1, sizeof(struct route_marks));
}

void route_marks_free(struct route_marks *m)
{
	if (!m)
		return;
	for (unsigned i = 0; i < PARTS; i++)
		free(m->adding[i].slot);
	free(m->serving.slot);
	free(m);
}

static uint32_t mark_hash(const struct prefix *p, uint32_t path_id)
{
	return (uint32_t)(prefix_hash(p) ^ hash_u64(path_id));
}

static struct route_mark *find(const struct table *t, uint32_t hash, const struct prefix *p, uint32_t path_id)
{
	size_t i = hash & (t->size - 1);

	while (t->slot[i].prefix.family != IP_NONE &&
		!(t->slot[i].path_id == path_id && prefix_equal(&t->slot[i].prefix, p)))
		i = (i + 1) & (t->size - 1);
	return &t->slot[i];
}

static void grow(struct table *t)
{
	struct table old = *t;

	t->size = old.size ? old.size * 2 : FIRST_SIZE;
	t->slot = mem_calloc(t->size, sizeof(*t->slot));
	for (const struct route_mark *m = old.slot; m < old.slot + old.size; m++)
		if (m->prefix.family != IP_NONE)
			*find(t, mark_hash(&m->prefix, m->path_id), &m->prefix, m->path_id) = *m;
	free(old.slot);
}

void route_marks_add(struct route_marks *m, const struct prefix *p, uint32_t path_id)
{
	uint32_t hash = mark_hash(p, path_id);
	struct table *t = &m->adding[hash >> (32 - PART_BITS)];
	struct route_mark *slot;

	if ((t->count + 1) * 2 > t->size)
		grow(t);
	slot = find(t, hash, p, path_id);
	if (slot->prefix.family != IP_NONE)
		return;
	*slot = (struct route_mark){ .prefix = *p, .path_id = path_id };
	t->count++;
	m->count++;
}

static void serve_next_part(struct route_marks *m)
{
	free(m->serving.slot);
	m->serving = m->adding[m->part];
	m->adding[m->part] = (struct table){ 0 };
	m->part = (m->part + 1) % PARTS;
	m->next = m->served = 0;
}

bool route_marks_take(struct route_marks *m, struct route_mark *out)
{
	for (unsigned i = 0; i < PARTS && m->served == m->serving.count; i++)
		serve_next_part(m);
	for (; m->next < m->serving.size; m->next++) {
		if (m->serving.slot[m->next].prefix.family == IP_NONE)
			continue;
		*out = m->serving.slot[m->next++];
		m->served++;
		m->count--;
		return true;
	}
	return false;
}

size_t route_marks_count(const struct route_marks *m)
{
	return m->count;
}

size_t route_marks_bytes(const struct route_marks *m)
{
	size_t slots = m->serving.size;

	for (unsigned i = 0; i < PARTS; i++)
		slots += m->adding[i].size;
	return slots * sizeof(struct route_mark);
}
