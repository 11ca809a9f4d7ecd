/* The table of next hops, sorted. The addresses are taken at once, each row when it is asked for. */
#include "rrd/show.h"

#include "base/mem.h"

#include <stdlib.h>

struct hop_rows {
	struct rrd *rrd;
	struct ip_addr *addr;
	size_t next, count;
};

static int compare(const void *a, const void *b)
{
	return ip_addr_cmp(a, b);
}

static struct row *hop_row(const struct route_hops *hops, const struct route_hop *hop)
{
	struct row *r = row_new();
	char buf[PREFIX_TEXT_MAX];

	row_text(r, "address", ip_addr_format(&hop->addr, buf));
	row_text(r, "state", route_hop_state_text(hops, hop));
	if (hop->reach.why)
		row_text(r, "reason", hop->reach.why);
	if (hop->reach.via.family)
		row_text(r, "via", ip_addr_format(&hop->reach.via, buf));
	if (hop->reach.interface[0])
		row_text(r, "interface", hop->reach.interface);
	if (hop->known && hop->reach.eligible)
		row_int(r, "cost", hop->reach.interior_cost);
	row_int(r, "paths", hop->paths);
	return r;
}

static struct row *next_row(void *state, char *err)
{
	struct hop_rows *s = state;
	const struct route_hops *hops = route_engine_hops(s->rrd->engine);

	err[0] = 0;
	while (s->next < s->count) {
		const struct route_hop *hop = route_hops_find(hops, &s->addr[s->next++]);

		if (hop)
			return hop_row(hops, hop);
	}
	return NULL;
}

static void done(void *state)
{
	struct hop_rows *s = state;

	free(s->addr);
	free(s);
}

bool show_next_hops(void *user, const struct row *args, struct control_answer *out, char *err)
{
	struct hop_rows *s = mem_calloc(1, sizeof(*s));
	const struct hash *table;

	(void)args;
	(void)err;
	s->rrd = user;
	table = &route_engine_hops(s->rrd->engine)->table;
	s->addr = mem_alloc((table->count + 1) * sizeof(*s->addr));
	for (struct hash_node *n = hash_walk(table, NULL); n; n = hash_walk(table, n))
		s->addr[s->count++] = HASH_ENTRY(n, struct route_hop, node)->addr;
	qsort(s->addr, s->count, sizeof(*s->addr), compare);
	*out = (struct control_answer){ next_row, done, s };
	return true;
}
