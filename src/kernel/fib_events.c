/* The kernel's events and the FIB's timers: when the kernel is asked what it has. */
#include "kernel/fib_private.h"

#include "base/mem.h"

enum {
	RETRY_US = 5000000,
	/* Events come in bursts; and a table that another program fills is one event per route. */
	COALESCE_US = 2000,
	LINK_INTERVAL_US = 100000,
	REACH_INTERVAL_US = 500000,
	/* Addresses and routes come some time after their link. */
	SECOND_LOOK_US = 1000000,
	SHARE_INTERVAL_US = 2000000,
};

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
	char text[PREFIX_TEXT_MAX];
	uint64_t more;

	if (there)
		plan_found_route(
			f->plan, &r->prefix, r->next_hop_id, message_reject(r), fib_kind(f, &r->prefix));
	else
		plan_lost_route(f->plan, &r->prefix);
	if (log_limit_pass(&f->repaired_log, fib_now_ms(f), FIB_LOG_INTERVAL_MS, &more))
		log_about(LOG_LEVEL_WARNING,
			LOG_ABOUT("fib-repaired", .prefix = prefix_format(&r->prefix, text)),
			"kernel: route %s was %s, not by us; it is put right (%llu more before)", text,
			there ? "changed" : "removed", (unsigned long long)more);
	io_job_post(f->work);
}

static void on_foreign(void *user, const struct message_route *r, bool there)
{
	struct fib *f = user;
	char text[PREFIX_TEXT_MAX];

	if (!plan_foreign_route(f->plan, &r->prefix, there))
		return;
	if (log_limit_pass(&f->foreign_log, fib_now_ms(f), FIB_LOG_INTERVAL_MS, NULL))
		log_about(LOG_LEVEL_WARNING,
			LOG_ABOUT("foreign-route", .prefix = prefix_format(&r->prefix, text)),
			"kernel: another program (protocol %u) has %s a route to %s with our metric %u%s",
			r->protocol, there ? "put in" : "taken out", text, f->cfg.metric,
			there ? "; it is left alone, and ours is not changed as long as it is there" : "");
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

	f->overflows++;
	log_warning("routing events of the kernel were lost: its routes are compared anew");
	fib_refresh(f, true);
}

const struct events_ops fib_events_ops = {
	.link = on_link,
	.reach = on_reach,
	.route = on_route,
	.foreign = on_foreign,
	.object = on_object,
	.overflow = on_overflow,
};

static void on_refresh_timer(void *user)
{
	struct fib *f = user;

	/* Classic routes vanish with their link without an event, and lose next hops without a trace. */
	fib_refresh(f, f->classic && f->link_changed);
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

static void on_compare_timer(void *user)
{
	struct fib *f = user;

	fib_refresh(f, true);
	fib_sysctl_look(f);
	io_timer_set(f->compare_timer, f->cfg.compare_interval_s * 1000000ull);
}

static void on_share_timer(void *user)
{
	struct fib *f = user;

	if (plan_has_resilient(f->plan)) {
		f->want_shares = true;
		io_job_post(f->work);
	}
	io_timer_set(f->share_timer, SHARE_INTERVAL_US);
}

void fib_timers_new(struct fib *f)
{
	f->retry_timer = io_timer_new(f->loop, on_retry_timer, f);
	f->refresh_timer = io_timer_new(f->loop, on_refresh_timer, f);
	f->compare_timer = io_timer_new(f->loop, on_compare_timer, f);
	f->share_timer = io_timer_new(f->loop, on_share_timer, f);
	io_timer_set(f->retry_timer, RETRY_US);
	if (f->cfg.compare_interval_s)
		io_timer_set(f->compare_timer, f->cfg.compare_interval_s * 1000000ull);
	if (f->cfg.group_count)
		io_timer_set(f->share_timer, SHARE_INTERVAL_US);
}

void fib_timers_free(struct fib *f)
{
	io_timer_free(f->retry_timer);
	io_timer_free(f->refresh_timer);
	io_timer_free(f->compare_timer);
	io_timer_free(f->share_timer);
}
