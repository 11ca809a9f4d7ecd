#include "daemon/quota.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

static const char root_v2[] = "/sys/fs/cgroup", root_v1[] = "/sys/fs/cgroup/cpu";

enum { PATH_LONG = 4096 };

static bool read_line(const char *path, char *line, int size)
{
	FILE *f = fopen(path, "re");
	bool ok = f && fgets(line, size, f);

	if (f)
		fclose(f);
	if (ok)
		line[strcspn(line, "\n")] = 0;
	return ok;
}

/* The one that lets the process run for the smaller part of the time. */
static bool narrower(const struct daemon_quota *a, const struct daemon_quota *b)
{
	return a->quota_us * b->period_us < b->quota_us * a->period_us;
}

/* cpu.max: "max 100000" or "20000 100000". */
static bool read_max(const char *directory, struct daemon_quota *out)
{
	char path[PATH_LONG], line[64];

	if (snprintf(path, sizeof(path), "%s/cpu.max", directory) >= (int)sizeof(path) ||
		!read_line(path, line, sizeof(line)))
		return false;
	return sscanf(line, "%" SCNu64 " %" SCNu64, &out->quota_us, &out->period_us) == 2 && out->period_us;
}

bool daemon_quota_of(const char *root, const char *path, struct daemon_quota *out)
{
	char directory[PATH_LONG];
	struct daemon_quota q = { 0 };
	bool found = false;

	if (snprintf(directory, sizeof(directory), "%s%s", root, path) >= (int)sizeof(directory))
		return false;
	for (;;) {
		if (read_max(directory, &q) && (!found || narrower(&q, out))) {
			*out = q;
			found = true;
		}
		if (strlen(directory) <= strlen(root))
			return found;
		*strrchr(directory, '/') = 0;
	}
}

static bool read_v1(struct daemon_quota *out)
{
	char path[PATH_LONG], line[64];
	long long quota;

	snprintf(path, sizeof(path), "%s/cpu.cfs_quota_us", root_v1);
	if (!read_line(path, line, sizeof(line)) || sscanf(line, "%lld", &quota) != 1 || quota <= 0)
		return false;
	snprintf(path, sizeof(path), "%s/cpu.cfs_period_us", root_v1);
	out->quota_us = (uint64_t)quota;
	return read_line(path, line, sizeof(line)) && sscanf(line, "%" SCNu64, &out->period_us) == 1 &&
	       out->period_us;
}

bool daemon_quota(struct daemon_quota *out)
{
	char line[PATH_LONG];

	/* A container with a cgroup namespace of its own sees itself as the root. */
	if (read_line("/proc/self/cgroup", line, sizeof(line)) && strncmp(line, "0::", 3) == 0 &&
		daemon_quota_of(root_v2, strcmp(line + 3, "/") == 0 ? "" : line + 3, out))
		return true;
	return read_v1(out);
}
