#include "io/file_watch.h"

#include "base/list.h"
#include "base/log.h"
#include "base/mem.h"

#include <errno.h>
#include <stdalign.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/inotify.h>
#include <unistd.h>

enum {
	/* For a directory that is not there: soon after it went, since another may be renamed to its place, then slower. */
	AGAIN_MIN_US = 5000,
	AGAIN_MAX_US = 1000000,
	LOOK_US = 10000000, /* between two looks of all */
	NO_WATCH = -1,
	READS_MAX = 64, /* in one turn */
	WANTED = IN_CLOSE_WRITE | IN_MOVED_TO | IN_CREATE | IN_MOVED_FROM | IN_DELETE | IN_DELETE_SELF |
		 IN_MOVE_SELF | IN_ONLYDIR,
};

struct io_file_watch {
	int fd;
	struct io_watch *watch;
	struct io_timer *timer;
	struct io_loop *loop;
	struct list dirs;
	uint64_t again_us, looked_us;
};

/* Directories that are one and the same share the kernel's watch descriptor. */
struct io_file_watch_dir {
	struct list link;
	struct io_file_watch *w;
	char *path;
	int wd; /* NO_WATCH: not watched now */
	io_file_watch_fn *fn;
	void *user;
};

static int add(const struct io_file_watch *w, const char *path)
{
	int wd = inotify_add_watch(w->fd, path, WANTED);

	return wd >= 0 ? wd : NO_WATCH;
}

static bool is_shared(const struct io_file_watch *w, int wd)
{
	LIST_FOREACH (link, &w->dirs)
		if (LIST_ENTRY(link, struct io_file_watch_dir, link)->wd == wd)
			return true;
	return false;
}

/* Lets go of what the directory's path led to before. */
static void leave(struct io_file_watch_dir *d)
{
	int wd = d->wd;

	d->wd = NO_WATCH;
	if (wd != NO_WATCH && !is_shared(d->w, wd))
		inotify_rm_watch(d->w->fd, wd);
}

static void tell(struct io_file_watch_dir *d, enum io_file_watch_event event, const char *name)
{
	d->fn(d->user, event, name);
}

static void tell_all(struct io_file_watch *w)
{
	LIST_FOREACH (link, &w->dirs)
		tell(LIST_ENTRY(link, struct io_file_watch_dir, link), IO_FILE_LOOK, NULL);
}

/* The directory itself went or was renamed: its path may lead to another one, or soon. */
static void lost(struct io_file_watch *w, const struct inotify_event *e)
{
	bool ours = false;

	LIST_FOREACH (link, &w->dirs) {
		struct io_file_watch_dir *d = LIST_ENTRY(link, struct io_file_watch_dir, link);

		if (d->wd != e->wd)
			continue;
		ours = true;
		d->wd = NO_WATCH;
		tell(d, IO_FILE_LOOK, NULL);
	}
	if (ours && e->mask & IN_MOVE_SELF)
		inotify_rm_watch(w->fd, e->wd);
	if (!ours)
		return;
	w->again_us = AGAIN_MIN_US;
	io_timer_set(w->timer, w->again_us);
}

static void on_event(struct io_file_watch *w, const struct inotify_event *e)
{
	enum io_file_watch_event event = (e->mask & (IN_CLOSE_WRITE | IN_MOVED_TO)) ? IO_FILE_WRITTEN
					 : (e->mask & IN_CREATE)		    ? IO_FILE_CREATED
										    : IO_FILE_GONE;

	if (e->mask & IN_Q_OVERFLOW) {
		tell_all(w);
		return;
	}
	if (e->mask & (IN_DELETE_SELF | IN_MOVE_SELF | IN_IGNORED | IN_UNMOUNT)) {
		lost(w, e);
		return;
	}
	if (!e->len)
		return;
	LIST_FOREACH (link, &w->dirs) {
		struct io_file_watch_dir *d = LIST_ENTRY(link, struct io_file_watch_dir, link);

		if (d->wd == e->wd)
			tell(d, event, e->name);
	}
}

static void on_readable(void *user, unsigned events)
{
	alignas(struct inotify_event) char buf[16384];
	struct io_file_watch *w = user;

	(void)events;
	for (unsigned i = 0; i < READS_MAX; i++) {
		ssize_t len = read(w->fd, buf, sizeof(buf));

		if (len <= 0)
			return;
		for (char *p = buf; p < buf + len;) {
			const struct inotify_event *e = (const void *)p;

			p += sizeof(*e) + e->len;
			on_event(w, e);
		}
	}
}

/* Where the path leads now; true when that is another directory than before, or one at last, or none any more. */
static bool follow(struct io_file_watch_dir *d)
{
	int wd = add(d->w, d->path), before = d->wd;

	if (wd == before)
		return false;
	leave(d);
	d->wd = wd;
	return true;
}

static void on_timer(void *user)
{
	struct io_file_watch *w = user;
	uint64_t now = io_loop_now_us(w->loop);
	bool look = now - w->looked_us >= LOOK_US;

	w->again_us = w->again_us * 2 < AGAIN_MAX_US ? w->again_us * 2 : AGAIN_MAX_US;
	io_timer_set(w->timer, w->again_us);
	if (look)
		w->looked_us = now;
	LIST_FOREACH (link, &w->dirs) {
		struct io_file_watch_dir *d = LIST_ENTRY(link, struct io_file_watch_dir, link);

		if (d->wd != NO_WATCH && !look)
			continue;
		if (follow(d) || d->wd == NO_WATCH || look)
			tell(d, IO_FILE_LOOK, NULL);
	}
}

struct io_file_watch *io_file_watch_new(struct io_loop *loop)
{
	struct io_file_watch *w = mem_calloc(1, sizeof(*w));

	list_init(&w->dirs);
	w->loop = loop;
	w->again_us = AGAIN_MAX_US;
	w->looked_us = io_loop_now_us(loop);
	w->fd = inotify_init1(IN_NONBLOCK | IN_CLOEXEC);
	if (w->fd < 0) {
		log_error("files cannot be watched: %s%s", strerror(errno),
			errno == EMFILE ? "; raise the sysctl fs.inotify.max_user_instances" : "");
		free(w);
		return NULL;
	}
	w->watch = io_watch_new(loop, w->fd, on_readable, w);
	io_watch_set(w->watch, IO_READ);
	w->timer = io_timer_new(loop, on_timer, w);
	return w;
}

void io_file_watch_free(struct io_file_watch *w)
{
	if (!w)
		return;
	io_timer_free(w->timer);
	io_watch_free(w->watch);
	close(w->fd);
	free(w);
}

struct io_file_watch_dir *io_file_watch_dir_new(
	struct io_file_watch *w, const char *path, io_file_watch_fn *fn, void *user)
{
	struct io_file_watch_dir *d = mem_calloc(1, sizeof(*d));

	*d = (struct io_file_watch_dir){ .w = w, .path = mem_strdup(path), .fn = fn, .user = user };
	d->wd = add(w, path);
	if (d->wd == NO_WATCH && errno == ENOSPC)
		log_warning(
			"%s is looked at once a second only: raise the sysctl fs.inotify.max_user_watches",
			path);
	list_add_tail(&w->dirs, &d->link);
	if (!io_timer_pending(w->timer))
		io_timer_set(w->timer, AGAIN_MAX_US);
	return d;
}

void io_file_watch_dir_free(struct io_file_watch_dir *d)
{
	if (!d)
		return;
	list_del(&d->link);
	leave(d);
	if (list_empty(&d->w->dirs))
		io_timer_cancel(d->w->timer);
	free(d->path);
	free(d);
}
