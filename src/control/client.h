/*
 * The other side of the control socket: blocking, for programs that ask one thing and go.
 *
 * err: a buffer of CONTROL_ERROR_MAX octets for what is wrong, in words.
 */
#pragma once

#include "base/row.h"

#include <stdbool.h>

enum { CONTROL_ERROR_MAX = 512 };

struct control_client;

/* daemon: its name, for messages. limit_s: how long it may be silent, with the answer to come or in the midst of it; 0: as long as
 * it takes. NULL when it cannot be reached, *silent then: within that time. */
struct control_client *control_client_new(
	const char *daemon, const char *path, unsigned limit_s, bool *silent, char *err);
void control_client_free(struct control_client *c);
/* Another limit from now on. */
void control_client_set_limit(struct control_client *c, unsigned limit_s);

enum control_result {
	CONTROL_SENT,	 /* the answer can be read */
	CONTROL_ROW,	 /* *row is the next one: the client's, valid until the next call */
	CONTROL_END,	 /* that was all */
	CONTROL_REFUSED, /* err is what the daemon said */
	CONTROL_BROKEN,	 /* err says what happened to the connection */
	CONTROL_SILENT,	 /* nothing came within the limit */
};
/* CONTROL_SENT, CONTROL_BROKEN or CONTROL_SILENT. A request that was sent must be read to its end before the next. */
enum control_result control_client_send(struct control_client *c, const struct row *request, char *err);
enum control_result control_client_next(struct control_client *c, const struct row **row, char *err);
/* What to look at when connecting to path failed with -errno: the end of a message, or "". Made in buf (CONTROL_HINT_MAX octets)
 * where it must be. */
enum { CONTROL_HINT_MAX = 160 };
const char *control_client_hint(int err, const char *path, char *buf);
