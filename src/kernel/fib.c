#include "kernel/fib_private.h"

#include "base/log.h"
#include "base/mem.h"
#include "kernel/lock.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

enum {
	/* So that a new change waits for no more than some 20 ms of older ones, and the kernel for none. */
	ROUTES_PER_BATCH = 4096,
	JOBS_MAX = 4,
	/* The buckets of so many groups are read in one turn: some 30 ms. */
	SHARES_PER_JOB = 16,
	ROUTE_LISTING_INTERVAL_US = 60000000,
	EXIT_WAIT_MS = 5000,
};

uint64_t fib_now_ms(const struct fib *f)
{
	return io_loop_now_us(f->loop) / 1000;
}

uint8_t fib_kind(const struct fib *f, const struct prefix *p)
{
	for (size_t i = 0; i < f->cfg.group_count; i++) {
		const struct fib_group *g = &f->cfg.group[i];

		for (size_t k = 0; k < g->rule_count; k++)
			if (prefix_contains(&g->rule[k].prefix, p) && p->len >= g->rule[k].ge &&
				p->len <= g->rule[k].le)
				return (uint8_t)(g->resilient ? i + 1 : 0);
	}
	return 0;
}

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

static struct exec_job *share_job(struct fib *f)
{
	uint32_t id[SHARES_PER_JOB];
	struct exec_job *j = exec_job_new();

	f->want_shares = false;
	j->share_count = plan_ask_shares(f->plan, id, SHARES_PER_JOB);
	j->share = mem_calloc(j->share_count + 1, sizeof(*j->share));
	for (size_t i = 0; i < j->share_count; i++)
		j->share[i].group_id = id[i];
	return j;
}

static struct exec_job *next_job(struct fib *f)
{
	struct exec_job *j;

	f->asking = f->want_refresh || f->want_unreachable || plan_has_new(f->plan) || f->watched.unknown;
	if (f->asking)
		return f->jobs ? NULL : question_job(f);
	j = exec_job_new();
	if (plan_run(f->plan, ROUTES_PER_BATCH, !f->uncommitted, &j->batch)) {
		f->operations += j->batch.count;
		return j;
	}
	exec_job_free(j);
	f->asking = f->want_shares;
	return f->want_shares && !f->jobs ? share_job(f) : NULL;
}

/* What is asked is asked of a kernel at rest, and nothing is planned before the answer. */
void fib_proceed(struct fib *f)
{
	struct exec_job *j;

	while (f->jobs < JOBS_MAX && !(f->jobs && f->asking) && (j = next_job(f))) {
		f->jobs++;
		exec_submit(f->exec, j);
	}
}

void fib_refresh(struct fib *f, bool with_routes)
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

	if (!log_limit_pass(&f->refused_log, fib_now_ms(f), FIB_LOG_INTERVAL_MS, NULL))
		return;
	if (op->kind == PLAN_ROUTE_SET || op->kind == PLAN_ROUTE_DEL)
		prefix_format(&op->prefix, name);
	else if (op->kind == PLAN_NEXT_HOP_SET)
		ip_addr_format(&op->hops[0].gateway, name);
	else
		snprintf(name, sizeof(name), "id %u", op->id);
	log_about(LOG_LEVEL_WARNING,
		LOG_ABOUT("fib-refused",
			.prefix = op->kind == PLAN_ROUTE_SET || op->kind == PLAN_ROUTE_DEL ? name : NULL),
		"kernel: %s %s was refused: %s%s%s (%zu refused in this batch)", what[op->kind], name,
		strerror(-op->error), op->why ? ": " : "", op->why ? op->why : "", refused);
}

void fib_tell_changes(struct fib *f, bool tell)
{
	f->telling = tell;
}

