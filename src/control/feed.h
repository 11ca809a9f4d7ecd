/*
 * A feed: rows that happen, for everybody who watches at that moment.
 *
 * The program makes one for each kind of event and pushes a row when something happened; a command whose answer has the
 * feed (struct control_answer, server.h) goes on with its rows until its client closes or the feed is freed. A row is
 * formatted once, whoever watches; when nobody does, nothing is made and nothing is kept.
 *
 * Each watcher reads at its own pace what it has not read yet, and all of that together is bounded. Who falls behind
 * the bound loses what waited for it and gets one row {"lost": true, "number": N} instead, which tells that N rows are
 * missing and that what it knows must be asked for anew; what follows is whole again.
 */
#pragma once

#include "base/row.h"

#include <stdbool.h>
#include <stddef.h>

struct control_feed;

/* backlog_octets: of all rows that wait for the slowest watcher; 0: 1 MiB. */
struct control_feed *control_feed_new(size_t backlog_octets);
/* Who still watches gets the end of its answer. */
void control_feed_free(struct control_feed *f);
/* Somebody watches: a row is worth making. */
bool control_feed_wanted(const struct control_feed *f);
/* Takes the row over. May be called from any callback. */
void control_feed_push(struct control_feed *f, struct row *row);
/* A row to be pushed: its "time" is now, its "event" the given word; more keys may be added. */
struct row *control_feed_row(const char *event);
/* The same keys for a row that is there already. */
void control_feed_stamp(struct row *r, const char *event);
