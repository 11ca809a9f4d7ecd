#include "route/marks.h"

#include "base/hash.h"
#include "base/mem.h"

#include <stdlib.h>
#include <string.h>

enum {
	SIZE_FIRST = 16,
	PART_BITS = 4,
	PARTS = 1 << PART_BITS,
	/* Where what stands in a slot; no octet is wasted, since a slow peer may have a mark for each route of a full table. */
	AT_PATH_ID = 0,
	AT_LEN = 4, /* plus 1; 0: a free slot */
	AT_ADDR = 5,
	SLOT_MAX = AT_ADDR + 16,
};

/* Open addressing, three quarters full at most; nothing is ever deleted from a table but all at once. */
struct table {
	uint8_t *slot;
	size_t size, count;
};

/* Marks are in parts by the upper bits of their hash value, so that no table becomes so large that its growing would
 * hold the loop, and memory goes part by part. They are added to one while another is being served, slot by slot. */
struct route_marks {
	uint8_t family; /* IP_NONE until the first mark */
	size_t slot_size;
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
	return prefix_hash(p) ^ hash_u64(path_id);
}

static void put(uint8_t *slot, const struct prefix *p, uint32_t path_id)
{
	memcpy(slot + AT_PATH_ID, &path_id, sizeof(path_id));
	slot[AT_LEN] = p->len + 1;
	memcpy(slot + AT_ADDR, p->bytes, ip_family_bytes(p->family));
}

static struct route_mark get(const struct route_marks *m, const uint8_t *slot)
{
	/* cppcheck-suppress objectIndex; it takes a pointer into a table for a variable's address. */
	struct route_mark mark = { .prefix = { .family = m->family, .len = (uint8_t)(slot[AT_LEN] - 1) } };

	memcpy(&mark.path_id, slot + AT_PATH_ID, sizeof(mark.path_id));
	memcpy(mark.prefix.bytes, slot + AT_ADDR, ip_family_bytes(m->family));
	return mark;
}

/* The slot with these octets, or the free one where they belong. The upper bits of the hash have chosen the part. Whoever walks the
 * table of prefixes comes in the order of that very hash: if slots had it too, the marks made so far would all stand in the
 * front of a table, in one row to be searched. */
static uint8_t *find(const struct route_marks *m, const struct table *t, uint32_t hash, const uint8_t *octets)
{
	size_t i = (uint64_t)(uint32_t)hash_u64(hash) * t->size >> 32;

	while (t->slot[i * m->slot_size + AT_LEN] &&
		memcmp(&t->slot[i * m->slot_size], octets, m->slot_size) != 0)
		i = i + 1 < t->size ? i + 1 : 0;
	return &t->slot[i * m->slot_size];
}

static void grow(const struct route_marks *m, struct table *t)
{
	struct table old = *t;

	t->size = old.size ? old.size + old.size / 2 : SIZE_FIRST;
	t->slot = mem_calloc(t->size, m->slot_size);
	for (size_t i = 0; i < old.size; i++) {
		const uint8_t *slot = &old.slot[i * m->slot_size];
		struct route_mark mark;

		/* cppcheck-suppress objectIndex; as above. */
		if (!slot[AT_LEN])
			continue;
		mark = get(m, slot);
		memcpy(find(m, t, mark_hash(&mark.prefix, mark.path_id), slot), slot, m->slot_size);
	}
	free(old.slot);
}

void route_marks_add(struct route_marks *m, const struct prefix *p, uint32_t path_id)
{
	uint32_t hash = mark_hash(p, path_id);
	struct table *t = &m->adding[hash >> (32 - PART_BITS)];
	uint8_t octets[SLOT_MAX], *slot;

	m->family = p->family;
	m->slot_size = AT_ADDR + ip_family_bytes(p->family);
	if ((t->count + 1) * 4 > t->size * 3)
		grow(m, t);
	put(octets, p, path_id);
	slot = find(m, t, hash, octets);
	if (slot[AT_LEN])
		return;
	memcpy(slot, octets, m->slot_size);
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
	while (m->next < m->serving.size) {
		const uint8_t *slot = &m->serving.slot[m->next++ * m->slot_size];

		/* cppcheck-suppress objectIndex; as above. */
		if (!slot[AT_LEN])
			continue;
		*out = get(m, slot);
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
	return slots * m->slot_size;
}
