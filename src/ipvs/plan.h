/*
 * What leads from what the kernel has of one service to what is wished of it: a list of operations. Pure.
 *
 * Rules:
 * - What is right is not touched. A service and its destinations are changed in place (SET), the scheduler included.
 * - Of a service that is ours, destinations that are not wished go. A service goes with all it has (DEL), never by a flush.
 * - Changes first (a weight of 0 is urgent), then what is new in canonical order, then what goes: a service is never
 *   without servers that it could have.
 * - Under schedulers that look at the order of the list, that order is made canonical (order.h) by taking a destination out
 *   and putting it back in two operations that follow each other. The kernel gives it its connections back, unless it
 *   expires connections of what is gone (expire_nodest): then only what has none is moved.
 * - mh counts the last weight that was not zero. One that shall be at 0 is put in at its full weight and lowered at once;
 *   one of which the last weight is not known gets it the same way.
 * - Many moves are cut into pieces, so that other services' changes need not wait for all of them.
 */
#pragma once

#include "ipvs/have.h"
#include "ipvs/ipvs.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum ipvs_op_kind {
	IPVS_SERVICE_NEW,
	IPVS_SERVICE_SET,
	IPVS_SERVICE_DEL,
	IPVS_DEST_NEW,
	IPVS_DEST_SET,
	IPVS_DEST_DEL,
};

struct ipvs_op {
	uint8_t kind; /* enum ipvs_op_kind */
	bool move;    /* serves the order alone */
	struct ipvs_dest dest;
	int error; /* out: 0 or a negative errno */
};

struct ipvs_plan {
	struct ipvs_service service; /* of all operations */
	struct ipvs_op *op;
	size_t count, size;
	size_t changes;	 /* operations that do not serve the order alone */
	bool order_left; /* the order is wrong and stays so for now */
	bool more;	 /* more is to be moved than was planned */
};

struct ipvs_plan_input {
	const struct ipvs_service *service; /* NULL: it shall go */
	const struct ipvs_wish_dest *want;  /* sorted by ipvs_dest_cmp, each once */
	size_t count;
	const struct ipvs_have *have;
	bool fresh; /* have's counts are of this moment */
	bool expire_nodest;
	size_t moves_max; /* at a time */
};

/* An all-zero plan is valid and empty. */
void ipvs_plan_fini(struct ipvs_plan *p);
/* Fills an empty plan. */
void ipvs_plan_make(const struct ipvs_plan_input *in, struct ipvs_plan *p);
/* The weight that mh shall count. */
int32_t ipvs_plan_last_weight(const struct ipvs_wish_dest *w);
const char *ipvs_op_text(enum ipvs_op_kind kind); /* "add the service", ... */
