/* One session and a raw peer that says what the test wants: OPEN, errors, timers, delays, output. */
#include "harness.h"

#include <errno.h>
#include <malloc.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#define PEER	"127.0.0.2"
#define PEER_ID 0x0a000002

static void two_sessions_establish_and_agree(void **state)
{
	struct world *w = *state;
	struct session_config passive = config_for(w, PEER), active = config_for(w, "127.0.0.1");
	struct program *a, *b;

	passive.add_path[BGP_IPV4_UNICAST] = BGP_ADD_PATH_RECEIVE;
	passive.extended_message = true;
	a = add_neighbor(w, &passive);
	active.passive = false;
	active.local = addr_of(PEER);
	active.router_id = PEER_ID;
	active.hold_time_s = 6;
	active.extended_message = true;
	active.add_path[BGP_IPV4_UNICAST] = BGP_ADD_PATH_SEND;
	b = add_neighbor(w, &active);
	assert_true(world_wait(w, is_up, a));
	assert_true(world_wait(w, is_up, b));
	assert_int_equal(a->negotiated.hold_time_s, 6);
	assert_true(a->negotiated.add_path_rx[BGP_IPV4_UNICAST]);
	assert_false(a->negotiated.add_path_tx[BGP_IPV4_UNICAST]);
	assert_true(b->negotiated.add_path_tx[BGP_IPV4_UNICAST]);
	assert_true(b->negotiated.family[BGP_IPV6_UNICAST]);
	assert_int_equal(b->negotiated.max_tx, BGP_EXTENDED_MESSAGE_MAX);
	assert_int_equal(session_state(a->session), SESSION_ESTABLISHED);
	assert_int_equal(session_remote_open(a->session)->bgp_identifier, PEER_ID);
	assert_int_equal(session_counters(b->session)->established, 1);
	session_send_refresh(b->session, BGP_IPV6_UNICAST, BGP_REFRESH_REQUEST);
	world_run_ms(w, 20);
	assert_int_equal(a->refreshes, 1);
	session_stop(b->session, BGP_CEASE_ADMINISTRATIVE_SHUTDOWN, "maintenance");
	assert_true(world_wait(w, is_down, a));
	assert_string_equal(a->why.text, "peer sent Cease/Administrative Shutdown: \"maintenance\"");
	assert_int_equal(a->why.reason, SESSION_DOWN_NOTIFICATION_RECEIVED);
	assert_int_equal(b->why.reason, SESSION_DOWN_ADMIN);
	assert_int_equal(session_state(b->session), SESSION_IDLE);
	session_start(b->session);
	assert_true(world_wait(w, is_up, a));
	assert_true(world_wait(w, is_up, b));
	session_reset(b->session, NULL);
	assert_int_equal(b->downs, 2);
	assert_true(world_wait(w, is_up, b));
}

/* Sends an OPEN and expects it to be refused. */
static void expect_open_refused(
	struct world *w, uint32_t as, uint32_t id, uint16_t hold_time_s, enum bgp_open_error subcode)
{
	struct raw *r = raw_connect(w, PEER);

	raw_expect(w, r, BGP_OPEN, NULL);
	raw_send_open(r, as, id, hold_time_s);
	raw_expect_notification(w, r, BGP_ERR_OPEN, subcode);
	raw_free(r);
}

static void an_open_that_the_configuration_does_not_allow_is_refused(void **state)
{
	struct world *w = *state;
	struct session_config cfg = config_for(w, PEER);
	struct program *p;

	cfg.min_hold_time_s = 4;
	p = add_neighbor(w, &cfg);
	assert_int_equal(session_last_error_us(p->session), 0);
	expect_open_refused(w, 65022, PEER_ID, 9, BGP_OPEN_BAD_PEER_AS);
	assert_string_equal(session_last_error(p->session),
		"we sent OPEN Message Error/Bad Peer AS: it is AS 65022, AS 65021 is expected (peer-as)");
	assert_in_range(session_last_error_us(p->session), 1, io_loop_now_us(w->loop));
	expect_open_refused(w, 65021, cfg.router_id, 9, BGP_OPEN_BAD_BGP_IDENTIFIER);
	assert_string_equal(session_last_error(p->session),
		"we sent OPEN Message Error/Bad BGP Identifier: its router id 10.0.0.20 is our own");
	expect_open_refused(w, 65021, PEER_ID, 3, BGP_OPEN_UNACCEPTABLE_HOLD_TIME);
	expect_open_refused(w, 65021, PEER_ID, 0, BGP_OPEN_UNACCEPTABLE_HOLD_TIME);
	assert_string_equal(session_last_error(p->session),
		"we sent OPEN Message Error/Unacceptable Hold Time: it offers 0 s, the least is 4 s "
		"(min-hold-time)");
	assert_int_equal(p->ups, 0);
}

