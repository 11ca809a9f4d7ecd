/*
 * Requests in, rows out: the control protocol of one program.
 *
 * Each client has a short queue of requests and at most one answer in progress. An answer is pulled only when all that
 * was sent before has gone, a piece at a time (by size and by time), so a client that reads slowly or asks for much
 * costs one piece of memory and a small part of each turn of the loop.
 *
 * Invariant: while a request waits or an answer is in progress, something is on its way to the client; its going is
 * what calls for the next piece. The exceptions are an answer that goes on with a feed and has told all, where the feed's
 * next row calls, and one that is held, where the program does. Every request is answered by exactly one "end" or
 * "error", in order.
 *
 * What a client sends is never trusted: what is not a request gets an error and costs the connection only when it is
 * too much (a line too long, too many requests at once).
 */
#include "control/server.h"

#include "base/mem.h"
#include "config.h"
#include "control/catalog.h"
#include "control/feed_private.h"
#include "control/help.h"
#include "io/unix_path.h"

#include <assert.h>
#include <errno.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

enum {
	ERROR_MAX = 256,
	REQUESTS_MAX = 16,
	WATCHERS_MAX = 64, /* a client that watches stays; there must be room for others */
	PIECE_OCTETS = 64 * 1024,
	PIECE_US = 2000,
};

/* One socket: each has its own limits, so who may only read cannot keep out who may do all. */
struct listener {
	struct control_server *server;
	struct io_unix_server *unix_server; /* NULL: it does not listen */
	char *path;
	gid_t gid;
	unsigned watchers;
};

struct control_server {
	struct io_loop *loop;
	struct control_server_config cfg;
	struct listener full, read_only;
};

struct control_caller {
	struct listener *listener;
	struct io_unix_client *client;
	char *requests[REQUESTS_MAX]; /* a ring of lines */
	unsigned first, waiting;
	bool answering, held;
	struct control_answer answer; /* next: NULL when its rows are over and the feed's follow */
	struct feed_watcher watcher;
	void *attached;
	void (*gone)(void *attached);
};

static uint64_t clock_us(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_MONOTONIC, &ts);
	return (uint64_t)ts.tv_sec * 1000000 + (uint64_t)ts.tv_nsec / 1000;
}

/* --- answers --- */

static void send_row(struct control_caller *c, struct row *line)
{
	char *text = row_format(line);

	io_unix_send(c->client, text, strlen(text));
	io_unix_send(c->client, "\n", 1);
	free(text);
	row_free(line);
}

static void send_error(struct control_caller *c, const char *what)
{
	struct row *line = row_new();

	row_text(line, "error", *what ? what : "the command failed without a reason");
	send_row(c, line);
}

static void send_end(struct control_caller *c)
{
	struct row *line = row_new();

	row_bool(line, "end", true);
	send_row(c, line);
}

static void finish_answer(struct control_caller *c)
{
	/* done() may free the feed. */
	feed_leave(&c->watcher);
	if (c->answering && c->answer.done)
		c->answer.done(c->answer.state);
	if (c->answering && c->answer.feed)
		c->listener->watchers--;
	c->answering = c->held = false;
}

/* A row of the feed; false when there is none now. */
static bool send_event(struct control_caller *c)
{
	char *text = feed_read(&c->watcher);

	if (!text)
		return false;
	io_unix_send(c->client, "{\"row\":", 7);
	io_unix_send(c->client, text, strlen(text));
	io_unix_send(c->client, "}\n", 2);
	free(text);
	return true;
}

/* One row, or the end; false when there is nothing to be sent now, but will be. */
static bool pull(struct control_caller *c)
{
	char err[ERROR_MAX] = "";
	struct row *row = c->answer.next ? c->answer.next(c->answer.state, err) : NULL;
	struct row *line;

	if (row) {
		line = row_new();
		row_put(line, "row", row);
		send_row(c, line);
		return true;
	}
	if (c->held)
		return false;
	if (!err[0] && c->watcher.feed) {
		c->answer.next = NULL;
		return send_event(c);
	}
	finish_answer(c);
	if (err[0])
		send_error(c, err);
	else
		send_end(c);
	return true;
}

