/*
 * A file by which anybody who may write to its directory drains the announcer: it is there, or it is not.
 *
 * Its directory is watched; it need not exist yet. What is in the file does not matter.
 */
#pragma once

#include "io/loop.h"

#include <stdbool.h>

struct drain_file;

/* changed is called in later turns. NULL with a reason logged. */
struct drain_file *drain_file_new(
	struct io_loop *loop, const char *path, void (*changed)(void *user, bool there), void *user);
void drain_file_free(struct drain_file *f);
/* As it was last seen. */
bool drain_file_there(const struct drain_file *f);
