#include "kernel/fib.h"

#include "base/log.h"
#include "base/mem.h"
#include "kernel/events.h"
#include "kernel/exec.h"
#include "kernel/plan.h"
#include "kernel/watch.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

enum {
	/* So that a new change waits for no more than some 20 ms of older ones. */
	ROUTES_PER_BATCH = 8192,
	RETRY_US = 5000000,
	/* Events come in bursts; and a table that another program fills is one event per route. */
	COALESCE_US = 2000,
	LINK_INTERVAL_US = 100000,
	REACH_INTERVAL_US = 500000,
	/* Addresses and routes come some time after their link. */
	SECOND_LOOK_US = 1000000,
	ROUTE_LISTING_INTERVAL_US = 60000000,
	EXIT_WAIT_MS = 5000,
	LOG_INTERVAL_MS = 1000,
};

struct fib {
	struct io_loop *loop;
	struct fib_config cfg;
	bool classic;
	struct plan *plan;
	struct watch_list watched;
	struct exec *exec;
	struct events *events;
	struct io_watch *watch;
	struct io_job *work;
	struct io_timer *retry_timer, *refresh_timer;
	struct exec_job *job; /* under way, or NULL */
	/* What the next question to the kernel is to cover. */
	bool want_unreachable, want_refresh, want_routes;
	bool link_changed, second_look;
	uint64_t refreshed_us, doubted_us;
	uint64_t operations, refused;
	struct log_limit refused_log;
};

/* --- jobs --- */

static struct exec_job *question_job(struct fib *f)
{
	enum plan_ask which = f->want_refresh	    ? PLAN_ASK_ALL
			      : f->want_unreachable ? PLAN_ASK_UNREACHABLE
						    : PLAN_ASK_NEW;
	struct exec_job *j = exec_job_new();
	struct ip_addr *addr;

	j->question_count = plan_ask(f->plan, which, &addr);
	j->question_count = watch_ask(&f->watched, which, &addr, j->question_count);
	j->question = mem_calloc(j->question_count + 1, sizeof(*j->question));
	for (size_t i = 0; i < j->question_count; i++)
		j->question[i].addr = addr[i];
	free(addr);
	j->list_objects = f->want_refresh && !f->classic;
	j->list_routes = f->want_routes;
	if (f->want_refresh)
		f->refreshed_us = io_loop_now_us(f->loop);
	f->want_unreachable = f->want_refresh = f->want_routes = false;
	return j;
}

static struct exec_job *next_job(struct fib *f)
{
	struct exec_job *j;

	if (f->want_refresh || f->want_unreachable || plan_has_new(f->plan) || f->watched.unknown)
		return question_job(f);
	j = exec_job_new();
	if (plan_run(f->plan, ROUTES_PER_BATCH, &j->batch)) {
		f->operations += j->batch.count;
		return j;
	}
	exec_job_free(j);
	return NULL;
}

static void proceed(struct fib *f)
{
	if (f->job)
		return;
	f->job = next_job(f);
	if (f->job)
		exec_submit(f->exec, f->job);
}

static void refresh(struct fib *f, bool with_routes)
{
	f->want_refresh = true;
	f->want_routes |= with_routes;
	io_job_post(f->work);
}

static void log_refused(struct fib *f, const struct plan_op *op, size_t refused)
{
	static const char *const what[] = {
		[PLAN_NEXT_HOP_SET] = "next hop",
		[PLAN_GROUP_SET] = "next-hop group",
		[PLAN_ROUTE_SET] = "route",
		[PLAN_ROUTE_DEL] = "removal of route",
		[PLAN_GROUP_DEL] = "removal of next-hop group",
		[PLAN_NEXT_HOP_DEL] = "removal of next hop",
	};
	char name[PREFIX_TEXT_MAX];

	if (!log_limit_pass(&f->refused_log, io_loop_now_us(f->loop) / 1000, LOG_INTERVAL_MS, NULL))
		return;
	if (op->kind == PLAN_ROUTE_SET || op->kind == PLAN_ROUTE_DEL)
		prefix_format(&op->prefix, name);
	else if (op->kind == PLAN_NEXT_HOP_SET)
		ip_addr_format(&op->hops[0].gateway, name);
	else
		snprintf(name, sizeof(name), "id %u", op->id);
	log_warning("kernel: %s %s was refused: %s%s%s (%zu refused in this batch)", what[op->kind], name,
		strerror(-op->error), op->why ? ": " : "", op->why ? op->why : "", refused);
}

