/*
 * What another configuration would change in a running daemon, in words: the dry run of a reload, and its report.
 *
 * Most daemons make it of the difference as config/diff.h tells it: an element of a list becomes what the line is about, the
 * rest of its path what changes. What else follows from a change is the daemon's to say.
 */
#pragma once

#include "base/row.h"
#include "config/diff.h"

struct reload_line {
	enum config_apply apply;
	char *subject; /* "neighbor 10.0.0.110"; NULL: the daemon */
	char *change;  /* "hold-time 9 -> 30", "added" */
	char *effect;  /* "resets this session"; NULL: nothing more to say */
};

struct reload_plan {
	struct reload_line *line;
	size_t count, size;
};

struct reload_plan *reload_plan_new(void);
void reload_plan_free(struct reload_plan *p);
/* Takes the texts over. */
void reload_plan_add(
	struct reload_plan *p, enum config_apply apply, char *subject, char *change, char *effect);
/* By what they touch, least first; else in the order they were added. */
void reload_plan_sort(struct reload_plan *p);

/* A change of a list's element. */
struct reload_element {
	const char *list, *name; /* "services", "10.1.1.0/24" */
	const char *rest;	 /* "capacity"; "": the element itself, which comes or goes */
};

/* What the lists' elements are called: "services" -> "service"; a NULL list ends the table. */
struct reload_noun {
	const char *list, *noun;
};

/* A line for each change, sorted. effect: what else follows, to be freed, or NULL; it may raise what the line touches. e: NULL
 * where the change is of no such list. */
struct reload_plan *reload_plan_of(const struct config_diff *d, const struct reload_noun *nouns,
	char *(*effect)(void *user, const struct config_change *c, const struct reload_element *e,
		enum config_apply *apply),
	void *user);

/* {"apply", "subject", "change", "effect"}, without those that are NULL. */
struct row *reload_line_row(const struct reload_line *l);
/* "neighbor 10.0.0.110: hold-time 9 -> 30: resets this session". The caller frees it. */
char *reload_line_text(const struct reload_line *l);
/* What needs a restart, as "fib.table, fib.metric"; NULL: nothing does. The caller frees it. */
char *reload_plan_restarts(const struct reload_plan *p);
