/*
 * The plan against a model of the kernel: the model carries out each operation as Linux would (deleting a next hop takes
 * it out of its groups, an empty group takes its routes with it) and checks after each what must never be untrue.
 */
#include "kernel/plan.h"

#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
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

static uint32_t draw(struct model *m, uint32_t below)
{
	m->random = m->random * 1664525u + 1013904223u;
	return (uint32_t)(((uint64_t)(m->random >> 8) * below) >> 24);
}

static struct prefix prefix_nr(size_t i)
{
	struct ip_addr a = ip_addr_v4(0x0a010000u + (uint32_t)i * 256);

	return prefix_of(&a, 24);
}

static size_t number_of(const struct prefix *p)
{
	struct ip_addr a = prefix_addr(p);

	return (ip_addr_to_u32(&a) - 0x0a010000u) / 256;
}

static struct ip_addr hop_nr(size_t i)
{
	return ip_addr_v4(0xc0000200u + (uint32_t)i);
}

static struct plan *new_plan(bool classic)
{
	static const struct plan_kind kinds[] = { { false, 0, 0, 0 }, { true, 64, 120, 0 } };

	return plan_new(&(struct plan_config){ .id_base = ID_BASE,
		.id_count = ID_COUNT,
		.classic = classic,
		.kind = kinds,
		.kind_count = 2,
		.max_resilient = PREFIXES });
}

static struct model *model_new(bool classic)
{
	struct model *m = calloc(1, sizeof(*m));

	m->plan = new_plan(classic);
	m->classic = classic;
	m->random = 12345;
	for (size_t i = 0; i < HOPS; i++)
		m->reachable[i] = true;
	return m;
}

static void model_free(struct model *m)
{
	plan_free(m->plan);
	free(m);
}

static uint8_t kind_of(const struct model *m, size_t prefix)
{
	return m->some_resilient && prefix % 3 == 0 ? 2 : 0;
}

static void wish(struct model *m, size_t prefix, unsigned mask, uint16_t weight)
{
	struct fib_next_hop nh[HOPS];
	struct prefix p = prefix_nr(prefix);
	size_t count = 0;

	m->wished[prefix] = mask;
	m->weight[prefix] = weight;
	for (size_t i = HOPS; i-- > 0;) /* not in order: the plan sorts */
		if (mask & 1u << i)
			nh[count++] = (struct fib_next_hop){ hop_nr(i), i ? 1 : weight };
	if (count)
		plan_set(m->plan, &p, kind_of(m, prefix), nh, count);
	else
		plan_del(m->plan, &p);
}

static void resolve(struct model *m, enum plan_ask which)
{
	struct ip_addr *ask;
	size_t count = plan_ask(m->plan, which, &ask);

	for (size_t i = 0; i < count; i++) {
		size_t nr = ip_addr_to_u32(&ask[i]) - 0xc0000200u;
		struct plan_resolution r = { .reachable = m->reachable[nr],
			.ifindex = 7,
			.interface = "eth0",
			.gateway = ask[i],
			.why = "no route to it" };

		m->refused[nr] = false;
		plan_resolve(m->plan, &ask[i], &r);
	}
	plan_resolve_end(m->plan);
	free(ask);
}

static struct model_group *group_at(struct model *m, uint32_t id)
{
	assert_in_range(id, ID_BASE, ID_BASE + ID_COUNT - 1);
	return &m->group[id - ID_BASE];
}

static void flush_group(struct model *m, uint32_t id)
{
	group_at(m, id)->there = false;
	for (size_t i = 0; i < PREFIXES; i++)
		if (m->route[i].there && !m->classic && m->route[i].group == id)
			m->route[i].there = false;
}

static void flush_hop(struct model *m, uint32_t id)
{
	m->hop_there[id - ID_BASE] = false;
	for (uint32_t i = 0; i < ID_COUNT; i++) {
		struct model_group *g = &m->group[i];

		for (size_t k = 0; g->there && k < g->count; k++) {
			if (g->member[k] != id)
				continue;
			memmove(&g->member[k], &g->member[k + 1], (g->count - k - 1) * sizeof(g->member[0]));
			memmove(&g->weight[k], &g->weight[k + 1], (g->count - k - 1) * sizeof(g->weight[0]));
			if (!--g->count)
				flush_group(m, ID_BASE + i);
		}
	}
}

