/*
 * The neighbor: start and stop, how long to wait between attempts, and which of its connections is the one.
 *
 * Delays. The first attempt is made at once; later ones after connect_retry_s, doubling to connect_retry_max_s, give
 * or take a quarter. A session that stayed up longer than the delay that would be next starts over with an attempt at
 * once. Between attempts the state is Active, so that the peer's own attempt is taken. Only a NOTIFICATION for an error
 * (not a Cease) sent or received on the primary connection makes the neighbor Idle for idle_hold_s, doubling to
 * idle_hold_max_s, forgotten when a session stays up for longer than the last one. A passive neighbor makes no attempts
 * and so never waits: it is always let in.
 */
#include "base/mem.h"
#include "io/tcp.h"
#include "session/private.h"

#include <assert.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

enum { FAILURE_LOG_MS = 10000 };

uint64_t session_now(const struct session *s)
{
	return io_loop_now_us(s->io->loop);
}

static void timer_fired(void *user)
{
	struct session *s = user;

	session_enter(s);
	if (s->primary->state == SESSION_IDLE) {
		s->holding = false;
		conn_event(s->primary, FSM_AUTOMATIC_START, NULL);
	} else {
		conn_retry(s->primary);
	}
	session_leave(s);
}

struct session *session_new(
	struct session_io *io, const struct session_config *cfg, const struct session_ops *ops, void *user)
{
	struct session *s = mem_calloc(1, sizeof(*s));

	s->io = io;
	s->cfg = *cfg;
	s->ops = ops;
	s->user = user;
	list_init(&s->dead);
	s->timer = io_timer_new(io->loop, timer_fired, s);
	s->primary = conn_new(s, true);
	s->since_us = session_now(s);
	session_debug_join(s);
	return s;
}

static void free_dead(struct session *s)
{
	LIST_FOREACH (link, &s->dead)
		conn_free(LIST_ENTRY(link, struct session_conn, dead_link));
}

void session_free(struct session *s)
{
	if (!s)
		return;
	list_del(&s->writable_link);
	list_del(&s->io_link);
	io_timer_free(s->timer);
	conn_free(s->primary);
	conn_free(s->accepted);
	conn_free(s->silent);
	free_dead(s);
	free(s->remote_open);
	free(s);
}

/* --- what happens between events --- */

void session_retry_start(struct session *s)
{
	uint64_t most = s->cfg.connect_retry_max_s * 1000000ULL, us = s->cfg.connect_retry_s * 1000000ULL;

	if (s->cfg.passive)
		return;
	us = us << (s->attempts < 16 ? s->attempts : 16);
	if (us > most)
		us = most;
	if (us == 0)
		us = 1000000;
	if (s->attempts < 16)
		s->attempts++;
	io_timer_set(s->timer, us * 3 / 4 + session_io_random(s->io, us / 2));
}

/* What an idle neighbor does next. */
static void start_again(struct session *s)
{
	if (!s->running || s->holding || s->accepted || s->primary->state != SESSION_IDLE)
		return;
	if (!s->cfg.passive && s->back_off) {
		s->holding = true;
		io_timer_set(s->timer, s->idle_hold_s * 1000000ULL);
	} else if (!s->cfg.passive && s->connect_now) {
		conn_event(s->primary, FSM_AUTOMATIC_START, NULL);
	} else {
		/* Active, where not configured as passive: waits for the ConnectRetryTimer and takes the peer's connection
		 * meanwhile. */
		conn_event(s->primary, FSM_AUTOMATIC_START_PASSIVE, NULL);
	}
	s->back_off = s->connect_now = false;
}

void session_enter(struct session *s)
{
	s->depth++;
}

void session_leave(struct session *s)
{
	bool connected;

	if (s->depth > 1) {
		s->depth--;
		return;
	}
	start_again(s);
	connected = session_connected(s);
	if (s->was_connected && !connected && s->owner)
		s->owner->disconnected(s->owner_user, s);
	s->was_connected = connected;
	if (s->changed && s->ops->changed)
		s->ops->changed(s->user, s);
	s->changed = false;
	start_again(s);
	s->depth--;
	free_dead(s);
}

/* --- up and down --- */

static void bury(struct session_conn *c)
{
	list_add_tail(&c->s->dead, &c->dead_link);
}

