/* The set of neighbors: ranges and their limits, who is refused, coming and going, identifiers used twice. */
#include "harness.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <unistd.h>

static void add_range(struct world *w, const char *text, unsigned limit, const char *name)
{
	struct prefix p;

	assert_true(prefix_parse(text, &p, NULL));
	session_neighbors_set_range(w->set, &p, limit, (void *)(uintptr_t)name);
}

static struct session_range_info range_info(struct world *w, const char *text)
{
	struct session_range_info info = { 0 };
	struct prefix p;

	assert_true(prefix_parse(text, &p, NULL));
	for (const struct prefix *after = NULL; session_neighbors_next_range(w->set, after, &info);
		after = &info.prefix)
		if (prefix_equal(&info.prefix, &p))
			return info;
	fail_msg("no range %s", text);
	return info;
}

static bool nobody_there(void *arg)
{
	return session_neighbors_count(((struct world *)arg)->set) == 0;
}

static bool one_there(void *arg)
{
	return session_neighbors_count(((struct world *)arg)->set) == 1;
}

static struct raw *come_up(struct world *w, const char *from, uint32_t id)
{
	struct raw *r = raw_connect(w, from);

	raw_establish(w, r, NULL, id, 9);
	return r;
}

/* One connection on which our OPEN is refused for its capabilities. True when it had any. */
static bool refuse_capabilities(struct world *w, unsigned host)
{
	struct message m;
	struct raw *r;
	char from[32];

	snprintf(from, sizeof(from), "127.0.2.%u", host);
	r = raw_connect(w, from);
	raw_expect(w, r, BGP_OPEN, &m);
	raw_send_notification(r, BGP_ERR_OPEN, BGP_OPEN_UNSUPPORTED_PARAMETER);
	raw_free(r);
	assert_true(world_wait(w, nobody_there, w));
	return m.body[9] != 0;
}

static void a_dynamic_neighbor_that_knows_no_capabilities_is_remembered(void **state)
{
	struct world *w = *state;

	add_range(w, "127.0.2.0/24", 10, "pods");
	assert_true(refuse_capabilities(w, 1));
	assert_true(refuse_capabilities(w, 2));
	assert_false(refuse_capabilities(w, 1));
	/* It was tried without: so that was not the reason. */
	assert_true(refuse_capabilities(w, 1));
	/* There are only so many places. */
	for (unsigned i = 0; i < INCAPABLE_MAX; i++)
		assert_true(refuse_capabilities(w, 100 + i));
	assert_true(refuse_capabilities(w, 1));
	assert_false(refuse_capabilities(w, 100 + INCAPABLE_MAX - 1));
}

static void the_limit_of_a_range_is_exact(void **state)
{
	struct world *w = *state;
	struct session_range_info info;
	struct ip_addr refused = addr_of("127.0.2.4");
	struct raw *r[4];
	char from[32];

	add_range(w, "127.0.2.0/24", 3, "pods");
	for (unsigned i = 0; i < 3; i++) {
		snprintf(from, sizeof(from), "127.0.2.%u", i + 1);
		r[i] = come_up(w, from, 0x0a000100 + i);
	}
	assert_int_equal(w->dynamic_new, 3);
	for (int i = 0; i < 2; i++) {
		r[3] = raw_connect(w, "127.0.2.4");
		raw_expect_notification(w, r[3], BGP_ERR_CEASE, BGP_CEASE_CONNECTION_REJECTED);
		raw_free(r[3]);
	}
	info = range_info(w, "127.0.2.0/24");
	assert_int_equal(info.neighbors, 3);
	assert_int_equal(info.limit, 3);
	assert_int_equal(info.refused, 2);
	assert_true(ip_addr_equal(&info.last_refused, &refused));
	assert_true(info.last_refused_us > 0);
	assert_int_equal(session_neighbors_counters(w->set)->over_limit, 2);
	/* who is there may come again; the limit does not count him twice */
	r[3] = raw_connect(w, "127.0.2.3");
	raw_expect(w, r[3], BGP_OPEN, NULL);
	raw_send_open(r[3], 65021, 0x0a000102, 9);
	raw_expect(w, r[3], BGP_KEEPALIVE, NULL);
	raw_expect_notification(w, r[2], BGP_ERR_CEASE, BGP_CEASE_COLLISION_RESOLUTION);
	raw_free(r[2]);
	r[2] = r[3];
	assert_int_equal(session_neighbors_count(w->set), 3);
	/* a place becomes free */
	raw_free(r[0]);
	for (int i = 0; i < 100 && range_info(w, "127.0.2.0/24").neighbors == 3; i++)
		world_run_ms(w, 2);
	assert_int_equal(range_info(w, "127.0.2.0/24").neighbors, 2);
	r[0] = come_up(w, "127.0.2.9", 0x0a000109);
	for (int i = 0; i < 3; i++)
		raw_free(r[i]);
	assert_true(world_wait(w, nobody_there, w));
	assert_int_equal(range_info(w, "127.0.2.0/24").neighbors, 0);
}

