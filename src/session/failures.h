/*
 * Who of a range did not come up lately, and why: a dynamic neighbor is gone with its connection, and what was wrong with it
 * would be gone too.
 *
 * Owns a bounded list, the newest first, with one element for each address: who fails again goes to its front and is counted. When it
 * is full the oldest goes. It does not know whether somebody has come up since; who shows it asks. What the kernel throws away
 * before there is a connection (a wrong TCP-MD5 signature) never comes here.
 */
#pragma once

#include "session/neighbors.h"

enum { SESSION_FAILURES_MAX = 32 };

struct session_failures {
	struct session_failure *item[SESSION_FAILURES_MAX]; /* the newest first */
	unsigned count;
};

/* All zero is empty. text is copied. */
void session_failures_note(
	struct session_failures *f, const struct ip_addr *address, const char *text, uint64_t now_us);
void session_failures_fini(struct session_failures *f);
/* NULL when there is none of this address. */
const struct session_failure *session_failures_of(
	const struct session_failures *f, const struct ip_addr *address);
