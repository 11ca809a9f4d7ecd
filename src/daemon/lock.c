#include "daemon/lock.h"

#include "base/log.h"
#include "base/mem.h"

#include <errno.h>
#include <fcntl.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

/* Each try loses a race against a daemon that is just leaving. */
enum { LOCK_TRIES_MAX = 16 };

struct daemon_lock {
	char *path;
	int fd;
};

/* Does the path still name the open file? A daemon that left may have removed it before we got its lock. */
static bool is_at(int fd, const char *path)
{
	struct stat ours, there;

	return fstat(fd, &ours) == 0 && stat(path, &there) == 0 && ours.st_dev == there.st_dev &&
	       ours.st_ino == there.st_ino;
}

static long pid_in(int fd)
{
	char text[24] = "";

	return pread(fd, text, sizeof(text) - 1, 0) > 0 ? atol(text) : 0;
}

static void refuse(const char *program, const char *path, int fd, char *err, size_t err_size)
{
	long pid = pid_in(fd);

	if (pid > 0)
		snprintf(err, err_size, "%s is running already (process %ld holds %s): stop it first",
			program, pid, path);
	else
		snprintf(err, err_size, "%s is running already (a process holds %s): stop it first", program,
			path);
}

/* The descriptor, locked; -1 with the reason in err. */
static int take(const char *program, const char *path, char *err, size_t err_size)
{
	for (int tries = 0; tries < LOCK_TRIES_MAX; tries++) {
		int fd = open(path, O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0644);

		if (fd < 0) {
			snprintf(err, err_size, "cannot make the pid file %s: %s", path, strerror(errno));
			return -1;
		}
		if (flock(fd, LOCK_EX | LOCK_NB)) {
			if (errno == EWOULDBLOCK)
				refuse(program, path, fd, err, err_size);
			else
				snprintf(err, err_size, "cannot lock %s: %s", path, strerror(errno));
			close(fd);
			return -1;
		}
		if (is_at(fd, path))
			return fd;
		close(fd);
	}
	snprintf(err, err_size, "%s is replaced again and again by another process", path);
	return -1;
}

struct daemon_lock *daemon_lock_new(const char *program, const char *path, char *err, size_t err_size)
{
	struct daemon_lock *lock;
	int fd = take(program, path, err, err_size);

	if (fd < 0)
		return NULL;
	if (ftruncate(fd, 0) || dprintf(fd, "%ld\n", (long)getpid()) < 0) {
		snprintf(err, err_size, "cannot write %s: %s", path, strerror(errno));
		close(fd);
		return NULL;
	}
	lock = mem_calloc(1, sizeof(*lock));
	lock->path = mem_strdup(path);
	lock->fd = fd;
	return lock;
}

void daemon_lock_free(struct daemon_lock *lock)
{
	if (!lock)
		return;
	/* Made as root and left as somebody else: it stays, and names no process. */
	if (is_at(lock->fd, lock->path) && unlink(lock->path) && ftruncate(lock->fd, 0))
		log_warning("cannot empty %s: %s", lock->path, strerror(errno));
	close(lock->fd);
	free(lock->path);
	free(lock);
}