/* The others are not needed any more, but for a silent one: it may be a new incarnation of the peer. */
static void make_primary(struct session_conn *c)
{
	struct session *s = c->s;
	struct session_conn *old = s->primary;

	io_timer_cancel(s->timer);
	s->holding = s->back_off = s->connect_now = false;
	if (c == old)
		return;
	s->primary = c;
	if (s->accepted == c)
		s->accepted = NULL;
	bury(old);
	conn_cease(old, FSM_COLLISION_DUMP, SESSION_DOWN_NOTIFICATION_SENT, BGP_CEASE_COLLISION_RESOLUTION);
}

void session_came_up(struct session_conn *c)
{
	struct session *s = c->s;
	char id[PREFIX_TEXT_MAX];

	make_primary(c);
	if (s->accepted)
		conn_cease(s->accepted, FSM_COLLISION_DUMP, SESSION_DOWN_NOTIFICATION_SENT,
			BGP_CEASE_COLLISION_RESOLUTION);
	free(s->remote_open);
	s->remote_open = c->open;
	c->open = NULL;
	s->up = true;
	s->since_us = session_now(s);
	s->counters.established++;
	session_log_limited(s, "neighbor-up", "up, AS %u, id %s, hold time %u s", c->peer_as,
		session_identifier_text(c->peer_identifier, id), c->negotiated.hold_time_s);
	s->ops->up(s->user, s, &c->negotiated);
	if (s->owner && s->up)
		s->owner->up(s->owner_user, s);
	session_kick(s);
}

/* How long the neighbor is to wait after the primary connection ended. */
static void note_delay(struct session *s, bool was_up, bool error)
{
	uint64_t up_us = was_up ? session_now(s) - s->since_us : 0;
	uint64_t next_us = (s->cfg.connect_retry_s * 1000000ULL) << (s->attempts < 16 ? s->attempts : 16);

	if (next_us > s->cfg.connect_retry_max_s * 1000000ULL)
		next_us = s->cfg.connect_retry_max_s * 1000000ULL;
	if (was_up && up_us > next_us) {
		s->attempts = 0;
		s->connect_now = true;
	}
	if (was_up && up_us > s->idle_hold_s * 1000000ULL)
		s->idle_hold_s = 0;
	if (!error || s->cfg.idle_hold_s == 0)
		return;
	s->idle_hold_s = s->idle_hold_s ? s->idle_hold_s * 2 : s->cfg.idle_hold_s;
	if (s->idle_hold_s > s->cfg.idle_hold_max_s)
		s->idle_hold_s = s->cfg.idle_hold_max_s;
	s->back_off = true;
}

static void went_down(struct session *s, const struct session_down *why)
{
	s->up = false;
	s->since_us = session_now(s);
	s->counters.flaps++;
	list_del(&s->writable_link);
	session_log_limited(s, "neighbor-down", "down: %s", why->text);
	s->ops->down(s->user, s, why);
	if (s->owner)
		s->owner->down(s->owner_user, s);
}

/* An attempt that came to nothing. A peer can cause this as often as it likes, so the lines are limited. */
static void log_failure(struct session *s, enum session_state was, const struct session_down *why)
{
	uint64_t more;

	if (!log_limit_pass(&s->failure_limit, session_now(s) / 1000, FAILURE_LOG_MS, &more))
		return;
	session_log_limited(s, was == SESSION_CONNECT ? "connect-failed" : "open-failed", "%s: %s%s",
		was == SESSION_CONNECT ? "cannot connect" : "no session", why->text,
		more ? " (and more failures before)" : "");
}

void session_conn_ended(struct session_conn *c, enum session_state was, const struct session_cause *cause)
{
	struct session *s = c->s;
	struct session_down why;
	bool up = was == SESSION_ESTABLISHED, harmless, error;

	session_describe(s, was, cause, &why);
	harmless = !up && why.code == BGP_ERR_CEASE &&
		   (why.subcode == BGP_CEASE_COLLISION_RESOLUTION || cause->reason == SESSION_DOWN_ADMIN);
	error = cause->back_off || (why.code && why.code != BGP_ERR_CEASE);
	if (c == s->primary) {
		note_delay(s, up, error);
	} else if (!list_linked(&c->dead_link)) {
		s->accepted = s->accepted == c ? NULL : s->accepted;
		s->silent = s->silent == c ? NULL : s->silent;
		bury(c);
	}
	if (was < SESSION_CONNECT || (was == SESSION_ACTIVE && !why.code) || harmless)
		return;
	snprintf(s->last_error, sizeof(s->last_error), "%s", why.text);
	s->last_error_us = session_now(s);
	s->changed = true;
	if (s->owner)
		s->owner->failed(s->owner_user, s, &why);
	if (!up && cause->reason == SESSION_DOWN_HOLD_TIMER && s->owner)
		s->owner->timed_out(s->owner_user, s);
	if (up)
		went_down(s, &why);
	else
		log_failure(s, was, &why);
}

