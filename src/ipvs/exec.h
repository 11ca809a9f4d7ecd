/*
 * Carries jobs out in a thread of its own: operations in their order, then a listing.
 *
 * The kernel holds its caller for as long as it works, so nobody else speaks to it. A socket that has failed is opened anew
 * by the next job. Knows no plan and no wish; results stand in the job.
 */
#pragma once

#include "io/worker.h"
#include "ipvs/plan.h"

#include <stdbool.h>
#include <stddef.h>

enum ipvs_listing {
	IPVS_LIST_NOTHING,
	IPVS_LIST_ONE,	    /* the service of key, with its destinations */
	IPVS_LIST_SERVICES, /* all services, without them */
	IPVS_LIST_ALL,	    /* and with them */
};

enum { IPVS_WHY_MAX = 256 };

struct ipvs_found {
	struct ipvs_service service;
	struct ipvs_seen_dest *dest; /* newest first */
	size_t count, size;
};

struct ipvs_job {
	struct io_work work; /* the first member; run and done are set by ipvs_exec_submit */
	struct ipvs_exec *exec;
	void *user;
	void (*done)(struct ipvs_job *j); /* in the loop's thread; frees the job */
	/* done in this order; each may be missing */
	char *state_path, *state_text; /* owned */
	struct ipvs_plan plan;
	enum ipvs_listing list;
	struct ipvs_key key;
	/* out */
	int state_error; /* 0 or a negative errno */
	int error; /* the kernel could not be spoken to, or not listed: -errno; operations have errors of their own */
	char why[IPVS_WHY_MAX];	  /* with error */
	struct ipvs_found *found; /* complete unless error */
	size_t count, size;
};

struct ipvs_job *ipvs_job_new(void);
void ipvs_job_free(struct ipvs_job *j);

struct ipvs_exec;

/* Opens the socket at once, in the caller's thread. NULL with a reason in err that says what to do. */
struct ipvs_exec *ipvs_exec_new(struct io_loop *loop, char *err, size_t err_size);
/* Waits for the job under way and frees all others; no done is called any more. */
void ipvs_exec_free(struct ipvs_exec *e);
/* Takes j over until done is called. */
void ipvs_exec_submit(struct ipvs_exec *e, struct ipvs_job *j);
