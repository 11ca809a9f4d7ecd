#include "base/mem.h"

#include "base/log.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

void mem_exhausted(size_t size)
{
	log_error("out of memory: could not get %zu octets", size);
	abort();
}

static void *checked(void *p, size_t size)
{
	if (!p)
		mem_exhausted(size);
	return p;
}

void *mem_alloc(size_t size)
{
	return checked(malloc(size ? size : 1), size);
}

void *mem_calloc(size_t count, size_t size)
{
	return checked(count && size ? calloc(count, size) : calloc(1, 1), count * size);
}

void *mem_realloc(void *p, size_t size)
{
	return checked(realloc(p, size ? size : 1), size);
}

char *mem_strdup(const char *s)
{
	return checked(strdup(s), strlen(s) + 1);
}

char *mem_printf(const char *fmt, ...)
{
	char *out = NULL;
	va_list ap;

	va_start(ap, fmt);
	if (vasprintf(&out, fmt, ap) < 0)
		out = NULL;
	va_end(ap);
	return checked(out, 1);
}
