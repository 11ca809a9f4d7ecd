/* Two programs on loopback addresses, each with its thread and its sockets. */
#include "bfd/bfd.h"

#include "base/mem.h"
#include "io/udp.h"

#include <setjmp.h>
#include <stdarg.h>
#include <string.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <unistd.h>

#include <cmocka.h>

enum { MS = 1000, LONG_US = 10000 * MS };

static const struct bfd_intervals fast = {
	.desired_min_tx_us = 20 * MS, .required_min_rx_us = 20 * MS, .detect_mult = 3
};

struct side {
	struct io_loop *loop;
	struct bfd *bfd;
	struct bfd_session *session;
	unsigned up, failed, admin_down;
};

struct lab {
	struct io_loop *loop;
	struct io_timer *timer;
	bool late;
	struct side side[2];
};

static void too_late(void *user)
{
	struct lab *lab = user;

	lab->late = true;
	io_loop_stop(lab->loop);
}

static struct bfd_peer peer_of(int side, bool multihop)
{
	struct bfd_peer p = { .multihop = multihop };

	/* Addresses that no other test uses. */
	ip_addr_parse(side ? "127.41.0.2" : "127.41.0.1", &p.local);
	ip_addr_parse(side ? "127.41.0.1" : "127.41.0.2", &p.remote);
	return p;
}

static void happened(void *user, struct bfd_session *s, enum bfd_event event, uint8_t diagnostic)
{
	struct side *side = user;

	(void)s;
	(void)diagnostic;
	side->up += event == BFD_EVENT_UP;
	side->failed += event == BFD_EVENT_FAILED;
	side->admin_down += event == BFD_EVENT_ADMIN_DOWN;
	io_loop_stop(side->loop);
}

static void start(struct lab *lab, int side, const struct bfd_intervals *cfg, bool multihop)
{
	struct bfd_peer p = peer_of(side, multihop);
	struct side *s = &lab->side[side];

	s->session = bfd_session_start(s->bfd, &p, cfg, NULL, happened, s);
	assert_non_null(s->session);
}

static int setup(void **state)
{
	struct lab *lab = mem_calloc(1, sizeof(*lab));

	lab->loop = io_loop_new();
	lab->timer = io_timer_new(lab->loop, too_late, lab);
	for (int i = 0; i < 2; i++)
		lab->side[i] = (struct side){ .loop = lab->loop, .bfd = bfd_new(lab->loop, 0) };
	*state = lab;
	return 0;
}

static int teardown(void **state)
{
	struct lab *lab = *state;

	for (int i = 0; i < 2; i++)
		bfd_free(lab->side[i].bfd);
	io_timer_free(lab->timer);
	io_loop_free(lab->loop);
	free(lab);
	return 0;
}

/* Runs until an event; fails after a time that is long for all of them. */
static void wait_event(struct lab *lab)
{
	lab->late = false;
	io_timer_set(lab->timer, LONG_US);
	io_loop_run(lab->loop);
	io_timer_cancel(lab->timer);
	assert_false(lab->late);
}

static void wait_both_up(struct lab *lab, unsigned times)
{
	while (lab->side[0].up < times || lab->side[1].up < times)
		wait_event(lab);
}

static void up_and_down(struct lab *lab, bool multihop)
{
	struct bfd_view v;

	start(lab, 0, &fast, multihop);
	start(lab, 1, &fast, multihop);
	wait_both_up(lab, 1);
	bfd_session_look(lab->side[0].session, &v);
	assert_int_equal(v.state, BFD_UP);
	assert_int_equal(v.peer.multihop, multihop);
	assert_int_equal(v.ups, 1);
	/* A stop is told. */
	bfd_session_stop(lab->side[0].session);
	while (!lab->side[1].admin_down)
		wait_event(lab);
	assert_int_equal(lab->side[1].failed, 0);
	/* And the other end waits for whoever comes. */
	start(lab, 0, &fast, multihop);
	wait_both_up(lab, 2);
}

static void single_hop(void **state)
{
	up_and_down(*state, false);
}

static void multihop(void **state)
{
	up_and_down(*state, true);
}

static void a_program_that_ends_says_so(void **state)
{
	struct lab *lab = *state;

	start(lab, 0, &fast, false);
	start(lab, 1, &fast, false);
	wait_both_up(lab, 1);
	bfd_free(lab->side[0].bfd);
	lab->side[0].bfd = NULL;
	while (!lab->side[1].admin_down)
		wait_event(lab);
	assert_int_equal(lab->side[1].failed, 0);
}

static void an_address_that_another_has_is_told(void **state)
{
	struct lab *lab = *state;
	struct bfd_peer p = peer_of(0, false);
	struct bfd_view v;
	int fd = io_udp_bind(&p.local, BFD_PORT, BFD_PORT);

	assert_true(fd >= 0);
	start(lab, 0, &fast, false);
	do {
		usleep(1000);
		bfd_session_look(lab->side[0].session, &v);
	} while (!v.error);
	assert_int_equal(v.state, BFD_DOWN);
	bfd_session_stop(lab->side[0].session);
	close(fd);
}