static void take_results(struct fib *f, const struct plan_batch *b)
{
	const struct plan_op *first = NULL;
	size_t refused = 0;
	bool exists = false;

	for (size_t i = 0; i < b->count; i++) {
		if (!b->op[i].error)
			continue;
		if (!first)
			first = &b->op[i];
		refused++;
		exists |= b->op[i].kind == PLAN_ROUTE_SET && b->op[i].error == -EEXIST;
	}
	f->refused += refused;
	if (first)
		log_refused(f, first, refused);
	plan_done(f->plan, b);
	/* Another program's route, or one of ours we have lost sight of: the listing tells. */
	if (exists &&
		(!f->doubted_us || io_loop_now_us(f->loop) - f->doubted_us > ROUTE_LISTING_INTERVAL_US)) {
		f->doubted_us = io_loop_now_us(f->loop);
		refresh(f, true);
	}
}

static void tell_reach(struct fib *f, const struct exec_question *q)
{
	const struct plan_resolution *a = &q->answer;
	struct fib_reach reach = { a->reachable, a->reachable ? NULL : a->why, a->interface, a->gateway,
		a->metric };

	if (f->cfg.reached)
		f->cfg.reached(f->cfg.user, &q->addr, &reach);
}

/* Whether it is to be logged. */
static bool take_answer(struct fib *f, const struct exec_question *q)
{
	bool news = plan_resolve(f->plan, &q->addr, &q->answer);

	if (!watch_has(&f->watched, &q->addr))
		return news;
	news = watch_resolve(&f->watched, &q->addr, &q->answer);
	if (news)
		tell_reach(f, q);
	return news;
}

static void take_answers(struct fib *f, const struct exec_job *j)
{
	char addr[PREFIX_TEXT_MAX], gateway[PREFIX_TEXT_MAX];

	for (size_t i = 0; i < j->question_count; i++) {
		const struct exec_question *q = &j->question[i];

		if (!take_answer(f, q))
			continue;
		ip_addr_format(&q->addr, addr);
		if (q->answer.reachable)
			log_info("next hop %s is reached by %s through %s", addr,
				ip_addr_format(&q->answer.gateway, gateway), q->answer.interface);
		else
			log_warning("next hop %s is unreachable: %s", addr, q->answer.why);
	}
	plan_resolve_end(f->plan);
}

static void take_listing(struct fib *f, const struct exec_job *j)
{
	if (!j->list_objects && !(f->classic && j->list_routes))
		return;
	plan_listing_begin(f->plan, j->list_routes);
	for (size_t i = 0; i < j->object_count; i++) {
		const struct exec_found_object *o = &j->object[i];

		plan_found_object(f->plan, o->id, o->is_group, o->hop, o->count);
	}
	for (size_t i = 0; j->list_routes && i < j->route_count; i++)
		plan_found_route(f->plan, &j->route[i].prefix, j->route[i].id);
	plan_listing_end(f->plan);
}

static void finish(struct fib *f, struct exec_job *j)
{
	f->job = NULL;
	if (j->batch.count)
		take_results(f, &j->batch);
	if (j->question_count)
		take_answers(f, j);
	take_listing(f, j);
	exec_job_free(j);
}

static void on_results(void *user, unsigned events)
{
	struct fib *f = user;
	struct exec_job *j;

	(void)events;
	while ((j = exec_take(f->exec)))
		finish(f, j);
	proceed(f);
}

static void on_work(void *user)
{
	proceed(user);
}

/* --- the kernel's events --- */

static void refresh_within(struct fib *f, uint64_t interval_us)
{
	uint64_t now = io_loop_now_us(f->loop), delay = COALESCE_US;

	if (f->refreshed_us + interval_us > now + delay)
		delay = f->refreshed_us + interval_us - now;
	if (!io_timer_pending(f->refresh_timer) || io_timer_left_us(f->refresh_timer) > delay)
		io_timer_set(f->refresh_timer, delay);
}

static void on_link(void *user)
{
	struct fib *f = user;

	f->link_changed = f->second_look = true;
	refresh_within(f, LINK_INTERVAL_US);
}

static void on_reach(void *user)
{
	refresh_within(user, REACH_INTERVAL_US);
}