/* Both ends say which AS it is about. */
static void a_bad_peer_as_is_named_by_both_sides(void **state)
{
	struct world *w = *state;
	struct session_config passive = config_for(w, PEER), active = config_for(w, "127.0.0.1");
	struct program *a, *b;

	passive.peer_as = 0;
	passive.peer_as_external = true;
	a = add_neighbor(w, &passive);
	active.passive = false;
	active.local = addr_of(PEER);
	active.router_id = PEER_ID;
	b = add_neighbor(w, &active);
	assert_true(world_wait(w, has_error, a));
	assert_true(world_wait(w, has_error, b));
	assert_string_equal(session_last_error(a->session), "we sent OPEN Message Error/Bad Peer AS: it is "
							    "AS 65021, any but our own is expected (peer-as: "
							    "external)");
	assert_string_equal(session_last_error(b->session),
		"peer sent OPEN Message Error/Bad Peer AS: we are AS 65021, "
		"its configuration expects another");
}

static void an_attempt_that_nobody_answers_says_what_a_password_has_to_do_with_it(void **state)
{
	struct world *w = *state;
	struct session_config cfg = config_for(w, PEER);
	struct session_cause cause = { .reason = SESSION_DOWN_TCP_CLOSED, .os_error = ETIMEDOUT };
	struct session_down why;
	struct program *p = add_neighbor(w, &cfg);

	session_describe(p->session, SESSION_CONNECT, &cause, &why);
	assert_string_equal(why.text, "Connection timed out: no answer; a peer that asks for a password "
				      "(TCP-MD5) gives none either");
	p->session->cfg.key.len = 6;
	session_describe(p->session, SESSION_CONNECT, &cause, &why);
	assert_string_equal(why.text, "Connection timed out: no answer; a password (TCP-MD5) is set here, so "
				      "it is also what another one, or "
				      "none, at the peer looks like");
	session_describe(p->session, SESSION_ESTABLISHED, &cause, &why);
	assert_string_equal(why.text, "Connection timed out");
}

static void any_peer_as_and_hold_time_zero_are_taken_when_configured(void **state)
{
	struct world *w = *state;
	struct session_config cfg = config_for(w, PEER);
	struct program *p;
	struct raw *r;

	cfg.min_hold_time_s = 0;
	cfg.peer_as = 0;
	p = add_neighbor(w, &cfg);
	r = raw_connect(w, PEER);
	raw_expect(w, r, BGP_OPEN, NULL);
	raw_send_open(r, 4200000000, cfg.router_id, 0);
	raw_expect(w, r, BGP_KEEPALIVE, NULL);
	raw_send_keepalive(r);
	assert_true(world_wait(w, is_up, p));
	assert_int_equal(p->negotiated.hold_time_s, 0);
	assert_false(io_timer_pending(p->session->primary->hold));
	assert_false(io_timer_pending(p->session->primary->keepalive));
	raw_free(r);
	assert_true(world_wait(w, is_down, p));
	assert_string_equal(p->why.text, "peer closed the connection");
}

static void messages_out_of_order_are_fsm_errors_that_name_the_message(void **state)
{
	struct world *w = *state;
	struct session_config cfg = config_for(w, PEER);
	struct program *p = add_neighbor(w, &cfg);
	struct raw *r = raw_connect(w, PEER);
	struct message m;

	raw_expect(w, r, BGP_OPEN, NULL);
	raw_send_keepalive(r);
	raw_expect(w, r, BGP_NOTIFICATION, &m);
	assert_int_equal(m.len, 3);
	assert_memory_equal(m.body, ((uint8_t[]){ BGP_ERR_FSM, BGP_FSM_IN_OPEN_SENT, BGP_KEEPALIVE }), 3);
	raw_free(r);
	r = raw_connect(w, PEER);
	raw_establish(w, r, p, PEER_ID, 9);
	raw_send_open(r, 65021, PEER_ID, 9);
	raw_expect_notification(w, r, BGP_ERR_FSM, BGP_FSM_IN_ESTABLISHED);
	assert_string_equal(p->why.text,
		"we sent Finite State Machine Error/Receive Unexpected Message in Established State (OPEN)");
	raw_free(r);
	r = raw_connect(w, PEER);
	raw_expect(w, r, BGP_OPEN, NULL);
	raw_send(r, "this is not BGP at all", 22);
	raw_expect_notification(w, r, BGP_ERR_HEADER, BGP_HEADER_NOT_SYNCHRONIZED);
	raw_free(r);
}

