/* What lb-announcer --node --check says of a world, and which settings make the node's hash its own. */
#include "node/preflight.h"

#include <setjmp.h>
#include <stdarg.h>
#include <string.h>

#include <cmocka.h>

static const struct config_node_settings cfg = { .socket = "/run/rrd-node/node.sock" };

static struct node_world good_world(void)
{
	return (struct node_world){ .net_admin = true,
		.hash_writable = true,
		.seed_there = true,
		.socket_directory = true,
		.group_found = true };
}

static bool says(const struct node_preflight *p, bool problem, const char *words)
{
	for (size_t i = 0; i < p->count; i++)
		if (p->list[i].problem == problem && strstr(p->list[i].what, words))
			return true;
	return false;
}

static void a_good_world_is_not_commented(void **state)
{
	struct node_world w = good_world();
	struct node_preflight p;

	(void)state;
	node_preflight_judge(&cfg, &w, &p);
	assert_int_equal(p.count, 0);
}

static void each_thing_that_is_missing_is_named(void **state)
{
	struct config_node_settings with_group = cfg;
	struct node_world w = { .wrong = { { "net.ipv4.ip_forward", "no packet is forwarded", 0, 1 } },
		.wrong_count = 1 };
	struct node_preflight p;

	(void)state;
	with_group.socket_group = "pods";
	node_preflight_judge(&with_group, &w, &p);
	assert_true(says(&p, true, "CAP_NET_ADMIN"));
	assert_true(says(&p, true, "net.ipv4.ip_forward is 0"));
	assert_true(says(&p, true, "directory"));
	assert_true(says(&p, true, "\"pods\""));
	assert_true(says(&p, false, "has no " NODE_HASH_SEED));
}

static void a_setting_that_will_be_set_is_no_problem(void **state)
{
	struct config_node_settings sets = cfg;
	struct node_world w = good_world();
	struct node_preflight p;

	(void)state;
	w.wrong[w.wrong_count++] = (struct kernel_sysctl){ "net.ipv4.ip_forward", "none is", 0, 1 };
	sets.sysctls = CONFIG_SYSCTLS_SET;
	node_preflight_judge(&sets, &w, &p);
	assert_int_equal(p.count, 1);
	assert_false(p.list[0].problem);
	/* The policy of the hash is set whatever sysctls says. */
	w.wrong[0].key = "net.ipv4.fib_multipath_hash_policy";
	w.hash[w.hash_count++] = (struct node_hash_wish){ "net.ipv4.fib_multipath_hash_policy", 0, 3 };
	node_preflight_judge(&cfg, &w, &p);
	assert_int_equal(p.count, 0);
	w.hash_writable = false;
	node_preflight_judge(&cfg, &w, &p);
	assert_true(says(&p, true, "hash_policy is 0"));
	assert_true(says(&p, false, "cannot be set from here"));
	w.hash_writable = true;
	sets = cfg;
	sets.hash = CONFIG_HASH_KEEP;
	node_preflight_judge(&sets, &w, &p);
	assert_true(says(&p, false, "node.hash is keep"));
}

/* --- hash.c, on kernels of the test's own --- */

static const struct node_hash_wish *kernel; /* ends with a NULL key; "value" is what is read */

static bool read_kernel(const char *key, long *out)
{
	for (const struct node_hash_wish *k = kernel; k->key; k++) {
		if (strcmp(k->key, key) != 0)
			continue;
		*out = k->value;
		return true;
	}
	return false;
}

#define SEED	NODE_HASH_SEED
#define POLICY4 "net.ipv4.fib_multipath_hash_policy"
#define FIELDS4 "net.ipv4.fib_multipath_hash_fields"
#define POLICY6 "net.ipv6.fib_multipath_hash_policy"
#define FIELDS6 "net.ipv6.fib_multipath_hash_fields"

static void expect_wishes(
	const struct node_hash_wish *of, bool ipv4, bool ipv6, const struct node_hash_wish *want)
{
	struct node_hash_wish got[NODE_HASH_WISHES_MAX];
	size_t n;

	kernel = of;
	n = node_hash_wishes(ipv4, ipv6, read_kernel, 77, got);
	for (size_t i = 0; i < n; i++) {
		assert_non_null(want[i].key);
		assert_string_equal(got[i].key, want[i].key);
		assert_int_equal(got[i].wanted, want[i].wanted);
	}
	assert_null(want[n].key);
}

static void the_hash_is_made_the_nodes_own_and_choices_of_others_stay(void **state)
{
	static const struct node_hash_wish fresh[] = { { SEED, 0, 0 }, { POLICY4, 0, 0 }, { FIELDS4, 7, 0 },
		{ POLICY6, 1, 0 }, { FIELDS6, 0x37, 0 }, { NULL } };
	static const struct node_hash_wish both[] = { { SEED, 0, 77 }, { FIELDS4, 7, 0x37 },
		{ POLICY4, 0, 3 }, { POLICY6, 1, 3 }, { NULL } };
	static const struct node_hash_wish only4[] = { { SEED, 0, 77 }, { FIELDS4, 7, 0x37 },
		{ POLICY4, 0, 3 }, { NULL } };
	static const struct node_hash_wish chosen[] = { { SEED, 5, 0 }, { POLICY4, 2, 0 }, { FIELDS4, 7, 0 },
		{ POLICY6, 3, 0 }, { FIELDS6, 7, 0 }, { NULL } };
	static const struct node_hash_wish old[] = { { POLICY4, 0, 0 }, { POLICY6, 0, 0 }, { NULL } };
	static const struct node_hash_wish none[] = { { NULL } };

	(void)state;
	expect_wishes(fresh, true, true, both);
	expect_wishes(fresh, true, false, only4);
	expect_wishes(chosen, true, true, none);
	expect_wishes(old, true, true, none);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_good_world_is_not_commented),
		cmocka_unit_test(each_thing_that_is_missing_is_named),
		cmocka_unit_test(a_setting_that_will_be_set_is_no_problem),
		cmocka_unit_test(the_hash_is_made_the_nodes_own_and_choices_of_others_stay),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
