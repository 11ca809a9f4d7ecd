/* Who a pod is: what the configuration, the environment and the kernel tell of it, and which of them counts. */
#include "announcer/identity.h"

#include "unit/announcer/support.h"

/* The environment and the kernel of a test: both are asked through plain functions, so what they say stands here. */
static const char *pod_text, *node_text;
static const char *kernel_v4, *kernel_v6;

static const char *env(const char *name)
{
	if (strcmp(name, "POD") == 0)
		return pod_text;
	return strcmp(name, "NODE") == 0 ? node_text : NULL;
}

static bool source(const struct ip_addr *to, struct ip_addr *out)
{
	const char *text = to->family == IP_V4 ? kernel_v4 : kernel_v6;

	return text && ip_addr_parse(text, out);
}

static struct config_reflector reflectors[2];

/* Two reflectors, of IPv4 and IPv6; everything else is auto. */
static struct config_announcer config(void)
{
	reflectors[0].address = addr("10.0.0.109");
	reflectors[1].address = addr("fd00:10::109");
	return (struct config_announcer){ .router = { .as = 65021 },
		.neighbors = reflectors,
		.neighbor_count = 2,
		.environment = { .pod_ip = "POD", .node_ip = "NODE" } };
}

static int nothing_known(void **state)
{
	(void)state;
	pod_text = node_text = kernel_v4 = kernel_v6 = NULL;
	return 0;
}

static struct identity found(const struct config_announcer *cfg)
{
	struct identity id;
	char err[256] = "";

	assert_true(identity_find(&id, cfg, env, source, err, sizeof(err)));
	assert_string_equal(err, "");
	return id;
}

static void refused(const struct config_announcer *cfg, const char *word)
{
	struct identity id;
	char err[256] = "";

	assert_false(identity_find(&id, cfg, env, source, err, sizeof(err)));
	if (!strstr(err, word))
		fail_msg("\"%s\" is not in: %s", word, err);
}

static void assert_addr(const struct ip_addr *a, const char *expected)
{
	char text[PREFIX_TEXT_MAX];

	assert_non_null(a);
	assert_string_equal(ip_addr_format(a, text), expected);
}

static void the_environment_tells_both_addresses(void **state)
{
	struct config_announcer cfg = config();
	struct identity id;

	(void)state;
	pod_text = "172.16.1.2";
	node_text = "10.0.0.105";
	id = found(&cfg);
	assert_addr(identity_pod(&id, IP_V4), "172.16.1.2");
	assert_addr(identity_node(&id, IP_V4), "10.0.0.105");
	assert_null(identity_pod(&id, IP_V6));
	assert_null(identity_node(&id, IP_V6));
	assert_int_equal(id.router_id, 0xac100102);
}

static void a_list_gives_the_first_address_of_each_family(void **state)
{
	struct config_announcer cfg = config();
	struct identity id;

	(void)state;
	pod_text = "fd00:1::2,172.16.1.2,172.16.1.3,fd00:1::3";
	node_text = "10.0.0.105,fd00:10::105";
	id = found(&cfg);
	assert_addr(identity_pod(&id, IP_V4), "172.16.1.2");
	assert_addr(identity_pod(&id, IP_V6), "fd00:1::2");
	assert_addr(identity_node(&id, IP_V4), "10.0.0.105");
	assert_addr(identity_node(&id, IP_V6), "fd00:10::105");
}

static void the_names_of_the_variables_are_the_configurations(void **state)
{
	struct config_announcer cfg = config();
	struct identity id;

	(void)state;
	pod_text = "10.0.0.105";
	node_text = "172.16.1.2";
	cfg.environment = (struct config_environment){ .pod_ip = "NODE", .node_ip = "POD" };
	id = found(&cfg);
	assert_addr(identity_pod(&id, IP_V4), "172.16.1.2");
	assert_addr(identity_node(&id, IP_V4), "10.0.0.105");
}

static void the_configured_address_counts_more_than_the_environments(void **state)
{
	struct config_announcer cfg = config();
	struct identity id;

	(void)state;
	pod_text = "172.16.1.2,fd00:1::2";
	kernel_v4 = "172.16.1.4";
	cfg.router.local_address = addr("172.16.1.9");
	id = found(&cfg);
	assert_addr(identity_pod(&id, IP_V4), "172.16.1.9");
	assert_addr(identity_pod(&id, IP_V6), "fd00:1::2");
	assert_int_equal(id.router_id, 0xac100109);
}

