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
#include <unistd.h>

struct control_client {
	char *daemon, *path;
	int fd;
	FILE *in; /* the same descriptor */
	char *line;
	size_t line_size;
	struct row *answer; /* the last line */
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

struct control_client *control_client_new(const char *daemon, const char *path, char *err)
{
	struct control_client *c;
	int fd = io_unix_connect(path);
	char hint[CONTROL_HINT_MAX];

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

bool control_client_send(struct control_client *c, const struct row *request, char *err)
{
	char *text = row_format(request), *line = mem_printf("%s\n", text);
	size_t len = strlen(line), sent = 0;

	while (sent < len) {
		ssize_t n = send(c->fd, line + sent, len - sent, MSG_NOSIGNAL);

		if (n > 0)
			sent += (size_t)n;
		else if (errno != EINTR)
			break;
	}
	if (sent < len)
		broken(c, strerror(errno), err);
	free(line);
	free(text);
	return sent == len;
}

enum control_result control_client_next(struct control_client *c, const struct row **row, char *err)
{
	ssize_t len;
	char why[128];

	errno = 0;
	len = getline(&c->line, &c->line_size, c->in);
	if (len < 0 || c->line[len - 1] != '\n') {
		broken(c, errno ? strerror(errno) : "it closed the connection before the end of its answer",
			err);
		return CONTROL_BROKEN;
	}
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
