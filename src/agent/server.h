/*
 * One real server's life: pure, time and counts are arguments.
 *
 * What is known of it (is it listed, is it terminating, is it healthy, has somebody drained it) goes in; what the kernel
 * shall have (a weight, or nothing) comes out. A server that leaves goes to weight 0 and is deleted when its active
 * connections are gone or its time is over; one that is cut is deleted at once.
 *
 *	                healthy           failed
 *	 CHECKING ---------------> UP <-----------> DOWN       weight 0, kept in its place
 *	    |                       |                 |        (or, by policy, drained or cut)
 *	    +-------- leaves -------+-----------------+--> DRAINING -- connections gone, or time over --> GONE
 *	                                                      |                                            |
 *	 UP <------------- wanted and healthy again ----------+--------------------------------------------+
 *
 * While a server is listed it keeps its place, whatever its health: so the table of a hash scheduler follows from the list
 * alone, and is the same on load balancers that think differently of a server's health.
 */
#pragma once

#include <stdbool.h>
#include <stdint.h>

enum server_state {
	SERVER_CHECKING, /* no verdict yet, and it starts down: weight 0 */
	SERVER_UP,
	SERVER_DOWN,	 /* failed: weight 0 in its place */
	SERVER_DRAINING, /* weight 0, until its connections are gone */
	SERVER_GONE,	 /* not in the kernel */
	SERVER_STATES
};

enum server_reason {
	SERVER_NO_REASON,
	SERVER_FAILED,
	SERVER_TERMINATING,
	SERVER_REMOVED, /* no longer listed */
	SERVER_COMMAND, /* rrctl drain */
};

enum server_leave { SERVER_LEAVE_KEEP, SERVER_LEAVE_DRAIN, SERVER_LEAVE_CUT };

struct server_policy {
	enum server_leave on_failure;
	enum server_leave on_removal; /* terminating, removed, command: DRAIN or CUT */
	uint64_t drain_us;
};

struct server_facts {
	bool listed, terminating, healthy;
	bool known;   /* its checks have a verdict, or there are none */
	bool drained; /* by command */
};

struct server_life {
	enum server_state state;
	enum server_reason reason;
	uint64_t since_us;    /* of state */
	uint64_t deadline_us; /* DRAINING */
	bool idle_once;	      /* DRAINING: was seen without connections, at weight 0 */
};

/* A server nobody has heard of before; found: the kernel has it already. server_update() brings it to life. */
void server_init(struct server_life *s, bool found, uint64_t now_us);
/* True when the state or the reason changed. */
bool server_update(
	struct server_life *s, const struct server_facts *f, const struct server_policy *p, uint64_t now_us);
/* Drains by command with a time of its own: before server_update() with facts that say drained. */
void server_set_deadline(struct server_life *s, uint64_t deadline_us);
/* Fresh counts from the kernel: connections that are worth waiting for, and the weight it had then. A server that drains is
 * gone when two counts in a row at weight 0 found none (half-open connections had their time). True when it is gone. */
bool server_counted(struct server_life *s, uint32_t connections, int32_t weight, uint64_t now_us);
/* True when its time is over: it is gone. */
bool server_tick(struct server_life *s, uint64_t now_us);
/* Shall the kernel have it? */
bool server_present(const struct server_life *s);
/* Shall it get new connections? */
bool server_takes(const struct server_life *s);
const char *server_state_text(enum server_state s);
const char *server_reason_text(enum server_reason r); /* "" for none */
