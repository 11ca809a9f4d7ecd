/* lb-announcer.conf: rates with their units, and what a file gets that says nothing of draining or of an agent. */
#include "config/announcer.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

/* A file with one service; router and service: more keys of theirs, rest: more lines. */
static struct config_announcer *parse(const char *router, const char *service, const char *rest)
{
	struct config_errors *errs = config_errors_new();
	struct config_announcer *c;
	char *text = NULL, *wrong;
	int len = asprintf(&text,
		"router: {as: 65021%s}\nneighbors:\n  - {address: 10.0.0.109}\nservices:\n"
		"  - {prefix: 10.1.1.0/24%s}\n%s",
		router, service, rest);

	assert_true(len > 0);
	c = config_announcer_parse(text, (size_t)len, "test", errs);
	wrong = config_errors_format(errs);
	if (!c)
		fail_msg("%s", wrong);
	free(wrong);
	free(text);
	config_errors_free(errs);
	return c;
}

static void a_rate_is_a_number_with_or_without_a_unit(void **state)
{
	static const struct {
		const char *text;
		uint64_t bit_s;
	} v[] = {
		{ "1000", 1000 },
		{ "1k", 1000 },
		{ "1.5k", 1500 },
		{ "64k", 64000 },
		{ "100M", 100000000 },
		{ "1G", 1000000000 },
		{ "2.5G", 2500000000 },
		{ "0.125M", 125000 },
		{ "1.001T", 1001000000000 },
		{ "1000T", 1000000000000000 },
		{ "1000000000000000", 1000000000000000 },
		{ "007k", 7000 },
	};

	(void)state;
	for (size_t i = 0; i < sizeof(v) / sizeof(v[0]); i++) {
		char keys[64];
		struct config_announcer *c;

		snprintf(keys, sizeof(keys), ", capacity: %s", v[i].text);
		c = parse(keys, "", "");
		if (c->router.capacity_bit_s != v[i].bit_s)
			fail_msg("%s is %llu", v[i].text, (unsigned long long)c->router.capacity_bit_s);
		config_announcer_free(c);
	}
}

static void a_service_takes_the_routers_capacity_unless_it_has_its_own(void **state)
{
	struct config_announcer *c = parse("", "", "");

	(void)state;
	assert_int_equal(c->router.capacity_bit_s, 1000000000);
	assert_int_equal(c->services[0].capacity_bit_s, 1000000000);
	config_announcer_free(c);
	c = parse(", capacity: 10G", "", "");
	assert_int_equal(c->services[0].capacity_bit_s, 10000000000);
	config_announcer_free(c);
	c = parse(", capacity: 10G", ", capacity: 2G", "");
	assert_int_equal(c->services[0].capacity_bit_s, 2000000000);
	config_announcer_free(c);
}

static void who_says_nothing_of_draining_drains_by_weight_for_five_seconds(void **state)
{
	struct config_announcer *c = parse("", "", "");

	(void)state;
	assert_int_equal(c->drain.method, CONFIG_DRAIN_WEIGHT);
	assert_int_equal(c->drain.time_s, 5);
	assert_int_equal(c->drain.linger_s, 1);
	assert_null(c->node_route.netns);
	config_announcer_free(c);
	c = parse("", "",
		"drain: {method: graceful-shutdown, time: 0}\nnode-route: {netns: /run/netns/host}\n");
	assert_int_equal(c->drain.method, CONFIG_DRAIN_GRACEFUL_SHUTDOWN);
	assert_int_equal(c->drain.time_s, 0);
	assert_int_equal(c->drain.linger_s, 1);
	assert_string_equal(c->node_route.netns, "/run/netns/host");
	config_announcer_free(c);
}

static void an_agent_is_asked_for_one_healthy_server_unless_told_otherwise(void **state)
{
	static const char agent[] = "agent: {socket: /run/a.sock}\n";
	struct config_announcer *c = parse("", "", "");
	struct config_service *s;

	(void)state;
	assert_null(c->agent.socket);
	config_announcer_free(c);
	c = parse("", "", agent);
	s = &c->services[0];
	assert_string_equal(c->agent.socket, "/run/a.sock");
	assert_int_equal(c->agent.grace_s, 3);
	assert_int_equal(s->agent_service_count, 0);
	assert_true(s->min_healthy.number == 1 && !s->min_healthy.percent);
	assert_true(s->min_healthy_return.number == 1 && !s->min_healthy_return.percent);
	assert_int_equal(s->return_delay_s, 0);
	assert_false(s->capacity_by_health);
	config_announcer_free(c);
	c = parse(", capacity-by-health: true", ", min-healthy: 50%, agent-services: [web, dns]", agent);
	s = &c->services[0];
	assert_true(s->min_healthy_return.number == 50 && s->min_healthy_return.percent);
	assert_int_equal(s->agent_service_count, 2);
	assert_string_equal(s->agent_services[1], "dns");
	assert_true(s->capacity_by_health);
	config_announcer_free(c);
	c = parse(", capacity-by-health: true", ", capacity-by-health: false, min-healthy-return: 3", agent);
	s = &c->services[0];
	assert_true(s->min_healthy.number == 1 && s->min_healthy_return.number == 3);
	assert_false(s->capacity_by_health);
	config_announcer_free(c);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_rate_is_a_number_with_or_without_a_unit),
		cmocka_unit_test(a_service_takes_the_routers_capacity_unless_it_has_its_own),
		cmocka_unit_test(who_says_nothing_of_draining_drains_by_weight_for_five_seconds),
		cmocka_unit_test(an_agent_is_asked_for_one_healthy_server_unless_told_otherwise),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
