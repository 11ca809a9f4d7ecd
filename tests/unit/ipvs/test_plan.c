/* What leads from what the kernel has to what is wished, operation by operation; and the values and the order beneath. */
#include "base/mem.h"
#include "base/text.h"
#include "ipvs/have.h"
#include "ipvs/order.h"
#include "ipvs/plan.h"
#include "values.h"

#include <netinet/in.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#define COUNT(a) (sizeof(a) / sizeof((a)[0]))

/* --- a case: what is wished, what is there, what is done about it --- */

struct scene {
	struct ipvs_service service;
	struct ipvs_have have;
	struct ipvs_plan_input in;
};

static void scene_init(struct scene *c, const char *scheduler)
{
	*c = (struct scene){ .service = value_service(IPPROTO_TCP, "10.9.9.9", 80, scheduler) };
	c->in = (struct ipvs_plan_input){ .service = &c->service, .moves_max = 64 };
}

/* The kernel has the service, and these servers in this order of insertion. */
static void scene_have(struct scene *c, const struct ipvs_wish_dest *d, size_t n)
{
	struct ipvs_seen_dest *seen = mem_calloc(n + 1, sizeof(*seen));

	for (size_t i = 0; i < n; i++)
		seen[n - 1 - i].dest = d[i].dest;
	ipvs_have_take(&c->have, &c->service, seen, n, false);
	free(seen);
}

/* "+1 1" server 10.8.1.1 is added at weight 1, "=" changed, "-" deleted, "~" before it: for the order alone; S the service. */
static void describe(const struct ipvs_plan *p, struct text *t)
{
	static const char sign[] = { '+', '=', '-', '+', '=', '-' };

	for (size_t i = 0; i < p->count; i++) {
		const struct ipvs_op *op = &p->op[i];

		text_add(t, "%s%s%c", i ? " " : "", op->move ? "~" : "", sign[op->kind]);
		if (op->kind < IPVS_DEST_NEW)
			text_add(t, "S");
		else if (op->kind == IPVS_DEST_DEL)
			text_add(t, "%u", op->dest.addr.bytes[3]);
		else
			text_add(t, "%u*%d", op->dest.addr.bytes[3], op->dest.weight);
	}
	text_add(t, p->order_left ? " left" : "");
	text_add(t, p->more ? " more" : "");
}

static void expect(struct scene *c, const struct ipvs_wish_dest *want, size_t n, const char *operations)
{
	char buf[4096];
	struct text t = text_init(buf, sizeof(buf));
	struct ipvs_plan p = { 0 };

	c->in.want = want;
	c->in.count = n;
	c->in.have = &c->have;
	ipvs_plan_make(&c->in, &p);
	describe(&p, &t);
	assert_string_equal(operations, buf);
	ipvs_plan_fini(&p);
}

static void fill(struct ipvs_wish_dest *d, unsigned first, unsigned n)
{
	for (unsigned i = 0; i < n; i++)
		d[i] = value_nth(first - 1 + i);
}

/* --- services --- */

static void a_service_comes_changes_and_goes(void **state)
{
	struct ipvs_wish_dest d[3];
	struct scene c;

	(void)state;
	fill(d, 1, 3);
	scene_init(&c, "wlc");
	expect(&c, d, 3, "+S +1*1 +2*1 +3*1");
	expect(&c, NULL, 0, "+S");
	scene_have(&c, d, 3);
	expect(&c, d, 3, "");
	strcpy(c.service.scheduler, "mh");
	expect(&c, d, 3, "=S");
	c.in.service = NULL;
	expect(&c, NULL, 0, "-S");
	ipvs_have_fini(&c.have);
	expect(&c, NULL, 0, "");
}

static void changes_come_first_and_deletions_last(void **state)
{
	struct ipvs_wish_dest has[4], d[3];
	struct scene c;

	(void)state;
	scene_init(&c, "wlc");
	fill(has, 2, 4); /* 2 3 4 5 */
	scene_have(&c, has, 4);
	fill(d, 1, 3); /* 1 2 3 */
	d[2].dest.weight = 0;
	expect(&c, d, 3, "=3*0 +1*1 -4 -5");
	ipvs_have_fini(&c.have);
}

