/* Keys of TCP-MD5 in a set of neighbors: by prefix, changed under live sessions, and refused as a whole. */
#include "harness.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

static struct prefix prefix(const char *text)
{
	struct prefix p;

	assert_true(prefix_parse(text, &p, NULL));
	return p;
}

static struct session_key key(const char *peers, const char *password)
{
	return (struct session_key){ .peers = prefix(peers), .key = key_of(password) };
}

/* Up to three keys; a NULL prefix ends them. */
static void set_keys(struct world *w, const char *p1, const char *k1, const char *p2, const char *k2,
	const char *p3, const char *k3)
{
	struct session_key keys[3];
	size_t n = 0;

	if (p1)
		keys[n++] = key(p1, k1);
	if (p2)
		keys[n++] = key(p2, k2);
	if (p3)
		keys[n++] = key(p3, k3);
	assert_int_equal(session_neighbors_set_keys(w->set, keys, n, NULL), 0);
}

static void change_own(struct raw *r, const char *password)
{
	struct prefix here = prefix("127.0.0.1/32");
	struct io_tcp_key k = key_of(password);

	assert_int_equal(io_tcp_set_key(r->fd, &here, &k), 0);
}

static void add_range(struct world *w, const char *text)
{
	struct prefix p = prefix(text);

	session_neighbors_set_range(w->set, &p, 100, w);
}

static struct raw *come_up(struct world *w, const char *from, const char *password)
{
	struct raw *r = raw_connect_with_key(w, from, password);

	assert_non_null(r);
	raw_establish(w, r, NULL, id_of(from), 3);
	return r;
}

static bool answers(struct world *w, const char *from, const char *password)
{
	struct raw *r = raw_connect_with_key(w, from, password);
	bool answered = r != NULL;

	if (r)
		raw_free(r);
	return answered;
}

static void the_longest_prefix_with_a_key_decides(void **state)
{
	struct world *w = *state;

	add_range(w, "127.0.2.0/24");
	set_keys(w, "127.0.2.0/24", "wide", "127.0.2.64/26", "narrow", "127.0.2.65/32", "one");
	assert_true(answers(w, "127.0.2.1", "wide"));
	assert_false(answers(w, "127.0.2.1", ""));
	assert_false(answers(w, "127.0.2.1", "narrow"));
	assert_true(answers(w, "127.0.2.64", "narrow"));
	assert_false(answers(w, "127.0.2.64", "wide"));
	assert_true(answers(w, "127.0.2.65", "one"));
	assert_false(answers(w, "127.0.2.65", "narrow"));
	/* without a key, and with one that nobody asked for */
	assert_true(answers(w, "127.0.3.1", ""));
	assert_false(answers(w, "127.0.3.1", "wide"));
}

static void keys_go_as_they_came(void **state)
{
	struct world *w = *state;

	add_range(w, "127.0.2.0/24");
	set_keys(w, "127.0.2.0/24", "wide", "127.0.2.65/32", "one", NULL, NULL);
	assert_false(answers(w, "127.0.2.65", "wide"));
	set_keys(w, "127.0.2.0/24", "wide", NULL, NULL, NULL, NULL);
	assert_true(answers(w, "127.0.2.65", "wide"));
	set_keys(w, NULL, NULL, NULL, NULL, NULL, NULL);
	assert_true(answers(w, "127.0.2.65", ""));
	assert_false(answers(w, "127.0.2.65", "wide"));
}

static void a_neighbor_has_its_own_key_where_a_range_is_just_its_address(void **state)
{
	struct world *w = *state;

	for (int i = 0; i < 3; i++) {
		set_keys(w, "127.0.2.1/32", "of the range", "127.0.2.1/32", "its own", NULL, NULL);
		assert_true(answers(w, "127.0.2.1", "its own"));
		assert_false(answers(w, "127.0.2.1", "of the range"));
	}
}

static void a_listener_that_comes_later_has_them_before_its_first_syn(void **state)
{
	struct world *w = *state;
	struct ip_addr here = addr_of("127.0.0.1");

	set_keys(w, "127.0.2.0/24", "wide", NULL, NULL, NULL, NULL);
	assert_true(session_neighbors_unlisten(w->set, &here, w->port));
	assert_int_equal(session_neighbors_listen(w->set, &here, w->port), 0);
	assert_false(answers(w, "127.0.2.1", ""));
	assert_true(answers(w, "127.0.2.1", "wide"));
}

