/* What is counted of BFD. */
#include "guard/guard.h"
#include "guard/private.h"

enum family { SESSIONS, UP, PACKETS, UNSENT, DROPPED, LATENESS, LATEST, STALLS, STRETCH, REALTIME, FAMILIES };

#define FAMILIES_OF(program)                                                                                 \
	{                                                                                                    \
		[SESSIONS] = { program "_bfd_sessions", METRICS_GAUGE, "BFD sessions." },                    \
		[UP] = { program "_bfd_sessions_up", METRICS_GAUGE, "Those that are Up." },                  \
		[PACKETS] = { program "_bfd_packets_total", METRICS_COUNTER, "BFD packets by direction." },  \
		[UNSENT] = { program "_bfd_unsent_packets_total", METRICS_COUNTER,                           \
			"BFD packets that the kernel did not take." },                                       \
		[DROPPED] = { program "_bfd_dropped_packets_total", METRICS_COUNTER,                         \
			"BFD packets received that were not taken, by reason." },                            \
		[LATENESS] = { program "_bfd_packet_lateness_seconds", METRICS_HISTOGRAM,                    \
			"How late regular BFD packets were sent." },                                         \
		[LATEST] = { program "_bfd_latest_packet_seconds", METRICS_GAUGE,                            \
			"The lateness of the latest." },                                                     \
		[STALLS] = { program "_bfd_stalls_total", METRICS_COUNTER,                                   \
			"Times in which BFD was held up for more than 5 ms." },                              \
		[STRETCH] = { program "_bfd_interval_factor", METRICS_GAUGE,                                 \
			"By which packets-per-second multiplies all intervals; 1: it does not." },           \
		[REALTIME] = { program "_bfd_realtime", METRICS_GAUGE,                                       \
			"1: the thread of the BFD sessions has real-time priority." },                       \
	}

static const struct metrics_family families[GUARDS_PROGRAMS][FAMILIES] = {
	[GUARDS_RRD] = FAMILIES_OF("rrd"),
	[GUARDS_ANNOUNCER] = FAMILIES_OF("lb_announcer"),
};

static void add_dropped(struct metrics *m, const struct metrics_family *f, const struct bfd_stats *s)
{
	for (int v = BFD_PACKET_OK + 1; v < BFD_VERDICTS; v++)
		metrics_add(m, f, s->dropped[v], "reason", bfd_verdict_text((enum bfd_verdict)v), NULL);
	metrics_add(m, f, s->unknown, "reason", "no such session", NULL);
	metrics_add(m, f, s->far, "reason", "another TTL than 255", NULL);
	metrics_add(m, f, s->unauthenticated, "reason", "wrong authentication", NULL);
}

static void add_lateness(struct metrics *m, const struct metrics_family *f, const struct bfd_stats *s)
{
	double bound[BFD_LATENESS_BUCKETS - 1];

	for (int i = 0; i < BFD_LATENESS_BUCKETS - 1; i++)
		bound[i] = bfd_lateness_bound_us[i] / 1e6;
	metrics_add_histogram(
		m, f, bound, BFD_LATENESS_BUCKETS - 1, s->lateness, (double)s->lateness_us / 1e6);
}

void guards_add_metrics(struct metrics *m, const struct guards *gs)
{
	const struct metrics_family *f = families[gs->program];
	struct bfd_stats s;

	bfd_stats_get(gs->bfd, &s);
	metrics_add(m, &f[SESSIONS], s.sessions, NULL);
	metrics_add(m, &f[UP], s.up, NULL);
	metrics_add(m, &f[PACKETS], s.received, "direction", "in", NULL);
	metrics_add(m, &f[PACKETS], s.sent, "direction", "out", NULL);
	metrics_add(m, &f[UNSENT], s.unsent, NULL);
	add_dropped(m, &f[DROPPED], &s);
	add_lateness(m, &f[LATENESS], &s);
	metrics_add_real(m, &f[LATEST], (double)s.latest_us / 1e6, NULL);
	metrics_add(m, &f[STALLS], s.stalls, NULL);
	metrics_add(m, &f[STRETCH], s.factor, NULL);
	metrics_add(m, &f[REALTIME], s.priority == BFD_PRIORITY_REALTIME, NULL);
}