static void the_environment_counts_more_than_the_kernel(void **state)
{
	struct config_announcer cfg = config();
	struct identity id;

	(void)state;
	pod_text = "172.16.1.2";
	kernel_v4 = "172.16.1.4";
	kernel_v6 = "fd00:1::4";
	id = found(&cfg);
	assert_addr(identity_pod(&id, IP_V4), "172.16.1.2");
	assert_addr(identity_pod(&id, IP_V6), "fd00:1::4");
}

static void the_kernel_is_asked_only_for_families_of_a_reflector(void **state)
{
	struct config_announcer cfg = config();
	struct identity id;

	(void)state;
	kernel_v4 = "172.16.1.4";
	kernel_v6 = "fd00:1::4";
	cfg.neighbor_count = 1;
	id = found(&cfg);
	assert_addr(identity_pod(&id, IP_V4), "172.16.1.4");
	assert_null(identity_pod(&id, IP_V6));
}

static void rubbish_in_the_environment_is_an_error_that_names_the_variable(void **state)
{
	static const char *const rubbish[] = { "pod-7", "172.16.1.2/24", "172.16.1.2;fd00::1",
		"172.16.1.2 fd00::1", "172.16.1.256", ",172.16.1.2",
		"1111:2222:3333:4444:5555:6666:7777:8888:9999:aaaa:bbbb:cccc:dddd:eeee:ffff" };
	struct config_announcer cfg = config();

	(void)state;
	kernel_v4 = "172.16.1.4";
	for (size_t i = 0; i < sizeof(rubbish) / sizeof(rubbish[0]); i++) {
		pod_text = rubbish[i];
		refused(&cfg, "POD is");
		refused(&cfg, rubbish[i]);
	}
	pod_text = NULL;
	node_text = "node";
	refused(&cfg, "NODE is");
}

static void an_empty_variable_is_as_good_as_none(void **state)
{
	struct config_announcer cfg = config();
	struct identity id;

	(void)state;
	pod_text = node_text = "";
	kernel_v4 = "172.16.1.4";
	id = found(&cfg);
	assert_addr(identity_pod(&id, IP_V4), "172.16.1.4");
	assert_null(identity_node(&id, IP_V4));
}

static void nothing_known_asks_for_the_variable_or_a_router_id(void **state)
{
	struct config_announcer cfg = config();

	(void)state;
	refused(&cfg, "set POD");
	refused(&cfg, "router-id");
	cfg.router.router_id = 0x01020304;
	assert_int_equal(found(&cfg).router_id, 0x01020304);
}

static void the_nodes_address_is_never_the_identifier(void **state)
{
	struct config_announcer cfg = config();

	(void)state;
	pod_text = node_text = "10.0.0.105";
	refused(&cfg, "host network");
	cfg.router.router_id = 0x01020304;
	assert_int_equal(found(&cfg).router_id, 0x01020304);
	cfg.router.router_id = 0;
	pod_text = "10.0.0.106";
	assert_int_equal(found(&cfg).router_id, 0x0a00006a);
}

static void a_pod_without_ipv4_gets_a_stable_identifier_of_its_own(void **state)
{
	struct config_announcer cfg = config();
	uint32_t first, again, other;

	(void)state;
	pod_text = "fd00:1::2";
	node_text = "10.0.0.105";
	first = found(&cfg).router_id;
	again = found(&cfg).router_id;
	pod_text = "fd00:1::3";
	other = found(&cfg).router_id;
	assert_int_equal(first, again);
	assert_int_not_equal(first, other);
	assert_int_not_equal(first, 0);
	assert_int_not_equal(first, 0x0a000069);
}

static void the_hash_of_an_address_is_never_zero_and_tells_neighbors_apart(void **state)
{
	struct ip_addr a = addr("fd00:1::");
	uint32_t last = 0;

	(void)state;
	for (unsigned i = 0; i < 65536; i++) {
		uint32_t h;

		a.bytes[14] = (uint8_t)(i >> 8);
		a.bytes[15] = (uint8_t)i;
		h = identity_hash(&a);
		assert_int_not_equal(h, 0);
		assert_int_not_equal(h, last);
		last = h;
	}
}

