/* Memory from the system in whole pages, zeroed, outside of malloc: pages are given back when they are freed, whatever was
 * allocated since, and growing copies nothing. As in mem.h, it cannot fail in the caller's eyes. */
#pragma once

#include <stddef.h>

/* size octets at a multiple of size, which is a power of two and at least a page. */
void *pages_alloc_aligned(size_t size);
/* From old octets (0: p is NULL) to size, perhaps at another place; what is new is zero. Both are rounded up to pages. */
void *pages_resize(void *p, size_t old, size_t size);
void pages_free(void *p, size_t size);
