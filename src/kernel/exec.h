/*
 * The executor: carries out jobs in a thread (io/worker.h) on a netlink socket of its own, because the kernel holds its
 * caller for as long as it works.
 *
 * A job is handed over with exec_submit() and belongs to the executor until it is given back by a call, in the order of
 * submission. The executor knows no plan: it sees operations, questions and answers, all inside the job.
 */
#pragma once

#include "io/worker.h"
#include "kernel/message.h"
#include "kernel/plan.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct exec_question {
	struct ip_addr addr;
	struct plan_resolution answer;
};

struct exec_found_object {
	uint32_t id;
	bool is_group, resilient;
	struct plan_hop *hop; /* owned */
	size_t count;
};

struct exec_found_route {
	struct prefix prefix;
	uint32_t id;
	uint8_t reject; /* enum plan_on_empty */
	bool foreign;	/* our protocol, our key, and yet not ours */
};

/* How the buckets of a resilient group lie now. */
struct exec_share {
	uint32_t group_id;
	bool known; /* out, and what follows */
	size_t count;
	struct exec_bucket_count {
		uint32_t id;
		uint32_t buckets;
	} * hop; /* owned */
};

/* What is wanted is done in this order; all of it may be empty. Results stand beside the wishes. */
struct exec_job {
	struct io_work work; /* the executor's, as is the next */
	struct exec *exec;
	struct plan_batch batch;
	struct exec_question *question;
	size_t question_count;
	bool list_objects, list_routes; /* out: whether the listing is complete */
	struct exec_found_object *object;
	size_t object_count, object_size;
	struct exec_found_route *route; /* only of our protocol and key */
	size_t route_count, route_size;
	struct exec_share *share;
	size_t share_count;
};

struct exec_job *exec_job_new(void);
void exec_job_free(struct exec_job *j);

struct exec_config {
	struct message_ours ours;
	bool via_default; /* next hops may be reached through the default route */
};

struct exec;

/* A job that is finished: the program's again. */
typedef void exec_done_fn(void *user, struct exec_job *j);

/* Opens the socket and asks what the kernel can do; sets cfg->ours.classic when it has no next-hop objects. done is called in
 * the loop's thread. NULL with a reason in err that says what to do. */
struct exec *exec_new(struct io_loop *loop, struct exec_config *cfg, exec_done_fn *done, void *user,
	char *err, size_t err_size);
/* Ends after the job under way; it and jobs that wait are dropped. */
void exec_free(struct exec *e);
/* The executor's address in the kernel's messages: what it caused itself. */
uint32_t exec_port(const struct exec *e);
void exec_submit(struct exec *e, struct exec_job *j);
/* Waits for a job to be finished, at most timeout_ms, outside the loop. False when none was; else done has been called. */
bool exec_wait(struct exec *e, unsigned timeout_ms);