static int carry_out(struct model *m, const struct plan_op *op)
{
	struct model_group *g;
	struct model_route *r;

	switch ((enum plan_op_kind)op->kind) {
	case PLAN_NEXT_HOP_SET:
		assert_false(group_at(m, op->id)->there);
		assert_int_equal(op->hops[0].ifindex, 7);
		m->hop_there[op->id - ID_BASE] = true;
		m->hop_gateway[op->id - ID_BASE] = op->hops[0].gateway;
		return 0;
	case PLAN_GROUP_SET:
		g = group_at(m, op->id);
		assert_false(m->hop_there[op->id - ID_BASE]);
		assert_in_range(op->hop_count, 1, MEMBERS);
		for (size_t i = 0; i < op->hop_count; i++)
			if (!m->hop_there[op->hops[i].id - ID_BASE])
				return -EINVAL;
		/* The kernel refuses to change a group's type, and so we never ask. */
		assert_true(!g->there || g->resilient == (op->group_kind != NULL));
		g->resilient = op->group_kind != NULL;
		g->there = true;
		g->count = op->hop_count;
		for (size_t i = 0; i < op->hop_count; i++) {
			g->member[i] = op->hops[i].id;
			g->weight[i] = op->hops[i].weight;
		}
		return 0;
	case PLAN_ROUTE_SET:
		r = &m->route[number_of(&op->prefix)];
		if (r->there && !op->replace)
			return -EEXIST;
		if (!m->classic && !group_at(m, op->id)->there)
			return -EINVAL;
		if (!m->classic && group_at(m, op->id)->resilient) {
			for (size_t i = 0; i < PREFIXES; i++)
				assert_false(m->route[i].there && m->route[i].group == op->id);
			/* It would lose its flows. */
			assert_false(r->there && group_at(m, r->group)->resilient);
		}
		r->there = true;
		r->group = op->id;
		r->count = op->hop_count;
		for (size_t i = 0; i < op->hop_count; i++) {
			r->gateway[i] = op->hops[i].gateway;
			r->weight[i] = op->hops[i].weight;
		}
		return 0;
	case PLAN_ROUTE_DEL:
		m->route[number_of(&op->prefix)].there = false;
		return 0;
	case PLAN_GROUP_DEL:
		for (size_t i = 0; i < PREFIXES; i++)
			assert_false(m->route[i].there && m->route[i].group == op->id);
		flush_group(m, op->id);
		return 0;
	case PLAN_NEXT_HOP_DEL:
		flush_hop(m, op->id);
		return 0;
	}
	fail();
	return 0;
}

static unsigned usable(const struct model *m, size_t prefix)
{
	unsigned mask = 0;

	for (size_t i = 0; i < HOPS; i++)
		if (m->reachable[i] && !m->refused[i])
			mask |= m->wished[prefix] & 1u << i;
	return mask;
}

/* A route that is there and wished with a usable next hop stays there through all of the batch. */
static void mark_those_that_must_stay(struct model *m)
{
	for (size_t i = 0; i < PREFIXES; i++)
		m->route[i].must_stay = m->route[i].there && usable(m, i);
}

static void check_kernel(const struct model *m)
{
	for (size_t i = 0; i < PREFIXES; i++) {
		const struct model_route *r = &m->route[i];

		assert_true(r->there || !r->must_stay);
		if (r->there && !m->classic) {
			const struct model_group *g = &m->group[r->group - ID_BASE];

			assert_true(g->there);
			assert_true(g->count > 0);
		}
	}
}

static void run_batch(struct model *m, struct plan_batch *b)
{
	enum plan_op_kind last = PLAN_NEXT_HOP_SET;

	mark_those_that_must_stay(m);
	for (size_t i = 0; i < b->count; i++) {
		struct plan_op *op = &b->op[i];
		bool is_route = op->kind == PLAN_ROUTE_SET || op->kind == PLAN_ROUTE_DEL;

		/* The order of plan.h; routes of both kinds are mixed, and next hops may leave groups before they change. */
		if (op->kind != PLAN_NEXT_HOP_DEL) {
			assert_true((enum plan_op_kind)op->kind >= last || is_route);
			last = is_route ? PLAN_ROUTE_SET : (enum plan_op_kind)op->kind;
		}
		m->ops[op->kind]++;
		if (m->fail_one_in && !draw(m, m->fail_one_in))
			op->error = -ENOBUFS;
		else
			op->error = carry_out(m, op);
		if (op->error && op->kind == PLAN_NEXT_HOP_SET)
			m->refused[ip_addr_to_u32(&op->hops[0].gateway) - 0xc0000200u] = true;
		if (!m->fail_one_in)
			assert_int_equal(op->error, 0);
		check_kernel(m);
	}
}

static void commit(struct model *m, size_t max)
{
	for (int turn = 0; turn < 1000; turn++) {
		struct plan_batch b = { 0 };

		if (plan_has_new(m->plan))
			resolve(m, PLAN_ASK_NEW);
		if (!plan_run(m->plan, max, true, &b)) {
			plan_batch_fini(&b);
			return;
		}
		run_batch(m, &b);
		plan_done(m->plan, &b);
		plan_batch_fini(&b);
	}
	fail_msg("the plan finds no end");
}

/* The next hops of a route in the model as a mask, with the weight of next hop 0. */
static unsigned mask_of(const struct model *m, size_t prefix, uint16_t *weight)
{
	const struct model_route *r = &m->route[prefix];
	const struct model_group *g = m->classic ? NULL : &m->group[r->group - ID_BASE];
	size_t count = g ? g->count : r->count;
	unsigned mask = 0;

	*weight = 0;
	for (size_t i = 0; i < count; i++) {
		const struct ip_addr *a = g ? &m->hop_gateway[g->member[i] - ID_BASE] : &r->gateway[i];
		unsigned nr = ip_addr_to_u32(a) - 0xc0000200u;

		mask |= 1u << nr;
		if (nr == 0)
			*weight = g ? g->weight[i] : r->weight[i];
	}
	return mask;
}

static size_t count_objects(const struct model *m, size_t *groups)
{
	size_t hops = 0;

	*groups = 0;
	for (size_t i = 0; i < ID_COUNT; i++) {
		hops += m->hop_there[i];
		*groups += m->group[i].there;
	}
	return hops;
}

