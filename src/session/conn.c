/*
 * One connection: carries out what the table says, and owns the connection's socket and timers. RFC 4271 8.
 *
 * The hold timer is not restarted with every message: a message only notes the time, and the timer, when it fires too
 * early, is set to what is left. Before it is believed, what waits on the socket is read: a daemon that was stopped for
 * a while has not noticed that its peer was alive all the time.
 */
#include "base/mem.h"
#include "io/tcp.h"
#include "session/private.h"

#include <errno.h>
#include <stdlib.h>
#include <unistd.h>

enum { KEEPALIVE_LEAST_US = 1000000 };

static void hold_fired(void *user);
static void keepalive_fired(void *user);

struct session_conn *conn_new(struct session *s, bool outgoing)
{
	struct session_conn *c = mem_calloc(1, sizeof(*c));

	c->s = s;
	c->outgoing = outgoing;
	c->state = SESSION_IDLE;
	c->fd = -1;
	c->hold = io_timer_new(s->io->loop, hold_fired, c);
	c->keepalive = io_timer_new(s->io->loop, keepalive_fired, c);
	return c;
}

/* Everything that belongs to the socket, and the socket unless it has been given away. */
static void detach(struct session_conn *c)
{
	io_watch_free(c->watch);
	c->watch = NULL;
	if (c->fd >= 0)
		close(c->fd);
	c->fd = -1;
	c->generation++;
	io_timer_cancel(c->hold);
	io_timer_cancel(c->keepalive);
	io_timer_free(c->send_hold);
	c->send_hold = NULL;
	c->hold_us = 0;
	c->blocked = c->write_failed = c->keepalive_queued = false;
	free(c->rest);
	free(c->control);
	free(c->open);
	c->rest = c->control = NULL;
	c->open = NULL;
	c->rest_len = c->control_off = c->control_len = c->control_size = 0;
	c->local = (struct ip_addr){ 0 };
}

void conn_free(struct session_conn *c)
{
	if (!c)
		return;
	detach(c);
	io_timer_free(c->hold);
	io_timer_free(c->keepalive);
	list_del(&c->dead_link);
	free(c);
}

/* --- timers --- */

static void hold_start(struct session_conn *c, uint64_t us)
{
	c->hold_us = us;
	c->heard_us = session_now(c->s);
	if (us == 0)
		io_timer_cancel(c->hold);
	else if (!io_timer_pending(c->hold) || io_timer_left_us(c->hold) > us)
		io_timer_set(c->hold, us);
}

/* Until a session is up it has a bound even when the hold time is 0: a connection that hangs in between helps nobody. */
static void hold_start_negotiated(struct session_conn *c, enum session_state next)
{
	uint64_t us = c->negotiated.hold_time_s * 1000000ULL;
	uint64_t bound = (c->outgoing ? SESSION_OPEN_WAIT_S : SESSION_SILENT_S) * 1000000ULL;

	if (next != SESSION_ESTABLISHED && (us == 0 || us > bound))
		us = bound;
	hold_start(c, us);
}

/* RFC 4271 10 allows 75 to 100 % of the interval; 95, so that one that waits for the turn's work is not late either. Never more
 * than one in a second (4.4), which hold time 3 comes to. */
static void keepalive_start(struct session_conn *c)
{
	uint64_t third = c->negotiated.hold_time_s * 1000000ULL / 3, us = c->s->cfg.keepalive_s * 1000000ULL;

	if (third == 0)
		return;
	if (us == 0 || us > third)
		us = third;
	us = us * 3 / 4 + session_io_random(c->s->io, us / 5);
	io_timer_set(c->keepalive, us > KEEPALIVE_LEAST_US ? us : KEEPALIVE_LEAST_US);
}

static void keepalive_fired(void *user)
{
	struct session_conn *c = user;
	struct session *s = c->s;

	session_enter(s);
	conn_event(c, FSM_KEEPALIVE_EXPIRES, NULL);
	session_leave(s);
}

/* Reads what is waiting, though not without an end. False when the connection is gone. */
static bool read_what_waits(struct session_conn *c)
{
	unsigned generation = c->generation;

	for (int i = 0; i < 64; i++) {
		bool more = conn_read(c);

		if (c->generation != generation)
			return false;
		if (!more || session_now(c->s) < c->heard_us + c->hold_us)
			break;
	}
	return true;
}

static void expire_hold(struct session_conn *c)
{
	struct bgp_error e;
	struct session_cause cause = { .reason = SESSION_DOWN_HOLD_TIMER, .error = &e };

	bgp_error_set(&e, BGP_ERR_HOLD_TIMER, 0, NULL, 0);
	conn_event(c, FSM_HOLD_EXPIRES, &cause);
}

static void hold_fired(void *user)
{
	struct session_conn *c = user;
	struct session *s = c->s;
	uint64_t now = session_now(s), due = c->heard_us + c->hold_us;

	if (c->hold_us == 0)
		return;
	if (now < due) {
		io_timer_set(c->hold, due - now);
		return;
	}
	session_enter(s);
	if (read_what_waits(c) && c->hold_us) {
		due = c->heard_us + c->hold_us;
		if (now < due)
			io_timer_set(c->hold, due - now);
		else
			expire_hold(c);
	}
	session_leave(s);
}

/* --- the socket --- */

static void fail(struct session_conn *c, int os_error)
{
	struct session_cause cause = { .reason = SESSION_DOWN_TCP_CLOSED, .os_error = os_error };

	conn_event(c, FSM_TCP_FAILS, &cause);
}

