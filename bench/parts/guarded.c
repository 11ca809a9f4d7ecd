/*
 * guarded REMOTE FIRST COUNT INTERVAL_MS
 *
 * So many BFD sessions (multihop, detection multiplier 3) to one address, from successive addresses of ours, in one process: the other ends of
 * a daemon's sessions. Prints a line of JSON as soon as all are up: {"up": COUNT}. On SIGTERM it ends without a word to the other ends and prints
 * {"failures": N}: how often one that was Up was not any more.
 */
#include "bfd/bfd.h"

#include <signal.h>
#include <stdio.h>
#include <stdlib.h>

enum { US_PER_MS = 1000, DETECT_MULT = 3 };

struct guarded {
	struct io_loop *loop;
	unsigned count, up, failures;
};

static void happened(void *user, struct bfd_session *s, enum bfd_event event, uint8_t diagnostic)
{
	struct guarded *g = user;

	(void)s;
	(void)diagnostic;
	g->failures += event == BFD_EVENT_FAILED;
	if (event != BFD_EVENT_UP)
		g->up--;
	else if (++g->up == g->count && printf("{\"up\": %u}\n", g->up) > 0)
		fflush(stdout);
}

static void end(void *user)
{
	struct guarded *g = user;

	printf("{\"failures\": %u}\n", g->failures);
	fflush(stdout);
	_Exit(0);
}

int main(int argc, char **argv)
{
	struct guarded g = { .loop = io_loop_new() };
	struct bfd_intervals i = { .detect_mult = DETECT_MULT };
	struct bfd_peer p = { .multihop = true };
	struct ip_addr first;
	struct bfd *b = bfd_new(g.loop, 0);

	if (argc != 5 || !ip_addr_parse(argv[1], &p.remote) || !ip_addr_parse(argv[2], &first) ||
		first.family != IP_V4) {
		fprintf(stderr, "usage: guarded REMOTE FIRST COUNT INTERVAL_MS\n");
		return 2;
	}
	g.count = (unsigned)atol(argv[3]);
	i.desired_min_tx_us = i.required_min_rx_us = (uint32_t)atol(argv[4]) * US_PER_MS;
	io_signal_new(g.loop, SIGTERM, end, &g);
	for (unsigned n = 0; n < g.count; n++) {
		p.local = ip_addr_v4(ip_addr_to_u32(&first) + n);
		if (!bfd_session_start(b, &p, &i, NULL, happened, &g))
			return 1;
	}
	io_loop_run(g.loop);
	return 0;
}
