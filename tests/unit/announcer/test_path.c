/* What a neighbor is told of a service: in ordinary times, and in both ways of draining. */
#include "announcer/path.h"

#include "bgp/link_bandwidth.h"
#include "bgp/proto.h"
#include "unit/announcer/support.h"

#include <stdio.h>

static uint32_t own_community[] = { 65021u << 16 | 100 };

static struct config_service service(void)
{
	return (struct config_service){ .local_preference = 200,
		.capacity_bit_s = 1000000000,
		.communities = own_community,
		.community_count = 1 };
}

static struct path_speaker internal(void)
{
	return (struct path_speaker){ .local_as = 65021, .peer_as = 65021, .quarters = SHARE_WHOLE };
}

/* All that is told, in words. */
static const char *told(const struct config_service *c, const struct path_speaker *to)
{
	static char out[512];
	char path[64], communities[128], extended[128];
	struct arena *arena = arena_new();
	struct bgp_attrs a;

	path_attrs(c, to, arena, &a);
	assert_true(
		a.has & BGP_HAS_ORIGIN && a.has & BGP_HAS_AS_PATH && a.has & BGP_HAS_EXTENDED_COMMUNITIES);
	assert_int_equal(a.origin, BGP_ORIGIN_IGP);
	assert_int_equal(a.communities.len > 0, (a.has & BGP_HAS_COMMUNITIES) > 0);
	snprintf(out, sizeof(out), "path [%s] pref %d med %d communities [%s] [%s]",
		bgp_as_path_format(a.as_path, path, sizeof(path)),
		a.has & BGP_HAS_LOCAL_PREF ? (int)a.local_pref : -1, a.has & BGP_HAS_MED ? (int)a.med : -1,
		a.communities.len ? bgp_communities_format(a.communities, communities, sizeof(communities))
				  : "",
		bgp_extended_communities_format(a.extended_communities, extended, sizeof(extended)));
	arena_free(arena);
	return out;
}

static void the_capacity_goes_out_in_octets_per_second(void **state)
{
	struct config_service c = service();
	struct path_speaker to = internal();

	(void)state;
	assert_string_equal(
		told(&c, &to), "path [] pref 200 med -1 communities [65021:100] [bandwidth:65021:125000000]");
	c.capacity_bit_s = 1000;
	c.community_count = 0;
	assert_string_equal(told(&c, &to), "path [] pref 200 med -1 communities [] [bandwidth:65021:125]");
}

static void so_many_quarters_of_it_are_told_as_work(void **state)
{
	struct config_service c = service();
	struct path_speaker to = internal();

	(void)state;
	to.quarters = 1;
	assert_true(path_octets_s(&c, &to) == 31250000);
	to.quarters = 3;
	assert_true(path_octets_s(&c, &to) == 93750000);
	to.draining = true;
	assert_true(path_octets_s(&c, &to) == 0);
	to.method = CONFIG_DRAIN_GRACEFUL_SHUTDOWN;
	assert_true(path_octets_s(&c, &to) == 93750000);
}

static void an_external_neighbor_gets_our_as_and_no_local_preference(void **state)
{
	struct config_service c = service();
	struct path_speaker to = { .local_as = 65021, .peer_as = 65000, .quarters = SHARE_WHOLE };

	(void)state;
	c.med = (struct config_med){ true, 7 };
	assert_string_equal(told(&c, &to),
		"path [65021] pref -1 med 7 communities [65021:100] [bandwidth:65021:125000000]");
}

static void draining_by_weight_changes_the_bandwidth_to_0_and_nothing_else(void **state)
{
	struct config_service c = service();
	struct path_speaker to = internal();

	(void)state;
	to.draining = true;
	assert_string_equal(
		told(&c, &to), "path [] pref 200 med -1 communities [65021:100] [bandwidth:65021:0]");
	assert_true(path_octets_s(&c, &to) == 0);
}

static void graceful_shutdown_adds_the_community_and_the_lowest_preference(void **state)
{
	struct config_service c = service();
	struct path_speaker to = internal();

	(void)state;
	to.method = CONFIG_DRAIN_GRACEFUL_SHUTDOWN;
	assert_string_equal(
		told(&c, &to), "path [] pref 200 med -1 communities [65021:100] [bandwidth:65021:125000000]");
	to.draining = true;
	assert_string_equal(told(&c, &to), "path [] pref 0 med -1 communities [65021:100 graceful-shutdown] "
					   "[bandwidth:65021:125000000]");
	to.peer_as = 65000;
	assert_string_equal(told(&c, &to), "path [65021] pref -1 med -1 communities "
					   "[65021:100 graceful-shutdown] [bandwidth:65021:125000000]");
}

static void a_community_that_is_configured_is_not_sent_twice(void **state)
{
	static uint32_t both[] = { BGP_COMMUNITY_GRACEFUL_SHUTDOWN, BGP_COMMUNITY_NO_EXPORT };
	struct config_service c = service();
	struct path_speaker to = internal();

	(void)state;
	c.communities = both;
	c.community_count = 2;
	to.method = CONFIG_DRAIN_GRACEFUL_SHUTDOWN;
	to.draining = true;
	assert_string_equal(told(&c, &to), "path [] pref 0 med -1 communities [graceful-shutdown no-export] "
					   "[bandwidth:65021:125000000]");
}

static void a_community_of_an_as_of_four_octets_says_as_trans(void **state)
{
	struct config_service c = service();
	struct path_speaker to = { .local_as = 4200000000, .peer_as = 4200000000, .quarters = SHARE_WHOLE };

	(void)state;
	c.community_count = 0;
	assert_string_equal(
		told(&c, &to), "path [] pref 200 med -1 communities [] [bandwidth:23456:125000000]");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(the_capacity_goes_out_in_octets_per_second),
		cmocka_unit_test(so_many_quarters_of_it_are_told_as_work),
		cmocka_unit_test(an_external_neighbor_gets_our_as_and_no_local_preference),
		cmocka_unit_test(draining_by_weight_changes_the_bandwidth_to_0_and_nothing_else),
		cmocka_unit_test(graceful_shutdown_adds_the_community_and_the_lowest_preference),
		cmocka_unit_test(a_community_that_is_configured_is_not_sent_twice),
		cmocka_unit_test(a_community_of_an_as_of_four_octets_says_as_trans),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
