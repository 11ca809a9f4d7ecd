#include "kube/access.h"

#include "base/mem.h"
#include "base/prefix.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

enum { PORT_TEXT_MAX = 5 };

#define AUTHORIZATION "Authorization: Bearer "

/* --- files --- */

static ssize_t read_whole(int fd, char *buf, size_t size)
{
	size_t len = 0;

	while (len < size) {
		ssize_t got = read(fd, buf + len, size - len);

		if (got < 0 && errno == EINTR)
			continue;
		if (got < 0)
			return -1;
		if (!got)
			break;
		len += (size_t)got;
	}
	return (ssize_t)len;
}

/* Of a file that is one; -1 with the reason in why. */
static int open_file(const char *path, struct text *why)
{
	int fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK);
	struct stat st;

	if (fd < 0) {
		text_add(why, "%s: cannot be opened: %s", path, strerror(errno));
		return -1;
	}
	if (fstat(fd, &st) == 0 && S_ISREG(st.st_mode))
		return fd;
	text_add(why, "%s: is not a file", path);
	close(fd);
	return -1;
}

/* Without blanks at the end, NUL-terminated; its length, or -1 with the reason in why. size: with the NUL. */
static ssize_t read_line(const char *path, char *buf, size_t size, struct text *why)
{
	int fd = open_file(path, why);
	ssize_t len;

	if (fd < 0)
		return -1;
	len = read_whole(fd, buf, size);
	close(fd);
	if (len < 0 || (size_t)len == size) {
		text_add(why, "%s: %s", path,
			len < 0 ? strerror(errno) : "is too large to be what it should be");
		return -1;
	}
	while (len && strchr(" \t\r\n", buf[len - 1]))
		len--;
	buf[len] = '\0';
	if (!len)
		text_add(why, "%s: is empty", path);
	return len ? len : -1;
}

/* --- the server --- */

static bool parse_port(const char *text, uint16_t *out)
{
	size_t digits = strspn(text, "0123456789");
	unsigned long v;

	if (!digits || digits > PORT_TEXT_MAX || text[digits])
		return false;
	v = strtoul(text, NULL, 10);
	*out = (uint16_t)v;
	return v > 0 && v <= UINT16_MAX;
}

bool kube_access_server(
	const struct config_kubernetes *cfg, char host[KUBE_HOST_MAX], uint16_t *port, struct text *why)
{
	const char *env_host = getenv("KUBERNETES_SERVICE_HOST"),
		   *env_port = getenv("KUBERNETES_SERVICE_PORT");

	if (cfg->server.host) {
		*port = cfg->server.port;
		return snprintf(host, KUBE_HOST_MAX, "%s", cfg->server.host) < KUBE_HOST_MAX;
	}
	if (!env_host || !*env_host || !env_port) {
		text_add(why,
			"no server: KUBERNETES_SERVICE_HOST and KUBERNETES_SERVICE_PORT are set in pods "
			"only; give kubernetes.server");
		return false;
	}
	if (parse_port(env_port, port) && snprintf(host, KUBE_HOST_MAX, "%s", env_host) < KUBE_HOST_MAX)
		return true;
	text_add(why,
		"no server: KUBERNETES_SERVICE_HOST and KUBERNETES_SERVICE_PORT say no address and port; "
		"give kubernetes.server");
	return false;
}

/* --- token, namespace, certificates --- */

/* What RFC 6750 lets a token be made of; anything else could be another header. */
static bool is_token(const char *text)
{
	return text[strspn(text, "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-._~+/=")] ==
	       '\0';
}

char *kube_access_token(const struct config_kubernetes *cfg, struct text *why)
{
	const size_t before = strlen(AUTHORIZATION), size = before + KUBE_TOKEN_MAX + 1;
	char *out = mem_calloc(1, size);
	ssize_t len;

	/* NOLINTNEXTLINE(bugprone-not-null-terminated-result): it goes on. */
	memcpy(out, AUTHORIZATION, before);
	len = read_line(cfg->token_file, out + before, KUBE_TOKEN_MAX, why);
	if (len > 0 && strlen(out + before) == (size_t)len && is_token(out + before))
		return out;
	if (len > 0)
		text_add(why, "%s: holds something else than a token", cfg->token_file);
	kube_access_forget(out);
	return NULL;
}

void kube_access_forget(char *token)
{
	if (token)
		explicit_bzero(token, strlen(token));
	free(token);
}

static bool is_label(const char *text)
{
	return text[strspn(text, "abcdefghijklmnopqrstuvwxyz0123456789-")] == '\0';
}

bool kube_access_space(const struct config_kubernetes *cfg, char space[KUBE_SPACE_MAX], struct text *why)
{
	const char *slash = strrchr(cfg->token_file, '/');
	char *path = mem_printf("%.*snamespace", (int)(slash + 1 - cfg->token_file), cfg->token_file);
	struct text ignored = text_init((char[2]){ 0 }, 2);
	ssize_t len = read_line(path, space, KUBE_SPACE_MAX, &ignored);
	bool good = len > 0 && is_label(space) && strlen(space) == (size_t)len;

	if (!good)
		text_add(why, "no namespace: %s does not hold it; give source.kubernetes.namespace", path);
	free(path);
	return good;
}

bool kube_access_ca(const struct config_kubernetes *cfg, struct text *why)
{
	int fd = open_file(cfg->ca_file, why);

	if (fd < 0)
		return false;
	close(fd);
	return true;
}
