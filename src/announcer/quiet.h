/*
 * Whether nobody is connected any more, from what lb-ipvs-agent reports while a load balancer drains. Pure.
 *
 * One report of no connections is not enough, and none counts that may have been made before routers had followed the weight:
 * a connection may be on its way.
 */
#pragma once

#include <stdbool.h>
#include <stdint.h>

enum {
	QUIET_SETTLE_MS = 1000, /* for routers to send new connections elsewhere */
	QUIET_REPORTS = 2,	/* in a row */
};

struct quiet {
	uint64_t since_ms; /* new connections have been turned away */
	unsigned report;   /* the last one looked at */
	unsigned in_a_row;
};

struct quiet quiet_since(uint64_t now_ms, unsigned report);
/* report: the number of the newest one; active: connections in it. True when all are gone. */
bool quiet_look(struct quiet *q, unsigned report, uint64_t active, uint64_t now_ms);