static void the_longest_range_that_matches_decides(void **state)
{
	struct world *w = *state;
	struct ip_addr a = addr_of("127.0.2.77");
	struct prefix of;
	struct raw *r;

	add_range(w, "127.0.0.0/8", 10, "all");
	add_range(w, "127.0.2.64/26", 10, "small");
	add_range(w, "127.0.2.0/24", 10, "middle");
	r = come_up(w, "127.0.2.77", 0x0a000101);
	assert_string_equal(w->last_range, "small");
	assert_true(session_neighbors_range_of(w->set, session_neighbors_find(w->set, &a), &of));
	assert_int_equal(of.len, 26);
	raw_free(r);
	r = come_up(w, "127.0.2.7", 0x0a000101);
	assert_string_equal(w->last_range, "middle");
	raw_free(r);
}

static void strangers_and_our_own_addresses_are_refused(void **state)
{
	struct world *w = *state;
	struct raw *r;

	add_range(w, "127.0.2.0/24", 10, "pods");
	r = raw_connect(w, "127.0.3.1");
	raw_expect_reset(w, r);
	raw_free(r);
	/* the address it connects to */
	add_range(w, "127.0.0.1/32", 10, "pods");
	r = raw_connect(w, "127.0.0.1");
	raw_expect(w, r, 0, NULL);
	raw_free(r);
	assert_int_equal(session_neighbors_counters(w->set)->unknown_source, 1);
	assert_int_equal(session_neighbors_counters(w->set)->own_address, 1);
	assert_int_equal(w->dynamic_new, 0);
}

static void a_dynamic_neighbor_that_never_comes_up_is_forgotten(void **state)
{
	struct world *w = *state;
	struct raw *r;

	add_range(w, "127.0.2.0/24", 10, "pods");
	r = raw_connect(w, "127.0.2.1");
	raw_expect(w, r, BGP_OPEN, NULL);
	assert_true(one_there(w));
	raw_send_open(r, 65099, 0x0a000101, 9);
	raw_expect_notification(w, r, BGP_ERR_OPEN, BGP_OPEN_BAD_PEER_AS);
	assert_true(world_wait(w, nobody_there, w));
	assert_int_equal(w->dynamic_gone, 1);
	raw_free(r);
	r = raw_connect(w, "127.0.2.1"); /* silent: the session's own timer has it */
	raw_expect(w, r, BGP_OPEN, NULL);
	assert_in_range(io_timer_left_us(w->set->item[0]->session->silent->hold), 9000000, 10000000);
	raw_free(r);
	assert_true(world_wait(w, nobody_there, w));
}