static bool change_of(const struct plan_op *op, struct fib_change *c)
{
	*c = (struct fib_change){ .prefix = op->prefix, .group_id = op->id };
	switch ((enum plan_op_kind)op->kind) {
	case PLAN_ROUTE_SET:
		c->kind = op->replace ? FIB_CHANGED : FIB_INSTALLED;
		break;
	case PLAN_ROUTE_DEL:
		c->kind = FIB_REMOVED;
		break;
	case PLAN_GROUP_SET:
		c->kind = FIB_GROUP_CHANGED;
		return op->replace || op->error;
	default:
		return false;
	}
	return true;
}

/* After the plan has taken them: what it shows is what is told. */
static void tell_results(const struct fib *f, const struct plan_batch *b)
{
	char error[256];
	struct fib_change c;

	if (!f->telling || !f->cfg.changed)
		return;
	for (size_t i = 0; i < b->count; i++) {
		const struct plan_op *op = &b->op[i];

		if (!change_of(op, &c))
			continue;
		if (op->error) {
			snprintf(error, sizeof(error), "%s%s%s", strerror(-op->error), op->why ? ": " : "",
				op->why ? op->why : "");
			c.kind = FIB_FAILED;
			c.error = error;
		}
		f->cfg.changed(f->cfg.user, &c);
	}
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
	tell_results(f, b);
	/* Another program's route, or one of ours we have lost sight of: the listing tells. */
	if (exists &&
		(!f->doubted_us || io_loop_now_us(f->loop) - f->doubted_us > ROUTE_LISTING_INTERVAL_US)) {
		f->doubted_us = io_loop_now_us(f->loop);
		fib_refresh(f, true);
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
	uint64_t held_back;

	for (size_t i = 0; i < j->question_count; i++) {
		const struct exec_question *q = &j->question[i];

		if (!take_answer(f, q) ||
			!log_burst_pass(&f->reach_log, fib_now_ms(f), REACH_LINES_PER_S, &held_back))
			continue;
		if (held_back)
			log_warning("%llu lines about next hops were not written: more than %d in a second",
				(unsigned long long)held_back, REACH_LINES_PER_S);
		ip_addr_format(&q->addr, addr);
		if (q->answer.reachable)
			log_about(LOG_LEVEL_INFO, LOG_ABOUT("next-hop-reached"),
				"next hop %s is reached by %s through %s", addr,
				ip_addr_format(&q->answer.gateway, gateway), q->answer.interface);
		else
			log_about(LOG_LEVEL_WARNING, LOG_ABOUT("next-hop-unreachable"),
				"next hop %s is unreachable: %s", addr, q->answer.why);
	}
	plan_resolve_end(f->plan);
}

/* Wishes may have come before the listing; so what was found is counted, not what nobody has wished for. */
static void tell_adopted(const struct fib *f, size_t routes)
{
	struct plan_stats s = plan_stats(f->plan);

	if (routes)
		log_info("kernel: %zu routes of an earlier run are taken over, over %zu groups and %zu next "
			 "hops",
			routes, s.groups, s.next_hops);
}

static void take_listing(struct fib *f, const struct exec_job *j)
{
	size_t ours = 0;

	if (!j->list_objects && !(f->classic && j->list_routes))
		return;
	plan_listing_begin(f->plan, j->list_routes);
	for (size_t i = 0; i < j->object_count; i++) {
		const struct exec_found_object *o = &j->object[i];

		plan_found_object(
			f->plan, &(struct plan_found){ o->id, o->is_group, o->resilient, o->hop, o->count });
	}
	for (size_t i = 0; j->list_routes && i < j->route_count; i++) {
		const struct exec_found_route *r = &j->route[i];

		if (r->foreign)
			plan_foreign_route(f->plan, &r->prefix, true);
		else
			plan_found_route(f->plan, &r->prefix, r->id, r->reject, fib_kind(f, &r->prefix));
		ours += !r->foreign;
	}
	plan_listing_end(f->plan);
	if (!f->comparisons++)
		tell_adopted(f, ours);
}

static void take_shares(struct fib *f, const struct exec_job *j)
{
	struct plan_bucket_count count[FIB_NEXT_HOPS_MAX];

	for (size_t i = 0; i < j->share_count; i++) {
		const struct exec_share *s = &j->share[i];

		for (size_t k = 0; k < s->count; k++)
			count[k] = (struct plan_bucket_count){ s->hop[k].id, s->hop[k].buckets };
		if (s->known && plan_share(f->plan, s->group_id, count, s->count, fib_now_ms(f)) &&
			log_limit_pass(&f->stuck_log, fib_now_ms(f), FIB_LOG_INTERVAL_MS, NULL))
			log_warning("kernel: resilient group %u cannot follow what is wanted: its buckets "
				    "are never "
				    "idle; a hash-threshold group would (see \"rrctl show fib\")",
				s->group_id);
	}
}

/* What is next follows from all that happens in this turn, and not at all when the FIB ends. */
static void finish(void *user, struct exec_job *j)
{
	struct fib *f = user;

	if (!--f->jobs)
		f->asking = false;
	if (j->batch.count)
		take_results(f, &j->batch);
	if (j->question_count)
		take_answers(f, j);
	take_listing(f, j);
	take_shares(f, j);
	exec_job_free(j);
	io_job_post(f->work);
	if (f->cfg.turned)
		f->cfg.turned(f->cfg.user);
}

/* All results there are, or a turn that takes long would leave the kernel without work. */
static void on_work(void *user)
{
	struct fib *f = user;

	while (exec_wait(f->exec, 0))
		;
	fib_proceed(f);
}

/* --- life --- */

static bool open_kernel(struct fib *f, char *err, size_t err_size)
{
	struct exec_config cfg = {
		.ours = { .table = f->cfg.table,
			.metric = f->cfg.metric,
			.protocol = f->cfg.protocol,
			.id_base = f->cfg.next_hop_id_base,
			.id_count = f->cfg.next_hop_id_count,
			.classic = f->cfg.force_classic },
		.via_default = f->cfg.resolve_via_default,
	};
	struct plan_config plan = { .id_base = f->cfg.next_hop_id_base,
		.id_count = f->cfg.next_hop_id_count,
		.on_empty = (enum plan_on_empty)f->cfg.on_empty,
		.kind = f->kind,
		.kind_count = f->cfg.group_count,
		.max_resilient = f->cfg.max_resilient_groups };

	f->lock = f->cfg.watch_only
			  ? -1
			  : kernel_lock(f->cfg.table, f->cfg.protocol, f->cfg.metric, err, err_size);
	if (f->lock < 0 && !f->cfg.watch_only)
		return false;

	f->exec = exec_new(f->loop, &cfg, finish, f, err, err_size);
	if (!f->exec)
		return false;
	f->classic = plan.classic = cfg.ours.classic;
	f->plan = plan_new(&plan);
	f->events = events_new(f->loop, &cfg.ours, exec_port(f->exec), f->cfg.event_octets, &fib_events_ops,
		f, err, err_size);
	return f->events;
}

static void set_kinds(struct fib *f)
{
	if (f->cfg.group_count > PLAN_KINDS_MAX)
		f->cfg.group_count = PLAN_KINDS_MAX;
	for (size_t i = 0; i < f->cfg.group_count; i++) {
		const struct fib_group *g = &f->cfg.group[i];

		f->kind[i] = (struct plan_kind){ g->resilient, g->buckets, g->idle_timer_s,
			g->unbalanced_timer_s };
	}
}

/* The lock is the last to go: until then nobody else may begin. */
static void free_kernel(struct fib *f)
{
	events_free(f->events);
	/* A job still under way ends first and is freed there. */
	exec_free(f->exec);
	plan_free(f->plan);
	watch_list_fini(&f->watched);
	if (f->lock >= 0)
		close(f->lock);
	free(f);
}

struct fib *fib_new(struct io_loop *loop, const struct fib_config *cfg, char *err, size_t err_size)
{
	struct fib *f = mem_calloc(1, sizeof(*f));

	f->loop = loop;
	f->cfg = *cfg;
	set_kinds(f);
	if (!open_kernel(f, err, err_size)) {
		free_kernel(f);
		return NULL;
	}
	f->work = io_job_new(loop, on_work, f);
	fib_timers_new(f);
	if (f->cfg.watch_only)
		return f;
	log_info("kernel: routes go to table %u with metric %u and protocol %u, over %s", cfg->table,
		cfg->metric, cfg->protocol,
		f->classic ? "classic multipath (no next-hop objects)" : "next-hop objects");
	fib_sysctl_look(f);
	/* What a former run left behind. Nothing is planned before it is known. */
	f->want_refresh = f->want_routes = true;
	fib_proceed(f);
	return f;
}

/* The loop's time stands still while its callbacks run. */
static uint64_t clock_us(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_MONOTONIC, &ts);
	return (uint64_t)ts.tv_sec * 1000000 + (uint64_t)ts.tv_nsec / 1000;
}

