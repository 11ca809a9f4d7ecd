#include "rrd/table_rows.h"

#include "base/mem.h"
#include "rrd/rrd.h"

#include <stdlib.h>

enum { PARTS = 8192 /* of the table, looked at in vain in a turn: at most a millisecond or two */ };

struct table_rows {
	struct rrd *rrd;
	void (*entry)(void *user, struct table_rows *t, struct route_entry *e);
	void *user;
	enum bgp_family family, last_family;
	uint64_t at;
	bool filtered, longer, over;
	struct prefix filter;
	struct row **row; /* made, not yet taken */
	size_t next, count, size;
	struct io_job *job; /* NULL: the walk never had to wait */
	struct control_caller *caller;
};

struct table_rows *table_rows_new(
	struct rrd *r, void (*entry)(void *user, struct table_rows *t, struct route_entry *e), void *user)
{
	struct table_rows *t = mem_calloc(1, sizeof(*t));

	t->rrd = r;
	t->entry = entry;
	t->user = user;
	t->last_family = BGP_IPV6_UNICAST;
	return t;
}

void table_rows_free(struct table_rows *t)
{
	if (!t)
		return;
	while (t->next < t->count)
		row_free(t->row[t->next++]);
	free(t->row);
	io_job_free(t->job);
	free(t);
}

void table_rows_filter(struct table_rows *t, const struct prefix *filter, bool longer)
{
	t->filtered = true;
	t->longer = longer;
	t->filter = *filter;
	t->family = t->last_family = filter->family == IP_V4 ? BGP_IPV4_UNICAST : BGP_IPV6_UNICAST;
}

void table_rows_add(struct table_rows *t, struct row *row)
{
	if (t->count == t->size) {
		t->size = t->size ? t->size * 2 : 16;
		t->row = mem_realloc(t->row, t->size * sizeof(struct row *));
	}
	t->row[t->count++] = row;
}

static void add_entry(void *user, struct route_entry *e)
{
	struct table_rows *t = user;
	struct prefix prefix;

	if (t->filtered) {
		prefix = route_entry_prefix(e);
		if (!prefix_contains(&t->filter, &prefix))
			return;
	}
	t->entry(t->user, t, e);
}

static struct route_rib *table(const struct table_rows *t)
{
	return route_engine_rib(t->rrd->engine, t->family);
}

bool table_rows_passed(const struct table_rows *t, const struct route_entry *e)
{
	enum bgp_family f = e->family == IP_V4 ? BGP_IPV4_UNICAST : BGP_IPV6_UNICAST;

	if (t->over || f != t->family)
		return t->over || f < t->family;
	return route_rib_walked(table(t), t->at, e);
}

static void only_entry(struct table_rows *t)
{
	struct route_entry *e = route_rib_find(table(t), &t->filter);

	t->over = true;
	if (e)
		add_entry(t, e);
}

/* One part; at the end of a family the next, or the end. */
static void step(struct table_rows *t)
{
	if (route_rib_walk(table(t), &t->at, add_entry, t))
		return;
	t->over = t->family == t->last_family;
	t->family = (enum bgp_family)(t->family + 1);
	t->at = 0;
}

static void make_more(struct table_rows *t)
{
	t->next = t->count = 0;
	if (t->filtered && !t->longer)
		only_entry(t);
	for (int i = 0; i < PARTS && !t->count && !t->over; i++)
		step(t);
}

static void go_on(void *user)
{
	struct table_rows *t = user;

	control_caller_resume(t->caller);
}

static void wait_a_turn(struct table_rows *t, struct control_caller *caller)
{
	if (!t->job)
		t->job = io_job_new(t->rrd->loop, go_on, t);
	t->caller = caller;
	control_caller_hold(caller);
	io_job_post(t->job);
}

struct row *table_rows_next(struct table_rows *t, struct control_caller *caller, bool *over)
{
	*over = false;
	if (t->next == t->count && !t->over)
		make_more(t);
	if (t->next < t->count)
		return t->row[t->next++];
	*over = t->over;
	if (!t->over)
		wait_a_turn(t, caller);
	return NULL;
}
