#include "announcer/node_client.h"

#include "base/list.h"
#include "base/log.h"
#include "base/mem.h"
#include "base/row_net.h"
#include "control/link.h"

#include <stdlib.h>
#include <string.h>

enum {
	RETRY_US = 100000,	/* to connect */
	RETRY_MAX_US = 1000000, /* the other side holds our routes for some seconds when it starts */
	AGAIN_US = 1000000,	/* what did not work */
	RENEW_US = 10000000,	/* what does */
	SILENCE_US = 5000000,	/* worth a word in the log */
};

struct node_client_entry {
	struct list link;
	struct node_client *client;
	struct node_client_service service;
	bool wanted; /* at all */
	enum node_state state;
	uint64_t capacity_bit_s;
	bool news;	       /* of what is wanted, not said yet */
	bool asking, known;    /* known: registered over this connection */
	enum node_state asked; /* under way, or last */
	uint64_t asked_us;
	bool ready, told_silence;
	bool gone;     /* taken back */
	char *problem; /* told last; NULL: none */
};

struct node_client {
	struct io_loop *loop;
	struct control_link *link;
	struct node_client_config cfg;
	char *name;
	struct list entries;
	struct list gone; /* not wanted any more; the other side has not confirmed it yet */
	struct io_timer *tick, *patience;
	bool routes_go; /* with the other side */
	bool leaving;
	size_t to_leave;
};

static const char *prefix_text(const struct node_client_entry *e, char *buf)
{
	return prefix_format(&e->service.prefix, buf);
}

static void set_ready(struct node_client_entry *e, bool ready)
{
	if (e->ready == ready)
		return;
	e->ready = ready;
	e->client->cfg.changed(e->client->cfg.user);
}

static void entry_free(struct node_client_entry *e)
{
	free(e->problem);
	free(e);
}

/* --- asking --- */

static struct row *request(const struct node_client_entry *e, const char *command)
{
	struct row *r = row_new();

	row_text(r, "command", command);
	row_int(r, "version", NODE_VERSION);
	row_prefix(r, "prefix", &e->service.prefix);
	row_addr(r, "pod", &e->service.pod);
	return r;
}

static void note_problem(struct node_client_entry *e, const char *why)
{
	char text[PREFIX_TEXT_MAX];

	if (e->problem ? strcmp(e->problem, why) == 0 : !*why)
		return;
	if (*why)
		log_about(LOG_LEVEL_WARNING, LOG_ABOUT("node-route", .service = prefix_text(e, text)),
			"service %s: node-route: %s%s", text, why,
			e->ready ? ": withdrawing it" : ": not announced until it is there");
	else
		log_about(LOG_LEVEL_INFO, LOG_ABOUT("node-route", .service = prefix_text(e, text)),
			"service %s: node-route: works now", text);
	free(e->problem);
	e->problem = *why ? mem_strdup(why) : NULL;
}

static void ask(struct node_client_entry *e);

static void answered(void *user, enum control_result result, const struct row *row, const char *err)
{
	struct node_client_entry *e = user;

	if (result == CONTROL_ROW) {
		const char *on_exit = row_get_text(row, "on-exit");

		e->client->routes_go = on_exit && strcmp(on_exit, "remove") == 0;
		return;
	}
	e->asking = false;
	/* The route is as it was; all is said anew over the next connection. */
	if (result == CONTROL_BROKEN || e->gone)
		return;
	e->known = true;
	e->told_silence = false;
	if (e->news && !e->client->leaving) {
		ask(e);
		return;
	}
	note_problem(e, result == CONTROL_END ? "" : err);
	set_ready(e, result == CONTROL_END && e->asked != NODE_WITHDRAWN);
}

static void ask(struct node_client_entry *e)
{
	struct row *r = request(e, "register");

	row_text(r, "name", e->client->name);
	row_text(r, "state", node_state_text(e->state));
	row_int(r, "capacity", (int64_t)e->capacity_bit_s);
	if (!control_link_ask(e->client->link, r, answered, e))
		return;
	e->asking = true;
	e->news = false;
	e->asked = e->state;
	e->asked_us = io_loop_now_us(e->client->loop);
}

static void tell_silence(struct node_client_entry *e, uint64_t now_us)
{
	char text[PREFIX_TEXT_MAX];

	if (!e->asking || e->told_silence || now_us - e->asked_us < SILENCE_US)
		return;
	e->told_silence = true;
	log_about(LOG_LEVEL_WARNING, LOG_ABOUT("node-route", .service = prefix_text(e, text)),
		"service %s: node-route: lb-announcer --node at %s has not answered for %d s%s", text,
		e->client->cfg.path, SILENCE_US / 1000000, e->ready ? "" : ": not announced until it does");
}

static void tick(void *user)
{
	struct node_client *c = user;
	uint64_t now_us = io_loop_now_us(c->loop);

	LIST_FOREACH (link, &c->entries) {
		struct node_client_entry *e = LIST_ENTRY(link, struct node_client_entry, link);

		if (c->leaving)
			break;
		tell_silence(e, now_us);
		if (!e->wanted || e->asking)
			continue;
		if (e->news || now_us - e->asked_us >= (e->problem ? AGAIN_US : RENEW_US))
			ask(e);
	}
	io_timer_set(c->tick, AGAIN_US);
}