static void connected(struct session_conn *c)
{
	io_tcp_local(c->fd, &c->local);
	io_watch_set(c->watch, IO_READ);
	conn_event(c, FSM_TCP_CR_ACKED, NULL);
}

static void finish_connect(struct session_conn *c)
{
	int rc = io_tcp_connect_result(c->fd);

	if (rc < 0)
		fail(c, -rc);
	else
		connected(c);
}

void conn_retry(struct session_conn *c)
{
	struct session_cause cause = { .reason = SESSION_DOWN_TCP_CLOSED, .os_error = ETIMEDOUT };

	if (c->state == SESSION_CONNECT && io_tcp_connect_result(c->fd) == 0)
		connected(c);
	else
		conn_event(c, FSM_CONNECT_RETRY_EXPIRES, &cause);
}

static void conn_ready(void *user, unsigned events)
{
	struct session_conn *c = user;
	struct session *s = c->s;
	unsigned generation = c->generation;

	session_enter(s);
	if (c->state == SESSION_CONNECT) {
		finish_connect(c);
	} else {
		if (events & IO_READ)
			conn_read(c);
		if ((events & IO_WRITE) && c->generation == generation)
			conn_flush(c);
	}
	session_leave(s);
}

void conn_attach(struct session_conn *c, int fd, const struct ip_addr *local)
{
	c->fd = fd;
	if (local)
		c->local = *local;
	c->since_us = session_now(c->s);
	c->watch = io_watch_new(c->s->io->loop, fd, conn_ready, c);
	io_watch_set(c->watch, c->state == SESSION_CONNECT ? IO_WRITE : IO_READ);
}

static void start_connect(struct session_conn *c)
{
	const struct session_config *cfg = &c->s->cfg;
	struct io_tcp_opts opts = { .ttl = cfg->ttl, .min_ttl = cfg->min_ttl, .key = &cfg->key };
	int fd;

	if (cfg->local.family != IP_NONE)
		opts.local = &cfg->local;
	fd = io_tcp_connect(&cfg->remote, cfg->remote_port, &opts);
	if (fd < 0)
		fail(c, -fd);
	else
		conn_attach(c, fd, NULL);
}

/* --- the table's actions --- */

static void fsm_error(struct session_conn *c, uint8_t message_type, struct bgp_error *e)
{
	uint8_t subcode = c->state == SESSION_OPEN_SENT	     ? BGP_FSM_IN_OPEN_SENT
			  : c->state == SESSION_OPEN_CONFIRM ? BGP_FSM_IN_OPEN_CONFIRM
							     : BGP_FSM_IN_ESTABLISHED;

	bgp_error_set(e, BGP_ERR_FSM, subcode, &message_type, message_type ? 1 : 0);
}

/* The last word, if any, and the end of the socket. */
static void end(struct session_conn *c, struct fsm_cell cell, const struct session_cause *cause)
{
	enum session_state was = c->state;
	struct session_cause silent = { .reason = SESSION_DOWN_TCP_CLOSED };

	if (cell.actions & FSM_NOTIFY)
		conn_send_notification(c, cause->error);
	detach(c);
	c->state = cell.next;
	session_conn_ended(c, was, cause ? cause : &silent);
}

static void end_with_fsm_error(struct session_conn *c, struct fsm_cell cell, uint8_t message_type)
{
	struct bgp_error e;
	struct session_cause cause = { .reason = SESSION_DOWN_NOTIFICATION_SENT, .error = &e };

	fsm_error(c, message_type, &e);
	cell.actions |= FSM_NOTIFY;
	end(c, cell, &cause);
}

static void start_timers(struct session_conn *c, struct fsm_cell cell)
{
	if (cell.actions & FSM_HOLD_LARGE)
		hold_start(c, (c->outgoing ? SESSION_OPEN_WAIT_S : SESSION_SILENT_S) * 1000000ULL);
	if (cell.actions & FSM_HOLD_START)
		hold_start_negotiated(c, cell.next);
	if (cell.actions & FSM_KEEPALIVE_START)
		keepalive_start(c);
}

void conn_event(struct session_conn *c, enum fsm_event event, const struct session_cause *cause)
{
	struct fsm_cell cell = fsm_step(c->state, event);
	struct session *s = c->s;
	bool primary = c == s->primary;

	if (s->debug)
		session_debug_step(c, event, (enum session_state)cell.next);
	if (primary && (cell.actions & FSM_RETRY_STOP))
		io_timer_cancel(s->timer);
	if (cell.actions & FSM_NOTIFY_FSM_ERROR)
		end_with_fsm_error(c, cell, cause ? cause->message_type : 0);
	else if (cell.actions & FSM_DROP)
		end(c, cell, cause);
	else
		c->state = cell.next;
	s->changed = true;
	if (primary && (cell.actions & FSM_RETRY_START))
		session_retry_start(s);
	start_timers(c, cell);
	if (cell.actions & FSM_SEND_OPEN)
		conn_send_open(c);
	if (cell.actions & FSM_SEND_KEEPALIVE)
		conn_send_keepalive(c);
	if (cell.actions & FSM_CONNECT)
		start_connect(c);
	if (cell.actions & FSM_UP)
		session_came_up(c);
}

void conn_cease(
	struct session_conn *c, enum fsm_event event, enum session_down_reason reason, uint8_t subcode)
{
	struct bgp_error e;
	struct session_cause cause = { .reason = reason, .error = &e };

	bgp_error_set(&e, BGP_ERR_CEASE, subcode, NULL, 0);
	conn_event(c, event, &cause);
}