static void the_hold_timer_fires_on_time_though_half_a_message_is_there(void **state)
{
	struct world *w = *state;
	struct session_config cfg = config_for(w, PEER);
	struct program *p = add_neighbor(w, &cfg);
	struct raw *r = raw_connect(w, PEER);
	uint64_t due_us, now_us;
	uint8_t half[25];

	raw_establish(w, r, p, PEER_ID, 3);
	/* A third would be one second, and jitter may not make it less (RFC 4271 4.4). */
	assert_in_range(io_timer_left_us(p->session->primary->keepalive), 950000, 1000000);
	due_us = p->session->primary->heard_us + 3000000;
	memset(half, 0xff, 16);
	memcpy(half + 16, "\x00\x40\x02\x00\x00\x00\x00\x00\x00", 9);
	raw_send(r, half, sizeof(half));
	world_run_ms(w, 20);
	assert_int_equal(p->session->primary->rest_len, sizeof(half));
	/* what the timer is set to is exact; when it really fires depends on how busy the machine is */
	assert_int_equal(p->session->primary->heard_us + p->session->primary->hold_us, due_us);
	now_us = io_loop_now_us(w->loop);
	assert_in_range(now_us + io_timer_left_us(p->session->primary->hold), due_us - 50000, due_us + 50000);
	assert_true(world_wait(w, is_down, p));
	now_us = io_loop_now_us(w->loop);
	assert_in_range(now_us, due_us, due_us + 1000000);
	assert_int_equal(p->why.reason, SESSION_DOWN_HOLD_TIMER);
	assert_int_equal(p->why.code, BGP_ERR_HOLD_TIMER);
	raw_expect_notification(w, r, BGP_ERR_HOLD_TIMER, 0);
	/* the KEEPALIVEs came while nothing else happened */
	assert_in_range(session_counters(p->session)->tx_messages[BGP_KEEPALIVE], 3, 4);
	raw_free(r);
}

/* As after SIGCONT: the timer is overdue, and the KEEPALIVE waits in the socket. */
static void an_own_pause_does_not_cost_the_session(void **state)
{
	struct world *w = *state;
	struct session_config cfg = config_for(w, PEER);
	struct program *p = add_neighbor(w, &cfg);
	struct raw *r = raw_connect(w, PEER);

	raw_establish(w, r, p, PEER_ID, 9);
	raw_send_keepalive(r);
	io_watch_set(p->session->primary->watch, 0); /* only the timer can find it */
	p->session->primary->heard_us -= 20000000;
	io_timer_set(p->session->primary->hold, 0);
	world_run_ms(w, 20);
	assert_true(is_up(p));
	assert_in_range(io_timer_left_us(p->session->primary->hold), 8000000, 9000000);
	p->session->primary->heard_us -= 20000000;
	io_timer_set(p->session->primary->hold, 0);
	world_run_ms(w, 20);
	assert_int_equal(p->why.reason, SESSION_DOWN_HOLD_TIMER);
	raw_free(r);
}

static void a_silent_connection_has_ten_seconds_and_an_own_one_four_minutes(void **state)
{
	struct world *w = *state;
	struct session_config cfg = config_for(w, PEER);
	struct program *p;
	struct raw *in, *out;
	int listener = raw_listen(w, PEER);

	cfg.passive = false;
	p = add_neighbor(w, &cfg);
	out = raw_accept(w, listener);
	raw_expect(w, out, BGP_OPEN, NULL);
	in = raw_connect(w, PEER);
	raw_expect(w, in, BGP_OPEN, NULL);
	assert_in_range(io_timer_left_us(p->session->primary->hold), 239000000, 240000000);
	assert_in_range(io_timer_left_us(p->session->silent->hold), 9000000, 10000000);
	p->session->silent->hold_us = 0; /* as if they had passed */
	p->session->silent->heard_us -= 10000000;
	p->session->silent->hold_us = 10000000;
	io_timer_set(p->session->silent->hold, 0);
	raw_expect_notification(w, in, BGP_ERR_HOLD_TIMER, 0);
	assert_null(p->session->silent);
	assert_int_equal(session_state(p->session), SESSION_OPEN_SENT);
	raw_free(in);
	raw_free(out);
	close(listener);
}

/* --- delays --- */

static bool is_idle(void *program)
{
	return session_state(((struct program *)program)->session) == SESSION_IDLE;
}

static bool is_active(void *program)
{
	return session_state(((struct program *)program)->session) == SESSION_ACTIVE;
}

static bool is_connecting(void *program)
{
	return session_state(((struct program *)program)->session) == SESSION_CONNECT;
}

/* Lets the timer fire that the session waits for. */
static void skip_delay(struct program *p)
{
	io_timer_set(p->session->timer, 0);
}

static void tcp_failures_double_the_connect_retry_and_never_idle(void **state)
{
	struct world *w = *state;
	struct session_config cfg = config_for(w, PEER);
	uint64_t want_s[] = { 1, 2, 4, 8, 10, 10 };
	struct program *p;

	cfg.passive = false;
	p = add_neighbor(w, &cfg); /* nobody listens there */
	for (size_t i = 0; i < 6; i++) {
		assert_true(world_wait(w, is_active, p));
		assert_in_range(io_timer_left_us(p->session->timer), want_s[i] * 750000 - 100000,
			want_s[i] * 1250000);
		skip_delay(p);
		assert_true(world_wait(w, is_connecting, p) || is_active(p));
	}
	assert_string_equal(session_last_error(p->session), "Connection refused");
}

