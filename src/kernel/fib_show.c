/* The FIB as rows, for an operator. */
#include "base/mem.h"
#include "base/text.h"
#include "kernel/fib_private.h"
#include "kernel/netlink.h"

#include <stdio.h>
#include <stdlib.h>

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
	case PLAN_EMPTY:
		return "empty";
	}
	return NULL;
}

/* To a tenth. */
static void put_percent(struct row *r, const char *key, double percent)
{
	if (percent >= 0)
		row_real(r, key, (double)(int)(percent * 10 + 0.5) / 10);
}

/* nl: NULL where the kernel is not asked. */
static void put_warning(struct row *r, const struct fib *f, struct netlink *nl, const struct plan_view *v)
{
	char buf[512] = "", hidden[256];
	struct text t = text_init(buf, sizeof(buf));

	if (nl && v->state == PLAN_INSTALLED && fib_is_hidden(f, nl, &v->prefix, hidden, sizeof(hidden)))
		text_add(&t, "hidden by another program's route: %s", hidden);
	if (v->stuck_s)
		text_add(&t,
			"%sthe group cannot follow: its buckets have not been idle for %u s, and only idle "
			"ones are "
			"moved; a hash-threshold group, or a shorter idle-timer, would follow",
			t.len ? "; " : "", v->stuck_s);
	if (t.len)
		row_text(r, "warning", buf);
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
	put_percent(r, "wanted-percent", hop.wanted_percent);
	/* Hash-threshold groups follow at once. */
	put_percent(r, "actual-percent", v->resilient ? hop.actual_percent : hop.wanted_percent);
	if (hop.why)
		row_text(r, "error", hop.why);
	return r;
}

static struct row *view_row(const struct fib *f, struct netlink *nl, const struct plan_view *v)
{
	struct row *r = row_new(), *hops = row_new_list();
	char text[PREFIX_TEXT_MAX];

	row_text(r, "prefix", prefix_format(&v->prefix, text));
	for (size_t i = 0; i < v->hop_count; i++)
		row_append(hops, next_hop_row(v, i));
	row_put(r, "next-hops", hops);
	if (v->group_id) {
		row_int(r, "group-id", v->group_id);
		row_text(r, "group-type", v->resilient ? "resilient" : "hash-threshold");
	}
	row_text(r, "state", state_format(v->state));
	if (v->error[0])
		row_text(r, "error", v->error);
	put_warning(r, f, nl, v);
	return r;
}

struct fib_listing *fib_listing_new(void)
{
	struct fib_listing *l = mem_calloc(1, sizeof(*l));

	l->rows = plan_rows_new();
	return l;
}

void fib_listing_free(struct fib_listing *l)
{
	if (!l)
		return;
	plan_rows_free(l->rows);
	netlink_free(l->nl);
	free(l);
}

struct row *fib_row(const struct fib *f, struct fib_listing *l)
{
	struct plan_view v;
	char why[128];

	if (!l->nl && !l->begun)
		l->nl = netlink_new(why, sizeof(why));
	l->begun = true;
	return plan_rows_next(f->plan, l->rows, &v) ? view_row(f, l->nl, &v) : NULL;
}

struct row *fib_row_of(const struct fib *f, const struct prefix *p)
{
	struct plan_view v;

	return plan_view_get(f->plan, p, &v) ? view_row(f, NULL, &v) : NULL;
}

struct row *fib_group_row(const struct fib *f, uint32_t group_id)
{
	struct row *r, *hops;
	struct plan_view v;
	size_t routes;

	if (!plan_view_group(f->plan, group_id, &v, &routes))
		return NULL;
	r = row_new();
	hops = row_new_list();
	row_int(r, "group-id", group_id);
	row_int(r, "routes", (int64_t)routes);
	for (size_t i = 0; i < v.hop_count; i++)
		row_append(hops, next_hop_row(&v, i));
	row_put(r, "next-hops", hops);
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
	row_int(r, "foreign-routes", (int64_t)s.foreign);
	row_int(r, "operations", (int64_t)f->operations);
	row_int(r, "refused-operations", (int64_t)f->refused);
	row_int(r, "comparisons", (int64_t)f->comparisons);
	row_int(r, "overflows", (int64_t)f->overflows);
	row_bool(r, "swept", f->swept);
	if (f->cfg.group_count) {
		row_int(r, "resilient-groups", (int64_t)s.resilient_groups);
		row_int(r, "max-resilient-groups", (int64_t)f->cfg.max_resilient_groups);
		row_int(r, "resilient-octets", (int64_t)s.resilient_octets);
		row_int(r, "resilient-refused", (int64_t)f->resilient_refused);
	}
	fib_sysctl_rows(f, r);
	return r;
}

size_t fib_routes(const struct fib *f)
{
	return plan_stats(f->plan).routes;
}
