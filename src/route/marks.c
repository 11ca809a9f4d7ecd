#include "route/marks.h"

#include "base/hash.h"
#include "base/mem.h"

#include <stdlib.h>
#include <string.h>

enum { FIRST_SIZE = 64 };

/* Open addressing, half full at most; nothing is ever deleted from a table but all at once. */
struct table {
	struct route_mark *slot; /* family IP_NONE: free */
	size_t size, count;
};

/* Marks are added to one table while another is being served, slot by slot. */
struct route_marks {
	struct table adding, serving;
	size_t next, served;
};

struct route_marks *route_marks_new(void)
{
	return mem_calloc(1, sizeof(struct route_marks));
}

void route_marks_free(struct route_marks *m)
{
	if (!m)
		return;
	free(m->adding.slot);
	free(m->serving.slot);
	free(m);
}

static struct route_mark *find(const struct table *t, const struct prefix *p, uint32_t path_id)
{
	size_t i = (prefix_hash(p) ^ hash_u64(path_id)) & (t->size - 1);

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
	for (size_t i = 0; i < old.size; i++)
		if (old.slot[i].prefix.family != IP_NONE)
			*find(t, &old.slot[i].prefix, old.slot[i].path_id) = old.slot[i];
	free(old.slot);
}

void route_marks_add(struct route_marks *m, const struct prefix *p, uint32_t path_id)
{
	struct route_mark *slot;

	if ((m->adding.count + 1) * 2 > m->adding.size)
		grow(&m->adding);
	slot = find(&m->adding, p, path_id);
	if (slot->prefix.family != IP_NONE)
		return;
	*slot = (struct route_mark){ .prefix = *p, .path_id = path_id };
	m->adding.count++;
}

bool route_marks_take(struct route_marks *m, struct route_mark *out)
{
	if (m->served == m->serving.count) {
		free(m->serving.slot);
		m->serving = m->adding;
		m->adding = (struct table){ 0 };
		m->next = m->served = 0;
	}
	for (; m->next < m->serving.size; m->next++) {
		if (m->serving.slot[m->next].prefix.family == IP_NONE)
			continue;
		*out = m->serving.slot[m->next++];
		m->served++;
		return true;
	}
	return false;
}

size_t route_marks_count(const struct route_marks *m)
{
	return m->adding.count + m->serving.count - m->served;
}

size_t route_marks_bytes(const struct route_marks *m)
{
	return (m->adding.size + m->serving.size) * sizeof(struct route_mark);
}