/* A neighbor that connects to a listener of its own. */
static struct program *connecting(struct world *w, int *listener)
{
	struct session_config cfg = config_for(w, PEER);

	*listener = raw_listen(w, PEER);
	cfg.passive = false;
	return add_neighbor(w, &cfg);
}

static void a_connection_that_is_there_when_the_retry_timer_fires_is_taken(void **state)
{
	struct world *w = *state;
	int listener;
	struct program *p = connecting(w, &listener);
	struct raw *r;

	/* Over loopback the other side has it at once, before the loop looks. */
	assert_true(is_connecting(p));
	session_enter(p->session);
	conn_retry(p->session->primary);
	session_leave(p->session);
	r = raw_accept(w, listener);
	raw_expect(w, r, BGP_OPEN, NULL);
	raw_free(r);
	close(listener);
}

static struct raw *next_attempt(struct world *w, struct program *p, int listener)
{
	struct raw *r;

	skip_delay(p);
	r = raw_accept(w, listener);
	raw_expect(w, r, BGP_OPEN, NULL);
	return r;
}

static void only_an_error_notification_backs_off(void **state)
{
	struct world *w = *state;
	int listener;
	struct program *p = connecting(w, &listener);
	struct raw *r, *in;

	for (unsigned wait_s = 1; wait_s <= 64; wait_s *= 2) {
		r = next_attempt(w, p, listener);
		raw_send_notification(r, BGP_ERR_OPEN, BGP_OPEN_BAD_PEER_AS);
		assert_true(world_wait(w, is_idle, p));
		assert_in_range(io_timer_left_us(p->session->timer),
			(wait_s > 60 ? 60 : wait_s) * 1000000 - 100000,
			(wait_s > 60 ? 60 : wait_s) * 1000000);
		raw_free(r);
	}
	in = raw_connect(w, PEER); /* an idle neighbor that is not passive lets nobody in */
	raw_expect_notification(w, in, BGP_ERR_CEASE, BGP_CEASE_CONNECTION_REJECTED);
	raw_free(in);
	r = next_attempt(w, p, listener);
	raw_send_notification(r, BGP_ERR_CEASE, BGP_CEASE_CONNECTION_REJECTED);
	assert_true(world_wait(w, is_active, p));
	raw_free(r);
	/* up for longer than the last back-off: it begins anew */
	r = next_attempt(w, p, listener);
	raw_send_open(r, 65021, PEER_ID, 9);
	raw_send_keepalive(r);
	assert_true(world_wait(w, is_up, p));
	p->session->since_us -= 61000000;
	raw_send_notification(r, BGP_ERR_UPDATE, BGP_UPDATE_MALFORMED_AS_PATH);
	assert_true(world_wait(w, is_idle, p));
	assert_in_range(io_timer_left_us(p->session->timer), 900000, 1000000);
	raw_free(r);
	close(listener);
}

static void a_long_session_that_ends_by_tcp_is_tried_again_at_once(void **state)
{
	struct world *w = *state;
	int listener;
	struct program *p = connecting(w, &listener);
	struct raw *r;

	for (int i = 0; i < 2; i++) {
		r = raw_accept(w, listener);
		raw_expect(w, r, BGP_OPEN, NULL);
		raw_send_open(r, 65021, PEER_ID, 9);
		raw_send_keepalive(r);
		assert_true(world_wait(w, is_up, p));
		if (i == 0)
			p->session->since_us -= 30000000;
		raw_free(r);
		assert_true(world_wait(w, is_down, p));
	}
	/* the second one was short */
	assert_true(world_wait(w, is_active, p));
	assert_in_range(io_timer_left_us(p->session->timer), 700000, 2500000);
	close(listener);
}

static void a_passive_neighbor_is_always_let_in(void **state)
{
	struct world *w = *state;
	struct session_config cfg = config_for(w, PEER);
	struct program *p = add_neighbor(w, &cfg);

	for (int i = 0; i < 3; i++) {
		struct raw *r = raw_connect(w, PEER);

		raw_establish(w, r, p, PEER_ID, 9);
		raw_send_notification(r, BGP_ERR_UPDATE, BGP_UPDATE_MALFORMED_AS_PATH);
		assert_true(world_wait(w, is_down, p));
		assert_int_equal(session_state(p->session), SESSION_ACTIVE);
		raw_free(r);
	}
	session_stop(p->session, BGP_CEASE_ADMINISTRATIVE_SHUTDOWN, NULL);
	{
		struct raw *r = raw_connect(w, PEER);

		raw_expect_notification(w, r, BGP_ERR_CEASE, BGP_CEASE_CONNECTION_REJECTED);
		raw_free(r);
	}
}

/* --- output --- */

