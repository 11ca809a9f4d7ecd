/*
 * Random changes, failures and meddling by others, against a small model of the kernel's list: every operation must be one that the
 * kernel would take, what is kept of the kernel must stay true, and at rest the kernel is as wished, in order.
 */
#include "ipvs/have.h"
#include "ipvs/plan.h"
#include "values.h"

#include <errno.h>
#include <netinet/in.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

enum { SERVERS = 40, ROUNDS = 3000, PLANS_MAX = 40 };

/* --- a kernel: one service, its list oldest first --- */

struct kernel_dest {
	struct ipvs_dest d;
	int32_t last_weight;
};

struct kernel {
	bool present;
	struct ipvs_service service;
	struct kernel_dest dest[SERVERS];
	int count;
};

static int find(const struct kernel *k, const struct ipvs_dest *d)
{
	for (int i = 0; i < k->count; i++)
		if (ipvs_dest_same(&k->dest[i].d, d))
			return i;
	return -1;
}

static int kernel_dest_op(struct kernel *k, const struct ipvs_op *op)
{
	int at = find(k, &op->dest);

	if (op->kind == IPVS_DEST_NEW) {
		if (at >= 0)
			return -EEXIST;
		k->dest[k->count++] = (struct kernel_dest){ op->dest, op->dest.weight };
		return 0;
	}
	if (at < 0)
		return -ENOENT;
	if (op->kind == IPVS_DEST_SET) {
		k->dest[at].d = op->dest;
		if (op->dest.weight)
			k->dest[at].last_weight = op->dest.weight;
		return 0;
	}
	memmove(&k->dest[at], &k->dest[at + 1], (size_t)(--k->count - at) * sizeof(k->dest[0]));
	return 0;
}

static int kernel_op(struct kernel *k, const struct ipvs_service *s, const struct ipvs_op *op)
{
	if (op->kind != IPVS_SERVICE_NEW && !k->present)
		return -ESRCH;
	switch ((enum ipvs_op_kind)op->kind) {
	case IPVS_SERVICE_NEW:
		if (k->present)
			return -EEXIST;
		k->present = true;
		k->service = *s;
		return 0;
	case IPVS_SERVICE_SET:
		k->service = *s;
		return 0;
	case IPVS_SERVICE_DEL:
		*k = (struct kernel){ 0 };
		return 0;
	case IPVS_DEST_NEW:
	case IPVS_DEST_SET:
	case IPVS_DEST_DEL:
		break;
	}
	return kernel_dest_op(k, op);
}

static bool list(const struct kernel *k, struct ipvs_have *h)
{
	struct ipvs_seen_dest seen[SERVERS] = { 0 };

	for (int i = 0; i < k->count; i++)
		seen[k->count - 1 - i].dest = k->dest[i].d;
	return ipvs_have_take(h, k->present ? &k->service : NULL, seen, (size_t)k->count, false);
}

/* --- chance --- */

struct chance {
	uint32_t state;
};

static unsigned draw(struct chance *c, unsigned below)
{
	c->state = c->state * 1664525 + 1013904223;
	return (unsigned)((uint64_t)c->state * below >> 32);
}

static size_t random_wish(struct chance *c, struct ipvs_wish_dest *d)
{
	unsigned percent = draw(c, 101);
	size_t n = 0;

	for (unsigned i = 0; i < SERVERS; i++) {
		if (draw(c, 100) >= percent)
			continue;
		d[n] = value_nth(i);
		d[n].full_weight = 1 + (int32_t)draw(c, 2);
		d[n].dest.weight = draw(c, 4) ? d[n].full_weight : 0;
		n++;
	}
	return n;
}

/* Somebody else takes one out, or changes it. */
static void meddle(struct chance *c, struct kernel *k)
{
	struct ipvs_op op = { .kind = draw(c, 2) ? IPVS_DEST_DEL : IPVS_DEST_SET };

	if (!k->count)
		return;
	op.dest = k->dest[draw(c, (unsigned)k->count)].d;
	op.dest.weight = (int32_t)draw(c, 9);
	kernel_dest_op(k, &op);
}

/* --- the test --- */

struct world {
	struct kernel kernel;
	struct ipvs_have have;
	struct ipvs_plan_input in;
	struct chance chance;
	unsigned refused; /* one in so many operations is refused for no reason; 0: none */
};

/* One plan carried out; false when there was nothing to do. */
static bool go(struct world *w)
{
	struct ipvs_plan p = { 0 };
	bool failed = false;
	size_t n;

	ipvs_plan_make(&w->in, &p);
	n = p.count;
	for (size_t i = 0; i < p.count; i++) {
		if (w->refused && draw(&w->chance, w->refused) == 0)
			p.op[i].error = -ENOMEM;
		else
			p.op[i].error = kernel_op(&w->kernel, &p.service, &p.op[i]);
		/* What follows a refused one may fail of that; nothing else may. */
		assert_true(!p.op[i].error || failed || p.op[i].error == -ENOMEM);
		failed |= p.op[i].error != 0;
	}
	ipvs_have_apply(&w->have, &p.service, p.op, p.count);
	ipvs_plan_fini(&p);
	/* No listing brings news. */
	assert_false(list(&w->kernel, &w->have));
	return n > 0;
}

static void expect_rest(const struct world *w)
{
	const struct kernel *k = &w->kernel;
	bool mh = strcmp(w->in.service->scheduler, "mh") == 0;

	assert_true(k->present && ipvs_service_equal(&k->service, w->in.service));
	assert_int_equal(w->in.count, k->count);
	for (int i = 0; i < k->count; i++) {
		const struct ipvs_wish_dest *d = &w->in.want[mh ? i : 0];

		for (size_t n = 0; !mh && !ipvs_dest_same(&d->dest, &k->dest[i].d); n++)
			d = &w->in.want[n];
		assert_true(ipvs_dest_equal(&d->dest, &k->dest[i].d));
		if (mh)
			assert_int_equal(ipvs_plan_last_weight(d), k->dest[i].last_weight);
	}
}

static void churn(unsigned refused, unsigned meddling, uint32_t seed)
{
	struct world w = { .refused = refused, .chance = { seed } };
	struct ipvs_wish_dest want[SERVERS];
	struct ipvs_service s = value_service(IPPROTO_TCP, "10.9.9.9", 80, "mh");

	w.in = (struct ipvs_plan_input){
		.service = &s, .want = want, .have = &w.have, .fresh = true, .moves_max = 7
	};
	for (unsigned round = 0; round < ROUNDS; round++) {
		unsigned plans = 0;

		strcpy(s.scheduler, draw(&w.chance, 5) ? "mh" : "wlc");
		w.in.count = random_wish(&w.chance, want);
		if (meddling && draw(&w.chance, meddling) == 0) {
			meddle(&w.chance, &w.kernel);
			list(&w.kernel, &w.have);
		}
		while (go(&w))
			assert_true(++plans < PLANS_MAX);
		expect_rest(&w);
	}
	w.in.service = NULL;
	w.in.count = 0;
	while (go(&w))
		;
	assert_false(w.kernel.present);
	ipvs_have_fini(&w.have);
}

static void all_goes_well(void **state)
{
	(void)state;
	churn(0, 0, 1);
}

static void some_operations_are_refused(void **state)
{
	(void)state;
	churn(30, 0, 2);
}

static void others_meddle(void **state)
{
	(void)state;
	churn(0, 3, 3);
	churn(50, 3, 4);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(all_goes_well),
		cmocka_unit_test(some_operations_are_refused),
		cmocka_unit_test(others_meddle),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