static void every_attribute_counts(void **state)
{
	struct ipvs_wish_dest has = value_dest("10.8.1.1", 80, IPVS_TUN, 3), d;
	struct scene c;

	(void)state;
	scene_init(&c, "rr");
	scene_have(&c, &has, 1);
	expect(&c, &has, 1, "");
	for (unsigned i = 0; i < 7; i++) {
		d = has;
		d.dest.forward = i == 0 ? IPVS_DR : IPVS_TUN;
		d.dest.tunnel = i == 1 ? IPVS_GRE : IPVS_IPIP;
		d.dest.tunnel_port = i == 2 ? 7 : 0;
		d.dest.tunnel_flags = i == 3 ? IPVS_TUNNEL_CSUM : 0;
		d.dest.upper_threshold = i == 4 ? 5 : 0;
		d.dest.lower_threshold = i == 5 ? 5 : 0;
		d.dest.weight = i == 6 ? 4 : 3;
		expect(&c, &d, 1, i == 6 ? "=1*4" : "=1*3");
	}
	d = has;
	d.dest.port = 81;
	expect(&c, &d, 1, "+1*3 -1");
	ipvs_have_fini(&c.have);
}

/* --- the last weight, under mh --- */

static void who_comes_drained_is_put_in_at_full_weight(void **state)
{
	struct ipvs_wish_dest d = value_nth(0);
	struct scene c;

	(void)state;
	d.dest.weight = 0;
	d.full_weight = 5;
	scene_init(&c, "mh");
	expect(&c, &d, 1, "+S +1*5 =1*0");
	scene_init(&c, "wlc");
	expect(&c, &d, 1, "+S +1*0");
	d.full_weight = 0;
	scene_init(&c, "mh");
	expect(&c, &d, 1, "+S +1*0");
}

static void an_unknown_last_weight_is_written(void **state)
{
	struct ipvs_wish_dest d = value_nth(0);
	struct ipvs_seen_dest seen;
	struct scene c;

	(void)state;
	d.dest.weight = 0;
	d.full_weight = 5;
	scene_init(&c, "mh");
	scene_have(&c, &d, 1); /* at 0, and who put it there is not known */
	expect(&c, &d, 1, "=1*5 =1*0");
	ipvs_have_fini(&c.have);
	seen = (struct ipvs_seen_dest){ .dest = d.dest };
	ipvs_have_take(&c.have, &c.service, &seen, 1, true); /* it was us */
	assert_true(ipvs_have_trust(&c.have, &d, 1));
	expect(&c, &d, 1, "");
	assert_false(ipvs_have_trust(&c.have, &d, 1));
	/* Its full weight changes while it is drained. */
	d.full_weight = 6;
	expect(&c, &d, 1, "=1*6 =1*0");
	ipvs_have_fini(&c.have);
}

/* Seen at 7 and then at 0, it counts 7. */
static void the_last_weight_is_remembered(void **state)
{
	struct ipvs_wish_dest d = value_nth(0);
	struct scene c;

	(void)state;
	d.dest.weight = d.full_weight = 7;
	scene_init(&c, "mh");
	scene_have(&c, &d, 1);
	d.dest.weight = 0;
	expect(&c, &d, 1, "=1*0");
	scene_have(&c, &d, 1);
	assert_int_equal(7, c.have.last_weight[0]);
	expect(&c, &d, 1, "");
	ipvs_have_fini(&c.have);
}

/* --- the order --- */

static void what_may_stay(void **state)
{
	const int32_t none = IPVS_NO_PLACE;

	(void)state;
	assert_int_equal(0, ipvs_order_keep(NULL, 0));
	assert_int_equal(4, ipvs_order_keep((const int32_t[]){ 0, 1, 2, 3 }, 4));
	assert_int_equal(4, ipvs_order_keep((const int32_t[]){ 1, 4, 5, 9 }, 4));
	assert_int_equal(0, ipvs_order_keep((const int32_t[]){ none, 0, 1, 2 }, 4));
	assert_int_equal(2, ipvs_order_keep((const int32_t[]){ 0, 1, none, 2 }, 4));
	assert_int_equal(1, ipvs_order_keep((const int32_t[]){ 3, 2, 1, 0 }, 4));
	assert_int_equal(3, ipvs_order_keep((const int32_t[]){ 1, 2, 3, 0 }, 4));
	assert_int_equal(3, ipvs_order_keep((const int32_t[]){ 0, 1, 2, none }, 4));
}