static void one_identifier_behind_two_addresses_is_reported(void **state)
{
	struct world *w = *state;
	struct ip_addr a1 = addr_of("127.0.2.1"), a2 = addr_of("127.0.2.2"), other;
	struct raw *first, *second;

	add_range(w, "127.0.2.0/24", 10, "pods");
	first = come_up(w, "127.0.2.1", 0x0a000101);
	assert_int_equal(session_neighbors_counters(w->set)->same_id, 0);
	second = come_up(w, "127.0.2.2", 0x0a000101);
	assert_int_equal(session_neighbors_counters(w->set)->same_id, 1);
	assert_true(session_neighbors_same_id(w->set, session_neighbors_find(w->set, &a1), &other));
	assert_true(ip_addr_equal(&other, &a2));
	assert_true(session_neighbors_same_id(w->set, session_neighbors_find(w->set, &a2), &other));
	assert_true(ip_addr_equal(&other, &a1));
	raw_free(second);
	assert_true(world_wait(w, one_there, w));
	assert_false(session_neighbors_same_id(w->set, session_neighbors_find(w->set, &a1), NULL));
	raw_free(first);
}

static void a_walk_goes_in_order_and_may_be_continued_at_any_time(void **state)
{
	struct world *w = *state;
	const char *const in_order[] = { "127.0.3.1", "127.0.3.2", "127.0.3.9", "127.0.3.10", "127.0.4.1" };
	const char *const as_added[] = { "127.0.3.9", "127.0.4.1", "127.0.3.1", "127.0.3.10", "127.0.3.2" };
	struct ip_addr after;
	struct session *s;
	void *gone;
	size_t i = 0;

	for (size_t j = 0; j < 5; j++) {
		struct session_config cfg = config_for(w, as_added[j]);

		add_neighbor(w, &cfg);
	}
	for (s = session_neighbors_next(w->set, NULL); s;
		s = session_neighbors_next(w->set, &s->cfg.remote)) {
		struct ip_addr want = addr_of(in_order[i++]);

		assert_true(ip_addr_equal(&s->cfg.remote, &want));
	}
	assert_int_equal(i, 5);
	after = addr_of("127.0.3.9");
	gone = session_neighbors_find(w->set, &after)->user;
	assert_true(session_neighbors_del(w->set, &after));
	free(gone);
	assert_false(session_neighbors_del(w->set, &after));
	s = session_neighbors_next(w->set, &after);
	after = addr_of("127.0.3.10");
	assert_true(ip_addr_equal(&s->cfg.remote, &after));
}

static void a_range_that_is_removed_sends_its_neighbors_away(void **state)
{
	struct world *w = *state;
	struct prefix p;
	struct raw *r;

	add_range(w, "127.0.2.0/24", 10, "pods");
	r = come_up(w, "127.0.2.1", 0x0a000101);
	assert_true(prefix_parse("127.0.2.0/24", &p, NULL));
	assert_true(session_neighbors_del_range(w->set, &p));
	assert_false(session_neighbors_del_range(w->set, &p));
	raw_expect_notification(w, r, BGP_ERR_CEASE, BGP_CEASE_PEER_DECONFIGURED);
	assert_true(world_wait(w, nobody_there, w));
	assert_int_equal(w->dynamic_gone, 1);
	raw_free(r);
	r = raw_connect(w, "127.0.2.1");
	raw_expect_reset(w, r);
	raw_free(r);
}

static void set_ranges(struct world *w, const char *a, const char *b)
{
	const char *text[] = { a, b };
	struct session_range range[2];
	size_t n = 0;

	for (int i = 0; i < 2 && text[i]; i++, n++) {
		assert_true(prefix_parse(text[i], &range[n].prefix, NULL));
		range[n].limit = 10;
		range[n].new_per_s = 0;
		range[n].user = (void *)(uintptr_t)text[i];
	}
	session_neighbors_set_ranges(w->set, range, n);
}