/* --- for the program --- */

void session_start(struct session *s)
{
	if (s->running || s->shut_down || !s->cfg.enabled)
		return;
	session_enter(s);
	s->running = true;
	s->attempts = 0;
	s->idle_hold_s = 0;
	s->back_off = s->holding = false;
	io_timer_cancel(s->timer);
	conn_event(s->primary, s->cfg.passive ? FSM_MANUAL_START_PASSIVE : FSM_MANUAL_START, NULL);
	session_leave(s);
}

static void end_all(struct session *s, enum fsm_event event, const struct session_cause *cause)
{
	if (s->silent)
		conn_event(s->silent, event, cause);
	if (s->accepted)
		conn_event(s->accepted, event, cause);
	conn_event(s->primary, event, cause);
}

/* RFC 9003: only these two carry a text, of one octet of length and at most 255 octets. */
void session_cease_error(struct bgp_error *e, uint8_t subcode, const char *text)
{
	size_t len = text ? strlen(text) : 0;
	uint8_t data[256];

	if (subcode != BGP_CEASE_ADMINISTRATIVE_SHUTDOWN && subcode != BGP_CEASE_ADMINISTRATIVE_RESET)
		len = 0;
	len = len > 255 ? 255 : len;
	data[0] = (uint8_t)len;
	if (len) /* NOLINTNEXTLINE(bugprone-not-null-terminated-result): a string no more, with its length in front. */
		memcpy(data + 1, text, len);
	bgp_error_set(e, BGP_ERR_CEASE, subcode, data, len ? len + 1 : 0);
}

void session_stop(struct session *s, enum bgp_cease_error subcode, const char *text)
{
	struct bgp_error e;
	struct session_cause cause = { .reason = SESSION_DOWN_ADMIN, .error = &e };

	if (!s->running)
		return;
	session_enter(s);
	s->running = s->holding = false;
	io_timer_cancel(s->timer);
	session_cease_error(&e, subcode, text);
	end_all(s, FSM_MANUAL_STOP, &cause);
	s->back_off = s->connect_now = false;
	session_leave(s);
}

void session_shutdown(struct session *s, const char *text)
{
	s->shut_down = true;
	session_stop(s, BGP_CEASE_ADMINISTRATIVE_SHUTDOWN, text);
}

void session_enable(struct session *s)
{
	s->shut_down = false;
	session_start(s);
}

void session_reset(struct session *s, const char *text)
{
	struct bgp_error e;
	struct session_cause cause = { .reason = SESSION_DOWN_ADMIN, .error = &e };

	if (!s->running)
		return;
	session_enter(s);
	session_cease_error(&e, BGP_CEASE_ADMINISTRATIVE_RESET, text);
	end_all(s, FSM_AUTOMATIC_STOP, &cause);
	io_timer_cancel(s->timer);
	s->holding = s->back_off = false;
	s->attempts = 0;
	s->connect_now = true;
	session_leave(s);
}

void session_configure(struct session *s, const struct session_config *cfg)
{
	struct io_tcp_key key = s->cfg.key;

	assert(ip_addr_equal(&cfg->remote, &s->cfg.remote));
	s->cfg = *cfg;
	s->cfg.key = key;
	if (s->idle_hold_s > cfg->idle_hold_max_s)
		s->idle_hold_s = cfg->idle_hold_max_s;
	s->changed = true;
}

void session_notify(struct session *s, uint8_t code, uint8_t subcode, const void *data, size_t len)
{
	struct bgp_error e;
	struct session_cause cause = {
		.reason = SESSION_DOWN_NOTIFICATION_SENT, .back_off = true, .error = &e
	};

	session_enter(s);
	bgp_error_set(&e, code, subcode, data, len);
	end_all(s, FSM_AUTOMATIC_STOP, &cause);
	session_leave(s);
}