static void on_route(void *user, const struct message_route *r, bool there)
{
	struct fib *f = user;

	if (there)
		plan_found_route(f->plan, &r->prefix, r->next_hop_id);
	else
		plan_lost_route(f->plan, &r->prefix);
	io_job_post(f->work);
}

static void on_object(void *user, uint32_t id)
{
	struct fib *f = user;

	if (id >= f->cfg.next_hop_id_base && id - f->cfg.next_hop_id_base < f->cfg.next_hop_id_count)
		refresh_within(f, LINK_INTERVAL_US);
}

static void on_overflow(void *user)
{
	struct fib *f = user;

	log_warning("routing events of the kernel were lost: its routes are compared anew");
	refresh(f, true);
}

static const struct events_ops events_ops = {
	.link = on_link,
	.reach = on_reach,
	.route = on_route,
	.object = on_object,
	.overflow = on_overflow,
};

static void on_refresh_timer(void *user)
{
	struct fib *f = user;

	/* Classic routes vanish with their link without an event, and lose next hops without a trace. */
	refresh(f, f->classic && f->link_changed);
	if (f->link_changed)
		plan_rewrite(f->plan);
	f->link_changed = false;
	if (f->second_look)
		io_timer_set(f->refresh_timer, SECOND_LOOK_US);
	f->second_look = false;
}

static void on_retry_timer(void *user)
{
	struct fib *f = user;

	f->want_unreachable = plan_stats(f->plan).unreachable > 0 || f->watched.unreachable;
	plan_retry(f->plan);
	io_job_post(f->work);
	io_timer_set(f->retry_timer, RETRY_US);
}

/* --- life --- */

static bool open_kernel(struct fib *f, char *err, size_t err_size)
{
	struct exec_config cfg = {
		.ours = { .table = f->cfg.table,
			.metric = f->cfg.metric,
			.protocol = f->cfg.protocol,
			.classic = f->cfg.force_classic },
		.via_default = f->cfg.resolve_via_default,
	};
	struct plan_config plan = { .id_base = f->cfg.next_hop_id_base,
		.id_count = f->cfg.next_hop_id_count };

	f->exec = exec_new(&cfg, err, err_size);
	if (!f->exec)
		return false;
	f->classic = plan.classic = cfg.ours.classic;
	f->plan = plan_new(&plan);
	f->events = events_new(f->loop, &cfg.ours, exec_port(f->exec), &events_ops, f, err, err_size);
	return f->events;
}

struct fib *fib_new(struct io_loop *loop, const struct fib_config *cfg, char *err, size_t err_size)
{
	struct fib *f = mem_calloc(1, sizeof(*f));

	f->loop = loop;
	f->cfg = *cfg;
	if (!open_kernel(f, err, err_size)) {
		events_free(f->events);
		exec_free(f->exec);
		plan_free(f->plan);
		free(f);
		return NULL;
	}
	f->work = io_job_new(loop, on_work, f);
	f->retry_timer = io_timer_new(loop, on_retry_timer, f);
	f->refresh_timer = io_timer_new(loop, on_refresh_timer, f);
	io_timer_set(f->retry_timer, RETRY_US);
	f->watch = io_watch_new(loop, exec_fd(f->exec), on_results, f);
	io_watch_set(f->watch, IO_READ);
	if (cfg->watch_only)
		return f;
	log_info("kernel: routes go to table %u with metric %u and protocol %u, over %s", cfg->table,
		cfg->metric, cfg->protocol,
		f->classic ? "classic multipath (no next-hop objects)" : "next-hop objects");
	/* What a former run left behind. Nothing is planned before it is known. */
	f->want_refresh = f->want_routes = true;
	proceed(f);
	return f;
}

/* The loop's time stands still while its callbacks run. */
static uint64_t clock_us(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_MONOTONIC, &ts);
	return (uint64_t)ts.tv_sec * 1000000 + (uint64_t)ts.tv_nsec / 1000;
}

/* Waits for the job under way; false when it takes too long. */
static bool wait_for_job(struct fib *f, uint64_t deadline_us)
{
	uint64_t now = clock_us();
	struct exec_job *j;

	if (!f->job)
		return true;
	j = now < deadline_us ? exec_wait(f->exec, (unsigned)((deadline_us - now) / 1000) + 1) : NULL;
	if (j)
		finish(f, j);
	return j;
}

