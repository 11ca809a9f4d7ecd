#include "control/link.h"

#include "base/list.h"
#include "base/mem.h"
#include "control/command.h"
#include "io/unix.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { WHY_MAX = CONTROL_ERROR_MAX };

struct ask {
	struct list link;
	char *line;
	control_link_answer_fn *answer;
	void *user;
};

struct control_link {
	struct io_loop *loop;
	struct control_link_config cfg;
	char *daemon, *path;
	struct io_unix_client *client; /* NULL: not connected */
	struct list asks;	       /* the first has been sent */
	size_t waiting;
	struct io_timer *retry, *silence;
	uint64_t pause_us, eager_until_us;
	bool answered; /* something came over this connection */
	bool ending;
	char why[WHY_MAX];    /* told last; empty while up */
	char broken[WHY_MAX]; /* of the connection that is just being closed */
};

/* --- requests --- */

static void send_first(struct control_link *l)
{
	struct ask *a;

	if (!l->client || list_empty(&l->asks))
		return;
	a = LIST_ENTRY(l->asks.next, struct ask, link);
	io_unix_send(l->client, a->line, strlen(a->line));
	if (l->cfg.silence_us)
		io_timer_set(l->silence, l->cfg.silence_us);
}

static void ask_free(struct ask *a)
{
	free(a->line);
	free(a);
}

/* The first one has its whole answer. */
static void finish(struct control_link *l, enum control_result result, const char *err)
{
	struct ask *a = LIST_ENTRY(l->asks.next, struct ask, link);

	list_del(&a->link);
	l->waiting--;
	io_timer_cancel(l->silence);
	/* The answer may ask for more, which then waits behind what is there. */
	send_first(l);
	a->answer(a->user, result, NULL, err);
	ask_free(a);
}

bool control_link_ask(struct control_link *l, struct row *request, control_link_answer_fn *answer, void *user)
{
	struct ask *a;
	char *text;

	if (!l->client) {
		row_free(request);
		return false;
	}
	a = mem_calloc(1, sizeof(*a));
	row_int(request, "protocol", CONTROL_PROTOCOL);
	text = row_format(request);
	a->line = mem_printf("%s\n", text);
	a->answer = answer;
	a->user = user;
	free(text);
	row_free(request);
	list_add_tail(&l->asks, &a->link);
	if (++l->waiting == 1)
		send_first(l);
	return true;
}

size_t control_link_waiting(const struct control_link *l)
{
	return l->waiting;
}

/* --- what comes --- */

static void give_up(struct control_link *l, const char *what)
{
	if (!l->broken[0])
		snprintf(l->broken, sizeof(l->broken), "lost %.60s at %.120s: %.200s", l->daemon, l->path,
			what);
	io_unix_close(l->client);
}

static void take_answer(struct control_link *l, const struct row *answer)
{
	struct ask *a = LIST_ENTRY(l->asks.next, struct ask, link);
	const struct row *row = row_get(answer, "row");
	const char *error = row_get_text(answer, "error");

	if (row)
		a->answer(a->user, CONTROL_ROW, row, "");
	else if (row_get_bool(answer, "end", false))
		finish(l, CONTROL_END, "");
	else if (error)
		finish(l, CONTROL_REFUSED, error);
	else
		give_up(l, "its answer is neither a row nor an end");
}

static void line_came(void *user, const char *line, size_t len)
{
	struct control_link *l = user;
	char why[128] = "";
	struct row *answer;

	if (list_empty(&l->asks)) {
		give_up(l, "it speaks without having been asked");
		return;
	}
	l->pause_us = l->cfg.retry_us;
	l->answered = true;
	if (l->cfg.silence_us)
		io_timer_set(l->silence, l->cfg.silence_us);
	answer = row_parse(line, len, why, sizeof(why));
	if (answer)
		take_answer(l, answer);
	else
		give_up(l, why);
	row_free(answer);
}