/* --- what every server knows --- */

static bool is_built_in(const char *name)
{
	return strcmp(name, "help") == 0 || strcmp(name, "version") == 0;
}

static void answer_version(const struct control_caller *c, struct control_answer *out)
{
	struct row *row = row_new();

	row_text(row, "program", c->listener->server->cfg.program);
	row_text(row, "version", PACKAGE_VERSION);
	row_int(row, "protocol", CONTROL_PROTOCOL);
	row_int(row, "protocol-oldest", CONTROL_PROTOCOL_OLDEST);
	row_bool(row, "read-only", c->listener == &c->listener->server->read_only);
	control_answer_row(out, row);
}

/* --- requests --- */

static bool may_change(const struct control_caller *c, const struct control_command *k, char *err)
{
	const struct control_server *s = c->listener->server;

	if (!k->changes || c->listener == &s->full)
		return true;
	snprintf(err, ERROR_MAX, "\"%s\" changes something and this socket is for reading only: ask at %s",
		k->name, s->full.path);
	return false;
}

static const struct control_handler *find_handler(const struct control_handler *h, const char *name)
{
	while (h->name && strcmp(h->name, name) != 0)
		h++;
	return h->name ? h : NULL;
}

static bool call(struct control_caller *c, const char *name, const struct row *request, char *err)
{
	const struct control_server *s = c->listener->server;
	const struct control_handler *h = find_handler(s->cfg.handlers, name);

	if (h)
		return h->start(s->cfg.user, request, &c->answer, err);
	if (strcmp(name, "help") == 0)
		control_answer_help(&c->answer, s->cfg.table, s->cfg.targets);
	else
		answer_version(c, &c->answer);
	return true;
}

static bool start_command(struct control_caller *c, const struct row *request, char *err)
{
	const struct control_server_config *cfg = &c->listener->server->cfg;
	const struct control_command *k = control_request_command(
		cfg->table, cfg->targets, cfg->program, request, err);

	return k && may_change(c, k, err) && control_command_check(k, request, err) &&
	       call(c, k->name, request, err);
}

/* What happens from now on is this client's too, behind the rows of the answer itself. */
static bool start_watching(struct control_caller *c, char *err)
{
	if (c->listener->watchers == WATCHERS_MAX) {
		if (c->answer.done)
			c->answer.done(c->answer.state);
		snprintf(err, ERROR_MAX, "%d clients watch already: end one of them", WATCHERS_MAX);
		return false;
	}
	c->listener->watchers++;
	feed_join(c->answer.feed, &c->watcher);
	return true;
}

static void start_request(struct control_caller *c)
{
	char err[ERROR_MAX] = "", why[ERROR_MAX / 2] = "";
	char *line = c->requests[c->first];
	struct row *request = row_parse(line, strlen(line), why, sizeof(why));

	c->first = (c->first + 1) % REQUESTS_MAX;
	c->waiting--;
	c->answer = (struct control_answer){ 0 };
	if (!request)
		snprintf(err, sizeof(err), "%s; a request looks like {\"command\": \"help\"}", why);
	else
		c->answering = start_command(c, request, err) && (!c->answer.feed || start_watching(c, err));
	c->held &= c->answering;
	if (!c->answering)
		send_error(c, err);
	row_free(request);
	free(line);
}

/* Answers until a piece is full, or the time is up, or there is nothing to do. It must not stop with an answer begun and
 * nothing to send: it is the socket, when it has taken what was sent, that asks for more. */
static void advance(struct control_caller *c)
{
	uint64_t end_us = clock_us() + PIECE_US;

	while (io_unix_unsent(c->client) < PIECE_OCTETS) {
		if (c->held)
			return;
		if (c->answering) {
			if (!pull(c))
				return;
		} else if (c->waiting > 0) {
			start_request(c);
		} else {
			return;
		}
		if (clock_us() >= end_us && io_unix_unsent(c->client) > 0)
			return;
	}
}

