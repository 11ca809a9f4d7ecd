#include "kernel/sysctl.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

enum { PATH_ROOM = 320 };

struct setting {
	const char *key, *reason;
	long wanted;
	bool ipv6;
};

static const struct setting settings[] = {
	{ "net.ipv4.ip_forward", "the kernel does not forward IPv4 packets at all", 1, false },
	{ "net.ipv6.conf.all.forwarding", "the kernel does not forward IPv6 packets at all", 1, true },
	{ "net.ipv4.fib_multipath_hash_policy",
		"next hops are chosen by addresses alone: all connections of a client go to one load "
		"balancer",
		1, false },
	{ "net.ipv6.fib_multipath_hash_policy",
		"next hops are chosen by addresses alone: all connections of a client go to one load "
		"balancer",
		1, true },
};

static void path_of(const char *key, char out[PATH_ROOM])
{
	size_t at = (size_t)snprintf(out, PATH_ROOM, "/proc/sys/");

	for (; *key && at + 1 < PATH_ROOM; key++)
		out[at++] = (char)(*key == '.' ? '/' : *key == '/' ? '.' : *key);
	out[at] = 0;
}

static bool read_number(const char *path, long *out)
{
	FILE *f = fopen(path, "re");
	bool ok = f && fscanf(f, "%ld", out) == 1;

	if (f)
		fclose(f);
	return ok;
}

bool kernel_sysctl_read(const char *key, long *out)
{
	char path[PATH_ROOM];

	path_of(key, path);
	return read_number(path, out);
}

bool kernel_sysctl_writable(const char *key)
{
	char path[PATH_ROOM];
	int fd;

	path_of(key, path);
	/* Not access(): it asks for the real user without capabilities, and CAP_NET_ADMIN is enough. */
	fd = open(path, O_WRONLY | O_CLOEXEC);
	if (fd >= 0)
		close(fd);
	return fd >= 0;
}

int kernel_sysctl_write(const char *key, long value)
{
	char path[PATH_ROOM], text[32];
	int fd, len, error = 0;

	path_of(key, path);
	fd = open(path, O_WRONLY | O_CLOEXEC);
	if (fd < 0)
		return -errno;
	len = snprintf(text, sizeof(text), "%ld\n", value);
	if (write(fd, text, (size_t)len) != len)
		error = -errno;
	close(fd);
	return error;
}

bool kernel_rp_filter_strict(void)
{
	static const char dir[] = "/proc/sys/net/ipv4/conf";
	long all = 0, own;
	char path[PATH_ROOM];
	bool strict = false;
	DIR *d = opendir(dir);

	if (!d || !read_number("/proc/sys/net/ipv4/conf/all/rp_filter", &all)) {
		if (d)
			closedir(d);
		return false;
	}
	for (struct dirent *e = readdir(d); e && !strict; e = readdir(d)) {
		/* "default" is for interfaces to come. */
		if (e->d_name[0] == '.' || strcmp(e->d_name, "lo") == 0)
			continue;
		snprintf(path, sizeof(path), "%s/%s/rp_filter", dir, e->d_name);
		strict = read_number(path, &own) && (own > all ? own : all) == 1;
	}
	closedir(d);
	return strict;
}

size_t kernel_sysctls_check(bool ipv4, bool ipv6, struct kernel_sysctl out[KERNEL_SYSCTLS_MAX])
{
	size_t count = 0;
	long value;

	for (size_t i = 0; i < sizeof(settings) / sizeof(settings[0]); i++) {
		const struct setting *s = &settings[i];

		if ((s->ipv6 ? !ipv6 : !ipv4) || !kernel_sysctl_read(s->key, &value) || value == s->wanted)
			continue;
		/* Policy 2 and 3 (inner headers, chosen fields) are somebody's deliberate choice. */
		if (value > s->wanted)
			continue;
		out[count++] = (struct kernel_sysctl){ s->key, s->reason, value, s->wanted };
	}
	if (ipv4 && kernel_rp_filter_strict())
		out[count++] = (struct kernel_sysctl){ "net.ipv4.conf.all.rp_filter",
			"an interface drops packets whose way back leads elsewhere (strict reverse-path "
			"filter)",
			1, 2 };
	return count;
}
