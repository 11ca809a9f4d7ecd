#include "announcer/on_change.h"

#include "base/log.h"
#include "base/mem.h"
#include "io/child.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { OUTPUT_KEEP = 8192, LINES_MAX = 50, LINE_MAX_OCTETS = 400, WHY_MAX = 200 };

struct on_change {
	struct io_loop *loop;
	const struct config_on_change *cfg;
	struct hook hook;
	const char *reason;
	char prefix[PREFIX_TEXT_MAX], next_hop[PREFIX_TEXT_MAX], pod[PREFIX_TEXT_MAX], node[PREFIX_TEXT_MAX];
	struct io_child *child;
	struct io_timer *timer;
	uint64_t settled_ms;
	char why[WHY_MAX];
	void (*ended)(void *user);
	void *user;
};

static uint64_t now_ms(const struct on_change *o)
{
	return io_loop_now_us(o->loop) / 1000;
}

static const char *state_text(enum hook_state s)
{
	return s == HOOK_ACTIVE ? "active" : "inactive";
}

/* --- a run --- */

static void log_output(const struct on_change *o, const char *output, enum log_level level)
{
	size_t total = strlen(output);
	const char *line = output;

	for (int i = 0; *line && i < LINES_MAX; i++) {
		int len = (int)strcspn(line, "\n");

		log_about(level, LOG_ABOUT("on-change", .service = o->prefix), "service %s: on-change: %.*s",
			o->prefix, len < LINE_MAX_OCTETS ? len : LINE_MAX_OCTETS, line);
		line += len + (line[len] == '\n');
	}
	if (*line || total == OUTPUT_KEEP)
		log_about(level, LOG_ABOUT("on-change", .service = o->prefix),
			"service %s: on-change: (the rest of its output is left out)", o->prefix);
}

static void go_on(struct on_change *o);

static void log_end(
	const struct on_change *o, const struct io_child_result *r, enum hook_state ran, enum log_level level)
{
	int64_t wait_ms = hook_wait_ms(&o->hook, now_ms(o));
	char again[40] = "";

	if (wait_ms > 0)
		snprintf(again, sizeof(again), "; again in %.3f s", (double)wait_ms / 1000);
	if (r->why[0])
		log_about(level, LOG_ABOUT("on-change", .service = o->prefix),
			"service %s: on-change %s: %s%s", o->prefix, state_text(ran), r->why, again);
	else
		log_about(LOG_LEVEL_INFO, LOG_ABOUT("on-change", .service = o->prefix),
			"service %s: on-change %s: done in %.3f s", o->prefix, state_text(ran),
			(double)r->duration_us / 1e6);
}

/* A failure that is like the one before is worth no second line. */
static void run_ended(void *user, const struct io_child_result *r)
{
	struct on_change *o = user;
	enum hook_state ran = o->hook.running;
	bool same = o->hook.failures && r->why[0] && strncmp(o->why, r->why, sizeof(o->why) - 1) == 0;

	o->child = NULL;
	hook_ended(&o->hook, !r->why[0], now_ms(o));
	snprintf(o->why, sizeof(o->why), "%s", r->why);
	if (hook_settled(&o->hook))
		o->settled_ms = now_ms(o);
	log_output(o, r->output, same ? LOG_LEVEL_DEBUG : LOG_LEVEL_INFO);
	log_end(o, r, ran, same ? LOG_LEVEL_DEBUG : LOG_LEVEL_ERROR);
	go_on(o);
	o->ended(o->user);
}

static void run(struct on_change *o, enum hook_state state)
{
	char *variables[] = { mem_printf("RRD_SERVICE=%s", o->prefix),
		mem_printf("RRD_STATE=%s", state_text(state)), mem_printf("RRD_REASON=%s", o->reason),
		mem_printf("RRD_NEXT_HOP=%s", o->next_hop), mem_printf("RRD_POD_ADDRESS=%s", o->pod),
		mem_printf("RRD_NODE_ADDRESS=%s", o->node), NULL };

	log_about(o->hook.failures ? LOG_LEVEL_DEBUG : LOG_LEVEL_INFO,
		LOG_ABOUT("on-change", .service = o->prefix), "service %s: on-change %s (%s): running %s",
		o->prefix, state_text(state), o->reason, o->cfg->command[0]);
	hook_started(&o->hook);
	o->child = io_child_start(o->loop, o->cfg->command, (const char *const *)variables,
		o->cfg->timeout_s * UINT64_C(1000000), OUTPUT_KEEP, run_ended, o);
	for (char **v = variables; *v; v++)
		free(*v);
}

