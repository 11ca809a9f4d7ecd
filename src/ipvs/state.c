#include "ipvs/state.h"

#include "base/log.h"
#include "base/mem.h"

#include <assert.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <netinet/in.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

enum { BOOT_ID_MAX = 40, LINE_MAX_OCTETS = 256 };

/* --- where and when --- */

struct place {
	char boot[BOOT_ID_MAX];
	unsigned long long namespace;
};

static struct place here(void)
{
	struct place p = { .boot = "-" };
	FILE *f = fopen("/proc/sys/kernel/random/boot_id", "re");
	struct stat st;

	if (f && fscanf(f, "%39s", p.boot) != 1)
		snprintf(p.boot, sizeof(p.boot), "-");
	if (f)
		fclose(f);
	if (stat("/proc/thread-self/ns/net", &st) == 0)
		p.namespace = st.st_ino;
	return p;
}

static bool is_here(const char *line)
{
	struct place p = here();
	char boot[BOOT_ID_MAX];
	unsigned long long namespace;

	return sscanf(line, "boot %39s namespace %llu", boot, &namespace) == 2 && strcmp(boot, p.boot) == 0 &&
	       namespace == p.namespace;
}

/* --- lines --- */

static void append(char **text, size_t *len, size_t *size, const char *line)
{
	size_t n = strlen(line);

	if (*len + n + 1 > *size) {
		*size = (*len + n + 1) * 2;
		*text = mem_realloc(*text, *size);
	}
	assert(*text);
	memcpy(*text + *len, line, n + 1);
	*len += n;
}

static void format_line(const struct ipvs_key *k, char *buf, size_t size)
{
	char addr[PREFIX_TEXT_MAX];

	if (k->mark)
		snprintf(buf, size, "mark %u %s\n", k->mark, k->family == IP_V6 ? "IPv6" : "IPv4");
	else
		snprintf(buf, size, "service %u %s %u\n", k->protocol, ip_addr_format(&k->addr, addr),
			k->port);
}

char *ipvs_state_text(const struct ipvs_key *keys, size_t count)
{
	struct place p = here();
	size_t len = 0, size = 0;
	char line[LINE_MAX_OCTETS], *text = NULL;

	snprintf(line, sizeof(line), "boot %s namespace %llu\n", p.boot, p.namespace);
	append(&text, &len, &size, line);
	for (size_t i = 0; i < count; i++) {
		format_line(&keys[i], line, sizeof(line));
		append(&text, &len, &size, line);
	}
	return text;
}

static bool parse_line(const char *line, struct ipvs_key *k)
{
	char word[PREFIX_TEXT_MAX];
	unsigned protocol, port;

	*k = (struct ipvs_key){ 0 };
	if (sscanf(line, "mark %u %55s", &k->mark, word) == 2) {
		k->family = strcmp(word, "IPv6") == 0 ? IP_V6 : IP_V4;
		return k->mark != 0;
	}
	if (sscanf(line, "service %u %55s %u", &protocol, word, &port) != 3 || protocol > UINT8_MAX ||
		port > UINT16_MAX || !ip_addr_parse(word, &k->addr))
		return false;
	k->family = k->addr.family;
	k->protocol = (uint8_t)protocol;
	k->port = (uint16_t)port;
	return true;
}

/* --- the file --- */

void ipvs_state_read(const char *path, void (*fn)(void *user, const struct ipvs_key *key), void *user)
{
	FILE *f = fopen(path, "re");
	char line[LINE_MAX_OCTETS];
	struct ipvs_key key;
	unsigned broken = 0;

	if (!f) {
		if (errno != ENOENT)
			log_warning("%s cannot be read: %s; services of an earlier life that are no longer "
				    "configured stay in the kernel",
				path, strerror(errno));
		return;
	}
	if (fgets(line, sizeof(line), f) && is_here(line)) {
		while (fgets(line, sizeof(line), f)) {
			if (strchr(line, '\n') && parse_line(line, &key))
				fn(user, &key);
			else
				broken++;
		}
	} else {
		log_info("%s is of another boot or network namespace, or empty: it is ignored", path);
	}
	if (broken)
		log_warning("%s: %u broken lines were skipped", path, broken);
	fclose(f);
}

static int write_all(int fd, const char *text)
{
	size_t left = strlen(text);

	while (left) {
		ssize_t n = write(fd, text, left);

		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0)
			return -errno;
		text += n;
		left -= (size_t)n;
	}
	return 0;
}

int ipvs_state_write(const char *path, const char *text)
{
	char beside[PATH_MAX];
	int fd, error;

	if (snprintf(beside, sizeof(beside), "%s.new", path) >= (int)sizeof(beside))
		return -ENAMETOOLONG;
	fd = open(beside, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);
	if (fd < 0)
		return -errno;
	error = write_all(fd, text);
	if (close(fd) < 0 && !error)
		error = -errno;
	if (!error && rename(beside, path) < 0)
		error = -errno;
	if (error)
		unlink(beside);
	return error;
}
