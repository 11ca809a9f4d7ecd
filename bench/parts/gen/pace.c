#include "pace.h"

#include "base/mem.h"
#include "clock.h"

#include <stdlib.h>

#define SECOND_NS UINT64_C(1000000000)

/* Of all peers of a group. */
struct sum {
	uint64_t announced, withdrawn, again, unheld, unknown, returned, broken;
	uint32_t least, most; /* paths held */
};

static struct sum sum_of(const struct group *g)
{
	struct sum sum = { .least = UINT32_MAX };

	for (uint32_t i = 0; i < g->count; i++) {
		const struct view *v = &g->peer[i].view;

		sum.announced += v->announced;
		sum.withdrawn += v->withdrawn;
		sum.again += v->again;
		sum.unheld += v->unheld;
		sum.unknown += v->unknown;
		sum.returned += v->returned;
		sum.broken += v->broken;
		sum.least = v->present < sum.least ? v->present : sum.least;
		sum.most = v->present > sum.most ? v->present : sum.most;
	}
	return sum;
}

void pace_print_group(const struct group *g)
{
	const struct speaker *s = g->speaker;
	struct sum sum = sum_of(g);
	uint64_t silence_ns = g->keepalive_ns ? clock_ns() - g->keepalive_ns : 0;
	uint64_t gap_ns = silence_ns > g->keepalive_gap_ns ? silence_ns : g->keepalive_gap_ns;

	printf("\"established\": %u, \"reached\": %u, \"least\": %u, \"most\": %u, \"announced\": %llu, "
	       "\"withdrawn\": %llu, \"again\": %llu, \"unheld\": %llu, \"unknown\": %llu, \"returned\": "
	       "%llu, \"broken\": %llu, "
	       "\"failed\": %u, \"lost\": %u, \"notification\": [%u, %u], \"octets_in\": %llu, "
	       "\"octets_out\": %llu, "
	       "\"keepalive_gap_s\": %.3f",
		g->established, g->reached, sum.least, sum.most, (unsigned long long)sum.announced,
		(unsigned long long)sum.withdrawn, (unsigned long long)sum.again,
		(unsigned long long)sum.unheld, (unsigned long long)sum.unknown,
		(unsigned long long)sum.returned, (unsigned long long)sum.broken, s->failed, s->lost,
		s->notification[0], s->notification[1], (unsigned long long)s->octets_in,
		(unsigned long long)s->octets_out, (double)gap_ns / 1e9);
}

void pace_tell_progress(const struct speaker *s, const struct group *g, uint64_t now_ns)
{
	printf("{\"progress\": %.1f, ", (double)(now_ns - s->mark_ns) / 1e9);
	pace_print_group(g);
	printf("}\n");
	fflush(stdout);
}

/* Which path is changed next: peer and number in its table. */
static void choose(
	const struct group *g, bool is_random, uint32_t i, uint64_t *state, uint32_t *peer, uint32_t *number)
{
	uint32_t path = i;

	if (is_random) {
		*state = *state * UINT64_C(6364136223846793005) + UINT64_C(1442695040888963407);
		path = (uint32_t)(*state >> 33);
	}
	*peer = path % g->count;
	*number = path / g->count % g->peer[*peer].spec.count;
}

static void change_one(struct speaker *s, struct group *g, bool is_random, uint32_t i, uint64_t *state)
{
	uint8_t message[WIRE_MESSAGE_MAX];
	uint32_t peer, number, change;
	struct peer *p;

	choose(g, is_random, i, state, &peer, &number);
	p = &g->peer[peer];
	change = churn_next(&s->churn, peer * p->spec.count + number, clock_ns());
	peer_send_copy(p, message, feed_change(message, &p->spec, p->spec.first + number, change));
}

static uint32_t least_received(const struct group *to)
{
	uint32_t least = UINT32_MAX;

	for (uint32_t i = 0; i < to->count; i++) {
		if (to->peer[i].view.churn.received < least)
			least = to->peer[i].view.churn.received;
	}
	return least;
}

static void print(const struct speaker *s, const struct group *to, const struct pace *pace, uint64_t late_ns,
	double end_s)
{
	uint32_t *bucket = mem_calloc(CHURN_BUCKETS, sizeof(*bucket));
	uint64_t worst_ns = 0, overtaken = 0;
	bool is_first = true;

	for (uint32_t i = 0; i < to->count; i++) {
		const struct churn_view *v = &to->peer[i].view.churn;

		for (uint32_t b = 0; b < CHURN_BUCKETS; b++)
			bucket[b] += v->bucket[b];
		worst_ns = v->worst_ns > worst_ns ? v->worst_ns : worst_ns;
		overtaken += v->overtaken;
	}
	printf("{\"done\": %s, \"at\": %.6f, \"sent\": %u, \"received\": %u, \"overtaken\": %llu, \"rate\": "
	       "%u, "
	       "\"late_ms\": %.3f, \"p50_ms\": %.4f, \"p90_ms\": %.4f, \"p99_ms\": %.4f, \"max_ms\": %.4f, ",
		least_received(to) == s->churn.sent ? "true" : "false", end_s, s->churn.sent,
		least_received(to), (unsigned long long)overtaken, pace->rate, (double)late_ns / 1e6,
		(double)churn_quantile_ns(bucket, 500) / 1e6, (double)churn_quantile_ns(bucket, 900) / 1e6,
		(double)churn_quantile_ns(bucket, 990) / 1e6, (double)worst_ns / 1e6);
	printf("\"histogram\": {");
	for (uint32_t b = 0; b < CHURN_BUCKETS; b++) {
		if (bucket[b]) {
			printf("%s\"%u\": %u", is_first ? "" : ", ", b, bucket[b]);
			is_first = false;
		}
	}
	printf("}, ");
	pace_print_group(to);
	printf("}\n");
	free(bucket);
}

void pace_run(struct speaker *s, struct group *from, struct group *to, const struct pace *pace)
{
	uint32_t count = pace->rate * pace->seconds;
	uint64_t start_ns, due_ns, now_ns, told_ns, late_ns = 0, end_ns, state = 1;

	churn_fini(&s->churn);
	churn_init(&s->churn, from->count * from->peer[0].spec.count, count);
	for (uint32_t i = 0; i < to->count; i++)
		churn_view_init(&to->peer[i].view.churn, &s->churn);
	now_ns = start_ns = told_ns = clock_ns();
	end_ns = start_ns + (pace->seconds + pace->timeout_s) * SECOND_NS;
	while (now_ns < end_ns && (s->churn.sent < count || least_received(to) < count)) {
		due_ns = end_ns;
		if (s->churn.sent < count) {
			due_ns = start_ns + s->churn.sent * SECOND_NS / pace->rate;
			if (due_ns <= now_ns) {
				late_ns = now_ns - due_ns > late_ns ? now_ns - due_ns : late_ns;
				change_one(s, from, pace->is_random, s->churn.sent, &state);
			}
		}
		speaker_turn(s, due_ns < told_ns + SECOND_NS ? due_ns : told_ns + SECOND_NS);
		now_ns = clock_ns();
		if (now_ns >= told_ns + SECOND_NS) {
			pace_tell_progress(s, to, now_ns);
			told_ns = now_ns;
		}
	}
	print(s, to, pace, late_ns, (double)(now_ns - start_ns) / 1e9);
	for (uint32_t i = 0; i < to->count; i++)
		churn_view_fini(&to->peer[i].view.churn);
}
