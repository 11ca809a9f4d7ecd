/*
 * sleeper BOUND_US...
 *
 * Sleeps until each full millisecond, with real-time priority, until SIGTERM; then prints a JSON object: how often it woke at most that
 * late ("late", one count for each bound and one for what was later) and how late it was at most ("latest-us"). It does nothing
 * else: whatever it was late by the machine and its kernel are the reason of.
 */
#include <errno.h>
#include <sched.h>
#include <signal.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>

enum { PERIOD_US = 1000, BOUNDS_MAX = 16 };

static volatile sig_atomic_t is_over;

static void end(int signal)
{
	(void)signal;
	is_over = 1;
}

static int64_t now_us(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_MONOTONIC, &ts);
	return (int64_t)ts.tv_sec * 1000000 + ts.tv_nsec / 1000;
}

int main(int argc, char **argv)
{
	const struct sched_param priority = { .sched_priority = 1 };
	const struct sigaction action = { .sa_handler = end };
	int64_t due_us = now_us(), late_us, latest_us = 0;
	long count[BOUNDS_MAX + 1] = { 0 };

	if (argc < 2 || argc > BOUNDS_MAX + 1) {
		fprintf(stderr, "usage: sleeper BOUND_US...\n");
		return 2;
	}
	sigaction(SIGTERM, &action, NULL);
	if (sched_setscheduler(0, SCHED_RR, &priority))
		perror("sleeper: real-time priority");
	while (!is_over) {
		struct timespec ts;
		int i = 1;

		due_us += PERIOD_US;
		ts = (struct timespec){ due_us / 1000000, due_us % 1000000 * 1000 };
		if (clock_nanosleep(CLOCK_MONOTONIC, TIMER_ABSTIME, &ts, NULL) == EINTR)
			continue;
		late_us = now_us() - due_us;
		while (i < argc && late_us > atol(argv[i]))
			i++;
		count[i - 1]++;
		latest_us = late_us > latest_us ? late_us : latest_us;
		/* What was slept through is not slept through again and again. */
		due_us += late_us / PERIOD_US * PERIOD_US;
	}
	printf("{\"late\": [");
	for (int i = 0; i < argc; i++)
		printf("%s%ld", i ? ", " : "", count[i]);
	printf("], \"latest-us\": %lld}\n", (long long)latest_us);
	return 0;
}
