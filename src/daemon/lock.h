/*
 * The pid file, which is also the lock that keeps a second daemon out.
 *
 * The kernel holds the lock for the open file, so a daemon that was killed leaves nothing to clean up: the file stays
 * and the next daemon takes it over.
 */
#pragma once

#include <stddef.h>

struct daemon_lock;

/* Takes the lock and writes the process id. program: for the message. NULL, and what is wrong in err, when another
 * process holds it or the file cannot be made. */
struct daemon_lock *daemon_lock_new(const char *program, const char *path, char *err, size_t err_size);
/* Removes the file, or empties it where this user may not remove it, and lets go of the lock. NULL is ignored. */
void daemon_lock_free(struct daemon_lock *lock);