/* Fake UPDATEs of all lengths whose octets tell their place in the stream. */
static size_t queue_updates(struct program *p, size_t octets)
{
	size_t total = 0, count = 0;

	while (total < octets) {
		size_t len = BGP_HEADER_LEN + 4 + (count * 977) % 3000;
		uint8_t *m = bgp_queue_room(&p->out, len);
		struct writer w = writer_init(m, len);

		for (int i = 0; i < 16; i++)
			writer_u8(&w, 0xff);
		writer_u16(&w, (uint16_t)len);
		writer_u8(&w, BGP_UPDATE);
		writer_u32(&w, (uint32_t)count);
		memset(writer_skip(&w, writer_left(&w)), (int)(count & 0xff), len - BGP_HEADER_LEN - 4);
		bgp_queue_commit(&p->out, len);
		total += len;
		count++;
	}
	return count;
}

static void check_update(const struct message *m, size_t number)
{
	assert_int_equal(m->len, 4 + (number * 977) % 3000);
	assert_int_equal(
		(size_t)(m->body[0] << 24 | m->body[1] << 16 | m->body[2] << 8 | m->body[3]), number);
	for (size_t i = 4; i < m->len; i++)
		if (m->body[i] != (number & 0xff))
			fail_msg("octet %zu of UPDATE %zu is wrong", i, number);
}

static void control_messages_never_land_inside_an_update(void **state)
{
	struct world *w = *state;
	struct session_config cfg = config_for(w, PEER);
	struct program *p = add_neighbor(w, &cfg);
	struct raw *r = raw_connect(w, PEER);
	int small = 16384, window = 65536;
	size_t count, seen = 0, between = 0;
	static struct message m;

	raw_establish(w, r, p, PEER_ID, 9);
	setsockopt(p->session->primary->fd, SOL_SOCKET, SO_SNDBUF, &small, sizeof(small));
	setsockopt(r->fd, SOL_SOCKET, SO_RCVBUF, &window, sizeof(window));
	count = queue_updates(p, 4000000);
	session_kick(p->session);
	world_run_ms(w, 5);
	for (int i = 0; i < 5; i++) { /* one KEEPALIVE that waits is enough */
		assert_true(p->session->primary->blocked);
		io_timer_set(p->session->primary->keepalive, 0);
		world_run_ms(w, 1);
		assert_int_equal(p->session->primary->control_len, BGP_HEADER_LEN);
	}
	while (seen < count) {
		p->at_once_max = seen % 3 ? 0 : 3;
		io_timer_set(p->session->primary->keepalive, 0);
		if (seen % 16 == 0)
			world_run_ms(w, 1);
		if (seen == count / 2)
			session_send_refresh(p->session, BGP_IPV4_UNICAST, BGP_REFRESH_REQUEST);
		raw_next(w, r, &m);
		if (m.type == BGP_UPDATE)
			check_update(&m, seen++);
		else
			between += seen > 0;
	}
	assert_in_range(between, 10, 2 * count);
	assert_in_range(p->rests, 5, count);
	assert_int_equal(p->out.octets, 0);
	assert_true(is_up(p));
	raw_free(r);
}

static void a_notification_waits_for_the_end_of_the_message_and_arrives(void **state)
{
	struct world *w = *state;
	struct session_config cfg = config_for(w, PEER);
	struct program *p = add_neighbor(w, &cfg);
	struct raw *r = raw_connect(w, PEER);
	int small = 4096;
	size_t seen = 0;
	static struct message m;

	raw_establish(w, r, p, PEER_ID, 9);
	setsockopt(p->session->primary->fd, SOL_SOCKET, SO_SNDBUF, &small, sizeof(small));
	queue_updates(p, 8000000);
	session_kick(p->session);
	world_run_ms(w, 5);
	assert_true(p->session->primary->blocked);
	for (int i = 0; i < 20; i++) /* unread when it closes: a careless close would send RST */
		raw_send_keepalive(r);
	session_stop(p->session, BGP_CEASE_ADMINISTRATIVE_SHUTDOWN, "bye");
	assert_true(is_down(p));
	for (raw_next(w, r, &m); m.type == BGP_UPDATE; raw_next(w, r, &m))
		check_update(&m, seen++);
	assert_true(seen > 0);
	assert_int_equal(m.type, BGP_NOTIFICATION);
	assert_memory_equal(m.body,
		"\x06\x02\x03"
		"bye",
		6);
	raw_expect(w, r, 0, NULL);
	raw_free(r);
	world_run_ms(w, 5);
	assert_int_equal(w->io->lingering_count, 0);
}

/* On a busy machine the kernel may still have taken a few octets in between, and then the time counts from there. */
static bool down_after_silence(void *arg)
{
	struct program *p = arg;
	struct session_conn *c = p->session->primary;

	if (is_down(p))
		return true;
	if (c && c->blocked) {
		c->taken_us -= 400000000;
		io_timer_set(c->send_hold, 0);
	}
	return false;
}