static void other_ranges_keep_whom_they_still_have(void **state)
{
	struct world *w = *state;
	struct raw *near, *far;

	set_ranges(w, "127.0.2.0/24", "127.0.3.0/24");
	near = come_up(w, "127.0.2.1", 0x0a000101);
	far = come_up(w, "127.0.3.1", 0x0a000102);
	/* A wider one in the place of both, and a narrower one in it. */
	set_ranges(w, "127.0.2.0/23", "127.0.2.0/25");
	session_neighbors_free_gone(w->set);
	assert_int_equal(session_neighbors_count(w->set), 2);
	assert_int_equal(range_info(w, "127.0.2.0/23").neighbors, 1);
	assert_int_equal(range_info(w, "127.0.2.0/25").neighbors, 1);
	set_ranges(w, "127.0.2.0/24", NULL);
	raw_expect_notification(w, far, BGP_ERR_CEASE, BGP_CEASE_PEER_DECONFIGURED);
	session_neighbors_free_gone(w->set);
	assert_int_equal(session_neighbors_count(w->set), 1);
	assert_int_equal(range_info(w, "127.0.2.0/24").neighbors, 1);
	assert_int_equal(w->dynamic_gone, 1);
	raw_send_keepalive(near);
	world_run_ms(w, 20);
	assert_int_equal(session_neighbors_count(w->set), 1);
	raw_free(near);
	raw_free(far);
	assert_true(world_wait(w, nobody_there, w));
	assert_int_equal(range_info(w, "127.0.2.0/24").neighbors, 0);
}

static void other_settings_hold_from_the_next_connection_on(void **state)
{
	struct world *w = *state;
	struct session_config cfg = config_for(w, "127.0.2.1");
	struct program *p;
	struct message m;
	struct raw *r;

	cfg.passive = true;
	p = add_neighbor(w, &cfg);
	r = raw_connect(w, "127.0.2.1");
	raw_establish(w, r, p, 0x0a000101, 9);
	cfg.hold_time_s = 33;
	session_configure(p->session, &cfg);
	world_run_ms(w, 20);
	assert_int_equal(p->downs, 0);
	assert_int_equal(session_negotiated(p->session)->hold_time_s, 9);
	session_stop(p->session, BGP_CEASE_OTHER_CONFIGURATION_CHANGE, NULL);
	session_start(p->session);
	raw_expect_notification(w, r, BGP_ERR_CEASE, BGP_CEASE_OTHER_CONFIGURATION_CHANGE);
	raw_free(r);
	r = raw_connect(w, "127.0.2.1");
	raw_expect(w, r, BGP_OPEN, &m);
	assert_int_equal(m.body[3] << 8 | m.body[4], 33);
	raw_free(r);
}

static void a_static_neighbor_replaces_a_dynamic_one(void **state)
{
	struct world *w = *state;
	struct session_config cfg = config_for(w, "127.0.2.1");
	struct program *p;
	struct raw *r;

	add_range(w, "127.0.2.0/24", 10, "pods");
	r = come_up(w, "127.0.2.1", 0x0a000101);
	p = add_neighbor(w, &cfg);
	raw_expect_notification(w, r, BGP_ERR_CEASE, BGP_CEASE_OTHER_CONFIGURATION_CHANGE);
	raw_free(r);
	assert_int_equal(w->dynamic_gone, 1);
	assert_int_equal(range_info(w, "127.0.2.0/24").neighbors, 0);
	assert_null(session_neighbors_add(w->set, &cfg, &program_ops, p));
	r = raw_connect(w, "127.0.2.1");
	raw_establish(w, r, p, 0x0a000101, 9);
	assert_int_equal(w->dynamic_new, 1);
	raw_free(r);
}

/* The program ends sessions from inside its callbacks. */
static void hangs_up(void *user, struct session *s, const struct bgp_negotiated *n)
{
	(void)n;
	((struct program *)user)->ups++;
	session_stop(s, BGP_CEASE_OUT_OF_RESOURCES, NULL);
}

static void counts_down(void *user, struct session *s, const struct session_down *why)
{
	(void)why;
	((struct program *)user)->downs++;
	session_start(s);
	session_stop(s, BGP_CEASE_ADMINISTRATIVE_SHUTDOWN, NULL);
	session_start(s);
}