static bool has_update(void *program)
{
	return ((struct program *)program)->updates > 0;
}

static void send_end_of_rib(struct raw *r)
{
	static const uint8_t nothing[4];

	raw_send_message(r, BGP_UPDATE, nothing, sizeof(nothing));
}

/* We change at once, the peer a second later, long before the three seconds of the hold time are over. */
static void a_session_stays_when_both_sides_change_within_the_hold_time(void **state)
{
	struct world *w = *state;
	struct program *p;
	struct raw *r;

	add_range(w, "127.0.2.0/24");
	set_keys(w, "127.0.2.0/24", "old", NULL, NULL, NULL, NULL);
	r = come_up(w, "127.0.2.1", "old");
	p = w->last_dynamic;
	set_keys(w, "127.0.2.0/24", "new", NULL, NULL, NULL, NULL);
	send_end_of_rib(r);
	world_run_ms(w, 1000);
	/* What was signed with the old key has not come through. */
	assert_int_equal(p->updates, 0);
	change_own(r, "new");
	assert_true(world_wait(w, has_update, p));
	assert_true(is_up(p));
	assert_int_equal(p->downs, 0);
	assert_false(answers(w, "127.0.2.2", "old"));
	assert_true(answers(w, "127.0.2.2", "new"));
	raw_free(r);
}

static bool nobody_there(void *arg)
{
	return session_neighbors_count(((struct world *)arg)->set) == 0;
}

static void a_session_falls_when_the_other_side_is_too_late(void **state)
{
	struct world *w = *state;
	struct raw *r;

	add_range(w, "127.0.2.0/24");
	set_keys(w, "127.0.2.0/24", "old", NULL, NULL, NULL, NULL);
	r = come_up(w, "127.0.2.1", "old");
	set_keys(w, "127.0.2.0/24", "new", NULL, NULL, NULL, NULL);
	/* The peer speaks all the while, and nobody hears it. */
	raw_send_keepalive(r);
	assert_true(world_wait(w, nobody_there, w));
	raw_free(r);
}

/* From no key to a key and back, on live connections; others are left alone. */
static void keys_come_and_go_under_live_sessions(void **state)
{
	struct world *w = *state;
	struct session_config cfg = config_for(w, "127.0.4.1");
	struct program *own = add_neighbor(w, &cfg), *p;
	struct raw *r, *other;

	add_range(w, "127.0.2.0/24");
	r = come_up(w, "127.0.2.1", "");
	p = w->last_dynamic;
	other = raw_connect_with_key(w, "127.0.4.1", "");
	raw_establish(w, other, own, id_of("127.0.4.1"), 3);
	set_keys(w, "127.0.2.0/24", "new", NULL, NULL, NULL, NULL);
	send_end_of_rib(other);
	assert_true(world_wait(w, has_update, own));
	send_end_of_rib(r);
	world_run_ms(w, 100);
	assert_int_equal(p->updates, 0);
	change_own(r, "new");
	assert_true(world_wait(w, has_update, p));
	p->updates = 0;
	set_keys(w, NULL, NULL, NULL, NULL, NULL, NULL);
	change_own(r, "");
	send_end_of_rib(r);
	assert_true(world_wait(w, has_update, p));
	assert_int_equal(p->downs + own->downs, 0);
	raw_free(r);
	raw_free(other);
}

/* It was accepted by the kernel while the old key held, and by us when there is another. */
static void a_connection_that_waits_to_be_accepted_gets_the_key_of_today(void **state)
{
	struct world *w = *state;
	struct raw *r;

	add_range(w, "127.0.2.0/24");
	set_keys(w, "127.0.2.0/24", "old", NULL, NULL, NULL, NULL);
	r = raw_connect_with_key(w, "127.0.2.1", "old");
	assert_non_null(r);
	set_keys(w, "127.0.2.0/24", "new", NULL, NULL, NULL, NULL);
	raw_send_open(r, 65021, id_of("127.0.2.1"), 3);
	world_run_ms(w, 100);
	assert_false(message_is_there(r));
	change_own(r, "new");
	raw_expect(w, r, BGP_OPEN, NULL);
	raw_free(r);
}

