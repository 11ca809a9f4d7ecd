#include "announcer/drain_file.h"

#include "base/mem.h"
#include "io/file_watch.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

struct drain_file {
	char *path;
	struct io_file_watch *watch;
	struct io_file_watch_dir *dir;
	bool there;
	void (*changed)(void *user, bool there);
	void *user;
};

static bool is_there(const struct drain_file *f)
{
	return access(f->path, F_OK) == 0;
}

static const char *name_of(const char *path)
{
	return strrchr(path, '/') + 1;
}

/* A name that has only been created will do: what is in the file does not matter. One that is gone was gone, even when it is
 * there again by now: that will be told, too. */
static void on_event(void *user, enum io_file_watch_event event, const char *name)
{
	struct drain_file *f = user;
	bool there;

	if (event != IO_FILE_LOOK && strcmp(name, name_of(f->path)) != 0)
		return;
	there = event != IO_FILE_GONE && is_there(f);
	if (there == f->there)
		return;
	f->there = there;
	f->changed(f->user, there);
}

static struct io_file_watch_dir *watch_directory(struct drain_file *f)
{
	size_t len = (size_t)(name_of(f->path) - f->path);
	char *dir = mem_strdup(f->path);
	struct io_file_watch_dir *d;

	dir[len > 1 ? len - 1 : 1] = '\0';
	d = io_file_watch_dir_new(f->watch, dir, on_event, f);
	free(dir);
	return d;
}

struct drain_file *drain_file_new(
	struct io_loop *loop, const char *path, void (*changed)(void *user, bool there), void *user)
{
	struct drain_file *f = mem_calloc(1, sizeof(*f));

	assert(path[0] == '/');
	*f = (struct drain_file){ .path = mem_strdup(path), .changed = changed, .user = user };
	f->watch = io_file_watch_new(loop);
	if (!f->watch) {
		free(f->path);
		free(f);
		return NULL;
	}
	f->dir = watch_directory(f);
	/* After the watch, so that nothing is missed in between. */
	f->there = is_there(f);
	return f;
}

void drain_file_free(struct drain_file *f)
{
	if (!f)
		return;
	io_file_watch_dir_free(f->dir);
	io_file_watch_free(f->watch);
	free(f->path);
	free(f);
}

bool drain_file_there(const struct drain_file *f)
{
	return f->there;
}
