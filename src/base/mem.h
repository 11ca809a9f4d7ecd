/*
 * Allocation that cannot fail in the caller's eyes: a daemon that cannot get a few octets from a Linux kernel that
 * overcommits is about to be killed anyway, and every check for it would be code that no test can reach. These
 * functions log and abort instead. Whatever size a peer could choose is bounded before it comes here.
 */
#pragma once

#include <stddef.h>

void *mem_alloc(size_t size);
void *mem_calloc(size_t count, size_t size);
void *mem_realloc(void *p, size_t size);
char *mem_strdup(const char *s);
char *mem_printf(const char *fmt, ...) __attribute__((format(printf, 1, 2)));
/* What these functions do when there is none: for whoever gets memory in other ways. */
_Noreturn void mem_exhausted(size_t size);
