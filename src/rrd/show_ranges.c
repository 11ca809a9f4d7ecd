/*
 * Ranges of dynamic neighbors, and who of them did not come up.
 */
#include "rrd/show.h"

#include "base/mem.h"
#include "base/row_net.h"
#include "io/md5_drops.h"
#include "rrd/neighbor.h"

#include <stdlib.h>

/* --- show ranges --- */

struct range_rows {
	struct rrd *rrd;
	struct prefix at;
};

/* The speakers of a range that were found to share an address with another. */
static int64_t two_speakers(const struct rrd *r, const struct prefix *range)
{
	struct ip_addr at = { .family = IP_NONE };
	int64_t n = 0;

	for (struct session *s = NULL; (s = session_neighbors_next(r->neighbors, s ? &at : NULL));) {
		const struct neighbor *nb = session_user(s);

		at = session_config(s)->remote;
		if (nb->range && prefix_equal(nb->range, range))
			n += (int64_t)session_two_speakers(s, NULL);
	}
	return n;
}

static struct row *next_range(void *state, char *err)
{
	struct range_rows *s = state;
	const struct config_range *c;
	struct session_range_info i;
	struct row *r;

	err[0] = 0;
	if (!session_neighbors_next_range(s->rrd->neighbors, s->at.family == IP_NONE ? NULL : &s->at, &i))
		return NULL;
	c = i.range_user;
	s->at = i.prefix;
	r = row_new();
	row_prefix(r, "prefix", &i.prefix);
	row_text(r, "peer-group", c->peer_group);
	row_int(r, "limit", i.limit);
	row_int(r, "neighbors", i.neighbors);
	row_int(r, "refused", (int64_t)i.refused);
	if (i.refused)
		row_addr(r, "last-refused", &i.last_refused);
	row_int(r, "limit-rate", i.new_per_s);
	row_int(r, "too-fast", (int64_t)i.too_fast);
	row_int(r, "waiting", i.waiting);
	row_int(r, "gave-way", (int64_t)i.gave_way);
	row_int(r, "timed-out", (int64_t)i.timed_out);
	row_int(r, "failed", (int64_t)i.failed);
	if (session_neighbors_failure(s->rrd->neighbors, &i.prefix, 0))
		row_addr(r, "last-failed",
			&session_neighbors_failure(s->rrd->neighbors, &i.prefix, 0)->address);
	row_bool(r, "password", c->peer.password.len > 0);
	row_int(r, "two-speakers", two_speakers(s->rrd, &i.prefix));
	return r;
}

bool show_ranges(void *user, const struct row *args, struct control_answer *out, char *err)
{
	struct range_rows *s = mem_calloc(1, sizeof(*s));

	(void)args;
	(void)err;
	s->rrd = user;
	*out = (struct control_answer){ next_range, free, s };
	return true;
}

/* --- show ranges failed --- */

struct failure_rows {
	struct rrd *rrd;
	enum { BEFORE_RANGES, IN_RANGES, IN_NO_RANGE, FAILURES_OVER } at;
	struct session_range_info range; /* the one in hand */
	unsigned next;
};

static struct row *failure_row(
	const struct rrd *rrd, const struct prefix *range, const struct session_failure *f)
{
	const struct session *s = session_neighbors_find(rrd->neighbors, &f->address);
	struct row *r = row_new();

	row_addr(r, "address", &f->address);
	if (range)
		row_prefix(r, "range", range);
	row_int(r, "ago-ms", (int64_t)(rrd_now_ms(rrd) - f->at_us / 1000));
	row_int(r, "times", (int64_t)f->times);
	if (s)
		row_text(r, "state", session_state_text(session_state(s)));
	row_text(r, "reason", f->text);
	return r;
}

/* Those of whom nobody has an address. */
static struct row *drops_row(void)
{
	struct io_md5_drops d;
	struct row *r;

	if (!io_md5_drops_read(&d) || d.missing + d.unexpected + d.wrong == 0)
		return NULL;
	r = row_new();
	row_int(r, "md5-missing", (int64_t)d.missing);
	row_int(r, "md5-unexpected", (int64_t)d.unexpected);
	row_int(r, "md5-wrong", (int64_t)d.wrong);
	row_printf(r, "note",
		"The kernel has thrown away segments by their TCP-MD5 signature, of whom is not known: %llu "
		"without one, %llu with "
		"one that was not asked for, %llu with a wrong one (in this network namespace)",
		(unsigned long long)d.missing, (unsigned long long)d.unexpected, (unsigned long long)d.wrong);
	return r;
}

/* On to the next range, or to those in none. False at the end. */
static bool next_list(struct failure_rows *s)
{
	const struct session_neighbors *set = s->rrd->neighbors;

	s->next = 0;
	if (s->at < IN_NO_RANGE &&
		session_neighbors_next_range(set, s->at == IN_RANGES ? &s->range.prefix : NULL, &s->range)) {
		s->at = IN_RANGES;
		return true;
	}
	s->at = s->at < IN_NO_RANGE ? IN_NO_RANGE : FAILURES_OVER;
	return s->at == IN_NO_RANGE;
}

static struct row *next_failure(void *state, char *err)
{
	struct failure_rows *s = state;
	const struct session_failure *f;
	const struct prefix *range;

	err[0] = 0;
	if (s->at == FAILURES_OVER || (s->at == BEFORE_RANGES && !next_list(s)))
		return NULL;
	do {
		range = s->at == IN_RANGES ? &s->range.prefix : NULL;
		f = session_neighbors_failure(s->rrd->neighbors, range, s->next++);
		if (f)
			return failure_row(s->rrd, range, f);
	} while (next_list(s));
	return drops_row();
}

bool show_failures(void *user, const struct row *args, struct control_answer *out, char *err)
{
	struct failure_rows *s = mem_calloc(1, sizeof(*s));

	(void)args;
	(void)err;
	s->rrd = user;
	*out = (struct control_answer){ next_failure, free, s };
	return true;
}