static void check_equal(const struct model *m)
{
	size_t groups, hops = count_objects(m, &groups), sets = 0;
	unsigned used = 0;
	uint32_t seen[PREFIXES * 2] = { 0 };

	for (size_t i = 0; i < PREFIXES; i++) {
		unsigned want = usable(m, i);
		uint16_t weight;

		used |= m->wished[i];
		assert_int_equal(m->route[i].there, want != 0);
		if (!want)
			continue;
		assert_int_equal(mask_of(m, i, &weight), want);
		if (want & 1)
			assert_int_equal(weight, m->weight[i]);
		size_t k = 0;
		while (k < sets && seen[k] != m->route[i].group)
			k++;
		seen[k] = m->route[i].group;
		sets += k == sets;
	}
	if (m->classic)
		return;
	assert_int_equal(groups, sets);
	assert_true(hops <= (size_t)__builtin_popcount(used));
}

static void clear_counts(struct model *m)
{
	memset(m->ops, 0, sizeof(m->ops));
}

static struct plan_view view_of(const struct model *m, size_t prefix)
{
	struct plan_view v;
	struct prefix p = prefix_nr(prefix);

	assert_true(plan_view_get(m->plan, &p, &v));
	return v;
}

/* --- the tests --- */

static void one_route_makes_a_group_of_one(void **state)
{
	struct model *m = model_new(false);

	(void)state;
	wish(m, 0, 1, 1);
	commit(m, 100);
	check_equal(m);
	assert_int_equal(m->ops[PLAN_NEXT_HOP_SET], 1);
	assert_int_equal(m->ops[PLAN_GROUP_SET], 1);
	assert_int_equal(m->ops[PLAN_ROUTE_SET], 1);
	assert_int_equal(view_of(m, 0).state, PLAN_INSTALLED);
	wish(m, 0, 0, 1);
	commit(m, 100);
	check_equal(m);
	assert_int_equal(plan_stats(m->plan).routes, 0);
	assert_int_equal(plan_stats(m->plan).groups, 0);
	assert_int_equal(plan_stats(m->plan).next_hops, 0);
	model_free(m);
}

static void a_group_whose_routes_all_change_alike_is_changed_in_place(void **state)
{
	struct model *m = model_new(false);
	uint32_t id;

	(void)state;
	for (size_t i = 0; i < PREFIXES; i++)
		wish(m, i, 7, 1);
	commit(m, 100);
	id = m->route[0].group;
	clear_counts(m);
	for (size_t i = 0; i < PREFIXES; i++)
		wish(m, i, 11, 1);
	commit(m, 100);
	check_equal(m);
	assert_int_equal(m->ops[PLAN_GROUP_SET], 1);
	assert_int_equal(m->ops[PLAN_ROUTE_SET], 0);
	assert_int_equal(m->ops[PLAN_NEXT_HOP_DEL], 1);
	assert_int_equal(m->route[0].group, id);
	model_free(m);
}

/* Wishes of a change that is not whole: what is planned then, carried out. */
static void run_part(struct model *m, size_t route_sets, size_t route_dels)
{
	struct plan_batch b = { 0 };

	clear_counts(m);
	if (plan_run(m->plan, 100, false, &b)) {
		run_batch(m, &b);
		plan_done(m->plan, &b);
	}
	plan_batch_fini(&b);
	assert_int_equal(m->ops[PLAN_ROUTE_SET], route_sets);
	assert_int_equal(m->ops[PLAN_ROUTE_DEL], route_dels);
}

static void routes_that_move_wait_for_the_whole_change_and_others_do_not(void **state)
{
	struct model *m = model_new(false);
	uint32_t id;

	(void)state;
	for (size_t i = 0; i < 10; i++)
		wish(m, i, 7, 1);
	wish(m, 10, 1, 1);
	commit(m, 100);
	id = m->route[0].group;
	for (size_t i = 0; i < 5; i++)
		wish(m, i, 3, 1);
	wish(m, 9, 0, 1);
	wish(m, 11, 1, 1);
	run_part(m, 1, 1);
	/* It does not move after all. */
	wish(m, 4, 0, 1);
	run_part(m, 0, 1);
	run_part(m, 0, 0);
	for (size_t i = 5; i < 9; i++)
		wish(m, i, 3, 1);
	clear_counts(m);
	commit(m, 100);
	check_equal(m);
	assert_int_equal(m->ops[PLAN_ROUTE_SET], 0);
	assert_int_equal(m->route[0].group, id);
	model_free(m);
}

static void a_next_hop_that_is_gone_leaves_its_groups_by_being_deleted(void **state)
{
	struct model *m = model_new(false);

	(void)state;
	for (size_t i = 0; i < PREFIXES; i++)
		wish(m, i, i % 2 ? 7 : 6, 1);
	commit(m, 100);
	clear_counts(m);
	for (size_t i = 0; i < PREFIXES; i++)
		wish(m, i, i % 2 ? 3 : 2, 1);
	commit(m, 100);
	check_equal(m);
	assert_int_equal(m->ops[PLAN_NEXT_HOP_DEL], 1);
	assert_int_equal(m->ops[PLAN_GROUP_SET], 0);
	assert_int_equal(m->ops[PLAN_ROUTE_SET], 0);
	model_free(m);
}

/* It would move flows twice. */
static void a_next_hop_does_not_leave_a_group_that_changes_otherwise_too(void **state)
{
	struct model *m = model_new(false);

	(void)state;
	for (size_t i = 0; i < PREFIXES; i++)
		wish(m, i, i % 2 ? 7 : 6, 1);
	commit(m, 100);
	clear_counts(m);
	for (size_t i = 0; i < PREFIXES; i++)
		wish(m, i, i % 2 ? 3 : 10, 1);
	commit(m, 100);
	check_equal(m);
	assert_int_equal(m->ops[PLAN_GROUP_SET], 2);
	assert_int_equal(m->ops[PLAN_NEXT_HOP_DEL], 1);
	clear_counts(m);
	for (size_t i = 0; i < PREFIXES; i++)
		wish(m, i, i % 2 ? 1 : 8, 2);
	commit(m, 100);
	check_equal(m);
	/* The weight of the one that stays, as the only member of its group. */
	assert_int_equal(m->ops[PLAN_GROUP_SET], 2);
	model_free(m);
}

