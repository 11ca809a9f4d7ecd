/*
 * One real server's life: pure, time and counts are arguments.
 *
 * What is known of it (is it listed, is it terminating, is it healthy, has somebody drained it) goes in; what the kernel shall
 * have (a weight, or nothing) comes out. A server that leaves goes to weight 0 and is deleted when its active connections
 * are gone or its time is over; one that is cut is deleted at once.
 *
 *	             healthy          failed
 *	 CHECKING ------------> UP <----------> DOWN            weight 0, kept in its place (keep),
 *	    |                    |               |               or drained or cut by policy
 *	    +------- leaves -----+---------------+--> DRAINING --active gone, or deadline--> GONE
 *	                                                 |  ^
 *	                                 wanted again ---+  +--- command, terminating, removed, failed
 */
#pragma once

#include <stdbool.h>
#include <stdint.h>

enum server_state {
	SERVER_CHECKING, /* not known yet, and it starts down */
	SERVER_UP,
	SERVER_DOWN,	 /* failed; weight 0 in its place */
	SERVER_DRAINING, /* weight 0, until its connections are gone */
	SERVER_GONE,	 /* not in the kernel; still listed or drained by command, else it is freed */
};

enum server_reason {
	SERVER_NO_REASON,
	SERVER_FAILED,
	SERVER_TERMINATING,
	SERVER_REMOVED, /* no longer listed */
	SERVER_COMMAND, /* rrctl drain */
};

/* What becomes of a server that leaves. */
enum server_leave { SERVER_LEAVE_KEEP, SERVER_LEAVE_DRAIN, SERVER_LEAVE_CUT };

struct server_policy {
	enum server_leave on_failure, on_removal; /* on_removal: terminating, removed, command; not KEEP */
	uint64_t drain_us;
};

struct server_facts {
	bool listed, terminating, healthy, known /* a check has told, or there are none */,
		drained /* by command */;
};

struct server_life {
	enum server_state state;
	enum server_reason reason;
	uint64_t since_us;
	uint64_t deadline_us; /* DRAINING */
	bool counted;	      /* DRAINING: counts taken since its weight was 0 have been seen */
};

/* found: the kernel has it, with a weight above 0 or not. */
void server_init(struct server_life *s, const struct server_facts *f, uint64_t now_us);
/* True when the state or reason changed. */
bool server_update(
	struct server_life *s, const struct server_facts *f, const struct server_policy *p, uint64_t now_us);
/* Fresh counts: active connections, with the weight the kernel had. True when the state changed. */
bool server_counted(struct server_life *s, uint32_t active, int32_t weight, uint64_t now_us);
/* The time may be over. True when the state changed. */
bool server_tick(struct server_life *s, uint64_t now_us);
bool server_present(const struct server_life *s); /* shall the kernel have it? */
bool server_takes(const struct server_life *s);	  /* new connections? */
const char *server_state_text(enum server_state s);
const char *server_reason_text(enum server_reason r); /* "" for none */