static void go_on(struct on_change *o)
{
	enum hook_state next = hook_next(&o->hook, now_ms(o));
	int64_t wait_ms;

	if (next)
		run(o, next);
	wait_ms = hook_wait_ms(&o->hook, now_ms(o));
	if (wait_ms < 0)
		io_timer_cancel(o->timer);
	else
		io_timer_set(o->timer, (uint64_t)wait_ms * 1000);
}

static void time_is_over(void *user)
{
	go_on(user);
}

/* --- from outside --- */

/* True when it was another. */
static bool format(const struct ip_addr *a, char buf[PREFIX_TEXT_MAX])
{
	char before[PREFIX_TEXT_MAX];

	memcpy(before, buf, sizeof(before));
	buf[0] = 0;
	if (a && a->family)
		ip_addr_format(a, buf);
	return strcmp(before, buf) != 0;
}

static bool format_all(struct on_change *o, const struct on_change_of *of)
{
	bool next_hop = format(of->next_hop, o->next_hop), pod = format(of->pod, o->pod),
	     node = format(of->node, o->node);

	return next_hop || pod || node;
}

struct on_change *on_change_new(
	struct io_loop *loop, const struct on_change_of *of, void (*ended)(void *user), void *user)
{
	struct on_change *o = mem_calloc(1, sizeof(*o));

	o->loop = loop;
	o->cfg = &of->service->on_change;
	o->ended = ended;
	o->user = user;
	hook_init(&o->hook, o->cfg->retry_s * UINT64_C(1000), o->cfg->retry_max_s * UINT64_C(1000));
	prefix_format(&of->service->prefix, o->prefix);
	format_all(o, of);
	o->timer = io_timer_new(loop, time_is_over, o);
	return o;
}

static bool same_command(const struct config_on_change *a, const struct config_on_change *b)
{
	if (a->command_count != b->command_count)
		return false;
	for (size_t i = 0; i < a->command_count; i++)
		if (strcmp(a->command[i], b->command[i]) != 0)
			return false;
	return true;
}

void on_change_configure(struct on_change *o, const struct on_change_of *of)
{
	const struct config_on_change *cfg = &of->service->on_change;
	bool same = same_command(o->cfg, cfg);

	o->cfg = cfg;
	o->hook.retry_ms = cfg->retry_s * UINT64_C(1000);
	o->hook.retry_max_ms = cfg->retry_max_s * UINT64_C(1000);
	if (format_all(o, of) || !same) {
		o->reason = o->reason ? "reload" : NULL;
		hook_forget(&o->hook, now_ms(o));
	}
	go_on(o);
}

void on_change_free(struct on_change *o)
{
	if (!o)
		return;
	io_child_kill(o->child);
	io_timer_free(o->timer);
	free(o);
}

void on_change_set(struct on_change *o, bool active, const char *reason)
{
	if (!hook_want(&o->hook, active ? HOOK_ACTIVE : HOOK_INACTIVE, now_ms(o)))
		return;
	o->reason = reason;
	if (hook_settled(&o->hook))
		o->settled_ms = now_ms(o);
	go_on(o);
}

void on_change_hurry(struct on_change *o)
{
	hook_hurry(&o->hook, now_ms(o));
	go_on(o);
}

const char *on_change_reason(const struct on_change *o)
{
	return o->reason;
}

const struct hook *on_change_hook(const struct on_change *o)
{
	return &o->hook;
}

uint64_t on_change_settled_ms(const struct on_change *o)
{
	return o->settled_ms;
}

const char *on_change_why(const struct on_change *o)
{
	return o->why;
}
