#include "announcer/agent_link.h"

#include "base/log.h"
#include "base/mem.h"
#include "control/link.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum {
	RETRY_US = 50000,
	RETRY_MAX_US = 1000000,
	EAGER_US =
		5000000, /* containers of a pod start together, and an agent that was killed is soon there again */
	SILENCE_US = 2500000, /* two beats and a half */
};

struct agent_link {
	struct io_loop *loop;
	struct control_link *health, *state;
	void (*changed)(void *user);
	void *user;
	struct agent_service *services;
	size_t count;
	struct agent_status status;
	const char *to_say, *said; /* to_say: NULL: nothing yet; said: over this connection */
};

static uint64_t now_ms(const struct agent_link *l)
{
	return io_loop_now_us(l->loop) / 1000;
}

/* --- services --- */

static void fini_service(struct agent_service *s)
{
	free((char *)s->name);
	free((char *)s->key);
}

static void forget_services(struct agent_link *l)
{
	for (size_t i = 0; i < l->count; i++)
		fini_service(&l->services[i]);
	l->count = 0;
}

static struct agent_service *find(struct agent_link *l, const char *key)
{
	for (size_t i = 0; i < l->count; i++)
		if (strcmp(l->services[i].key, key) == 0)
			return &l->services[i];
	return NULL;
}

static void forget(struct agent_link *l, const char *key)
{
	struct agent_service *s = find(l, key);

	if (!s)
		return;
	fini_service(s);
	*s = l->services[--l->count];
}

static uint32_t number(const struct row *r, const char *key)
{
	int64_t v = row_get_int(r, key, 0);

	return v < 0 ? 0 : v > UINT32_MAX ? UINT32_MAX : (uint32_t)v;
}

static void take_service(struct agent_link *l, const struct row *r, const char *key)
{
	const char *name = row_get_text(r, "service"), *address = row_get_text(r, "address");
	struct agent_service *s = find(l, key);
	int64_t active = row_get_int(r, "active", 0);

	if (!s) {
		l->services = mem_realloc(l->services, (l->count + 1) * sizeof(*l->services));
		s = &l->services[l->count++];
		*s = (struct agent_service){ .key = mem_strdup(key) };
	}
	free((char *)s->name);
	s->name = mem_strdup(name ? name : key);
	if (!address || !ip_addr_parse(address, &s->address))
		s->address = (struct ip_addr){ .family = IP_NONE };
	s->known = row_get_bool(r, "known", false);
	s->configured = row_get_bool(r, "configured", true);
	s->servers = number(r, "servers");
	s->healthy = number(r, "healthy");
	s->active = active > 0 ? (uint64_t)active : 0;
}

/* --- what is heard --- */

static void lose(struct agent_link *l, const char *why)
{
	bool was_heard = l->status.heard;

	snprintf(l->status.why, sizeof(l->status.why), "%s", why);
	l->status.heard = false;
	if (was_heard) {
		log_warning("lb-ipvs-agent: %s", why);
		l->status.since_ms = now_ms(l);
		l->status.losses++;
	}
	l->changed(l->user);
}

static void take_beat(struct agent_link *l, const struct row *r)
{
	struct agent_status *st = &l->status;
	int64_t wait_ms = row_get_int(r, "wait-ms", 0);

	st->leaving = row_get_bool(r, "leaving", false);
	st->leaving_until_ms = st->leaving ? now_ms(l) + (wait_ms > 0 ? (uint64_t)wait_ms : 0) : 0;
	if (!row_get_bool(r, "ready", false)) {
		snprintf(st->why, sizeof(st->why), "lb-ipvs-agent is starting");
		return;
	}
	st->report++;
	if (st->heard)
		return;
	st->heard = true;
	st->why[0] = 0;
	st->since_ms = now_ms(l);
	log_info("lb-ipvs-agent: heard of %zu virtual services", l->count);
}

static void heard(void *user, enum control_result result, const struct row *r, const char *err)
{
	struct agent_link *l = user;
	const char *event, *key;

	if (result == CONTROL_REFUSED) {
		log_error("lb-ipvs-agent: refuses to tell of health: %s", err);
		lose(l, err);
	}
	if (result == CONTROL_END)
		control_link_drop(l->health, "it ended its report");
	if (result != CONTROL_ROW)
		return;
	event = row_get_text(r, "event");
	key = row_get_text(r, "key");
	if (row_get_bool(r, "lost", false))
		control_link_drop(l->health, "parts of its report are missing");
	else if (event && strcmp(event, "beat") == 0)
		take_beat(l, r);
	else if (event && key && strcmp(event, "health") == 0)
		take_service(l, r, key);
	else if (event && key && strcmp(event, "gone") == 0)
		forget(l, key);
	l->changed(l->user);
}

static void health_up(void *user)
{
	struct agent_link *l = user;
	struct row *r = row_new();

	forget_services(l);
	row_text(r, "command", "health");
	control_link_ask(l->health, r, heard, l);
	snprintf(l->status.why, sizeof(l->status.why), "lb-ipvs-agent is asked");
}

static void health_down(void *user, const char *why)
{
	lose(user, why);
}

/* --- what is said --- */

static void answered(void *user, enum control_result result, const struct row *row, const char *err)
{
	(void)user;
	(void)row;
	if (result == CONTROL_REFUSED)
		log_error("lb-ipvs-agent: does not want to know what the announcer does: %s", err);
}

static void say(struct agent_link *l)
{
	struct row *r;

	if (!l->to_say || (l->said && strcmp(l->said, l->to_say) == 0) || !control_link_is_up(l->state))
		return;
	l->said = l->to_say;
	r = row_new();
	row_text(r, "command", "announcer");
	row_text(r, "state", l->to_say);
	control_link_ask(l->state, r, answered, l);
}

void agent_link_say(struct agent_link *l, const char *state)
{
	l->to_say = state;
	say(l);
}

static void state_up(void *user)
{
	struct agent_link *l = user;

	l->said = NULL;
	say(l);
}

const char *agent_link_told(const struct agent_link *l)
{
	return control_link_is_up(l->state) ? l->said : NULL;
}

/* --- life --- */

struct agent_link *agent_link_new(
	struct io_loop *loop, const char *path, void (*changed)(void *user), void *user)
{
	struct agent_link *l = mem_calloc(1, sizeof(*l));
	struct control_link_config cfg = { .daemon = "lb-ipvs-agent",
		.path = path,
		.retry_us = RETRY_US,
		.retry_max_us = RETRY_MAX_US,
		.eager_us = EAGER_US,
		.silence_us = SILENCE_US,
		.up = health_up,
		.down = health_down,
		.user = l };

	l->loop = loop;
	l->changed = changed;
	l->user = user;
	l->status.since_ms = now_ms(l);
	snprintf(l->status.why, sizeof(l->status.why), "lb-ipvs-agent has not been heard yet");
	l->health = control_link_new(loop, &cfg);
	cfg.up = state_up;
	cfg.down = NULL;
	l->state = control_link_new(loop, &cfg);
	return l;
}

void agent_link_free(struct agent_link *l)
{
	if (!l)
		return;
	control_link_free(l->health);
	control_link_free(l->state);
	forget_services(l);
	free(l->services);
	free(l);
}

const struct agent_status *agent_link_status(const struct agent_link *l)
{
	return &l->status;
}

const struct agent_service *agent_link_service(const struct agent_link *l, size_t i)
{
	return i < l->count ? &l->services[i] : NULL;
}
