/*
 * Allocation that cannot fail in the caller's eyes: a daemon that cannot get a few octets from a Linux kernel that
 * overcommits is about to be killed anyway, and every check for it would be code that no test can reach. These
 * functions log and abort instead. Whatever size a peer could choose is bounded before it comes here. Of size 0 they return
 * something that can be freed, too.
 */
#pragma once

#include <stddef.h>

void *mem_alloc(size_t size) __attribute__((returns_nonnull));
void *mem_calloc(size_t count, size_t size) __attribute__((returns_nonnull));
void *mem_realloc(void *p, size_t size) __attribute__((returns_nonnull));
char *mem_strdup(const char *s) __attribute__((returns_nonnull));
char *mem_printf(const char *fmt, ...) __attribute__((returns_nonnull, format(printf, 1, 2)));
/* What these functions do when there is none: for whoever gets memory in other ways. */
_Noreturn void mem_exhausted(size_t size);