static void a_peer_that_takes_nothing_meets_the_send_hold_timer(void **state)
{
	struct world *w = *state;
	struct session_config cfg = config_for(w, PEER);
	struct program *p = add_neighbor(w, &cfg);
	struct raw *r = raw_connect(w, PEER);
	struct session_conn *c;

	raw_establish(w, r, p, PEER_ID, 9);
	c = p->session->primary;
	queue_updates(p, 8000000);
	session_kick(p->session);
	world_run_ms(w, 100);
	assert_true(c->blocked);
	assert_in_range(io_timer_left_us(c->send_hold), 470000000, 480000000);
	c->taken_us -= 400000000;
	io_timer_set(c->send_hold, 0);
	world_run_ms(w, 5);
	assert_true(is_up(p));
	assert_true(world_wait(w, down_after_silence, p));
	assert_int_equal(p->why.reason, SESSION_DOWN_SEND_HOLD_TIMER);
	assert_int_equal(p->why.code, BGP_ERR_SEND_HOLD_TIMER);
	raw_free(r);
}

/* --- input --- */

static void a_refresh_is_served_only_for_what_was_negotiated(void **state)
{
	struct world *w = *state;
	struct session_config cfg = config_for(w, PEER);
	struct program *p = add_neighbor(w, &cfg);
	struct raw *r = raw_connect(w, PEER);

	raw_expect(w, r, BGP_OPEN, NULL);
	raw_send_enhanced_open(r, 65021, PEER_ID, 9);
	raw_expect(w, r, BGP_KEEPALIVE, NULL);
	raw_send_keepalive(r);
	assert_true(world_wait(w, is_up, p));
	raw_send_message(r, BGP_ROUTE_REFRESH, "\0\2\0\1", 4);	   /* IPv6: not negotiated */
	raw_send_message(r, BGP_ROUTE_REFRESH, "\0\1\x09\1", 4);   /* a subtype nobody knows */
	raw_send_message(r, BGP_ROUTE_REFRESH, "\x40\4\0\x47", 4); /* another family */
	world_run_ms(w, 20);
	assert_int_equal(p->refreshes, 0);
	raw_send_message(r, BGP_ROUTE_REFRESH, "\0\1\0\1", 4);
	world_run_ms(w, 20);
	assert_int_equal(p->refreshes, 1);
	raw_send_message(r, BGP_ROUTE_REFRESH, "\0\1", 2);
	raw_next(w, r, &(struct message){ 0 });
	assert_true(world_wait(w, is_down, p));
	raw_free(r);
}

static void the_subtype_of_a_refresh_is_a_reserved_octet_without_rfc_7313(void **state)
{
	static const char *const messages[] = { "\0\1\0\1", "\0\1\1\1", "\0\1\2\1", "\0\1\xff\1" };
	struct world *w = *state;
	struct session_config cfg = config_for(w, PEER);
	struct program *p = add_neighbor(w, &cfg);
	struct raw *r = raw_connect(w, PEER);

	raw_establish(w, r, p, PEER_ID, 9);
	for (int i = 0; i < 4; i++) {
		raw_send_message(r, BGP_ROUTE_REFRESH, messages[i], 4);
		world_run_ms(w, 5);
		assert_int_equal(p->refreshes, i + 1);
		assert_int_equal(p->refresh_subtype, BGP_REFRESH_REQUEST);
	}
	raw_free(r);
}

/* Our OPEN; true when it has optional parameters. */
static bool offers_capabilities(struct world *w, struct raw *r)
{
	struct message m;

	raw_expect(w, r, BGP_OPEN, &m);
	assert_true(m.len >= 10 && m.body[9] == m.len - 10);
	return m.body[9] != 0;
}

static void who_knows_no_capabilities_gets_the_next_open_without(void **state)
{
	struct world *w = *state;
	struct session_config cfg = config_for(w, PEER);
	struct program *p = add_neighbor(w, &cfg);
	struct raw *r = raw_connect(w, PEER);

	assert_true(offers_capabilities(w, r));
	raw_send_notification(r, BGP_ERR_OPEN, BGP_OPEN_UNSUPPORTED_PARAMETER);
	raw_free(r);
	world_run_ms(w, 20);
	r = raw_connect(w, PEER);
	assert_false(offers_capabilities(w, r));
	raw_send_bare_open(r, 65021, PEER_ID, 9);
	raw_expect(w, r, BGP_KEEPALIVE, NULL);
	raw_send_keepalive(r);
	assert_true(world_wait(w, is_up, p));
	assert_true(p->negotiated.family[BGP_IPV4_UNICAST] && !p->negotiated.family[BGP_IPV6_UNICAST]);
	assert_true(!p->negotiated.as4 && !p->negotiated.route_refresh && !p->negotiated.route_refresh_rx);
	assert_int_equal(p->negotiated.max_tx, BGP_MESSAGE_MAX);
	/* Another time it may be another speaker. */
	raw_free(r);
	assert_true(world_wait(w, is_down, p));
	r = raw_connect(w, PEER);
	assert_true(offers_capabilities(w, r));
	raw_free(r);
}

