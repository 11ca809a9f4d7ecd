#include "rrd/show.h"

#include "base/mem.h"
#include "base/row_net.h"
#include "route/peer.h"
#include "rrd/path_row.h"
#include "rrd/table_rows.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* The table, path by path. */
struct route_rows {
	struct rrd *rrd;
	struct control_caller *caller;
	struct table_rows *rows;
	bool detail; /* with the reason and the lists */
};

static void put_detail(struct row *r, struct rrd *rrd, struct route_entry *e, const struct route_path *p)
{
	struct bgp_attrs a;
	char buf[1024];

	route_attrs_decode(p->attrs, &a);
	path_row_put_lists(r, &a);
	row_text(r, "why", route_decide_why_text(route_engine_decide(rrd->engine), e, p, buf, sizeof(buf)));
}

static struct row *path_row(
	struct route_rows *s, struct route_entry *e, const struct route_path *p, bool best)
{
	struct prefix prefix = route_entry_prefix(e);
	struct row *r = row_new();

	row_prefix(r, "prefix", &prefix);
	row_bool(r, "best", best);
	row_bool(r, "multipath", p->flags & ROUTE_PATH_MULTIPATH);
	path_row_put(r, p);
	path_row_put_age(r, s->rrd, p);
	if (s->detail)
		put_detail(r, s->rrd, e, p);
	return r;
}

static void add_entry(void *user, struct table_rows *t, struct route_entry *e)
{
	struct route_rows *s = user;
	const struct route_path *best = route_decide(route_engine_decide(s->rrd->engine), e);

	ROUTE_EACH_PATH (p, &e->paths)
		if (!(p->flags & ROUTE_PATH_GONE))
			table_rows_add(t, path_row(s, e, p, p == best));
}

static struct row *next_row(void *state, char *err)
{
	struct route_rows *s = state;
	bool over;

	err[0] = 0;
	return table_rows_next(s->rows, s->caller, &over);
}

static void done(void *state)
{
	struct route_rows *s = state;

	table_rows_free(s->rows);
	free(s);
}

static struct route_rows *begin(struct rrd *r, struct control_answer *out)
{
	struct route_rows *s = mem_calloc(1, sizeof(*s));

	s->rrd = r;
	s->caller = control_answer_caller(out);
	s->rows = table_rows_new(r, add_entry, s);
	return s;
}

bool show_parse_prefix(const char *text, struct prefix *out, char *err)
{
	bool host_bits;

	if (prefix_parse(text, out, &host_bits))
		return true;
	snprintf(err, SHOW_ERROR_MAX,
		host_bits ? "%.64s has host bits set" : "%.64s is not a prefix, such as 10.1.1.0/24", text);
	return false;
}

bool show_routes(void *user, const struct row *args, struct control_answer *out, char *err)
{
	const char *text = row_get_text(args, "prefix");
	struct route_rows *s;
	struct prefix prefix;

	if (text && !show_parse_prefix(text, &prefix, err))
		return false;
	s = begin(user, out);
	if (text)
		table_rows_filter(s->rows, &prefix, row_get_bool(args, "longer", false));
	*out = (struct control_answer){ next_row, done, s, NULL };
	return true;
}

static const struct route_rib *rib_of(const struct rrd *r, const struct prefix *p)
{
	return route_engine_rib(r->engine, p->family == IP_V4 ? BGP_IPV4_UNICAST : BGP_IPV6_UNICAST);
}

static void begin_one(struct rrd *r, const struct prefix *prefix, struct control_answer *out)
{
	struct route_rows *s = begin(r, out);

	s->detail = true;
	table_rows_filter(s->rows, prefix, false);
	*out = (struct control_answer){ next_row, done, s, NULL };
}

bool show_route(void *user, const struct row *args, struct control_answer *out, char *err)
{
	const char *text = row_get_text(args, "prefix");
	struct rrd *r = user;
	struct prefix prefix;

	if (!text) {
		snprintf(err, SHOW_ERROR_MAX, "which prefix? show route PREFIX [why]");
		return false;
	}
	if (!show_parse_prefix(text, &prefix, err))
		return false;
	if (!route_rib_has(rib_of(r, &prefix), &prefix)) {
		snprintf(err, SHOW_ERROR_MAX,
			"%.64s is not in the table; show route for ADDRESS finds the longest prefix of an "
			"address",
			text);
		return false;
	}
	begin_one(r, &prefix, out);
	return true;
}

/* The longest prefix of the table that has the address in it. */
static bool find_longest(const struct rrd *r, const struct ip_addr *address, struct prefix *out)
{
	const struct route_rib *rib;

	*out = prefix_host(address);
	rib = rib_of(r, out);
	while (!route_rib_has(rib, out)) {
		if (out->len == 0)
			return false;
		*out = prefix_of(address, (uint8_t)(out->len - 1));
	}
	return true;
}

bool show_route_for(void *user, const struct row *args, struct control_answer *out, char *err)
{
	const char *text = row_get_text(args, "address");
	struct ip_addr address;
	struct rrd *r = user;
	struct prefix prefix;

	if (!text || !ip_addr_parse(text, &address)) {
		snprintf(err, SHOW_ERROR_MAX, "%.64s is not an address", text ? text : "nothing");
		return false;
	}
	if (!find_longest(r, &address, &prefix)) {
		snprintf(err, SHOW_ERROR_MAX, "no prefix of the table has %.64s in it", text);
		return false;
	}
	begin_one(r, &prefix, out);
	return true;
}