static void too_long(void *user)
{
	give_up(user, "a line of its answer is too long");
}

static void writable(void *user)
{
	(void)user;
}

static void silent(void *user)
{
	struct control_link *l = user;

	snprintf(
		l->broken, sizeof(l->broken), "lost %.60s at %.120s: it does not answer", l->daemon, l->path);
	io_unix_drop(l->client);
}

/* --- the connection --- */

static void try_later(struct control_link *l)
{
	io_timer_set(l->retry, l->pause_us);
	if (io_loop_now_us(l->loop) < l->eager_until_us)
		return;
	l->pause_us = 2 * l->pause_us < l->cfg.retry_max_us ? 2 * l->pause_us : l->cfg.retry_max_us;
}

static void tell_down(struct control_link *l, const char *why)
{
	if (strcmp(why, l->why) == 0)
		return;
	snprintf(l->why, sizeof(l->why), "%s", why);
	if (l->cfg.down)
		l->cfg.down(l->cfg.user, l->why);
}

/* Those who are told may not ask anew: there is nobody to be asked. */
static void closed(void *user)
{
	struct control_link *l = user;
	char why[WHY_MAX];

	l->client = NULL;
	if (l->ending)
		return;
	if (l->answered)
		l->eager_until_us = io_loop_now_us(l->loop) + l->cfg.eager_us;
	l->answered = false;
	if (!l->broken[0])
		snprintf(l->broken, sizeof(l->broken), "lost %.60s at %.120s: it closed the connection",
			l->daemon, l->path);
	memcpy(why, l->broken, sizeof(why));
	l->broken[0] = 0;
	while (!list_empty(&l->asks))
		finish(l, CONTROL_BROKEN, why);
	try_later(l);
	tell_down(l, why);
}

static void dial(void *user)
{
	static const struct io_unix_ops ops = {
		.line = line_came, .too_long = too_long, .writable = writable, .closed = closed
	};
	struct control_link *l = user;
	char why[WHY_MAX], hint[CONTROL_HINT_MAX];
	int err;

	l->client = io_unix_dial(l->loop, l->path, &ops, l, &err);
	if (!l->client) {
		snprintf(why, sizeof(why), "cannot reach %.60s at %.120s: %s%s", l->daemon, l->path,
			strerror(-err), control_client_hint(err, l->path, hint));
		try_later(l);
		tell_down(l, why);
		return;
	}
	l->why[0] = 0;
	if (l->cfg.up)
		l->cfg.up(l->cfg.user);
}

/* --- life --- */

struct control_link *control_link_new(struct io_loop *loop, const struct control_link_config *cfg)
{
	struct control_link *l = mem_calloc(1, sizeof(*l));

	l->loop = loop;
	l->cfg = *cfg;
	l->daemon = mem_strdup(cfg->daemon);
	l->path = mem_strdup(cfg->path);
	l->pause_us = cfg->retry_us;
	l->eager_until_us = io_loop_now_us(loop) + cfg->eager_us;
	list_init(&l->asks);
	l->retry = io_timer_new(loop, dial, l);
	l->silence = io_timer_new(loop, silent, l);
	io_timer_set(l->retry, 0);
	return l;
}

void control_link_free(struct control_link *l)
{
	if (!l)
		return;
	l->ending = true;
	if (l->client)
		io_unix_drop(l->client);
	LIST_FOREACH (link, &l->asks) {
		list_del(link);
		ask_free(LIST_ENTRY(link, struct ask, link));
	}
	io_timer_free(l->retry);
	io_timer_free(l->silence);
	free(l->daemon);
	free(l->path);
	free(l);
}

void control_link_drop(struct control_link *l, const char *why)
{
	if (l->client)
		give_up(l, why);
}

bool control_link_is_up(const struct control_link *l)
{
	return l->client;
}

const char *control_link_why(const struct control_link *l)
{
	return l->why;
}