static void the_fewest_are_moved(void **state)
{
	struct ipvs_wish_dest all[5], has[4];
	struct scene c;

	(void)state;
	fill(all, 1, 5);
	scene_init(&c, "sh");
	memcpy(has, all, sizeof(has));
	scene_have(&c, has, 4);
	expect(&c, all, 5, "+5*1");
	has[2] = all[3];
	has[3] = all[4];
	scene_have(&c, has, 4); /* 1 2 4 5 */
	expect(&c, all, 5, "+3*1 ~-4 ~+4*1 ~-5 ~+5*1");
	fill(has, 2, 4);
	scene_have(&c, has, 4);
	expect(&c, all, 5, "+1*1 ~-2 ~+2*1 ~-3 ~+3*1 ~-4 ~+4*1 ~-5 ~+5*1");
	/* Who goes does not stand in the way. */
	has[0] = all[4];
	fill(has + 1, 1, 3);
	scene_have(&c, has, 4); /* 5 1 2 3 */
	expect(&c, all, 3, "-5");
	expect(&c, all, 4, "+4*1 -5");
	expect(&c, all, 5, "+4*1 ~-5 ~+5*1");
	/* Schedulers that do not look at the order. */
	strcpy(c.service.scheduler, "wlc");
	scene_have(&c, has, 4);
	expect(&c, all, 5, "+4*1");
	ipvs_have_fini(&c.have);
}

static void who_is_moved_keeps_what_it_is(void **state)
{
	struct ipvs_wish_dest d[2], has[2];
	struct scene c;

	(void)state;
	fill(d, 1, 2);
	d[1].dest.weight = 0;
	d[1].full_weight = 3;
	has[0] = d[1];
	has[0].dest.weight = 3;
	has[1] = d[0];
	scene_init(&c, "mh");
	c.in.fresh = true;
	scene_have(&c, has, 2); /* 2 1 */
	expect(&c, d, 2, "=2*0 ~-2 ~+2*3 ~=2*0");
	ipvs_have_fini(&c.have);
}

/* The kernel gives one that comes back its connections, so it comes back with its counts. */
static void who_is_moved_keeps_its_counts(void **state)
{
	struct ipvs_wish_dest d[2];
	struct scene c;

	(void)state;
	fill(d, 1, 2);
	scene_init(&c, "mh");
	scene_have(&c, d, 2);
	c.have.dest[0].counts.active = 5;
	ipvs_have_apply(&c.have, &c.service,
		(const struct ipvs_op[]){ { .kind = IPVS_DEST_DEL, .dest = d[0].dest },
			{ .kind = IPVS_DEST_NEW, .dest = d[0].dest } },
		2);
	assert_int_equal(2, c.have.count);
	assert_true(ipvs_dest_same(&d[0].dest, &c.have.dest[1].dest));
	assert_int_equal(5, c.have.dest[1].counts.active);
	ipvs_have_fini(&c.have);
}

static void with_expiry_only_the_quiet_are_moved(void **state)
{
	struct ipvs_wish_dest all[40];
	struct scene c;

	(void)state;
	fill(all, 1, 40);
	scene_init(&c, "mh");
	c.in.expire_nodest = true;
	scene_have(&c, all + 1, 2); /* 2 3 */
	expect(&c, all, 3, "+1*1 left");
	c.in.fresh = true;
	expect(&c, all, 3, "+1*1 ~-2 ~+2*1 ~-3 ~+3*1");
	c.have.dest[1].counts.inactive = 1;
	expect(&c, all, 3, "+1*1 left");
	c.have.dest[1].counts.inactive = 0;
	c.have.dest[0].counts.persistent = 1;
	expect(&c, all, 3, "+1*1 left");
	/* Who stays may be busy. */
	c.have.dest[0].counts.active = 1;
	expect(&c, all + 1, 3, "+4*1");
	ipvs_have_fini(&c.have);
}