static void a_next_hop_that_may_not_be_deleted_leaves_its_group_all_the_same(void **state)
{
	struct model *m = model_new(false);
	struct plan_batch b = { 0 };
	uint16_t weight;

	(void)state;
	wish(m, 0, 7, 1);
	commit(m, 100);
	wish(m, 0, 3, 1);
	assert_true(plan_run(m->plan, 100, true, &b));
	assert_int_equal(b.count, 1);
	assert_int_equal(b.op[0].kind, PLAN_NEXT_HOP_DEL);
	b.op[0].error = -EPERM;
	plan_done(m->plan, &b);
	plan_batch_fini(&b);
	commit(m, 100);
	assert_int_equal(mask_of(m, 0, &weight), 3);
	plan_retry(m->plan);
	commit(m, 100);
	check_equal(m);
	model_free(m);
}

static void routes_move_when_only_some_of_a_group_change(void **state)
{
	struct model *m = model_new(false);

	(void)state;
	for (size_t i = 0; i < 10; i++)
		wish(m, i, 7, 1);
	commit(m, 100);
	clear_counts(m);
	for (size_t i = 0; i < 4; i++)
		wish(m, i, 3, 1);
	commit(m, 100);
	check_equal(m);
	assert_int_equal(m->ops[PLAN_GROUP_SET], 1);
	assert_int_equal(m->ops[PLAN_ROUTE_SET], 4);
	assert_int_not_equal(m->route[0].group, m->route[9].group);
	model_free(m);
}

static void routes_move_to_a_group_that_has_their_set_already(void **state)
{
	struct model *m = model_new(false);

	(void)state;
	for (size_t i = 0; i < 10; i++)
		wish(m, i, i < 5 ? 7 : 3, 1);
	commit(m, 100);
	clear_counts(m);
	for (size_t i = 0; i < 5; i++)
		wish(m, i, 3, 1);
	commit(m, 100);
	check_equal(m);
	assert_int_equal(m->ops[PLAN_GROUP_SET], 0);
	assert_int_equal(m->ops[PLAN_ROUTE_SET], 5);
	assert_int_equal(m->ops[PLAN_GROUP_DEL], 1);
	model_free(m);
}

static void a_weight_makes_another_set(void **state)
{
	struct model *m = model_new(false);

	(void)state;
	wish(m, 0, 3, 1);
	wish(m, 1, 3, 2);
	commit(m, 100);
	check_equal(m);
	assert_int_not_equal(m->route[0].group, m->route[1].group);
	model_free(m);
}

static void an_unreachable_next_hop_is_left_out_and_comes_back(void **state)
{
	struct model *m = model_new(false);

	(void)state;
	m->reachable[1] = false;
	wish(m, 0, 3, 1);
	wish(m, 1, 2, 1);
	commit(m, 100);
	check_equal(m);
	assert_int_equal(view_of(m, 0).state, PLAN_INSTALLED);
	assert_string_equal(view_of(m, 0).error, "next hop 192.0.2.1 is unreachable: no route to it");
	assert_int_equal(view_of(m, 1).state, PLAN_FAILED);
	m->reachable[1] = true;
	resolve(m, PLAN_ASK_UNREACHABLE);
	commit(m, 100);
	check_equal(m);
	assert_int_equal(view_of(m, 1).state, PLAN_INSTALLED);
	assert_string_equal(view_of(m, 0).error, "");
	m->reachable[0] = m->reachable[1] = false;
	resolve(m, PLAN_ASK_ALL);
	commit(m, 100);
	check_equal(m);
	assert_int_equal(view_of(m, 0).state, PLAN_FAILED);
	model_free(m);
}

static void a_dead_next_hop_costs_one_operation_per_group(void **state)
{
	struct model *m = model_new(false);

	(void)state;
	for (size_t i = 0; i < PREFIXES; i++)
		wish(m, i, i % 2 ? 3 : 5, 1);
	commit(m, 100);
	clear_counts(m);
	m->reachable[0] = false;
	resolve(m, PLAN_ASK_ALL);
	commit(m, 100);
	check_equal(m);
	assert_int_equal(m->ops[PLAN_GROUP_SET], 2);
	assert_int_equal(m->ops[PLAN_ROUTE_SET], 0);
	model_free(m);
}

static void a_refused_route_keeps_its_place_and_is_tried_again(void **state)
{
	struct model *m = model_new(false);
	struct plan_batch b = { 0 };

	(void)state;
	wish(m, 0, 1, 1);
	wish(m, 1, 1, 1);
	commit(m, 100);
	wish(m, 0, 2, 1);
	resolve(m, PLAN_ASK_NEW);
	assert_true(plan_run(m->plan, 100, true, &b));
	for (size_t i = 0; i < b.count; i++)
		b.op[i].error = b.op[i].kind == PLAN_ROUTE_SET ? -EEXIST : carry_out(m, &b.op[i]);
	plan_done(m->plan, &b);
	plan_batch_fini(&b);
	assert_int_equal(view_of(m, 0).state, PLAN_FAILED);
	assert_string_equal(view_of(m, 0).error,
		"another program has a route to this prefix with the same metric in the table");
	assert_int_equal(view_of(m, 0).group_id, m->route[1].group);
	assert_int_equal(plan_stats(m->plan).failed, 1);
	commit(m, 100);
	assert_int_equal(view_of(m, 0).state, PLAN_FAILED);
	plan_retry(m->plan);
	commit(m, 100);
	check_equal(m);
	assert_int_equal(view_of(m, 0).state, PLAN_INSTALLED);
	model_free(m);
}

