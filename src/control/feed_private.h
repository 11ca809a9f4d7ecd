/* A feed as the server sees it: its watchers, and what each has to read. */
#pragma once

#include "base/list.h"
#include "control/feed.h"

#include <stdint.h>

struct feed_line;

struct feed_watcher {
	struct control_feed *feed; /* NULL: watches nothing, or the feed is gone */
	struct list link;
	struct feed_line *next; /* to be read; NULL: all is read */
	uint64_t lost;		/* rows, not told yet */
	/* There is something to read, or the feed is gone; may be called inside control_feed_push() and _free(). */
	void (*wake)(void *user);
	void *user;
};

/* wake and user are set; what is pushed from now on is the watcher's to read. */
void feed_join(struct control_feed *f, struct feed_watcher *w);
/* Who watches nothing may leave too. */
void feed_leave(struct feed_watcher *w);
/* The next row, formatted; the caller frees it. NULL when there is none now. */
char *feed_read(struct feed_watcher *w);
