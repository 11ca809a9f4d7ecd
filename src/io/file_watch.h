/*
 * Directories that are watched for changes of the files in them, over one inotify instance.
 *
 * Tells only what may be read: a file that was closed after writing or renamed to its name, not each write on the way. A
 * directory that is not there (yet, or any more) is looked for again each second. Since inotify does not see everything
 * (the far end of a symbolic link, what another host writes to a shared file system), all are asked to look again
 * every ten seconds.
 */
#pragma once

#include "io/loop.h"

struct io_file_watch;
struct io_file_watch_dir;

enum io_file_watch_event {
	IO_FILE_WRITTEN, /* a file is complete: closed after writing, or renamed to this name */
	IO_FILE_CREATED, /* a file or link is there, and may not have been written yet */
	IO_FILE_GONE,
	IO_FILE_LOOK, /* anything may have changed; name is NULL */
};

typedef void io_file_watch_fn(void *user, enum io_file_watch_event event, const char *name);

/* NULL with a reason logged. */
struct io_file_watch *io_file_watch_new(struct io_loop *loop);
/* After all its directories. */
void io_file_watch_free(struct io_file_watch *w);

/* fn is called in later turns; the first look is the caller's own. fn may free this directory's watch and no other. */
struct io_file_watch_dir *io_file_watch_dir_new(
	struct io_file_watch *w, const char *path, io_file_watch_fn *fn, void *user);
void io_file_watch_dir_free(struct io_file_watch_dir *d);
