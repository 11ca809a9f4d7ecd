#include "control/client.h"

#include "base/mem.h"
#include "io/unix.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

struct control_client {
	char *daemon, *path;
	int fd;
	FILE *in; /* the same descriptor */
	char *line;
	size_t line_size;
	struct row *answer; /* the last line */
};

const char *control_client_hint(int err)
{
	switch (err) {
	case -ECONNREFUSED:
	case -ENOENT:
		return "; is it running?";
	case -EACCES:
	case -EPERM:
		return "; only root and the socket's group may";
	default:
		return "";
	}
}

struct control_client *control_client_new(const char *daemon, const char *path, char *err)
{
	struct control_client *c;
	int fd = io_unix_connect(path);

	if (fd < 0) {
		snprintf(err, CONTROL_ERROR_MAX, "cannot reach %s at %s: %s%s", daemon, path, strerror(-fd),
			control_client_hint(fd));
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
