/* The kernel's settings without which a router of this kind does not do what one expects of it. */
#pragma once

#include <stdbool.h>
#include <stddef.h>

enum { KERNEL_SYSCTLS_MAX = 8 };

struct kernel_sysctl {
	const char *key;    /* as for sysctl(8) */
	const char *reason; /* why it matters */
	long value, wanted;
};

/* Those that are not as they should be, in the network namespace of the caller; their number. A setting that cannot be
 * read is left out. */
size_t kernel_sysctls_check(bool ipv4, bool ipv6, struct kernel_sysctl out[KERNEL_SYSCTLS_MAX]);
/* 0 or a negative errno. */
int kernel_sysctl_set(const struct kernel_sysctl *s);
