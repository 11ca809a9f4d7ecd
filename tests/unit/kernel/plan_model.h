/*
 * A model of the kernel for the tests of the plan: it carries out each operation as Linux would (deleting a next hop takes it out of its
 * groups, an empty group takes its routes with it) and checks after each what must never be untrue.
 */
#pragma once

#include "kernel/plan.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

enum { ID_BASE = 1000, ID_COUNT = 400, PREFIXES = 40, HOPS = 6, MEMBERS = 16 };

struct model_group {
	bool there, resilient;
	size_t count;
	uint32_t member[MEMBERS];
	uint16_t weight[MEMBERS];
};

struct model_route {
	bool there;
	uint32_t group; /* next-hop objects */
	size_t count;	/* classic */
	struct ip_addr gateway[MEMBERS];
	uint16_t weight[MEMBERS];
	bool must_stay;
};

struct model {
	struct plan *plan;
	bool classic;
	bool some_resilient; /* every third prefix */
	bool hop_there[ID_COUNT];
	struct ip_addr hop_gateway[ID_COUNT];
	struct model_group group[ID_COUNT];
	struct model_route route[PREFIXES];
	/* What the program wished, and the next hops that can be reached. */
	unsigned wished[PREFIXES]; /* mask of next hops; 0: no route */
	uint16_t weight[PREFIXES];
	bool reachable[HOPS];
	bool refused[HOPS]; /* by the kernel, since the last resolution */
	size_t ops[PLAN_NEXT_HOP_DEL + 1];
	size_t most_under_way; /* batches */
	unsigned fail_one_in;  /* 0: never */
	uint32_t random;
};

uint32_t draw(struct model *m, uint32_t below);
struct prefix prefix_nr(size_t i);
size_t number_of(const struct prefix *p);
struct ip_addr hop_nr(size_t i);
struct plan *new_plan(bool classic);
struct model *model_new(bool classic);
void model_free(struct model *m);
uint8_t kind_of(const struct model *m, size_t prefix);
void wish(struct model *m, size_t prefix, unsigned mask, uint16_t weight);
void resolve(struct model *m, enum plan_ask which);
void flush_group(struct model *m, uint32_t id);
void flush_hop(struct model *m, uint32_t id);
int carry_out(struct model *m, const struct plan_op *op);
void run_batch(struct model *m, struct plan_batch *b);
void commit(struct model *m, size_t max);
/* The next hops of a route in the model as a mask, with the weight of next hop 0. */
unsigned mask_of(const struct model *m, size_t prefix, uint16_t *weight);
void check_equal(const struct model *m);
void clear_counts(struct model *m);
struct plan_view view_of(const struct model *m, size_t prefix);
void list_kernel(struct model *m, bool with_routes);
/* The daemon is killed, comes again, and is told all anew in two steps and in another order. */
void restart(struct model *m);
