#include "agent/marks.h"

#include "base/mem.h"

#include <stdlib.h>

enum { BITS = 64 };

void marks_fini(struct marks *m)
{
	free(m->used);
	m->used = NULL;
	m->words = 0;
}

uint32_t marks_get(struct marks *m)
{
	size_t i = 0;
	int bit;

	while (i < m->words && m->used[i] == UINT64_MAX)
		i++;
	if (i == m->limit / BITS)
		return 0;
	if (i == m->words) {
		m->used = mem_realloc(m->used, (m->words + 1) * sizeof(*m->used));
		m->used[m->words++] = 0;
	}
	bit = __builtin_ctzll(~m->used[i]);
	m->used[i] |= UINT64_C(1) << bit;
	return m->first + (uint32_t)(i * BITS) + (uint32_t)bit;
}

void marks_put(struct marks *m, uint32_t mark)
{
	uint32_t i = mark - m->first;

	m->used[i / BITS] &= ~(UINT64_C(1) << i % BITS);
}