static void a_group_that_could_not_be_changed_keeps_its_old_next_hop(void **state)
{
	struct model *m = model_new(false);
	struct plan_batch b = { 0 };

	(void)state;
	wish(m, 0, 1, 1);
	commit(m, 100);
	wish(m, 0, 2, 1);
	resolve(m, PLAN_ASK_NEW);
	assert_true(plan_run(m->plan, 100, true, &b));
	for (size_t i = 0; i < b.count; i++)
		b.op[i].error = b.op[i].kind == PLAN_GROUP_SET ? -ENOBUFS : carry_out(m, &b.op[i]);
	plan_done(m->plan, &b);
	plan_batch_fini(&b);
	/* Deleting the old next hop would empty the group and take the route with it. */
	commit(m, 100);
	assert_true(m->route[0].there);
	assert_int_equal(view_of(m, 0).state, PLAN_FAILED);
	plan_retry(m->plan);
	commit(m, 100);
	check_equal(m);
	assert_int_equal(plan_stats(m->plan).next_hops, 1);
	model_free(m);
}

static void a_wish_during_a_batch_is_planned_after_it(void **state)
{
	struct model *m = model_new(false);
	struct plan_batch b = { 0 };

	(void)state;
	wish(m, 0, 1, 1);
	resolve(m, PLAN_ASK_NEW);
	assert_true(plan_run(m->plan, 100, true, &b));
	wish(m, 0, 2, 1);
	wish(m, 0, 0, 1);
	run_batch(m, &b);
	plan_done(m->plan, &b);
	plan_batch_fini(&b);
	commit(m, 100);
	check_equal(m);
	assert_int_equal(plan_stats(m->plan).next_hops, 0);
	model_free(m);
}

static void assert_goes_ahead(struct model *m, size_t nr, struct plan_batch *b)
{
	struct prefix prefix = prefix_nr(nr);

	assert_true(plan_run(m->plan, 1, true, b));
	assert_int_equal(b->count, 1);
	assert_int_equal(b->op[0].kind, m->wished[nr] ? PLAN_ROUTE_SET : PLAN_ROUTE_DEL);
	assert_true(prefix_equal(&b->op[0].prefix, &prefix));
	run_batch(m, b);
}

static void routes_go_ahead_of_results_and_nothing_else_does(void **state)
{
	struct model *m = model_new(false);
	struct plan_batch b[4] = { 0 };

	(void)state;
	wish(m, 0, 1, 1);
	commit(m, 100);
	for (size_t i = 1; i < 4; i++)
		wish(m, i, 1, 1);
	wish(m, 0, 0, 1);
	for (size_t i = 0; i < 3; i++)
		assert_goes_ahead(m, i + 1, &b[i]);
	/* The first one's result is still to come. */
	wish(m, 1, 0, 1);
	assert_goes_ahead(m, 0, &b[3]);
	assert_false(plan_run(m->plan, 1, true, &(struct plan_batch){ 0 }));
	for (size_t i = 0; i < 4; i++) {
		plan_done(m->plan, &b[i]);
		plan_batch_fini(&b[i]);
	}
	/* A next hop and a group that the kernel has not confirmed. */
	wish(m, 4, 2, 1);
	resolve(m, PLAN_ASK_NEW);
	b[0] = (struct plan_batch){ 0 };
	assert_true(plan_run(m->plan, 100, true, &b[0]));
	run_batch(m, &b[0]);
	wish(m, 5, 1, 1);
	assert_false(plan_run(m->plan, 100, true, &(struct plan_batch){ 0 }));
	plan_done(m->plan, &b[0]);
	plan_batch_fini(&b[0]);
	commit(m, 100);
	check_equal(m);
	model_free(m);
}

static void a_full_range_of_ids_is_told_in_words(void **state)
{
	struct plan_config cfg = { .id_base = ID_BASE, .id_count = 3 };
	struct model *m = model_new(false);

	(void)state;
	plan_free(m->plan);
	m->plan = plan_new(&cfg);
	for (size_t i = 0; i < 4; i++)
		wish(m, i, 1u << i, 1);
	m->fail_one_in = 1u << 23; /* errors are expected, none are drawn */
	commit(m, 100);
	assert_int_equal(view_of(m, 3).state, PLAN_FAILED);
	assert_non_null(strstr(view_of(m, 3).error, "next-hop ids of the configured range"));
	model_free(m);
}

/* --- what the kernel has and we have not wished --- */

static void list_kernel(struct model *m, bool with_routes)
{
	plan_listing_begin(m->plan, with_routes);
	for (uint32_t i = 0; i < ID_COUNT; i++) {
		struct plan_hop hop[MEMBERS] = { { .ifindex = 7, .gateway = m->hop_gateway[i] } };
		const struct model_group *g = &m->group[i];

		if (m->hop_there[i])
			plan_found_object(m->plan, &(struct plan_found){ ID_BASE + i, false, false, hop, 1 });
		for (size_t k = 0; k < g->count; k++)
			hop[k] = (struct plan_hop){ .id = g->member[k], .weight = g->weight[k] };
		if (g->there)
			plan_found_object(m->plan,
				&(struct plan_found){ ID_BASE + i, true, g->resilient, hop, g->count });
	}
	for (size_t i = 0; with_routes && i < PREFIXES; i++) {
		struct prefix p = prefix_nr(i);

		if (m->route[i].there)
			plan_found_route(m->plan, &p, m->route[i].group, PLAN_REMOVE, kind_of(m, i));
	}
	plan_listing_end(m->plan);
}

