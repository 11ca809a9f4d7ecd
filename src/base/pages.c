#include "base/pages.h"

#include "base/mem.h"

#include <stdint.h>
#include <sys/mman.h>
#include <unistd.h>

#ifndef MADV_POPULATE_WRITE
#define MADV_POPULATE_WRITE 23
#endif

static void *map(size_t size)
{
	void *p = mmap(NULL, size, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

	if (p == MAP_FAILED)
		mem_exhausted(size);
	return p;
}

/* The upper one of two that would do: so what is mapped next, which comes below, joins on. */
void *pages_alloc_aligned(size_t size)
{
	uint8_t *p = map(2 * size);
	size_t before = size - ((uintptr_t)p & (size - 1));

	munmap(p, before);
	if (before < size)
		munmap(p + before + size, size - before);
	/* What is behind it was not given back. */
	/* cppcheck-suppress deallocret */
	return p + before;
}

/* A page that is read before it is written would be a fault twice, and the second stops the processors of all other threads. A
 * kernel that cannot do it (before 5.14) is asked in vain. */
static void populate(uint8_t *p, size_t from, size_t to)
{
	size_t page = (size_t)sysconf(_SC_PAGESIZE);

	from = (from + page - 1) / page * page;
	if (from < to)
		(void)madvise(p + from, to - from, MADV_POPULATE_WRITE);
}

void *pages_resize(void *p, size_t old, size_t size)
{
	if (!old)
		return map(size);
	p = mremap(p, old, size, MREMAP_MAYMOVE);
	if (p == MAP_FAILED)
		mem_exhausted(size);
	populate(p, old, size);
	return p;
}

void pages_free(void *p, size_t size)
{
	if (size)
		munmap(p, size);
}