static void remove_all(struct fib *f, uint64_t deadline_us)
{
	plan_clear(f->plan);
	plan_sweep(f->plan);
	do {
		f->want_refresh = f->want_unreachable = f->want_routes = false;
		proceed(f);
	} while (f->job && wait_for_job(f, deadline_us));
	if (f->job || plan_stats(f->plan).failed)
		log_warning("kernel: not all routes could be removed at exit");
}

void fib_free(struct fib *f)
{
	uint64_t deadline_us;

	if (!f)
		return;
	deadline_us = clock_us() + EXIT_WAIT_MS * 1000ull;
	if (wait_for_job(f, deadline_us) && f->cfg.remove_on_exit)
		remove_all(f, deadline_us);
	events_free(f->events);
	io_watch_free(f->watch);
	io_timer_free(f->retry_timer);
	io_timer_free(f->refresh_timer);
	io_job_free(f->work);
	/* A job still under way ends first and is freed there. */
	exec_free(f->exec);
	plan_free(f->plan);
	watch_list_fini(&f->watched);
	free(f);
}

void fib_set(struct fib *f, const struct prefix *p, const struct fib_next_hop *nh, size_t count)
{
	plan_set(f->plan, p, nh, count);
}

void fib_del(struct fib *f, const struct prefix *p)
{
	plan_del(f->plan, p);
}

void fib_watch(struct fib *f, const struct ip_addr *addr)
{
	watch_add(&f->watched, addr);
}

void fib_unwatch(struct fib *f, const struct ip_addr *addr)
{
	watch_del(&f->watched, addr);
}

void fib_commit(struct fib *f)
{
	proceed(f);
}

void fib_sweep(struct fib *f)
{
	plan_sweep(f->plan);
	proceed(f);
}

/* --- rows --- */

static const char *state_format(enum plan_state state)
{
	switch (state) {
	case PLAN_INSTALLED:
		return "installed";
	case PLAN_PENDING:
		return "pending";
	case PLAN_FAILED:
		return "failed";
	case PLAN_LEFTOVER:
		return "leftover";
	}
	return NULL;
}

static struct row *next_hop_row(const struct plan_view *v, size_t i)
{
	struct plan_hop_view hop = plan_view_hop(v, i);
	struct row *r = row_new();
	char text[PREFIX_TEXT_MAX];

	row_text(r, "address", ip_addr_format(&hop.addr, text));
	if (hop.interface) {
		row_text(r, "interface", hop.interface);
		if (!ip_addr_equal(&hop.addr, &hop.gateway))
			row_text(r, "gateway", ip_addr_format(&hop.gateway, text));
	}
	row_int(r, "weight", hop.weight);
	if (hop.why)
		row_text(r, "error", hop.why);
	return r;
}

struct row *fib_row(const struct fib *f, struct prefix *at, bool first)
{
	struct plan_view v;
	struct row *r, *hops;
	char text[PREFIX_TEXT_MAX];

	if (!plan_view_next(f->plan, first ? NULL : at, &v))
		return NULL;
	*at = v.prefix;
	r = row_new();
	hops = row_new_list();
	row_text(r, "prefix", prefix_format(&v.prefix, text));
	for (size_t i = 0; i < v.hop_count; i++)
		row_append(hops, next_hop_row(&v, i));
	row_put(r, "next-hops", hops);
	if (v.group_id)
		row_int(r, "group-id", v.group_id);
	row_text(r, "state", state_format(v.state));
	if (v.error[0])
		row_text(r, "error", v.error);
	return r;
}

struct row *fib_status(const struct fib *f)
{
	struct plan_stats s = plan_stats(f->plan);
	struct row *r = row_new();

	row_text(r, "kernel", f->classic ? "classic multipath" : "next-hop objects");
	row_int(r, "table", f->cfg.table);
	row_int(r, "metric", f->cfg.metric);
	row_int(r, "protocol", f->cfg.protocol);
	row_int(r, "routes", (int64_t)s.routes);
	row_int(r, "leftover-routes", (int64_t)s.leftover_routes);
	row_int(r, "groups", (int64_t)s.groups);
	row_int(r, "next-hops", (int64_t)s.next_hops);
	row_int(r, "unreachable-next-hops", (int64_t)s.unreachable);
	row_int(r, "pending", (int64_t)s.pending);
	row_int(r, "failed", (int64_t)s.failed);
	row_int(r, "operations", (int64_t)f->operations);
	row_int(r, "refused-operations", (int64_t)f->refused);
	return r;
}