static void leftovers_are_kept_and_swept(void **state)
{
	struct model *m = model_new(false);

	(void)state;
	for (size_t i = 0; i < 10; i++)
		wish(m, i, i < 8 ? 7 : 24, 1);
	commit(m, 100);
	/* The daemon is killed and comes again. */
	clear_counts(m);
	plan_free(m->plan);
	m->plan = new_plan(false);
	list_kernel(m, true);
	for (size_t i = 0; i < 10; i++)
		m->wished[i] = 0;
	for (size_t i = 0; i < 4; i++)
		wish(m, i, 3, 1);
	commit(m, 100);
	for (size_t i = 0; i <= PLAN_NEXT_HOP_DEL; i++)
		assert_int_equal(m->ops[i], 0);
	assert_int_equal(plan_stats(m->plan).leftover_routes, 6);
	assert_int_equal(view_of(m, 9).state, PLAN_LEFTOVER);
	for (size_t i = 0; i < 10; i++)
		assert_true(m->route[i].there);
	plan_sweep(m->plan);
	commit(m, 100);
	check_equal(m);
	model_free(m);
}

static void what_somebody_else_took_out_comes_back(void **state)
{
	struct model *m = model_new(false);
	struct prefix p = prefix_nr(0);

	(void)state;
	for (size_t i = 0; i < 10; i++)
		wish(m, i, i < 5 ? 7 : 56, 1);
	commit(m, 100);
	m->route[0].there = false;
	plan_lost_route(m->plan, &p);
	commit(m, 100);
	check_equal(m);
	/* As when a link goes down: the kernel takes next hops, groups and routes without a word. */
	flush_group(m, m->route[0].group);
	flush_hop(m, m->group[m->route[5].group - ID_BASE].member[1]);
	list_kernel(m, false);
	commit(m, 100);
	check_equal(m);
	/* A route rewritten by hand. */
	m->route[1].group = m->route[5].group;
	p = prefix_nr(1);
	plan_found_route(m->plan, &p, m->route[5].group, PLAN_REMOVE, 0);
	commit(m, 100);
	check_equal(m);
	for (size_t i = 3; i < 7; i++)
		m->route[i].there = false;
	list_kernel(m, true);
	commit(m, 100);
	check_equal(m);
	model_free(m);
}

static void nothing_is_done_when_the_kernel_is_right(void **state)
{
	struct model *m = model_new(false);

	(void)state;
	for (size_t i = 0; i < 10; i++)
		wish(m, i, 1 + (unsigned)i, 1);
	commit(m, 100);
	clear_counts(m);
	list_kernel(m, true);
	resolve(m, PLAN_ASK_ALL);
	plan_retry(m->plan);
	commit(m, 100);
	for (size_t i = 0; i <= PLAN_NEXT_HOP_DEL; i++)
		assert_int_equal(m->ops[i], 0);
	model_free(m);
}

/* The daemon is killed, comes again, and is told all anew in two steps and in another order. */
static void restart(struct model *m)
{
	unsigned wished[PREFIXES], keep[PREFIXES];
	uint16_t weight;

	for (size_t i = 0; i < HOPS; i++)
		m->reachable[i] = true;
	resolve(m, PLAN_ASK_ALL);
	commit(m, 100);
	for (size_t i = 0; i < PREFIXES; i++)
		keep[i] = m->route[i].there ? mask_of(m, i, &weight) : 0;
	memcpy(wished, m->wished, sizeof(wished));
	plan_free(m->plan);
	m->plan = new_plan(false);
	list_kernel(m, true);
	clear_counts(m);
	for (size_t i = PREFIXES; i-- > 0;)
		wish(m, i, wished[i] & draw(m, 1u << HOPS), m->weight[i]);
	commit(m, 1 + draw(m, 30));
	for (size_t i = 0; i < PREFIXES; i++) {
		assert_true(m->route[i].there || !keep[i]);
		assert_int_equal(m->route[i].there ? mask_of(m, i, &weight) : 0, keep[i]);
	}
	for (size_t i = 0; i < PREFIXES; i++)
		wish(m, i, wished[i], m->weight[i]);
	commit(m, 1 + draw(m, 30));
	plan_sweep(m->plan);
	commit(m, 1 + draw(m, 30));
	assert_int_equal(m->ops[PLAN_NEXT_HOP_SET] + m->ops[PLAN_NEXT_HOP_DEL], 0);
	assert_int_equal(m->ops[PLAN_GROUP_SET] + m->ops[PLAN_GROUP_DEL], 0);
	assert_int_equal(m->ops[PLAN_ROUTE_SET] + m->ops[PLAN_ROUTE_DEL], 0);
	check_equal(m);
}