static void our_own_connection_is_signed(void **state)
{
	struct world *w = *state;
	struct session_config cfg = config_for(w, "127.0.5.1");
	struct prefix us = prefix("127.0.0.1/32");
	struct io_tcp_key k = key_of("secret");
	int listener = raw_listen(w, "127.0.5.1");
	struct program *p;
	struct raw *r;

	assert_int_equal(io_tcp_set_key(listener, &us, &k), 0);
	set_keys(w, "127.0.5.1/32", "secret", NULL, NULL, NULL, NULL);
	cfg.passive = false;
	p = add_neighbor(w, &cfg);
	r = raw_accept(w, listener);
	raw_establish(w, r, p, id_of("127.0.5.1"), 3);
	raw_free(r);
	close(listener);
}

/* More keys than there is room for: the old ones hold as they did. */
static void what_the_kernel_refuses_changes_nothing(void **state)
{
	enum { MANY = 20000 };
	struct world *w = *state;
	struct session_key *many = calloc(MANY, sizeof(*many));
	struct prefix refused = { 0 };
	struct raw *r;

	add_range(w, "127.0.2.0/24");
	set_keys(w, "127.0.2.0/24", "old", NULL, NULL, NULL, NULL);
	r = come_up(w, "127.0.2.1", "old");
	for (uint32_t i = 0; i < MANY; i++) {
		struct ip_addr a = ip_addr_v4(0x7f000200 + i);

		many[i] = (struct session_key){ .peers = prefix_host(&a), .key = key_of("new") };
	}
	assert_int_equal(session_neighbors_set_keys(w->set, many, MANY, &refused), -ENOMEM);
	assert_int_equal(refused.len, 32);
	assert_non_null(strstr(io_tcp_key_error(ENOMEM), "net.core.optmem_max"));
	free(many);
	send_end_of_rib(r);
	assert_true(world_wait(w, has_update, w->last_dynamic));
	assert_true(answers(w, "127.0.2.2", "old"));
	assert_false(answers(w, "127.0.2.2", "new"));
	raw_free(r);
}

/* True where the kernel was built without TCP-MD5. */
static bool cannot(void)
{
	struct session_key k = key("127.0.0.2/32", "any");
	int fd = io_tcp_key_trial(IP_V4), err = io_tcp_set_key(fd, &k.peers, &k.key);

	close(fd);
	return err == -ENOPROTOOPT;
}

int main(void)
{
	enum { SKIPPED = 77 };
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(
			the_longest_prefix_with_a_key_decides, world_setup, world_teardown),
		cmocka_unit_test_setup_teardown(keys_go_as_they_came, world_setup, world_teardown),
		cmocka_unit_test_setup_teardown(a_neighbor_has_its_own_key_where_a_range_is_just_its_address,
			world_setup, world_teardown),
		cmocka_unit_test_setup_teardown(a_listener_that_comes_later_has_them_before_its_first_syn,
			world_setup, world_teardown),
		cmocka_unit_test_setup_teardown(a_session_stays_when_both_sides_change_within_the_hold_time,
			world_setup, world_teardown),
		cmocka_unit_test_setup_teardown(
			a_session_falls_when_the_other_side_is_too_late, world_setup, world_teardown),
		cmocka_unit_test_setup_teardown(
			keys_come_and_go_under_live_sessions, world_setup, world_teardown),
		cmocka_unit_test_setup_teardown(a_connection_that_waits_to_be_accepted_gets_the_key_of_today,
			world_setup, world_teardown),
		cmocka_unit_test_setup_teardown(our_own_connection_is_signed, world_setup, world_teardown),
		cmocka_unit_test_setup_teardown(
			what_the_kernel_refuses_changes_nothing, world_setup, world_teardown),
	};

	if (cannot())
		return SKIPPED;
	return cmocka_run_group_tests_name("session/keys", tests, NULL, NULL);
}
