#include "plan_model.h"

#include <errno.h>
#include <stdio.h>

uint32_t draw(struct model *m, uint32_t below)
{
	m->random = m->random * 1664525u + 1013904223u;
	return (uint32_t)(((uint64_t)(m->random >> 8) * below) >> 24);
}

struct prefix prefix_nr(size_t i)
{
	struct ip_addr a = ip_addr_v4(0x0a010000u + (uint32_t)i * 256);

	return prefix_of(&a, 24);
}

size_t number_of(const struct prefix *p)
{
	struct ip_addr a = prefix_addr(p);

	return (ip_addr_to_u32(&a) - 0x0a010000u) / 256;
}

struct ip_addr hop_nr(size_t i)
{
	return ip_addr_v4(0xc0000200u + (uint32_t)i);
}

struct plan *new_plan(bool classic)
{
	static const struct plan_kind kinds[] = { { false, 0, 0, 0 }, { true, 64, 120, 0 } };

	return plan_new(&(struct plan_config){ .id_base = ID_BASE,
		.id_count = ID_COUNT,
		.classic = classic,
		.kind = kinds,
		.kind_count = 2,
		.max_resilient = PREFIXES });
}

struct model *model_new(bool classic)
{
	struct model *m = calloc(1, sizeof(*m));

	m->plan = new_plan(classic);
	m->classic = classic;
	m->random = 12345;
	for (size_t i = 0; i < HOPS; i++)
		m->reachable[i] = true;
	return m;
}

void model_free(struct model *m)
{
	plan_free(m->plan);
	free(m);
}

uint8_t kind_of(const struct model *m, size_t prefix)
{
	return m->some_resilient && prefix % 3 == 0 ? 2 : 0;
}

void wish(struct model *m, size_t prefix, unsigned mask, uint16_t weight)
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

void resolve(struct model *m, enum plan_ask which)
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

void flush_group(struct model *m, uint32_t id)
{
	group_at(m, id)->there = false;
	for (size_t i = 0; i < PREFIXES; i++)
		if (m->route[i].there && !m->classic && m->route[i].group == id)
			m->route[i].there = false;
}

void flush_hop(struct model *m, uint32_t id)
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

int carry_out(struct model *m, const struct plan_op *op)
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

void run_batch(struct model *m, struct plan_batch *b)
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

void commit(struct model *m, size_t max)
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

unsigned mask_of(const struct model *m, size_t prefix, uint16_t *weight)
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

void check_equal(const struct model *m)
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

void clear_counts(struct model *m)
{
	memset(m->ops, 0, sizeof(m->ops));
}

struct plan_view view_of(const struct model *m, size_t prefix)
{
	struct plan_view v;
	struct prefix p = prefix_nr(prefix);

	assert_true(plan_view_get(m->plan, &p, &v));
	return v;
}

void list_kernel(struct model *m, bool with_routes)
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

void restart(struct model *m)
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
