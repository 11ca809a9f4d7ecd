/*
 * The daemon's pulse, for its service manager: a line of status when it changes, and the watchdog's ping (sd_notify(3)).
 *
 * Both come from the loop itself, so a loop that hangs falls silent, and a manager with WatchdogSec= starts the daemon anew. The status
 * is told at most once a second. Without a service manager nothing happens and nothing is asked for.
 */
#pragma once

#include "base/text.h"
#include "io/loop.h"

struct daemon_pulse;

/* status writes the line; it is first called in the loop's first turn. */
struct daemon_pulse *daemon_pulse_new(
	struct io_loop *loop, void (*status)(void *user, struct text *out), void *user);
void daemon_pulse_free(struct daemon_pulse *p);
