/*
 * A daemon's counters and gauges, for its command "metrics".
 *
 * A row is one sample: {"name", "type": "counter", "gauge" or "histogram", "help", "labels": {...}, "value"}, of a histogram also "sample":
 * "bucket", "sum" or "count". rrctl puts the samples of a family together and writes Prometheus's text; so a daemon may tell them in any
 * order, neighbor by neighbor for example, and never holds more than a few.
 *
 *	static const struct metrics_family servers = { "lb_ipvs_agent_servers", METRICS_GAUGE,
 *		"Servers by state." };
 *
 *	static bool more(void *state, struct metrics *m)
 *	{
 *		struct walk *w = state;
 *
 *		metrics_add(m, &servers, w->service->up, "service", w->service->name, "state", "up", NULL);
 *		...
 *		return (w->service = w->service->next) != NULL;
 *	}
 *
 *	metrics_answer(out, more, walk, free);	// in the command's start function
 *
 * Names: the daemon's name in front, the unit at the end (_seconds, _bytes), behind it _total for a counter. All labels
 * of a family are always there; their values are any text.
 */
#pragma once

#include "control/server.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum metrics_type { METRICS_COUNTER, METRICS_GAUGE, METRICS_HISTOGRAM };

struct metrics_family {
	const char *name;
	enum metrics_type type;
	const char *help; /* a sentence */
};

struct metrics;

/* A sample. ...: names and values of labels in turn, then NULL; names must outlive the call, values are copied. */
void metrics_add(struct metrics *m, const struct metrics_family *f, uint64_t value, ...)
	__attribute__((sentinel));
void metrics_add_real(struct metrics *m, const struct metrics_family *f, double value, ...)
	__attribute__((sentinel));

/* How many of something were at most so large. count[i]: more than bound[i - 1], at most bound[i]; count[bounds]: more than any. All in the
 * family's unit; sum: of all. */
void metrics_add_histogram(struct metrics *m, const struct metrics_family *f, const double *bound,
	size_t bounds, const uint64_t *count, double sum);

/* Adds a few samples, or none; false when there are no more. */
typedef bool metrics_more_fn(void *state, struct metrics *m);

/* done frees state, exactly once; may be NULL. */
void metrics_answer(
	struct control_answer *out, metrics_more_fn *more, void *state, void (*done)(void *state));