static void a_callback_may_stop_and_start_its_session(void **state)
{
	struct session_ops ops = program_ops;
	struct world *w = *state;
	struct session_config cfg = config_for(w, "127.0.2.1");
	struct program *p = calloc(1, sizeof(*p));
	struct raw *r;

	ops.up = hangs_up;
	ops.down = counts_down;
	bgp_queue_init(&p->out);
	session_start(session_neighbors_add(w->set, &cfg, &ops, p));
	for (int i = 1; i <= 2; i++) {
		r = raw_connect(w, "127.0.2.1");
		raw_expect(w, r, BGP_OPEN, NULL);
		raw_send_open(r, 65021, 0x0a000101, 9);
		raw_send_keepalive(r);
		raw_expect_notification(w, r, BGP_ERR_CEASE, BGP_CEASE_OUT_OF_RESOURCES);
		assert_int_equal(p->ups, i);
		assert_int_equal(p->downs, i);
		raw_free(r);
	}
}

static bool accept_failed(void *arg)
{
	return session_neighbors_counters(((struct world *)arg)->set)->accept_errors > 0;
}

static void without_descriptors_accepting_pauses_and_goes_on(void **state)
{
	struct world *w = *state;
	struct rlimit before, none;
	struct raw *r;

	log_init("test", LOG_TO_STDERR, LOG_LEVEL_ERROR);
	add_range(w, "127.0.2.0/24", 10, "pods");
	r = raw_connect(w, "127.0.2.1");
	assert_int_equal(getrlimit(RLIMIT_NOFILE, &before), 0);
	none = before;
	none.rlim_cur = (rlim_t)r->fd;
	assert_int_equal(setrlimit(RLIMIT_NOFILE, &none), 0);
	assert_true(world_wait(w, accept_failed, w));
	world_run_ms(w, 50);
	assert_int_equal(session_neighbors_counters(w->set)->accept_errors, 1);
	assert_int_equal(setrlimit(RLIMIT_NOFILE, &before), 0);
	raw_establish(w, r, NULL, 0x0a000101, 9);
	raw_free(r);
}

static const char *refusal;
static unsigned refusals;

static void on_refused(void *user, const struct ip_addr *remote, const char *why)
{
	(void)user;
	(void)remote;
	refusal = why;
	refusals++;
}

/* The set's table of callbacks, with the one that a test looks at. */
static void look_at_refusals(struct world *w, struct session_neighbors_ops *ops)
{
	*ops = *w->set->ops;
	ops->refused = on_refused;
	w->set->ops = ops;
	refusals = 0;
}

static void who_is_shut_down_is_told_why_and_not_let_in_until_enabled(void **state)
{
	struct world *w = *state;
	struct ip_addr here = addr_of("127.0.2.1"), later = addr_of("127.0.2.9"),
		       nobody = addr_of("127.0.9.9");
	struct session_neighbors_ops ops;
	struct message m;
	struct raw *r;

	look_at_refusals(w, &ops);
	add_range(w, "127.0.2.0/24", 3, "pods");
	r = come_up(w, "127.0.2.1", 0x0a000001);
	assert_false(session_neighbors_shutdown(w->set, &nobody, NULL));
	assert_true(session_neighbors_shutdown(w->set, &here, "new rack"));
	assert_true(session_neighbors_shutdown(w->set, &later, NULL));
	do
		raw_next(w, r, &m);
	while (m.type == BGP_KEEPALIVE);
	assert_int_equal(m.type, BGP_NOTIFICATION);
	assert_memory_equal(m.body, "\6\2\10new rack", 11);
	raw_free(r);
	assert_true(world_wait(w, nobody_there, w));
	for (int i = 0; i < 2; i++) {
		r = raw_connect(w, i ? "127.0.2.9" : "127.0.2.1");
		raw_expect_notification(w, r, BGP_ERR_CEASE, BGP_CEASE_ADMINISTRATIVE_SHUTDOWN);
		raw_free(r);
	}
	assert_int_equal(refusals, 2);
	assert_string_equal(refusal, "shut down");
	assert_int_equal(session_neighbors_counters(w->set)->shut_down, 2);
	assert_string_equal(session_neighbors_shutdown_of(w->set, &here)->text, "new rack");
	assert_true(ip_addr_equal(&session_neighbors_next_shutdown(w->set, &here)->address, &later));
	assert_null(session_neighbors_next_shutdown(w->set, &later));
	assert_true(session_neighbors_enable(w->set, &here));
	assert_false(session_neighbors_enable(w->set, &here));
	raw_free(come_up(w, "127.0.2.1", 0x0a000001));
}

