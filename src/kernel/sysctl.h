/* The kernel's settings (sysctl) of the network namespace of the caller: one by one, and those without which a router of
 * this kind does not do what one expects of it. */
#pragma once

#include <stdbool.h>
#include <stddef.h>

enum { KERNEL_SYSCTLS_MAX = 8 };

struct kernel_sysctl {
	const char *key;    /* as for sysctl(8) */
	const char *reason; /* why it matters */
	long value, wanted;
};

/* key as for sysctl(8): a dot in an interface's name is written as a slash. False: there is none, or it is no number. */
bool kernel_sysctl_read(const char *key, long *out);
bool kernel_sysctl_writable(const char *key);
/* 0 or a negative errno. */
int kernel_sysctl_write(const char *key, long value);
/* Whether some interface but lo drops IPv4 packets whose way back leads elsewhere: the larger of its own value and that of
 * "all" holds, and 1 is strict. */
bool kernel_rp_filter_strict(void);

/* Those that are not as they should be for a router; their number. A setting that cannot be read is left out. */
size_t kernel_sysctls_check(bool ipv4, bool ipv6, struct kernel_sysctl out[KERNEL_SYSCTLS_MAX]);
