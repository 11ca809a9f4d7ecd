/*
 * The file that remembers which services in the kernel are ours, across restarts and crashes.
 *
 * One service a line, after a first line that names the boot and the network namespace in which that was true: what
 * another life of the machine or another namespace left behind says nothing here. Written whole beside the old one and
 * renamed over it, before what it says becomes true. Not synced: what would be lost with it, the kernel's table, is lost in
 * the same moment. A file that is missing, broken or cannot be written costs memory, never service: then only what is wished for is ours.
 */
#pragma once

#include "ipvs/service.h"

#include <stdbool.h>
#include <stddef.h>

/* Calls fn for each service remembered. A warning is logged for what cannot be read; a missing file is none. */
void ipvs_state_read(const char *path, void (*fn)(void *user, const struct ipvs_key *key), void *user);
/* The file's text, to be freed. */
char *ipvs_state_text(const struct ipvs_key *keys, size_t count);
/* Thread-safe. 0 or a negative errno. */
int ipvs_state_write(const char *path, const char *text);
