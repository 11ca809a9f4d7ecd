/* The limit on this process's CPU time, as a container has it: while it is used up the process stands still until the period is over. */
#pragma once

#include <stdbool.h>
#include <stdint.h>

struct daemon_quota {
	uint64_t quota_us, period_us;
};

/* Of control groups of either version, the narrowest on the way up. False: there is none, or nobody tells. */
bool daemon_quota(struct daemon_quota *out);
/* Of a directory tree as /sys/fs/cgroup and a path in it as /proc/self/cgroup has them (version 2). */
bool daemon_quota_of(const char *root, const char *path, struct daemon_quota *out);
