/*
 * The course of a list and watch: what to ask next, and when. Pure; time and what happened are arguments.
 *
 *	            a page, more follow: the next one
 *	             +---+
 *	             |   v      the last page                           ended, silent: on from the last version
 *	 start ----> LIST ----------------------------------> WATCH ---------------------------+
 *	             ^  |                                     | ^  ^                           |
 *	             |  | failed, broken                      | |  +---------------------------+
 *	             |  v                                     | |
 *	        LIST_LATER <---- broken, gone (again) --------+ +---- time ---- WATCH_LATER <---- failed, ended at once
 *	             ^                                        |
 *	             +---- gone: a list, at once the first time
 *
 * A watch goes on from the last version that was told, over some failures, because the server keeps what has happened for some
 * minutes; it says so when it does not (410 Gone), and then all is listed. A cluster that was set back to an older state knows
 * nothing of that version and says so in other ways: hence a list after the fifth failure. What is broken is never gone on
 * from.
 *
 * Waits grow from one failure to the next up to a bound, each cut by chance, so that many load balancers do not come back at one
 * moment. Failures are forgotten when a watch has told something new, or has stood for a while: so neither a list that is answered
 * and a watch that is refused, nor a watch that ends as soon as it has begun, is asked for in a circle.
 */
#pragma once

#include "kube/message.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum {
	KUBE_PAGE_SLICES = 10, /* of 100 endpoints each as a rule, some 40 kB */
	KUBE_PATH_MAX = 3 * KUBE_CONTINUE_MAX + 1024,
	KUBE_WAIT_MIN_MS = 200,
	KUBE_WAIT_MAX_MS = 30000,
	KUBE_RETRY_AFTER_MAX_S = 300,
	KUBE_STEADY_US = 10000000, /* a watch that stood so long was a good one */
	KUBE_WATCH_TRIES = 5,	   /* failures, after which all is listed again */
};

enum kube_state { KUBE_LIST, KUBE_LIST_LATER, KUBE_WATCH, KUBE_WATCH_LATER, KUBE_STATES };

enum kube_happening {
	KUBE_PAGE_CAME, /* and more follow */
	KUBE_LISTED,	/* the last page came */
	KUBE_TOLD,	/* the watch told something, and it was right */
	KUBE_ENDED,	/* the watch ended as it may at any time */
	KUBE_SILENT,	/* the watch says nothing */
	KUBE_GONE,	/* 410: what was asked for is too old */
	KUBE_FAILED,	/* no connection, no answer, no in any form */
	KUBE_BROKEN,	/* an answer that cannot be */
	KUBE_TOO_MUCH,	/* a page is too large */
	KUBE_NEW_TOKEN, /* it was refused, and there is another token to ask with */
	KUBE_DUE,	/* the wait is over */
	KUBE_HAPPENINGS
};

enum kube_todo { KUBE_GO_ON /* nothing */, KUBE_ASK, KUBE_WAIT };

struct kube_course {
	enum kube_state state;
	unsigned limit;	   /* slices in a page */
	unsigned failures; /* in a row */
	uint64_t asked_us; /* since when the state's question stands */
	uint64_t chance;   /* the state of a generator */
	bool first_page;   /* LIST: what is asked for begins a list */
	bool moved;	   /* the version is another one than before */
	uint64_t lists;	   /* that came whole */
	char version[KUBE_VERSION_MAX];
	char more[KUBE_CONTINUE_MAX];
};

/* seed: another one for each load balancer and service. The first thing to do is to ask. */
void kube_course_init(struct kube_course *c, uint64_t seed, uint64_t now_us);
/* What follows; with KUBE_WAIT for how long in *wait_us. retry_after_s: what the server asked for, 0: nothing. */
enum kube_todo kube_course_step(struct kube_course *c, enum kube_happening h, uint64_t retry_after_s,
	uint64_t now_us, uint64_t *wait_us);
/* For PAGE_CAME, LISTED and TOLD, before the step: how far it is known now. more: NULL unless PAGE_CAME. */
void kube_course_known(struct kube_course *c, const char *version, const char *more);
/* The request's target in a state that asks. watch_s: how long the API may keep a watch; up to twice that is asked for. Writes
 * into buf (KUBE_PATH_MAX) and returns it. */
const char *kube_course_path(
	struct kube_course *c, const char *space, const char *service, uint32_t watch_s, char *buf);
const char *kube_state_text(enum kube_state s);
