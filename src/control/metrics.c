#include "control/metrics.h"

#include "base/mem.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

struct metrics {
	metrics_more_fn *more; /* NULL: it has told all */
	void *state;
	void (*done)(void *state);
	struct row **row; /* made, not yet taken */
	size_t next, count, size;
};

static struct row *new_sample(struct metrics *m, const struct metrics_family *f, struct row *labels)
{
	static const char *const type[] = {
		[METRICS_COUNTER] = "counter", [METRICS_GAUGE] = "gauge", [METRICS_HISTOGRAM] = "histogram"
	};
	struct row *r = row_new();

	row_text(r, "name", f->name);
	row_text(r, "type", type[f->type]);
	row_text(r, "help", f->help);
	row_put(r, "labels", labels);
	if (m->count == m->size) {
		m->size = m->size ? 2 * m->size : 64;
		m->row = mem_realloc(m->row, m->size * sizeof(*m->row));
	}
	return m->row[m->count++] = r;
}

static struct row *sample(struct metrics *m, const struct metrics_family *f, va_list labels)
{
	struct row *l = row_new();
	const char *name;

	while ((name = va_arg(labels, const char *)))
		row_text(l, name, va_arg(labels, const char *));
	return new_sample(m, f, l);
}

void metrics_add(struct metrics *m, const struct metrics_family *f, uint64_t value, ...)
{
	va_list labels;

	va_start(labels, value);
	row_int(sample(m, f, labels), "value", (int64_t)value);
	va_end(labels);
}

void metrics_add_real(struct metrics *m, const struct metrics_family *f, double value, ...)
{
	va_list labels;

	va_start(labels, value);
	row_real(sample(m, f, labels), "value", value);
	va_end(labels);
}

static struct row *part_of_histogram(
	struct metrics *m, const struct metrics_family *f, const char *part, const char *bound)
{
	struct row *l = row_new(), *r;

	if (bound)
		row_text(l, "le", bound);
	r = new_sample(m, f, l);
	row_text(r, "sample", part);
	return r;
}

void metrics_add_histogram(struct metrics *m, const struct metrics_family *f, const double *bound,
	size_t bounds, const uint64_t *count, double sum)
{
	uint64_t total = 0;
	char text[32];

	for (size_t i = 0; i <= bounds; i++) {
		total += count[i];
		if (i < bounds)
			snprintf(text, sizeof(text), "%g", bound[i]);
		row_int(part_of_histogram(m, f, "bucket", i < bounds ? text : "+Inf"), "value",
			(int64_t)total);
	}
	row_real(part_of_histogram(m, f, "sum", NULL), "value", sum);
	row_int(part_of_histogram(m, f, "count", NULL), "value", (int64_t)total);
}

static struct row *next_sample(void *state, char *err)
{
	struct metrics *m = state;

	(void)err;
	if (m->next == m->count)
		m->next = m->count = 0;
	while (m->count == 0 && m->more)
		if (!m->more(m->state, m))
			m->more = NULL;
	return m->next < m->count ? m->row[m->next++] : NULL;
}

static void answer_done(void *state)
{
	struct metrics *m = state;

	while (m->next < m->count)
		row_free(m->row[m->next++]);
	if (m->done)
		m->done(m->state);
	free(m->row);
	free(m);
}

void metrics_answer(struct control_answer *out, metrics_more_fn *more, void *state, void (*done)(void *state))
{
	struct metrics *m = mem_calloc(1, sizeof(*m));

	m->more = more;
	m->state = state;
	m->done = done;
	*out = (struct control_answer){ .next = next_sample, .done = answer_done, .state = m };
}
