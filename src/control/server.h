/*
 * The control socket's server: one JSON object per line each way, answers streamed.
 *
 * Request: {"command": "show neighbors", ...arguments}. Answer: any number of rows {"row": {...}}, then exactly one
 * {"end": true} or {"error": "what is wrong and what to do"}. The server knows commands and rows, nothing of what they
 * mean: a program gives a handler for each command that is declared. A command that has much to say is a generator, asked for one row at a
 * time when the client has taken the last ones. The framing and its limits are rrd-control(7). A command to watch something goes on with the rows of a feed (feed.h) as
 * they happen, until its client closes, or closes its sending side; a request behind it waits for as long.
 */
#pragma once

#include "base/row.h"
#include "control/command.h"
#include "control/feed.h"
#include "io/loop.h"
#include "io/unix.h"

#include <stdbool.h>
#include <sys/types.h>

struct control_server;

/* An answer in progress. next: returns the next row (taken over), or NULL at the end; NULL with a text in err (256
 * octets) means failure. done: frees state; called exactly once, also when the client went away; may be NULL. feed: when
 * next has ended (or is NULL) the answer goes on with its rows, from the moment the command was started; NULL: none. */
struct control_answer {
	struct row *(*next)(void *state, char *err);
	void (*done)(void *state);
	void *state;
	struct control_feed *feed;
};

/* What does a command; what it is called and takes is declared (command.h). */
struct control_handler {
	const char *name; /* NULL ends a table */
	/* Fills out; false with a text in err (256 octets). args: the whole request, as declared; valid during the call
	 * only. */
	bool (*start)(void *user, const struct row *args, struct control_answer *out, char *err);
};

/* Where a server listens. */
struct control_socket {
	const char *path; /* NULL: nowhere */
	gid_t gid;	  /* who may connect; (gid_t)-1: the process's own group */
};

/* Everything outlives the server, but for the paths. */
struct control_server_config {
	const char *program; /* "rrd", as it calls itself to its clients */
	/* The rows of the table that are of one of the targets are the server's commands; "help" and "version" need no
	 * handler, every other one does. */
	unsigned targets;
	const struct control_command *table; /* NULL: control_catalog */
	const struct control_handler *handlers;
	void *user;
	struct control_socket full;
	struct control_socket read_only; /* commands that change anything are refused there */
};

/* NULL and a reason in err (256 octets) on failure. */
struct control_server *control_server_new(
	struct io_loop *loop, const struct control_server_config *cfg, char *err);
/* Whether control_server_move() would do, without doing it: false with the reason in err. */
bool control_server_try(const struct control_server *s, const struct control_socket *full,
	const struct control_socket *read_only, char *err);
/* The same at other paths or for other groups; clients stay, but for those of a read-only socket that goes. False, with a
 * reason in err and nothing changed. */
bool control_server_move(struct control_server *s, const struct control_socket *full,
	const struct control_socket *read_only, char *err);
void control_server_free(struct control_server *s);

/* For commands with a single row, or none (row NULL). */
void control_answer_row(struct control_answer *out, struct row *row);
/* For commands that watch, without rows before. */
void control_answer_feed(struct control_answer *out, struct control_feed *feed);

/* --- commands that last as long as their connection --- */

struct control_caller; /* a connection */

/* Whose answer it is: for start(), with the out it was given. */
struct control_caller *control_answer_caller(struct control_answer *out);
/* state belongs to the connection from now on: gone(state) is called once, when it closes, after the done of an answer in
 * progress. One per connection. */
void control_caller_attach(struct control_caller *c, void *state, void (*gone)(void *state));
/* NULL: nothing was attached. */
void *control_caller_attached(const struct control_caller *c);
/* The connection's socket, for questions about who is there. */
const struct io_unix_client *control_caller_client(const struct control_caller *c);
/* In start(), or in next() which then returns NULL: the answer has nothing to say yet; next() is not called before
 * control_caller_resume(). Of a walk that finds nothing for long: it goes on in another turn. */
void control_caller_hold(struct control_caller *c);
void control_caller_resume(struct control_caller *c);