static void many_moves_wait_for_the_changes(void **state)
{
	struct ipvs_wish_dest all[6], has[5];
	struct scene c;

	(void)state;
	fill(all, 1, 6);
	fill(has, 2, 5);
	scene_init(&c, "sh");
	c.in.moves_max = 2;
	scene_have(&c, has, 5); /* 2 3 4 5 6 */
	expect(&c, all, 6, "+1*1 more");
	ipvs_have_apply(&c.have, &c.service,
		(const struct ipvs_op[]){ { .kind = IPVS_DEST_NEW, .dest = all[0].dest } }, 1);
	expect(&c, all, 6, "~-2 ~+2*1 ~-3 ~+3*1 more");
	expect(&c, all, 5, "-6 more");
	ipvs_have_fini(&c.have);
}

/* --- values --- */

static void keys(void **state)
{
	struct ipvs_key a = value_service(IPPROTO_TCP, "10.1.1.1", 80, "rr").key, b = a,
			m = { .family = IP_V4, .mark = 7 };
	char buf[IPVS_KEY_TEXT_MAX];

	(void)state;
	assert_true(ipvs_key_equal(&a, &b));
	assert_int_equal(ipvs_key_hash(&a), ipvs_key_hash(&b));
	b.protocol = IPPROTO_UDP;
	assert_false(ipvs_key_equal(&a, &b));
	assert_string_equal("TCP 10.1.1.1:80", ipvs_key_format(&a, buf));
	assert_string_equal("UDP 10.1.1.1:80", ipvs_key_format(&b, buf));
	assert_string_equal("mark 7 IPv4", ipvs_key_format(&m, buf));
	a = value_service(IPPROTO_SCTP, "2001:db8::1", 53, "rr").key;
	assert_string_equal("SCTP [2001:db8::1]:53", ipvs_key_format(&a, buf));
}

static void canonical_order(void **state)
{
	const struct ipvs_dest d[] = { value_dest("10.0.0.2", 80, IPVS_DR, 1).dest,
		value_dest("10.0.0.2", 8080, IPVS_DR, 1).dest, value_dest("10.0.0.10", 1, IPVS_DR, 1).dest,
		value_dest("2001:db8::1", 1, IPVS_DR, 1).dest };

	(void)state;
	for (unsigned i = 0; i < COUNT(d); i++)
		for (unsigned j = 0; j < COUNT(d); j++)
			assert_int_equal((i > j) - (i < j),
				(ipvs_dest_cmp(&d[i], &d[j]) > 0) - (ipvs_dest_cmp(&d[i], &d[j]) < 0));
}

static void tidy(void **state)
{
	struct ipvs_dest d = value_dest("10.0.0.2", 80, IPVS_DR, 1).dest, e = d;
	struct ipvs_service s = value_service(IPPROTO_TCP, "10.0.0.1", 80, "rr"), t = s;

	(void)state;
	e.tunnel = IPVS_GUE;
	e.tunnel_port = 9;
	e.tunnel_flags = 1;
	ipvs_dest_tidy(&e);
	assert_true(ipvs_dest_equal(&d, &e));
	t.flags = 0x80000002;
	t.persistence_s = 5;
	t.persistence_len = 24;
	ipvs_service_tidy(&t);
	assert_true(ipvs_service_equal(&s, &t));
	t.flags = IPVS_PERSISTENT;
	t.persistence_len = 32;
	ipvs_service_tidy(&t);
	assert_int_equal(0, t.persistence_len);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_service_comes_changes_and_goes),
		cmocka_unit_test(changes_come_first_and_deletions_last),
		cmocka_unit_test(every_attribute_counts),
		cmocka_unit_test(who_comes_drained_is_put_in_at_full_weight),
		cmocka_unit_test(an_unknown_last_weight_is_written),
		cmocka_unit_test(the_last_weight_is_remembered),
		cmocka_unit_test(what_may_stay),
		cmocka_unit_test(the_fewest_are_moved),
		cmocka_unit_test(who_is_moved_keeps_what_it_is),
		cmocka_unit_test(who_is_moved_keeps_its_counts),
		cmocka_unit_test(with_expiry_only_the_quiet_are_moved),
		cmocka_unit_test(many_moves_wait_for_the_changes),
		cmocka_unit_test(keys),
		cmocka_unit_test(canonical_order),
		cmocka_unit_test(tidy),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