/* From the wrong distance, without a session, not BFD. */
static void strangers_are_counted_and_change_nothing(void **state)
{
	static const uint8_t octets[BFD_PACKET_LEN] = { 0x20, 0x40, 3, 24, 0, 0, 0, 7 };
	struct lab *lab = *state;
	struct bfd_peer p = peer_of(1, false);
	struct bfd_stats stats;
	int far = io_udp_connect(&p.remote, BFD_PORT, &p.local, 0), near;

	start(lab, 0, &fast, false);
	start(lab, 1, &fast, false);
	wait_both_up(lab, 1);
	assert_true(far >= 0);
	assert_int_equal(send(far, octets, sizeof(octets), 0), sizeof(octets));
	ip_addr_parse("127.41.0.9", &p.local);
	near = io_udp_bind(&p.local, 50000, 60000);
	assert_true(near >= 0);
	assert_int_equal(io_udp_send(near, &p.remote, BFD_PORT, octets, sizeof(octets)), 0);
	assert_int_equal(io_udp_send(near, &p.remote, BFD_PORT, octets, 5), 0);
	do {
		usleep(1000);
		bfd_stats_get(lab->side[0].bfd, &stats);
	} while (stats.far + stats.unknown + stats.dropped[BFD_PACKET_TOO_SHORT] < 3);
	assert_int_equal(stats.far, 1);
	assert_int_equal(stats.unknown, 1);
	assert_int_equal(stats.up, 1);
	assert_int_equal(lab->side[0].failed, 0);
	close(far);
	close(near);
}

static void other_intervals_are_agreed_on_without_a_flap(void **state)
{
	static const struct bfd_intervals slow = {
		.desired_min_tx_us = 60 * MS, .required_min_rx_us = 60 * MS, .detect_mult = 5
	};
	struct lab *lab = *state;
	struct bfd_view v;

	start(lab, 0, &fast, false);
	start(lab, 1, &fast, false);
	wait_both_up(lab, 1);
	bfd_session_configure(lab->side[0].session, &slow);
	do {
		usleep(1000);
		bfd_session_look(lab->side[1].session, &v);
	} while (v.detection_time_us != 5 * 60 * MS);
	assert_int_equal(v.failures, 0);
	assert_int_equal(v.ups, 1);
}

/* Both wish for 100 packets a second, sent and heard, and may have 50. */
static void a_budget_stretches_the_intervals(void **state)
{
	struct lab *lab = *state;
	struct bfd_view v;
	struct bfd_stats stats;

	for (int i = 0; i < 2; i++)
		bfd_set_budget(lab->side[i].bfd, 50);
	start(lab, 0, &fast, false);
	start(lab, 1, &fast, false);
	wait_both_up(lab, 1);
	do {
		usleep(1000);
		bfd_session_look(lab->side[0].session, &v);
	} while (v.tx_interval_us != 40 * MS);
	bfd_stats_get(lab->side[0].bfd, &stats);
	assert_int_equal(stats.factor, 2);
	bfd_set_budget(lab->side[0].bfd, 0);
	do {
		usleep(1000);
		bfd_stats_get(lab->side[0].bfd, &stats);
	} while (stats.factor != 1);
	bfd_session_look(lab->side[0].session, &v);
	assert_int_equal(v.failures, 0);
}

static void sessions_are_walked_in_order_while_they_come_and_go(void **state)
{
	struct lab *lab = *state;
	struct bfd_session *s[3];
	struct bfd_peer gone;
	struct bfd_view v;

	for (int i = 0; i < 3; i++) {
		struct bfd_peer p = peer_of(0, true);

		p.remote.bytes[3] = (uint8_t)(20 - i);
		s[i] = bfd_session_start(lab->side[0].bfd, &p, &fast, NULL, happened, &lab->side[0]);
	}
	bfd_session_stop(s[1]);
	assert_ptr_equal(bfd_next(lab->side[0].bfd, NULL), s[2]);
	assert_ptr_equal(bfd_next(lab->side[0].bfd, bfd_session_peer(s[2])), s[0]);
	assert_null(bfd_next(lab->side[0].bfd, bfd_session_peer(s[0])));
	/* From one that is gone meanwhile. */
	gone = *bfd_session_peer(s[2]);
	bfd_session_stop(s[2]);
	assert_ptr_equal(bfd_next(lab->side[0].bfd, &gone), s[0]);
	bfd_session_look(s[0], &v);
	assert_int_equal(v.peer.remote.bytes[3], 20);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(single_hop, setup, teardown),
		cmocka_unit_test_setup_teardown(multihop, setup, teardown),
		cmocka_unit_test_setup_teardown(a_program_that_ends_says_so, setup, teardown),
		cmocka_unit_test_setup_teardown(an_address_that_another_has_is_told, setup, teardown),
		cmocka_unit_test_setup_teardown(strangers_are_counted_and_change_nothing, setup, teardown),
		cmocka_unit_test_setup_teardown(
			other_intervals_are_agreed_on_without_a_flap, setup, teardown),
		cmocka_unit_test_setup_teardown(a_budget_stretches_the_intervals, setup, teardown),
		cmocka_unit_test_setup_teardown(
			sessions_are_walked_in_order_while_they_come_and_go, setup, teardown),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
