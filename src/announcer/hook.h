/*
 * When a service's command (on-change) is to be run. Pure: it is told what happens and the time.
 *
 * The command tells somebody else, a cloud, in which of two states the service is. Only the newest state counts: what the service
 * went through meanwhile is told to nobody. There is one run at a time. A run that failed, or was begun for a state that is
 * over, leaves nobody knowing what the cloud holds: so after it the newest state is told, whichever that is.
 */
#pragma once

#include <stdbool.h>
#include <stdint.h>

enum hook_state { HOOK_UNKNOWN, HOOK_INACTIVE, HOOK_ACTIVE };

struct hook {
	uint64_t retry_ms, retry_max_ms; /* as configured */
	enum hook_state wanted;		 /* UNKNOWN: nothing is to be told yet */
	enum hook_state told;		 /* by a run that succeeded and was the last; else UNKNOWN */
	enum hook_state running;	 /* what a run under way tells; UNKNOWN: there is none */
	bool forgotten;			 /* since that run began */
	unsigned failures;		 /* in a row, with what is wanted */
	uint64_t due_ms;		 /* when what is wanted may be told */
	uint64_t runs, failed;
};

void hook_init(struct hook *h, uint64_t retry_ms, uint64_t retry_max_ms);
/* True when that is another state than before. */
bool hook_want(struct hook *h, enum hook_state state, uint64_t now_ms);
/* What is to be run now; UNKNOWN: nothing. */
enum hook_state hook_next(const struct hook *h, uint64_t now_ms);
/* What was told is worth nothing any more: it is told again, when a run under way has ended. */
void hook_forget(struct hook *h, uint64_t now_ms);
/* What hook_next() said is being run. */
void hook_started(struct hook *h);
void hook_ended(struct hook *h, bool well, uint64_t now_ms);
/* What is wanted may be told at once, however often that failed. */
void hook_hurry(struct hook *h, uint64_t now_ms);
/* Nothing is left to be done. */
bool hook_settled(const struct hook *h);
/* Milliseconds until hook_next() has something; -1: not by time alone. */
int64_t hook_wait_ms(const struct hook *h, uint64_t now_ms);
