#include "check/probe.h"

#include "base/mem.h"

#include <stdio.h>
#include <stdlib.h>

struct probe {
	const struct check_env *env;
	const struct config_check *cfg;
	struct check_target target;
	struct check *check;
	/* Through the tunnel: the question whether the server is there at all. */
	struct config_check direct_cfg;
	struct check *direct;
	struct io_timer *timer;
	struct health health;
	struct check_result last;
	uint64_t ended_us;
	uint32_t phase;
	bool ran, unprepared;
	const struct probe_ops *ops;
	void *user;
};

enum { ASK_AGAIN_US = 100000 };

static uint64_t interval_us(const struct probe *p)
{
	return p->cfg->interval_ms * UINT64_C(1000);
}

/* A verdict that is under way need not wait for the check's place in the interval. */
static void retry_soon(struct probe *p)
{
	uint64_t retry_us = p->cfg->retry_ms * UINT64_C(1000);

	if (retry_us && health_in_doubt(&p->health) && retry_us < io_timer_left_us(p->timer))
		io_timer_set(p->timer, retry_us);
}

static void judge(struct probe *p, const struct check_result *r)
{
	uint64_t now_us = io_loop_now_us(p->env->loop);
	bool known = p->health.known, changed;

	p->ran = true;
	p->ended_us = now_us;
	p->last = *r;
	changed = health_result(&p->health, r->outcome == CHECK_PASSED, p->cfg->rise, p->cfg->fall, now_us);
	retry_soon(p);
	if (changed || p->health.known != known) {
		struct probe_view v;

		probe_view(p, &v);
		p->ops->changed(p->user, &v);
	}
}

static void say_unprepared(struct check_result *r)
{
	snprintf(r->why, sizeof(r->why),
		"alive, but takes nothing through the tunnel: prepare it with lb-ipvs-agent --real-server");
}

/* Through the tunnel there was silence or a refusal; this is how the server itself answers. */
static void direct_done(void *user, const struct check_result *r)
{
	struct probe *p = user;

	p->unprepared = r->outcome == CHECK_PASSED ||
			(r->outcome == CHECK_REFUSED && p->last.outcome != CHECK_REFUSED);
	if (p->unprepared)
		say_unprepared(&p->last);
}

static void done(void *user, const struct check_result *r)
{
	struct probe *p = user;
	bool silent = r->outcome == CHECK_TIMEOUT || r->outcome == CHECK_UNREACHABLE ||
		      r->outcome == CHECK_REFUSED;

	struct check_result told = *r;

	/* As it was the last time, until the server itself has been asked again. */
	p->unprepared &= silent;
	if (p->unprepared)
		say_unprepared(&told);
	judge(p, &told);
	if (p->direct && silent && !check_running(p->direct))
		check_start(p->direct);
}

static void due(void *user)
{
	struct probe *p = user;

	if (!p->ops->may_run(p->user)) {
		io_timer_set(p->timer, ASK_AGAIN_US);
		return;
	}
	if (!check_running(p->check))
		check_start(p->check);
	io_timer_set(p->timer, health_next_us(p->phase, interval_us(p), io_loop_now_us(p->env->loop)));
}

static void make_checks(struct probe *p)
{
	struct check_target direct = p->target;

	p->check = check_new(p->env, p->cfg, &p->target, done, p);
	if (!p->cfg->through_tunnel)
		return;
	direct.addr = p->target.server;
	direct.port = p->target.server_port;
	direct.mark = 0;
	p->direct_cfg = (struct config_check){
		.name = p->cfg->name, .type = CONFIG_CHECK_TCP, .timeout_ms = p->cfg->timeout_ms
	};
	p->direct = check_new(p->env, &p->direct_cfg, &direct, direct_done, p);
}

static void free_checks(struct probe *p)
{
	if (p->direct)
		check_free(p->direct);
	check_free(p->check);
	p->direct = NULL;
}

struct probe *probe_new(const struct check_env *env, const struct config_check *cfg,
	const struct check_target *target, bool up, uint32_t phase, const struct probe_ops *ops, void *user)
{
	struct probe *p = mem_calloc(1, sizeof(*p));

	p->env = env;
	p->cfg = cfg;
	p->target = *target;
	p->phase = phase;
	p->ops = ops;
	p->user = user;
	health_init(&p->health, up, io_loop_now_us(env->loop));
	make_checks(p);
	p->timer = io_timer_new(env->loop, due, p);
	io_timer_set(p->timer, health_first_us(phase, interval_us(p)));
	return p;
}

void probe_configure(struct probe *p, const struct config_check *cfg, const struct check_target *target)
{
	free_checks(p);
	p->cfg = cfg;
	p->target = *target;
	make_checks(p);
	io_timer_set(p->timer, health_next_us(p->phase, interval_us(p), io_loop_now_us(p->env->loop)));
}

void probe_free(struct probe *p)
{
	if (!p)
		return;
	io_timer_free(p->timer);
	free_checks(p);
	free(p);
}

void probe_hurry(struct probe *p)
{
	if (!check_running(p->check) && p->ops->may_run(p->user))
		check_start(p->check);
}

void probe_view(const struct probe *p, struct probe_view *out)
{
	*out = (struct probe_view){ .cfg = p->cfg,
		.health = &p->health,
		.ran = p->ran,
		.outcome = p->last.outcome,
		.why = p->last.why,
		.ended_us = p->ended_us,
		.duration_us = p->last.duration_us,
		.next_us = io_timer_left_us(p->timer),
		.unprepared = p->unprepared };
}