/* The feed has something. While the answer's own rows are not over something is on its way anyway. */
static void woken(void *user)
{
	struct control_caller *c = user;

	if (!c->answer.next)
		advance(c);
}

/* --- what happens on the socket --- */

static void *opened(void *user, struct io_unix_client *client)
{
	struct control_caller *c = mem_calloc(1, sizeof(*c));

	c->listener = user;
	c->client = client;
	c->watcher.wake = woken;
	c->watcher.user = c;
	return c;
}

static void line_came(void *user, const char *line, size_t len)
{
	struct control_caller *c = user;

	if (strlen(line) != len) {
		send_error(c, "a line with a NUL in it is not JSON");
		io_unix_close(c->client);
		return;
	}
	if (c->waiting == REQUESTS_MAX) {
		send_error(c, "too many requests at once: at most 16 may wait, read the answers first");
		io_unix_close(c->client);
		return;
	}
	c->requests[(c->first + c->waiting++) % REQUESTS_MAX] = mem_strdup(line);
	if (io_unix_unsent(c->client) == 0)
		advance(c);
}

static void too_long(void *user)
{
	struct control_caller *c = user;
	char err[ERROR_MAX];

	snprintf(err, sizeof(err), "the line is too long: at most %d octets", (int)IO_UNIX_LINE_MAX);
	send_error(c, err);
	io_unix_close(c->client);
}

static void writable(void *user)
{
	advance(user);
}

static void closed(void *user)
{
	struct control_caller *c = user;

	finish_answer(c);
	if (c->gone)
		c->gone(c->attached);
	for (; c->waiting > 0; c->waiting--, c->first = (c->first + 1) % REQUESTS_MAX)
		free(c->requests[c->first]);
	free(c);
}

/* --- what lasts as long as the connection --- */

struct control_caller *control_answer_caller(struct control_answer *out)
{
	return (struct control_caller *)(void *)((char *)out - offsetof(struct control_caller, answer));
}

void control_caller_attach(struct control_caller *c, void *state, void (*gone)(void *state))
{
	c->attached = state;
	c->gone = gone;
}

void *control_caller_attached(const struct control_caller *c)
{
	return c->attached;
}

const struct io_unix_client *control_caller_client(const struct control_caller *c)
{
	return c->client;
}

void control_caller_hold(struct control_caller *c)
{
	c->held = true;
}

void control_caller_resume(struct control_caller *c)
{
	if (!c->held)
		return;
	c->held = false;
	if (io_unix_unsent(c->client) == 0)
		advance(c);
}

/* --- the server --- */

static void explain(const char *path, int err, char *out)
{
	int len = snprintf(out, ERROR_MAX, "cannot make the control socket %.100s: ", path);
	char *rest = out + len;
	size_t room = ERROR_MAX - (size_t)len;

	switch (err) {
	case -EADDRINUSE:
		snprintf(rest, room, "another daemon listens there; stop it or configure another path");
		break;
	case -EEXIST:
		snprintf(rest, room,
			"there is something that is not a socket; remove it or configure another path");
		break;
	case -ENOENT:
		snprintf(rest, room,
			"the directory is missing; make it (install -d -o USER) or configure another path");
		break;
	case -EACCES:
		snprintf(rest, room,
			"user %u may not write to its directory; give it that (chown) or configure another "
			"path",
			(unsigned)geteuid());
		break;
	case -EPERM:
		snprintf(rest, room, "user %u is no member of the group it is to belong to; make it one",
			(unsigned)geteuid());
		break;
	default:
		snprintf(rest, room, "%s", strerror(-err));
	}
}