/* Waits until at most so many jobs are under way; false when it takes too long. */
static bool wait_for_jobs(struct fib *f, size_t most, uint64_t deadline_us)
{
	uint64_t now;

	while (f->jobs > most && (now = clock_us()) < deadline_us)
		exec_wait(f->exec, (unsigned)((deadline_us - now) / 1000) + 1);
	return f->jobs <= most;
}

static void remove_all(struct fib *f, uint64_t deadline_us)
{
	plan_clear(f->plan);
	plan_sweep(f->plan);
	f->uncommitted = false;
	do {
		f->want_refresh = f->want_unreachable = f->want_routes = f->want_shares = false;
		fib_proceed(f);
	} while (f->jobs && wait_for_jobs(f, f->jobs - 1, deadline_us));
	if (f->jobs || plan_stats(f->plan).failed)
		log_warning("kernel: not all routes could be removed at exit");
}

void fib_configure(struct fib *f, bool remove_on_exit, bool ipv4, bool ipv6)
{
	f->cfg.remove_on_exit = remove_on_exit;
	f->cfg.ipv4 = ipv4;
	f->cfg.ipv6 = ipv6;
}

void fib_free(struct fib *f)
{
	uint64_t deadline_us;

	if (!f)
		return;
	deadline_us = clock_us() + EXIT_WAIT_MS * 1000ull;
	if (wait_for_jobs(f, 0, deadline_us) && f->cfg.remove_on_exit)
		remove_all(f, deadline_us);
	fib_timers_free(f);
	io_job_free(f->work);
	free_kernel(f);
}