/* It may be taken out of the configuration and put in again. */
static void a_neighbor_that_comes_back_is_still_shut_down(void **state)
{
	struct world *w = *state;
	struct session_config cfg = config_for(w, "127.0.3.1");
	struct program *p;

	cfg.passive = true;
	p = add_neighbor(w, &cfg);
	assert_true(session_neighbors_shutdown(w->set, &cfg.remote, NULL));
	assert_int_equal(session_state(p->session), SESSION_IDLE);
	session_start(p->session);
	assert_int_equal(session_state(p->session), SESSION_IDLE);
	assert_true(session_neighbors_del(w->set, &cfg.remote));
	free(p);
	p = add_neighbor(w, &cfg);
	assert_true(session_is_shut_down(p->session));
	assert_int_equal(session_state(p->session), SESSION_IDLE);
	session_neighbors_trim_shutdowns(w->set);
	assert_non_null(session_neighbors_shutdown_of(w->set, &cfg.remote));
	assert_true(session_neighbors_enable(w->set, &cfg.remote));
	assert_int_equal(session_state(p->session), SESSION_ACTIVE);
	assert_true(session_neighbors_shutdown(w->set, &cfg.remote, NULL));
	assert_true(session_neighbors_del(w->set, &cfg.remote));
	free(p);
	session_neighbors_trim_shutdowns(w->set);
	assert_null(session_neighbors_shutdown_of(w->set, &cfg.remote));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(a_dynamic_neighbor_that_knows_no_capabilities_is_remembered,
			world_setup, world_teardown),
		cmocka_unit_test_setup_teardown(the_limit_of_a_range_is_exact, world_setup, world_teardown),
		cmocka_unit_test_setup_teardown(
			the_longest_range_that_matches_decides, world_setup, world_teardown),
		cmocka_unit_test_setup_teardown(
			strangers_and_our_own_addresses_are_refused, world_setup, world_teardown),
		cmocka_unit_test_setup_teardown(
			a_dynamic_neighbor_that_never_comes_up_is_forgotten, world_setup, world_teardown),
		cmocka_unit_test_setup_teardown(
			one_identifier_behind_two_addresses_is_reported, world_setup, world_teardown),
		cmocka_unit_test_setup_teardown(
			a_walk_goes_in_order_and_may_be_continued_at_any_time, world_setup, world_teardown),
		cmocka_unit_test_setup_teardown(
			a_range_that_is_removed_sends_its_neighbors_away, world_setup, world_teardown),
		cmocka_unit_test_setup_teardown(
			other_ranges_keep_whom_they_still_have, world_setup, world_teardown),
		cmocka_unit_test_setup_teardown(
			other_settings_hold_from_the_next_connection_on, world_setup, world_teardown),
		cmocka_unit_test_setup_teardown(
			a_static_neighbor_replaces_a_dynamic_one, world_setup, world_teardown),
		cmocka_unit_test_setup_teardown(
			a_callback_may_stop_and_start_its_session, world_setup, world_teardown),
		cmocka_unit_test_setup_teardown(
			without_descriptors_accepting_pauses_and_goes_on, world_setup, world_teardown),
		cmocka_unit_test_setup_teardown(who_is_shut_down_is_told_why_and_not_let_in_until_enabled,
			world_setup, world_teardown),
		cmocka_unit_test_setup_teardown(
			a_neighbor_that_comes_back_is_still_shut_down, world_setup, world_teardown),
	};

	return cmocka_run_group_tests_name("session/neighbors", tests, NULL, NULL);
}