/* --- the connection --- */

static void up(void *user)
{
	struct node_client *c = user;

	log_info("node-route: connected to lb-announcer --node at %s", c->cfg.path);
	LIST_FOREACH (link, &c->entries) {
		struct node_client_entry *e = LIST_ENTRY(link, struct node_client_entry, link);

		e->known = false;
		if (e->wanted && !c->leaving)
			ask(e);
	}
}

static void down(void *user, const char *why)
{
	struct node_client *c = user;
	size_t ready = 0;

	LIST_FOREACH (link, &c->entries) {
		struct node_client_entry *e = LIST_ENTRY(link, struct node_client_entry, link);

		/* It was configured to take its routes along: so it may have. */
		if (c->routes_go)
			set_ready(e, false);
		ready += e->ready;
	}
	if (ready)
		log_warning("node-route: %s: %zu services stay announced, the node's routes work without it",
			why, ready);
	else
		log_warning("node-route: %s: nothing is announced until it is there", why);
}

/* --- life --- */

static void patience_over(void *user)
{
	struct node_client *c = user;

	log_warning("node-route: lb-announcer --node does not confirm that the routes are gone: not waiting");
	io_loop_stop(c->loop);
}

struct node_client *node_client_new(struct io_loop *loop, const struct node_client_config *cfg)
{
	struct node_client *c = mem_calloc(1, sizeof(*c));
	struct control_link_config link = { .daemon = "lb-announcer --node",
		.path = cfg->path,
		.retry_us = RETRY_US,
		.retry_max_us = RETRY_MAX_US,
		.up = up,
		.down = down,
		.user = c };

	c->loop = loop;
	c->cfg = *cfg;
	c->cfg.path = mem_strdup(cfg->path);
	c->name = mem_strdup(cfg->name);
	list_init(&c->entries);
	list_init(&c->gone);
	c->tick = io_timer_new(loop, tick, c);
	c->patience = io_timer_new(loop, patience_over, c);
	c->link = control_link_new(loop, &link);
	io_timer_set(c->tick, AGAIN_US);
	return c;
}

static void free_entries(struct list *entries)
{
	LIST_FOREACH (link, entries)
		entry_free(LIST_ENTRY(link, struct node_client_entry, link));
}

void node_client_free(struct node_client *c)
{
	if (!c)
		return;
	control_link_free(c->link);
	free_entries(&c->entries);
	free_entries(&c->gone);
	io_timer_free(c->tick);
	io_timer_free(c->patience);
	free(c->name);
	free((char *)(uintptr_t)c->cfg.path);
	free(c);
}

/* --- services --- */

struct node_client_entry *node_client_add(struct node_client *c, const struct node_client_service *service)
{
	struct node_client_entry *e = mem_calloc(1, sizeof(*e));

	e->client = c;
	e->service = *service;
	list_add_tail(&c->entries, &e->link);
	return e;
}

/* Also when the connection is lost: then it is registered no longer. */
static void unregistered(void *user, enum control_result result, const struct row *row, const char *err)
{
	struct node_client_entry *e = user;

	(void)row;
	(void)err;
	if (result == CONTROL_ROW)
		return;
	list_del(&e->link);
	entry_free(e);
}

void node_client_del(struct node_client_entry *e)
{
	if (!e)
		return;
	list_del(&e->link);
	e->gone = true;
	if ((e->known || e->asking) &&
		control_link_ask(e->client->link, request(e, "unregister"), unregistered, e))
		list_add_tail(&e->client->gone, &e->link);
	else
		entry_free(e);
}

void node_client_want(struct node_client_entry *e, enum node_state state, uint64_t capacity_bit_s)
{
	if (e->wanted && e->state == state && e->capacity_bit_s == capacity_bit_s)
		return;
	e->wanted = e->news = true;
	e->state = state;
	e->capacity_bit_s = capacity_bit_s;
	if (state == NODE_WITHDRAWN)
		e->ready = false;
	if (!e->asking)
		ask(e);
}

bool node_client_is_ready(const struct node_client_entry *e)
{
	return e && e->ready;
}

/* --- leaving --- */

static void left(void *user, enum control_result result, const struct row *row, const char *err)
{
	struct node_client *c = user;

	(void)row;
	(void)err;
	if (result != CONTROL_ROW && --c->to_leave == 0)
		io_loop_stop(c->loop);
}

void node_client_leave(struct node_client *c, uint64_t patience_ms)
{
	c->leaving = true;
	LIST_FOREACH (link, &c->entries) {
		struct node_client_entry *e = LIST_ENTRY(link, struct node_client_entry, link);

		if ((e->known || e->asking) && control_link_ask(c->link, request(e, "unregister"), left, c))
			c->to_leave++;
	}
	if (!c->to_leave)
		return;
	io_timer_set(c->patience, patience_ms * 1000);
	io_loop_run(c->loop);
	io_timer_cancel(c->patience);
}