void fib_expect(const struct fib *f, const struct prefix *p, size_t count)
{
	_Static_assert((int)FIB_EXPECT_MAX <= (int)PLAN_EXPECT_MAX, "");
	plan_expect(f->plan, p, count);
}

void fib_set(struct fib *f, const struct prefix *p, const struct fib_next_hop *nh, size_t count)
{
	char text[PREFIX_TEXT_MAX];

	f->uncommitted = true;
	if (plan_set(f->plan, p, fib_kind(f, p), nh, count))
		return;
	f->resilient_refused++;
	if (log_limit_pass(&f->resilient_log, fib_now_ms(f), FIB_LOG_INTERVAL_MS, NULL))
		log_about(LOG_LEVEL_WARNING, LOG_ABOUT("fib-shares-group", .prefix = prefix_format(p, text)),
			"kernel: route %s shares a hash-threshold group: there are %zu resilient groups "
			"already, as many "
			"as fib: max-resilient-groups allows",
			text, f->cfg.max_resilient_groups);
}

void fib_del(struct fib *f, const struct prefix *p)
{
	f->uncommitted = true;
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
	f->uncommitted = false;
	fib_proceed(f);
}

void fib_sweep(struct fib *f)
{
	struct plan_stats s = plan_stats(f->plan);

	if (!f->swept && s.leftover_routes)
		log_info("kernel: %zu routes of an earlier run that nobody announces are removed",
			s.leftover_routes);
	f->swept = true;
	plan_sweep(f->plan);
	fib_proceed(f);
}