static void capabilities_stay_where_nothing_could_be_said_without(void **state)
{
	struct world *w = *state;
	struct session_config cfg = config_for(w, PEER);
	struct raw *r;

	cfg.family[BGP_IPV4_UNICAST] = false;
	cfg.family[BGP_IPV6_UNICAST] = true;
	add_neighbor(w, &cfg);
	for (int i = 0; i < 2; i++) {
		r = raw_connect(w, PEER);
		assert_true(offers_capabilities(w, r));
		raw_send_notification(r, BGP_ERR_OPEN, BGP_OPEN_UNSUPPORTED_PARAMETER);
		raw_free(r);
		world_run_ms(w, 20);
	}
}

static const uint8_t good_update[] = { 0, 0, 0, 18, 0x40, 1, 1, 0, 0x40, 2, 0, 0x40, 3, 4, 10, 0, 0, 2, 0x40,
	5, 4, 0, 0, 0, 100, 24, 10, 1, 1 };

static void updates_reach_the_program_octet_by_octet_and_all_at_once(void **state)
{
	struct world *w = *state;
	struct session_config cfg = config_for(w, PEER);
	struct program *p = add_neighbor(w, &cfg);
	struct raw *r = raw_connect(w, PEER);
	uint8_t update[sizeof(good_update)], message[BGP_HEADER_LEN + sizeof(good_update)];

	memcpy(update, good_update, sizeof(update));
	update[3] = 21; /* attributes: 4 + 3 + 7 + 7 */
	raw_establish(w, r, p, PEER_ID, 9);
	memset(message, 0xff, 16);
	message[16] = 0;
	message[17] = sizeof(message);
	message[18] = BGP_UPDATE;
	memcpy(message + BGP_HEADER_LEN, update, sizeof(update));
	for (size_t i = 0; i < sizeof(message); i++) {
		raw_send(r, message + i, 1);
		world_run_ms(w, 1);
	}
	world_run_ms(w, 10);
	assert_int_equal(p->updates, 1);
	assert_int_equal(p->session->primary->rest_len, 0);
	assert_null(p->session->primary->rest);
	for (int i = 0; i < 50; i++)
		raw_send(r, message, sizeof(message));
	world_run_ms(w, 20);
	assert_int_equal(p->updates, 51);
	assert_int_equal(p->announced, 51);
	/* ORIGIN 9: RFC 7606 7.1 */
	message[BGP_HEADER_LEN + 7] = 9;
	raw_send(r, message, sizeof(message));
	world_run_ms(w, 20);
	assert_int_equal(p->verdict, BGP_VERDICT_TREAT_AS_WITHDRAW);
	assert_int_equal(session_counters(p->session)->treat_as_withdraw, 1);
	assert_true(is_up(p));
	/* the attributes' length reaches beyond the message */
	message[BGP_HEADER_LEN + 3] = 200;
	raw_send(r, message, sizeof(message));
	raw_expect_notification(w, r, BGP_ERR_UPDATE, BGP_UPDATE_MALFORMED_ATTRIBUTE_LIST);
	assert_int_equal(p->updates, 52);
	assert_true(is_down(p));
	raw_free(r);
}

/* Octets that the session takes in one go. */
static uint64_t read_once(struct program *p)
{
	uint64_t before = session_counters(p->session)->rx_octets;

	session_enter(p->session);
	conn_read(p->session->primary);
	session_leave(p->session);
	return session_counters(p->session)->rx_octets - before;
}

static void what_brings_many_prefixes_is_read_in_smaller_pieces(void **state)
{
	enum { DENSE = 14, PREFIXES = 1000, SPARSE = 1500 };
	struct world *w = *state;
	struct session_config cfg = config_for(w, PEER);
	struct program *p = add_neighbor(w, &cfg);
	struct raw *r = raw_connect(w, PEER);
	uint8_t dense[4 + 4 * PREFIXES] = { 4 * PREFIXES >> 8, 4 * PREFIXES & 0xff };
	uint8_t sparse[sizeof(good_update)];

	raw_establish(w, r, p, PEER_ID, 9);
	for (int i = 0; i < PREFIXES; i++)
		memcpy(dense + 2 + 4 * i, (uint8_t[]){ 24, 10, (uint8_t)(i >> 8), (uint8_t)i }, 4);
	for (int i = 0; i < DENSE; i++)
		raw_send_message(r, BGP_UPDATE, dense, sizeof(dense));
	assert_int_equal(read_once(p), SESSION_READ_MAX);
	assert_int_equal(read_once(p), SESSION_READ_DENSE);
	while (read_once(p))
		;
	assert_int_equal(p->updates, DENSE);
	memcpy(sparse, good_update, sizeof(sparse));
	sparse[3] = 21;
	for (int i = 0; i < SPARSE; i++)
		raw_send_message(r, BGP_UPDATE, sparse, sizeof(sparse));
	read_once(p);
	assert_int_equal(read_once(p), SESSION_READ_MAX);
	while (read_once(p))
		;
	assert_int_equal(p->updates, DENSE + SPARSE);
	assert_true(is_up(p));
	raw_free(r);
}

