/*
 * What the kernel around IPVS must be set to, for the services that are configured: pure, the kernel's version is an
 * argument. Each need says why, and whether anything promised is broken without it.
 *
 * Only what a configured service asks for is listed; a setting nobody asks for stays as it is. The rules stand in
 * needs.c, one function for each reason to want something. needs_apply.h reads and sets.
 */
#pragma once

#include "config/agent.h"

#include <stdbool.h>
#include <stddef.h>

enum { NEEDS_MAX = 20 };

/* A kernel's version, to be compared. */
#define NEEDS_KERNEL(major, minor) ((unsigned)(major) << 8 | (unsigned)(minor))

struct need {
	const char *key; /* as for sysctl(8) */
	long wanted;
	const char *reason; /* why, as a clause: "packets are not forwarded" */
	bool necessary;	    /* without it something configured does not work; otherwise it is only better */
	bool by_operator; /* the value stands in the configuration; otherwise it follows from the services */
};

struct needs {
	struct need list[NEEDS_MAX];
	size_t count;
};

/* kernel: NEEDS_KERNEL() of the one that runs. */
void needs_of(const struct config_agent *cfg, unsigned kernel, struct needs *out);
/* NULL when nothing is wanted of that setting. */
const struct need *needs_find(const struct needs *n, const char *key);
/* Reverse-path filtering is right while it is not strict on any interface, whatever the numbers. */
bool need_is_filter(const struct need *n);