void session_bfd_down(struct session *s)
{
	struct bgp_error e;
	struct session_cause cause = { .reason = SESSION_DOWN_NOTIFICATION_SENT, .error = &e };

	session_enter(s);
	bgp_error_set(&e, BGP_ERR_CEASE, BGP_CEASE_BFD_DOWN, NULL, 0);
	end_all(s, FSM_AUTOMATIC_STOP, &cause);
	session_leave(s);
}

static bool lets_in(const struct session *s)
{
	return s->running && (s->cfg.passive || s->primary->state != SESSION_IDLE || s->accepted);
}

void session_accept(struct session *s, int fd, const struct ip_addr *local)
{
	struct session_conn *c;

	session_enter(s);
	if (!session_secure_accepted(s, fd)) {
		io_tcp_abort_on_close(fd);
		close(fd);
	} else if (!lets_in(s)) {
		session_io_reject(s->io, fd, BGP_ERR_CEASE, BGP_CEASE_CONNECTION_REJECTED);
	} else {
		if (s->silent)
			conn_cease(s->silent, FSM_COLLISION_DUMP, SESSION_DOWN_NOTIFICATION_SENT,
				BGP_CEASE_COLLISION_RESOLUTION);
		c = conn_new(s, false);
		c->state = SESSION_ACTIVE;
		s->silent = c;
		s->was_connected = true;
		conn_attach(c, fd, local);
		conn_event(c, FSM_TCP_CONFIRMED, NULL);
	}
	session_leave(s);
}

void session_hear(struct session *s)
{
	session_enter(s);
	if (s->accepted)
		conn_read(s->accepted);
	if (s->silent)
		conn_read(s->silent);
	session_leave(s);
}

void session_kick(struct session *s)
{
	if (!s->up || s->primary->blocked || list_linked(&s->writable_link))
		return;
	list_add_tail(&s->io->writable, &s->writable_link);
	io_job_post(s->io->write_job);
}

void session_send_refresh(struct session *s, enum bgp_family family, enum bgp_refresh_subtype subtype)
{
	uint8_t octets[BGP_HEADER_LEN + 4];
	struct writer w = writer_init(octets, sizeof(octets));
	const struct bgp_negotiated *n = session_negotiated(s);

	if (!n || !n->family[family] || !n->route_refresh)
		return;
	if (subtype != BGP_REFRESH_REQUEST && !n->enhanced_route_refresh)
		return;
	bgp_refresh_encode(&w, family, subtype);
	conn_queue(s->primary, BGP_ROUTE_REFRESH, octets, writer_len(&w));
	session_kick(s);
}

void session_set_owner(struct session *s, const struct session_owner *owner, void *user)
{
	s->owner = owner;
	s->owner_user = user;
}

/* --- what there is to know --- */

void *session_user(const struct session *s)
{
	return s->user;
}

enum session_state session_state(const struct session *s)
{
	enum session_state st = s->primary->state;

	if (s->accepted && s->accepted->state > st)
		st = s->accepted->state;
	if (s->silent && s->silent->state > st)
		st = s->silent->state;
	return st;
}

bool session_is_shut_down(const struct session *s)
{
	return s->shut_down;
}

bool session_connected(const struct session *s)
{
	return session_state(s) >= SESSION_OPEN_SENT;
}

const struct session_config *session_config(const struct session *s)
{
	return &s->cfg;
}

const struct session_counters *session_counters(const struct session *s)
{
	return &s->counters;
}

const struct bgp_negotiated *session_negotiated(const struct session *s)
{
	return s->up ? &s->primary->negotiated : NULL;
}

const struct bgp_open *session_remote_open(const struct session *s)
{
	return s->remote_open;
}

struct ip_addr session_local_addr(const struct session *s)
{
	const struct session_conn *c = s->accepted ? s->accepted : s->silent;

	return s->primary->fd >= 0 || !c ? s->primary->local : c->local;
}

uint64_t session_since_us(const struct session *s)
{
	return s->since_us;
}

const char *session_last_error(const struct session *s)
{
	return s->last_error;
}

uint64_t session_last_error_us(const struct session *s)
{
	return s->last_error_us;
}

uint64_t session_two_speakers(const struct session *s, uint32_t *other_id)
{
	if (other_id)
		*other_id = s->other_speaker_id;
	return s->speakers;
}