static void an_idle_established_session_costs_under_four_kibibytes(void **state)
{
	struct world *w = *state;
	struct session_config cfg = config_for(w, PEER);
	struct raw *r[32];
	size_t before;
	char from[32];

	before = mallinfo2().uordblks;
	if (before == 0)
		skip(); /* an allocator that does not tell, as AddressSanitizer's */
	for (int i = 0; i < 32; i++) {
		struct program *p;

		snprintf(from, sizeof(from), "127.0.1.%d", i + 1);
		cfg.remote = addr_of(from);
		p = add_neighbor(w, &cfg);
		r[i] = raw_connect(w, from);
		raw_establish(w, r[i], p, 0x0b000000 + (uint32_t)i, 9);
		r[i]->len = 0;
	}
	world_run_ms(w, 20);
	/* the harness's own part: a raw peer and a program each */
	before += 32 * (malloc_usable_size(r[0]) + sizeof(struct program));
	assert_in_range(mallinfo2().uordblks, before, before + 32 * 4096);
	for (int i = 0; i < 32; i++)
		raw_free(r[i]);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(
			two_sessions_establish_and_agree, world_setup, world_teardown),
		cmocka_unit_test_setup_teardown(an_open_that_the_configuration_does_not_allow_is_refused,
			world_setup, world_teardown),
		cmocka_unit_test_setup_teardown(
			a_bad_peer_as_is_named_by_both_sides, world_setup, world_teardown),
		cmocka_unit_test_setup_teardown(
			an_attempt_that_nobody_answers_says_what_a_password_has_to_do_with_it, world_setup,
			world_teardown),
		cmocka_unit_test_setup_teardown(any_peer_as_and_hold_time_zero_are_taken_when_configured,
			world_setup, world_teardown),
		cmocka_unit_test_setup_teardown(messages_out_of_order_are_fsm_errors_that_name_the_message,
			world_setup, world_teardown),
		cmocka_unit_test_setup_teardown(the_hold_timer_fires_on_time_though_half_a_message_is_there,
			world_setup, world_teardown),
		cmocka_unit_test_setup_teardown(
			an_own_pause_does_not_cost_the_session, world_setup, world_teardown),
		cmocka_unit_test_setup_teardown(
			a_silent_connection_has_ten_seconds_and_an_own_one_four_minutes, world_setup,
			world_teardown),
		cmocka_unit_test_setup_teardown(
			tcp_failures_double_the_connect_retry_and_never_idle, world_setup, world_teardown),
		cmocka_unit_test_setup_teardown(
			a_connection_that_is_there_when_the_retry_timer_fires_is_taken, world_setup,
			world_teardown),
		cmocka_unit_test_setup_teardown(
			only_an_error_notification_backs_off, world_setup, world_teardown),
		cmocka_unit_test_setup_teardown(
			a_long_session_that_ends_by_tcp_is_tried_again_at_once, world_setup, world_teardown),
		cmocka_unit_test_setup_teardown(
			a_passive_neighbor_is_always_let_in, world_setup, world_teardown),
		cmocka_unit_test_setup_teardown(
			control_messages_never_land_inside_an_update, world_setup, world_teardown),
		cmocka_unit_test_setup_teardown(a_notification_waits_for_the_end_of_the_message_and_arrives,
			world_setup, world_teardown),
		cmocka_unit_test_setup_teardown(
			a_peer_that_takes_nothing_meets_the_send_hold_timer, world_setup, world_teardown),
		cmocka_unit_test_setup_teardown(
			a_refresh_is_served_only_for_what_was_negotiated, world_setup, world_teardown),
		cmocka_unit_test_setup_teardown(the_subtype_of_a_refresh_is_a_reserved_octet_without_rfc_7313,
			world_setup, world_teardown),
		cmocka_unit_test_setup_teardown(
			who_knows_no_capabilities_gets_the_next_open_without, world_setup, world_teardown),
		cmocka_unit_test_setup_teardown(
			capabilities_stay_where_nothing_could_be_said_without, world_setup, world_teardown),
		cmocka_unit_test_setup_teardown(updates_reach_the_program_octet_by_octet_and_all_at_once,
			world_setup, world_teardown),
		cmocka_unit_test_setup_teardown(
			what_brings_many_prefixes_is_read_in_smaller_pieces, world_setup, world_teardown),
		cmocka_unit_test_setup_teardown(
			an_idle_established_session_costs_under_four_kibibytes, world_setup, world_teardown),
	};

	return cmocka_run_group_tests_name("session/session", tests, NULL, NULL);
}
