/*
 * Whether a service may be announced, as a state machine over time. Pure: facts and time are arguments, nothing is sent.
 *
 *	lb-ipvs-agent: checks, IPVS --health rows, beats--> agent_link.c --+
 *	other conditions ----------------------------------why not-------+--> gate_step --> truth.c --> speaker.c --> reflectors
 *	time ------------------------------------------------------------+
 *
 *	            well (again: enough, for long enough)             the agent leaves, somebody is connected
 *	 CLOSED ------------------------------------------> OPEN ------------------------------------------> DRAINING
 *	    ^                                                | ^------- the agent stays after all -----------------|
 *	    +---- not well; nobody knows, for the grace -----+                                                     |
 *	    +---- not well; nobody knows, for the grace; nobody connected any more; the agent's time is over ------+
 *
 * Three verdicts: well, not well, and nobody knows (the agent is away, silent, or has only just started). What is not known
 * changes nothing for the time of the grace, because the kernel's rules work without their agent; an agent that is there
 * again in time was never away. At first nothing is known, and nothing is announced. Once withdrawn a service needs more to
 * return than it needed to stay, if the configuration says so: min-healthy-return, and that for return-delay.
 *
 * Draining the whole load balancer is drain.c's affair and comes on top of this.
 */
#pragma once

#include "announcer/quiet.h"
#include "config/announcer_gate.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum gate_state { GATE_CLOSED, GATE_DRAINING, GATE_OPEN };

enum { GATE_WHY_MAX = 256 };

struct gate_policy {
	bool bound;  /* to an agent */
	bool drains; /* an agent that leaves is waited for; if not, withdrawn at once */
	uint64_t grace_ms, return_delay_ms;
	struct config_need need, need_return;
};

/* The agent's word about one of the service's virtual services. */
struct gate_word {
	const char *name;
	bool known; /* its servers, and that the kernel has them */
	uint32_t servers, healthy;
};

struct gate_facts {
	const char *held_back; /* why some other condition says no; NULL: none does */
	/* The rest only where bound. */
	bool heard;		   /* the agent is there and has said all it knows */
	const char *away;	   /* why not, in words */
	bool leaving;		   /* it has been told to end, and its rules go with it */
	uint64_t leaving_until_ms; /* no later than then must it be withdrawn */
	const char *missing; /* a virtual service that was named and that the agent does not have; NULL */
	const struct gate_word *words;
	size_t word_count;
	uint64_t active; /* connections worth waiting for */
	bool counted;	 /* active is all of them */
	unsigned report; /* the number of its newest report */
};

struct gate {
	enum gate_state state;
	char why[GATE_WHY_MAX]; /* of the state: of the verdict that led to it, or that would lead out of it but for time */
	uint64_t since_ms;			  /* in this state */
	bool was_open;				  /* ever */
	uint64_t unknown_since_ms, well_since_ms; /* 0: it is not so */
	uint64_t until_ms;			  /* draining: the agent's time */
	uint64_t next_ms; /* when gate_step() may have something to do without new facts; UINT64_MAX: never */
	struct quiet quiet;
	uint64_t changes;
};

void gate_init(struct gate *g, uint64_t now_ms);
/* To be called when facts have changed and at next_ms. True when the state is another one now. */
bool gate_step(struct gate *g, const struct gate_policy *p, const struct gate_facts *f, uint64_t now_ms);

/* The word that comes nearest to being too little: the one to show. NULL: there are none. */
const struct gate_word *gate_worst(const struct gate_facts *f);
/* How many healthy servers are asked for, of so many. */
uint64_t gate_needed(const struct config_need *n, uint64_t servers);
