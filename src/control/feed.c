/*
 * The rows that some watcher has not read yet, in one list, oldest first.
 *
 * A line knows how many watchers are to read it next; the lines before the first such one have been read by all and are
 * freed. So there are no lines at all while everybody keeps up, and they are shared however many lag.
 */
#include "control/feed_private.h"

#include "base/mem.h"
#include "base/text.h"

#include <stdlib.h>
#include <string.h>
#include <time.h>

enum { BACKLOG_OCTETS = 1024 * 1024 };

struct feed_line {
	struct feed_line *next;
	uint64_t number;
	size_t readers; /* watchers whose next it is */
	char *text;
	size_t octets; /* with what it takes to keep it */
};

struct control_feed {
	struct list watchers;
	struct feed_line *first, *last;
	uint64_t pushed; /* the last line's number */
	size_t octets, octets_max;
};

struct control_feed *control_feed_new(size_t backlog_octets)
{
	struct control_feed *f = mem_calloc(1, sizeof(*f));

	list_init(&f->watchers);
	f->octets_max = backlog_octets ? backlog_octets : BACKLOG_OCTETS;
	return f;
}

static void free_first(struct control_feed *f)
{
	struct feed_line *l = f->first;

	f->first = l->next;
	if (!f->first)
		f->last = NULL;
	f->octets -= l->octets;
	free(l->text);
	free(l);
}

static void free_read(struct control_feed *f)
{
	while (f->first && f->first->readers == 0)
		free_first(f);
}

static void move(struct feed_watcher *w, struct feed_line *to)
{
	if (w->next)
		w->next->readers--;
	w->next = to;
	if (to)
		to->readers++;
}

void control_feed_free(struct control_feed *f)
{
	if (!f)
		return;
	/* Who is woken may have asked for the same once more. */
	while (!list_empty(&f->watchers)) {
		struct feed_watcher *w = LIST_ENTRY(f->watchers.next, struct feed_watcher, link);

		feed_leave(w);
		w->wake(w->user);
	}
	free(f);
}

/* --- the program's side --- */

bool control_feed_wanted(const struct control_feed *f)
{
	return !list_empty(&f->watchers);
}

/* Whoever is to read the oldest line next loses it and all that follows: so it has the whole bound again. */
static void drop_slowest(struct control_feed *f)
{
	LIST_FOREACH (link, &f->watchers) {
		struct feed_watcher *w = LIST_ENTRY(link, struct feed_watcher, link);

		if (w->next != f->first)
			continue;
		w->lost += f->last->number - f->first->number + 1;
		move(w, NULL);
	}
	free_read(f);
}

static void append(struct control_feed *f, char *text)
{
	struct feed_line *l = mem_calloc(1, sizeof(*l));

	l->number = ++f->pushed;
	l->text = text;
	l->octets = sizeof(*l) + strlen(text);
	f->octets += l->octets;
	if (f->last)
		f->last->next = l;
	else
		f->first = l;
	f->last = l;
	LIST_FOREACH (link, &f->watchers) {
		struct feed_watcher *w = LIST_ENTRY(link, struct feed_watcher, link);

		if (!w->next)
			move(w, l);
	}
}

void control_feed_push(struct control_feed *f, struct row *row)
{
	if (control_feed_wanted(f)) {
		append(f, row_format(row));
		LIST_FOREACH (link, &f->watchers) {
			struct feed_watcher *w = LIST_ENTRY(link, struct feed_watcher, link);

			w->wake(w->user);
		}
		while (f->first && f->octets > f->octets_max)
			drop_slowest(f);
	}
	row_free(row);
}

void control_feed_stamp(struct row *r, const char *event)
{
	struct timespec now;
	char buf[TEXT_TIME_MAX];

	clock_gettime(CLOCK_REALTIME, &now);
	row_text(r, "time", text_time(buf, (uint64_t)now.tv_sec * 1000 + (uint64_t)now.tv_nsec / 1000000));
	row_text(r, "event", event);
}

struct row *control_feed_row(const char *event)
{
	struct row *r = row_new();

	control_feed_stamp(r, event);
	return r;
}

/* --- the server's --- */

void feed_join(struct control_feed *f, struct feed_watcher *w)
{
	w->feed = f;
	w->next = NULL;
	w->lost = 0;
	list_add_tail(&f->watchers, &w->link);
}

void feed_leave(struct feed_watcher *w)
{
	if (!w->feed)
		return;
	move(w, NULL);
	list_del(&w->link);
	free_read(w->feed);
	w->feed = NULL;
}

static char *lost_text(uint64_t number)
{
	struct row *r = row_new();
	char *text;

	row_bool(r, "lost", true);
	row_int(r, "number", (int64_t)number);
	text = row_format(r);
	row_free(r);
	return text;
}

char *feed_read(struct feed_watcher *w)
{
	uint64_t lost = w->lost;
	char *text;

	if (!w->feed)
		return NULL;
	w->lost = 0;
	if (lost)
		return lost_text(lost);
	if (!w->next)
		return NULL;
	text = mem_strdup(w->next->text);
	move(w, w->next->next);
	free_read(w->feed);
	return text;
}
