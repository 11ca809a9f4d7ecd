#include "control/client.h"

#include "base/mem.h"
#include "io/unix.h"

#include <errno.h>
#include <grp.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/time.h>
#include <unistd.h>

struct control_client {
	char *daemon, *path;
	int fd;
	FILE *in; /* the same descriptor */
	char *line;
	size_t line_size;
	struct row *answer; /* the last line */
	unsigned limit_s;
};

/* From /etc/group itself, so that it works in a static program too. "" when it is not there. */
static void find_group_name(gid_t gid, char *out, size_t size)
{
	FILE *f = fopen("/etc/group", "re");
	const struct group *g;

	*out = '\0';
	if (!f)
		return;
	while ((g = fgetgrent(f)))
		if (g->gr_gid == gid)
			snprintf(out, size, "%s", g->gr_name);
	fclose(f);
}

static void say_who_may(const char *path, char *out)
{
	char name[64];
	struct stat st;

	if (stat(path, &st)) {
		snprintf(out, CONTROL_HINT_MAX, "; the way there is closed to this user");
		return;
	}
	find_group_name(st.st_gid, name, sizeof(name));
	if (*name)
		snprintf(out, CONTROL_HINT_MAX, "; only root and the group %s may", name);
	else
		snprintf(out, CONTROL_HINT_MAX, "; only root and the group %u may", st.st_gid);
}

const char *control_client_hint(int err, const char *path, char *buf)
{
	*buf = '\0';
	if (err == -ECONNREFUSED || err == -ENOENT)
		return "; is it running?";
	if (err == -EACCES || err == -EPERM)
		say_who_may(path, buf);
	return buf;
}

static void say_silent(const char *daemon, const char *path, unsigned limit_s, char *err)
{
	snprintf(err, CONTROL_ERROR_MAX,
		"%s at %s does not answer: nothing came for %u s. Its process is there, but stopped or stuck",
		daemon, path, limit_s);
}

void control_client_set_limit(struct control_client *c, unsigned limit_s)
{
	const struct timeval limit = { .tv_sec = limit_s };

	c->limit_s = limit_s;
	setsockopt(c->fd, SOL_SOCKET, SO_RCVTIMEO, &limit, sizeof(limit));
	setsockopt(c->fd, SOL_SOCKET, SO_SNDTIMEO, &limit, sizeof(limit));
}

struct control_client *control_client_new(
	const char *daemon, const char *path, unsigned limit_s, bool *silent, char *err)
{
	struct control_client *c;
	int fd = io_unix_connect_within(path, limit_s);
	char hint[CONTROL_HINT_MAX];

	*silent = fd == -EAGAIN;
	if (*silent) {
		say_silent(daemon, path, limit_s, err);
		return NULL;
	}
	if (fd < 0) {
		snprintf(err, CONTROL_ERROR_MAX, "cannot reach %s at %s: %s%s", daemon, path, strerror(-fd),
			control_client_hint(fd, path, hint));
		return NULL;
	}
	c = mem_calloc(1, sizeof(*c));
	c->daemon = mem_strdup(daemon);
	c->path = mem_strdup(path);
	c->fd = fd;
	c->in = fdopen(fd, "r");
	control_client_set_limit(c, limit_s);
	return c;
}

void control_client_free(struct control_client *c)
{
	if (!c)
		return;
	fclose(c->in);
	row_free(c->answer);
	free(c->line);
	free(c->daemon);
	free(c->path);
	free(c);
}

static void broken(const struct control_client *c, const char *what, char *err)
{
	snprintf(err, CONTROL_ERROR_MAX, "lost %s at %s: %s", c->daemon, c->path, what);
}

/* What a read or write came to that did not succeed. */
static enum control_result failed(const struct control_client *c, int error, const char *otherwise, char *err)
{
	if (error == EAGAIN || error == EWOULDBLOCK) {
		say_silent(c->daemon, c->path, c->limit_s, err);
		return CONTROL_SILENT;
	}
	broken(c, error ? strerror(error) : otherwise, err);
	return CONTROL_BROKEN;
}

enum control_result control_client_send(struct control_client *c, const struct row *request, char *err)
{
	char *text = row_format(request), *line = mem_printf("%s\n", text);
	size_t len = strlen(line), sent = 0;
	enum control_result result = CONTROL_SENT;

	while (sent < len) {
		ssize_t n = send(c->fd, line + sent, len - sent, MSG_NOSIGNAL);

		if (n > 0)
			sent += (size_t)n;
		else if (errno != EINTR)
			break;
	}
	if (sent < len)
		result = failed(c, errno, "", err);
	free(line);
	free(text);
	return result;
}

enum control_result control_client_next(struct control_client *c, const struct row **row, char *err)
{
	ssize_t len;
	char why[128];

	errno = 0;
	len = getline(&c->line, &c->line_size, c->in);
	if (len < 0 || c->line[len - 1] != '\n')
		return failed(c, errno, "it closed the connection before the end of its answer", err);
	row_free(c->answer);
	c->answer = row_parse(c->line, (size_t)len, why, sizeof(why));
	if (!c->answer) {
		broken(c, why, err);
		return CONTROL_BROKEN;
	}
	*row = row_get(c->answer, "row");
	if (*row)
		return CONTROL_ROW;
	if (row_get_bool(c->answer, "end", false))
		return CONTROL_END;
	if (row_get_text(c->answer, "error")) {
		snprintf(err, CONTROL_ERROR_MAX, "%s", row_get_text(c->answer, "error"));
		return CONTROL_REFUSED;
	}
	broken(c, "its answer is neither a row nor an end", err);
	return CONTROL_BROKEN;
}