static struct identity again(const struct identity *id, const struct config_announcer *before,
	const struct config_announcer *after)
{
	struct identity out;
	char err[256] = "";

	assert_true(identity_again(&out, id, before, after, source, err, sizeof(err)));
	return out;
}

static void what_was_found_stays_when_the_configuration_is_another(void **state)
{
	struct config_announcer one = config(), other = config();
	struct identity id, now;

	(void)state;
	/* Known by IPv6 alone: the identifier is a hash. */
	one.neighbors = &reflectors[1];
	one.neighbor_count = 1;
	kernel_v6 = "fd00::7";
	id = found(&one);
	kernel_v4 = "172.16.0.7";
	kernel_v6 = "fd00::8";
	now = again(&id, &one, &other);
	assert_int_equal(now.router_id, id.router_id);
	assert_addr(identity_pod(&now, IP_V6), "fd00::7");
	assert_addr(identity_pod(&now, IP_V4), "172.16.0.7");
	/* One that is given counts, and one that was given is looked for when it is not any more. */
	other.router.router_id = 0x0a000001;
	id = again(&now, &one, &other);
	assert_int_equal(id.router_id, 0x0a000001);
	now = again(&id, &other, &one);
	assert_int_equal(now.router_id, 0xac100007);
}

static void who_had_nobody_to_tell_finds_an_identifier_for_the_first_neighbor(void **state)
{
	struct config_announcer none = config(), one = config();
	struct identity id, now;

	(void)state;
	none.neighbor_count = 0;
	id = found(&none);
	assert_int_equal(id.router_id, 0);
	kernel_v4 = "172.16.0.7";
	now = again(&id, &none, &one);
	assert_int_equal(now.router_id, 0xac100007);
}

/* -t and --check. */
static void what_is_missing_for_a_next_hop_is_known_before_a_start(void **state)
{
	struct config_announcer cfg = config();
	struct config_service services[2] = { 0 };
	char err[256] = "";

	(void)state;
	assert_true(prefix_parse("10.1.1.0/24", &services[0].prefix, NULL));
	assert_true(prefix_parse("fd00:1::/64", &services[1].prefix, NULL));
	services[0].next_hop = addr("10.0.0.105");
	cfg.services = services;
	cfg.service_count = 2;
	kernel_v4 = "172.16.1.5";
	node_text = "10.0.0.105";
	assert_false(identity_check(&cfg, env, source, err, sizeof(err)));
	assert_string_equal(err, "service fd00:1::/64: next-hop: auto: the node's IPv6 address is not known: "
				 "set environment variable "
				 "NODE (status.hostIP), or next-hop in the configuration");
	node_text = "10.0.0.105,fd00:10::105";
	assert_true(identity_check(&cfg, env, source, err, sizeof(err)));
	kernel_v4 = NULL;
	assert_false(identity_check(&cfg, env, source, err, sizeof(err)));
	assert_non_null(strstr(err, "set POD (status.podIP)"));
}

#define CASE(f) cmocka_unit_test_setup(f, nothing_known)

int main(void)
{
	const struct CMUnitTest tests[] = {
		CASE(the_environment_tells_both_addresses),
		CASE(a_list_gives_the_first_address_of_each_family),
		CASE(the_names_of_the_variables_are_the_configurations),
		CASE(the_configured_address_counts_more_than_the_environments),
		CASE(the_environment_counts_more_than_the_kernel),
		CASE(the_kernel_is_asked_only_for_families_of_a_reflector),
		CASE(rubbish_in_the_environment_is_an_error_that_names_the_variable),
		CASE(an_empty_variable_is_as_good_as_none),
		CASE(nothing_known_asks_for_the_variable_or_a_router_id),
		CASE(the_nodes_address_is_never_the_identifier),
		CASE(a_pod_without_ipv4_gets_a_stable_identifier_of_its_own),
		CASE(what_was_found_stays_when_the_configuration_is_another),
		CASE(who_had_nobody_to_tell_finds_an_identifier_for_the_first_neighbor),
		CASE(what_is_missing_for_a_next_hop_is_known_before_a_start),
		CASE(the_hash_of_an_address_is_never_zero_and_tells_neighbors_apart),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
