/*
 * A standing connection to another daemon's control socket, in the loop.
 *
 * It connects, and connects again after every failure with pauses that double, be it not at once. Requests are sent one at a time, each when the
 * answer to the one before has ended, so the other side never has to refuse some for being too many. It knows nothing
 * of what is asked: whoever owns it says anew after each up() what the other side is to know.
 */
#pragma once

#include "base/row.h"
#include "control/client.h"
#include "io/loop.h"

#include <stdbool.h>
#include <stdint.h>

struct control_link;

struct control_link_config {
	const char *daemon; /* its name, for messages; copied */
	const char *path;   /* copied */
	uint64_t retry_us, retry_max_us;
	uint64_t eager_us;   /* for so long at first, and after a loss, the pauses do not double */
	uint64_t silence_us; /* an answer that is silent for so long ends the connection; 0: none does */
	/* Connected. What was asked over an earlier connection is no longer known there. */
	void (*up)(void *user);
	/* The connection is lost, or cannot be made; told again only when the reason is another. why: in words. */
	void (*down)(void *user, const char *why);
	void *user;
};

/* The first attempt is made in the next turn of the loop. */
struct control_link *control_link_new(struct io_loop *loop, const struct control_link_config *cfg);
/* Closes the connection; answers that are owed are not called any more. Not from within one of the link's callbacks. */
void control_link_free(struct control_link *l);
bool control_link_is_up(const struct control_link *l);
/* What was said makes no sense: closes the connection, and connects again. why: in words. May be called from answers. */
void control_link_drop(struct control_link *l, const char *why);
/* The reason told last by down(); "" when up. */
const char *control_link_why(const struct control_link *l);

/* Called for each row (CONTROL_ROW; it is valid during the call), then once with another result, of which err says more in
 * words where it is not CONTROL_END. */
typedef void control_link_answer_fn(
	void *user, enum control_result result, const struct row *row, const char *err);

/* Takes request over. False, and nothing comes of it, when the link is down. */
bool control_link_ask(
	struct control_link *l, struct row *request, control_link_answer_fn *answer, void *user);
/* Requests whose answer has not ended. */
size_t control_link_waiting(const struct control_link *l);