/* Begins, moves, or stays as it is. */
static bool listen_at(struct listener *l, const struct control_socket *at, char *err)
{
	static const struct io_unix_ops ops = { opened, line_came, too_long, writable, closed };
	int why = 0;

	if (!at->path)
		return true;
	if (l->unix_server)
		why = io_unix_move(l->unix_server, at->path, at->gid);
	else
		l->unix_server = io_unix_listen(l->server->loop, at->path, at->gid, &ops, l, &why);
	if (why) {
		explain(at->path, why, err);
		return false;
	}
	free(l->path);
	l->path = mem_strdup(at->path);
	l->gid = at->gid;
	return true;
}

static void stop_listening(struct listener *l)
{
	io_unix_server_free(l->unix_server);
	free(l->path);
	l->unix_server = NULL;
	l->path = NULL;
}

/* A program without a handler for what is declared, or with one for what is not, does not pass its first test. */
static void assert_complete(const struct control_server_config *cfg)
{
	(void)cfg;
	for (const struct control_command *k = cfg->table; k->targets; k++)
		assert(!(k->targets & cfg->targets) || is_built_in(k->name) ||
			find_handler(cfg->handlers, k->name));
	for (const struct control_handler *h = cfg->handlers; h->name; h++)
		assert(control_command_find(cfg->table, cfg->targets, h->name));
}

struct control_server *control_server_new(
	struct io_loop *loop, const struct control_server_config *cfg, char *err)
{
	struct control_server *s = mem_calloc(1, sizeof(*s));

	s->loop = loop;
	s->cfg = *cfg;
	if (!s->cfg.table)
		s->cfg.table = control_catalog;
	assert_complete(&s->cfg);
	s->full.server = s->read_only.server = s;
	if (listen_at(&s->full, &cfg->full, err) && listen_at(&s->read_only, &cfg->read_only, err))
		return s;
	control_server_free(s);
	return NULL;
}

static bool try_at(const struct listener *l, const struct control_socket *at, char *err)
{
	bool stays = at->path && l->path && strcmp(at->path, l->path) == 0;
	int why = !at->path ? 0
		  : stays   ? io_unix_path_try_group(at->gid)
			    : io_unix_path_try(at->path, at->gid);

	if (why)
		explain(at->path, why, err);
	return why == 0;
}

bool control_server_try(const struct control_server *s, const struct control_socket *full,
	const struct control_socket *read_only, char *err)
{
	return try_at(&s->full, full, err) && try_at(&s->read_only, read_only, err);
}

/* The full one moves last, for that is what else would have to be undone with clients on it. */
bool control_server_move(struct control_server *s, const struct control_socket *full,
	const struct control_socket *read_only, char *err)
{
	struct listener *r = &s->read_only;
	bool listened = r->unix_server;
	struct control_socket before = { r->path ? mem_strdup(r->path) : NULL, r->gid };
	bool ok = listen_at(r, read_only, err);
	char why[ERROR_MAX];

	if (ok && !listen_at(&s->full, full, err)) {
		ok = false;
		if (!listened)
			stop_listening(r);
		else
			listen_at(r, &before, why);
	}
	if (ok && !read_only->path)
		stop_listening(r);
	free((char *)(uintptr_t)before.path);
	return ok;
}

void control_server_free(struct control_server *s)
{
	if (!s)
		return;
	stop_listening(&s->read_only);
	stop_listening(&s->full);
	free(s);
}

/* --- an answer of one row --- */

struct single {
	struct row *row;
};

static struct row *next_single(void *state, char *err)
{
	struct single *s = state;
	struct row *row = s->row;

	(void)err;
	s->row = NULL;
	return row;
}

static void single_done(void *state)
{
	struct single *s = state;

	row_free(s->row);
	free(s);
}

void control_answer_row(struct control_answer *out, struct row *row)
{
	struct single *s;

	*out = (struct control_answer){ 0 };
	if (!row)
		return;
	s = mem_calloc(1, sizeof(*s));
	s->row = row;
	*out = (struct control_answer){ next_single, single_done, s };
}

void control_answer_feed(struct control_answer *out, struct control_feed *feed)
{
	*out = (struct control_answer){ .feed = feed };
}