static void what_a_route_wanted_before_a_restart_is_not_wanted_for_ever(void **state)
{
	struct model *m = model_new(false);

	(void)state;
	wish(m, 0, 7, 1);
	commit(m, 100);
	plan_free(m->plan);
	m->plan = new_plan(false);
	list_kernel(m, true);
	wish(m, 0, 8, 1);
	commit(m, 100);
	m->wished[0] = 15;
	check_equal(m);
	m->wished[0] = 8;
	clear_counts(m);
	plan_sweep(m->plan);
	commit(m, 100);
	check_equal(m);
	assert_int_equal(m->ops[PLAN_ROUTE_SET], 0);
	assert_int_equal(m->ops[PLAN_GROUP_SET], 0);
	assert_int_equal(m->ops[PLAN_NEXT_HOP_DEL], 3);
	model_free(m);
}

/* --- random sequences --- */

/* Somebody else, or the kernel itself, takes something out. */
static void lose_something(struct model *m)
{
	size_t i = draw(m, PREFIXES);
	struct prefix p = prefix_nr(i);

	if (draw(m, 2) && m->route[i].there) {
		m->route[i].there = false;
		plan_lost_route(m->plan, &p);
	} else if (!m->classic && m->route[i].there) {
		if (draw(m, 2))
			flush_group(m, m->route[i].group);
		else
			flush_hop(m, m->group[m->route[i].group - ID_BASE].member[0]);
		list_kernel(m, draw(m, 2));
	}
}

static void one_random_step(struct model *m)
{
	switch (draw(m, 12)) {
	case 4:
		lose_something(m);
		break;
	case 0:
		m->reachable[draw(m, HOPS)] = draw(m, 3);
		resolve(m, PLAN_ASK_ALL);
		break;
	case 1: { /* all routes with one set go to another */
		unsigned from = m->wished[draw(m, PREFIXES)], to = 1 + draw(m, (1u << HOPS) - 1);

		for (size_t i = 0; i < PREFIXES; i++)
			if (m->wished[i] == from && m->weight[i] == 1)
				wish(m, i, to, 1);
		break;
	}
	case 2:
		if (draw(m, 4) == 0)
			plan_clear(m->plan), memset(m->wished, 0, sizeof(m->wished));
		break;
	case 3: /* few sets, so that they are shared */
		for (size_t i = 0; i < PREFIXES; i += 3)
			wish(m, i, 3, 1);
		break;
	default:
		wish(m, draw(m, PREFIXES), draw(m, 1u << HOPS), (uint16_t)(1 + draw(m, 2)));
	}
}

/* Up to three batches are written before the results of the first are told; wishes come in between. */
static void random_batches(struct model *m, bool with_wishes)
{
	struct plan_batch b[3] = { 0 };
	size_t count = 0;

	while (count <= draw(m, 3) && count < 3 && !plan_has_new(m->plan) &&
		plan_run(m->plan, 1 + draw(m, 30), draw(m, 2), &b[count])) {
		run_batch(m, &b[count++]);
		for (uint32_t i = with_wishes ? draw(m, 3) : 0; i > 0; i--)
			wish(m, draw(m, PREFIXES), draw(m, 1u << HOPS), 1);
	}
	m->most_under_way = count > m->most_under_way ? count : m->most_under_way;
	for (size_t i = 0; i < count; i++)
		plan_done(m->plan, &b[i]);
	for (size_t i = 0; i < 3; i++)
		plan_batch_fini(&b[i]);
}

static void random_run(bool classic, unsigned fail_one_in, uint32_t seed)
{
	struct model *m = model_new(classic);

	m->some_resilient = seed % 2;

	m->random = seed;
	for (int round = 0; round < 3000; round++) {
		for (uint32_t i = draw(m, 6); i > 0; i--)
			one_random_step(m);
		m->fail_one_in = round % 20 < 15 ? fail_one_in : 0;
		resolve(m, PLAN_ASK_NEW);
		random_batches(m, fail_one_in || classic);
		if (round % 20 != 19)
			continue;
		resolve(m, PLAN_ASK_ALL);
		plan_retry(m->plan);
		commit(m, 1 + draw(m, 30));
		check_equal(m);
		if (!classic && draw(m, 2))
			restart(m);
	}
	assert_in_range(m->most_under_way, classic ? 1 : 2, classic ? 1 : 3);
	memset(m->wished, 0, sizeof(m->wished));
	plan_clear(m->plan);
	m->fail_one_in = 0;
	commit(m, 7);
	check_equal(m);
	assert_int_equal(plan_stats(m->plan).routes, 0);
	assert_int_equal(plan_stats(m->plan).groups, 0);
	model_free(m);
}

static void random_wishes_end_where_they_should(void **state)
{
	(void)state;
	for (uint32_t seed = 1; seed <= 5; seed++)
		random_run(false, 0, seed);
}

static void random_wishes_end_where_they_should_though_the_kernel_refuses_some(void **state)
{
	(void)state;
	for (uint32_t seed = 1; seed <= 5; seed++)
		random_run(false, 9, seed);
}

static void random_wishes_end_where_they_should_in_classic_mode(void **state)
{
	(void)state;
	random_run(true, 0, 1);
	random_run(true, 9, 2);
}

/* --- listings --- */

enum { LISTED = 12007 };

/* Prefixes in their order: all lengths; many IPv6 ones that differ only behind the first 64 bits. */
static struct prefix sorted_prefix(size_t i, size_t of)
{
	struct prefix p = { .family = i < of / 2 ? IP_V4 : IP_V6 };
	size_t nr = p.family == IP_V4 ? i : i - of / 2;

