#include "control/metrics.h"

#include "base/mem.h"

#include <stdarg.h>
#include <stdlib.h>

struct metrics {
	metrics_more_fn *more; /* NULL: it has told all */
	void *state;
	void (*done)(void *state);
	struct row **row; /* made, not yet taken */
	size_t next, count, size;
};

static struct row *sample(struct metrics *m, const struct metrics_family *f, va_list labels)
{
	struct row *r = row_new(), *l = row_new();
	const char *name;

	row_text(r, "name", f->name);
	row_text(r, "type", f->type == METRICS_COUNTER ? "counter" : "gauge");
	row_text(r, "help", f->help);
	while ((name = va_arg(labels, const char *)))
		row_text(l, name, va_arg(labels, const char *));
	row_put(r, "labels", l);
	if (m->count == m->size) {
		m->size = m->size ? 2 * m->size : 64;
		m->row = mem_realloc(m->row, m->size * sizeof(*m->row));
	}
	return m->row[m->count++] = r;
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
