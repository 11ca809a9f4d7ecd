/*
 * How a load balancer leaves, as a state machine over time. Pure: it is told the time and answers what to do.
 *
 *	announcing --drain, end--> draining --its time is over--> withdrawn --linger, if told to end--> leaving
 *	    ^                         |  or nobody is connected       |
 *	    +----------undrain--------+-------------------------------+     (not once told to end)
 *
 * Draining: the services are announced, with attributes that turn new connections away. Withdrawn: they are not, but
 * packets on their way are taken. Leaving: Cease; what was set up for the services may go when the connections are gone.
 * Being told to end a second time takes the waiting out of all that, and leaves the order as it is.
 */
#pragma once

#include "announcer/quiet.h"

#include <stdbool.h>
#include <stdint.h>

enum drain_state { DRAIN_ANNOUNCING, DRAIN_DRAINING, DRAIN_WITHDRAWN, DRAIN_LEAVING };

/* What the program has to do now. */
enum drain_action {
	DRAIN_NOTHING,
	DRAIN_ANNOUNCE, /* all services again, as the state wants them */
	DRAIN_WITHDRAW, /* all services */
	DRAIN_CEASE,	/* on all sessions */
};

enum {
	/* How long a neighbor that does not take what it is sent may hold up the end, after linger and after Cease. */
	DRAIN_PATIENCE_MS = 2000,
};

struct drain {
	uint64_t time_ms, linger_ms; /* as configured */
	enum drain_state state;
	bool ending;	    /* told to end */
	bool hurried;	    /* told so twice */
	uint64_t since_ms;  /* in this state */
	uint64_t until_ms;  /* draining: when to withdraw */
	struct quiet quiet; /* draining: what is reported of connections */
};

void drain_init(struct drain *d, uint64_t now_ms, uint64_t time_ms, uint64_t linger_ms);

/* Drain for that long, then withdraw and stay so; while draining it sets the time anew. Where it has been withdrawn
 * already nothing comes of it. */
enum drain_action drain_start(struct drain *d, uint64_t now_ms, uint64_t time_ms);
/* Back to announcing. False when it has been told to end: that cannot be taken back. */
bool drain_undo(struct drain *d, uint64_t now_ms, enum drain_action *action);
/* Told to end. anybody: somebody is there to be told of the drain; if not, there is nothing to wait for in it. */
enum drain_action drain_end(struct drain *d, uint64_t now_ms, bool anybody);

/* A report of connections that are left. Where none ever comes, the time is waited for. */
void drain_report(struct drain *d, unsigned report, uint64_t active, uint64_t now_ms);
/* There is nothing to wait for in a drain any more. */
void drain_hasten(struct drain *d, uint64_t now_ms);

/* Moves on when it is time; to be called until it says DRAIN_NOTHING. all_said: everything queued has been sent. */
enum drain_action drain_step(struct drain *d, uint64_t now_ms, bool all_said);
/* Milliseconds until drain_step() may have something to do, at least 0; -1: never, unless something happens. */
int64_t drain_wait_ms(const struct drain *d, uint64_t now_ms, bool all_said);
/* True when leaving took so long that one goes without a farewell. */
bool drain_late(const struct drain *d, uint64_t now_ms);

const char *drain_state_text(enum drain_state s);