	if (p.family == IP_V4) {
		p.bytes[0] = (uint8_t)(nr >> 8);
		p.bytes[1] = (uint8_t)(nr & 0xf8);
		p.len = (uint8_t)(14 + (nr & 7));
	} else {
		p.bytes[0] = 0xfd;
		p.bytes[6] = (uint8_t)(nr >> 12);
		p.bytes[14] = (uint8_t)(nr >> 2);
		p.bytes[13] = (uint8_t)(nr >> 10 & 3);
		p.len = (uint8_t)(125 + (nr & 3));
	}
	prefix_mask(&p);
	return p;
}

static void switch_route(struct plan *plan, bool *in, const struct prefix *p)
{
	const struct fib_next_hop nh = { hop_nr(0), 1 };

	if (*in)
		plan_del(plan, p);
	else
		plan_set(plan, p, 0, &nh, 1);
	*in = !*in;
}

/* None can be reached, so there is nothing to be done but to forget what is not wished. */
static void settle(struct plan *plan)
{
	struct plan_batch b = { 0 };

	assert_false(plan_run(plan, SIZE_MAX, true, &b));
	plan_batch_fini(&b);
}

static void check_listing(const struct plan *plan, const bool *in, const struct prefix *p)
{
	struct plan_rows *rows = plan_rows_new();
	struct plan_view v;

	for (size_t k = 0; k < LISTED; k++) {
		if (!in[k])
			continue;
		assert_true(plan_rows_next(plan, rows, &v));
		assert_true(prefix_equal(&v.prefix, &p[k]));
	}
	assert_false(plan_rows_next(plan, rows, &v));
	assert_false(plan_rows_next(plan, rows, &v));
	plan_rows_free(rows);
}

/* What stays is listed once and in its place, though others come and go. */
static void check_moving_listing(struct plan *plan, bool *in, const struct prefix *p, struct model *m)
{
	struct plan_rows *rows = plan_rows_new();
	struct prefix last = { 0 };
	size_t stayed = 0, odd = 0;
	struct plan_view v;

	for (size_t k = 0; k < LISTED; k++)
		odd += k % 2 && in[k];
	while (plan_rows_next(plan, rows, &v)) {
		assert_true(prefix_cmp(&v.prefix, &last) > 0);
		last = v.prefix;
		for (size_t k = 1; k < LISTED; k += 2)
			if (in[k] && prefix_equal(&p[k], &last))
				stayed++;
		for (int n = 0; n < 3; n++) {
			size_t k = draw(m, LISTED / 2) * 2;

			switch_route(plan, &in[k], &p[k]);
		}
		settle(plan);
	}
	assert_int_equal(stayed, odd);
	plan_rows_free(rows);
}

static void listings_are_sorted_while_routes_come_and_go(void **state)
{
	static struct prefix p[LISTED];
	static bool in[LISTED];
	struct plan *plan = new_plan(false);
	struct model m = { .random = 99 };

	(void)state;
	check_listing(plan, in, p);
	for (size_t i = 0; i < LISTED; i++)
		p[i] = sorted_prefix(i, LISTED);
	for (size_t i = 0; i < LISTED; i++)
		switch_route(plan, &in[i * 1103 % LISTED], &p[i * 1103 % LISTED]);
	check_listing(plan, in, p);
	check_moving_listing(plan, in, p, &m);
	for (int round = 0; round < 20; round++) {
		for (int n = 0; n < 2000; n++) {
			size_t i = draw(&m, LISTED);

			switch_route(plan, &in[i], &p[i]);
		}
		settle(plan);
		check_listing(plan, in, p);
	}
	plan_free(plan);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(one_route_makes_a_group_of_one),
		cmocka_unit_test(a_group_whose_routes_all_change_alike_is_changed_in_place),
		cmocka_unit_test(routes_that_move_wait_for_the_whole_change_and_others_do_not),
		cmocka_unit_test(a_next_hop_that_is_gone_leaves_its_groups_by_being_deleted),
		cmocka_unit_test(a_next_hop_does_not_leave_a_group_that_changes_otherwise_too),
		cmocka_unit_test(a_next_hop_that_may_not_be_deleted_leaves_its_group_all_the_same),
		cmocka_unit_test(routes_move_when_only_some_of_a_group_change),
		cmocka_unit_test(routes_move_to_a_group_that_has_their_set_already),
		cmocka_unit_test(a_weight_makes_another_set),
		cmocka_unit_test(an_unreachable_next_hop_is_left_out_and_comes_back),
		cmocka_unit_test(a_dead_next_hop_costs_one_operation_per_group),
		cmocka_unit_test(a_refused_route_keeps_its_place_and_is_tried_again),
		cmocka_unit_test(a_group_that_could_not_be_changed_keeps_its_old_next_hop),
		cmocka_unit_test(a_wish_during_a_batch_is_planned_after_it),
		cmocka_unit_test(routes_go_ahead_of_results_and_nothing_else_does),
		cmocka_unit_test(a_full_range_of_ids_is_told_in_words),
		cmocka_unit_test(leftovers_are_kept_and_swept),
		cmocka_unit_test(what_a_route_wanted_before_a_restart_is_not_wanted_for_ever),
		cmocka_unit_test(what_somebody_else_took_out_comes_back),
		cmocka_unit_test(nothing_is_done_when_the_kernel_is_right),
		cmocka_unit_test(random_wishes_end_where_they_should),
		cmocka_unit_test(random_wishes_end_where_they_should_though_the_kernel_refuses_some),
		cmocka_unit_test(random_wishes_end_where_they_should_in_classic_mode),
		cmocka_unit_test(listings_are_sorted_while_routes_come_and_go),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
