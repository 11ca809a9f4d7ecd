/*
 * What comes in: octets to messages, and what each message means to the connection. RFC 4271 6 and 8, RFC 7606.
 *
 * All sessions read into one buffer; a session keeps only the beginning of a message whose end has not come yet. One
 * read of bounded size per turn, so that a fast peer starves nobody. A callback may end the connection at any message;
 * the loop sees that by the connection's generation.
 */
#include "base/mem.h"
#include "session/private.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>

enum { UPDATE_LOG_MS = 10000, SPEAKERS_LOG_MS = 10000 };

void conn_local_open(const struct session_conn *c, struct bgp_open *out)
{
	const struct session_config *cfg = &c->s->cfg;

	*out = (struct bgp_open){
		.as = cfg->local_as,
		.hold_time_s = cfg->hold_time_s,
		.bgp_identifier = cfg->router_id,
	};
	if (c->incapable)
		return;
	out->caps = (struct bgp_caps){
		.any_multiprotocol = true,
		.route_refresh = cfg->route_refresh,
		.enhanced_route_refresh = cfg->route_refresh,
		.extended_message = cfg->extended_message,
		.extended_next_hop = cfg->extended_next_hop,
		.as4 = true,
		.as4_number = cfg->local_as,
	};
	memcpy(out->caps.family, cfg->family, sizeof(out->caps.family));
	memcpy(out->caps.add_path, cfg->add_path, sizeof(out->caps.add_path));
	memcpy(out->caps.fqdn, cfg->fqdn, sizeof(cfg->fqdn));
	memcpy(out->caps.software, cfg->software, sizeof(cfg->software));
}

static void end_with(struct session_conn *c, enum fsm_event event, const struct bgp_error *e)
{
	struct session_cause cause = { .reason = SESSION_DOWN_NOTIFICATION_SENT, .error = e };

	conn_event(c, event, &cause);
}

/* A message that the state does not expect becomes an FSM error that names it. */
static void message_event(struct session_conn *c, enum fsm_event event, uint8_t type)
{
	struct session_cause cause = { .reason = SESSION_DOWN_NOTIFICATION_SENT, .message_type = type };

	conn_event(c, event, &cause);
}

/* --- OPEN --- */

/* What the configuration says about the peer's OPEN. False fills e. */
static bool acceptable(const struct session *s, const struct bgp_open *o, struct bgp_error *e)
{
	const struct session_config *cfg = &s->cfg;
	uint8_t subcode = 0;

	if (cfg->peer_as ? o->as != cfg->peer_as : cfg->peer_as_external && o->as == cfg->local_as)
		subcode = BGP_OPEN_BAD_PEER_AS;
	else if (o->as == cfg->local_as && o->bgp_identifier == cfg->router_id)
		subcode = BGP_OPEN_BAD_BGP_IDENTIFIER; /* RFC 6286 2.2 */
	else if (o->hold_time_s < cfg->min_hold_time_s)
		subcode = BGP_OPEN_UNACCEPTABLE_HOLD_TIME;
	if (subcode == 0)
		return true;
	bgp_error_set(e, BGP_ERR_OPEN, subcode, NULL, 0);
	return false;
}

/* RFC 5492 3 and 5: with no family in common nothing could ever be said. The data names what we miss. */
static bool has_common_family(const struct session_conn *c, const struct bgp_open *o, struct bgp_error *e)
{
	uint8_t octets[BGP_FAMILIES * 6];
	struct writer w = writer_init(octets, sizeof(octets));
	struct bgp_negotiated n;
	struct bgp_open local;

	conn_local_open(c, &local);
	bgp_negotiate(&local, o, &n);
	for (int f = 0; f < BGP_FAMILIES; f++) {
		if (n.family[f])
			return true;
		if (c->s->cfg.family[f])
			bgp_capability_encode_multiprotocol(&w, (enum bgp_family)f);
	}
	bgp_error_set(e, BGP_ERR_OPEN, BGP_OPEN_UNSUPPORTED_CAPABILITY, octets, writer_len(&w));
	return false;
}

static struct collision_side side(const struct session_conn *c)
{
	return (struct collision_side){
		.as = c->peer_as,
		.bgp_identifier = c->peer_identifier,
		.outgoing = c->outgoing,
		.established = c->state == SESSION_ESTABLISHED,
		.since_us = c->state == SESSION_ESTABLISHED ? c->s->since_us : c->since_us,
	};
}

static void note_second_speaker(
	struct session *s, const struct session_conn *first, const struct session_conn *other)
{
	char text[SESSION_SPEAKERS_TEXT_MAX];

	s->speakers++;
	s->speaker_id = first->peer_identifier;
	s->other_speaker_id = other->peer_identifier;
	s->changed = true;
	if (log_limit_pass(&s->speakers_limit, session_now(s) / 1000, SPEAKERS_LOG_MS, NULL))
		session_log(s, LOG_LEVEL_WARNING, "two-speakers", NULL, "%s",
			session_speakers_text(s, text, sizeof(text)));
}

/* Is c to go on beside old, whose OPEN was read before? If so old is closed. */
static bool wins_over(struct session_conn *c, struct session_conn *old)
{
	struct session *s = c->s;
	struct collision_side was = side(old), is = side(c);
	enum collision_verdict v = collision_decide(
		s->cfg.local_as, s->cfg.router_id, &was, &is, session_now(s));

	if (v == COLLISION_TWO_SPEAKERS)
		note_second_speaker(s, old, c);
	if (v == COLLISION_TAKEOVER && !takeover_pass(&s->takeovers, session_now(s))) {
		if (log_limit_pass(&s->speakers_limit, session_now(s) / 1000, SPEAKERS_LOG_MS, NULL))
			session_log(s, LOG_LEVEL_WARNING, "takeover-refused", NULL,
				"its speaker comes back too often on new connections, one was refused");
		v = COLLISION_KEEP_OLD;
	}
	if (v == COLLISION_TWO_SPEAKERS || v == COLLISION_KEEP_OLD)
		return false;
	conn_cease(old, FSM_COLLISION_DUMP,
		v == COLLISION_TAKEOVER ? SESSION_DOWN_TAKEN_OVER : SESSION_DOWN_NOTIFICATION_SENT,
		BGP_CEASE_COLLISION_RESOLUTION);
	return true;
}

static bool survives_collisions(struct session_conn *c)
{
	struct session *s = c->s;
	struct session_conn *others[] = { s->primary, s->accepted };

	for (size_t i = 0; i < 2; i++) {
		struct session_conn *o = others[i];

		if (o && o != c && o->state >= SESSION_OPEN_CONFIRM && !wins_over(c, o))
			return false;
	}
	return true;
}

static void take_open(struct session_conn *c, const struct bgp_open *o)
{
	struct session *s = c->s;
	struct bgp_open local;

	conn_local_open(c, &local);
	bgp_negotiate(&local, o, &c->negotiated);
	c->peer_as = o->as;
	c->peer_identifier = o->bgp_identifier;
	if (!survives_collisions(c)) {
		conn_cease(c, FSM_COLLISION_DUMP, SESSION_DOWN_NOTIFICATION_SENT,
			BGP_CEASE_COLLISION_RESOLUTION);
		return;
	}
	if (c->fd < 0) /* down() of the one taken over stopped the neighbor */
		return;
	c->open = mem_alloc(sizeof(*o));
	*c->open = *o;
	if (s->silent == c) {
		s->silent = NULL;
		s->accepted = c;
	}
	if (s->debug)
		session_debug_agreed(c);
	conn_event(c, FSM_BGP_OPEN, NULL);
}

/* What is wrong with it can be said only by who has seen it: the NOTIFICATION names it and no more. */
static void refuse_open(struct session_conn *c, const struct bgp_open *o, const struct bgp_error *e)
{
	struct session_cause cause = { .reason = SESSION_DOWN_NOTIFICATION_SENT, .error = e, .open = o };

	conn_event(c, FSM_OPEN_MSG_ERR, &cause);
}

static void handle_open(struct session_conn *c, struct cursor body)
{
	struct bgp_open o;
	struct bgp_error e;

	if (c->state != SESSION_OPEN_SENT)
		message_event(c, FSM_BGP_OPEN, BGP_OPEN);
	else if (!bgp_open_decode(body, &o, &e))
		end_with(c, FSM_OPEN_MSG_ERR, &e);
	else if (!acceptable(c->s, &o, &e) || !has_common_family(c, &o, &e))
		refuse_open(c, &o, &e);
	else
		take_open(c, &o);
}

/* --- the others --- */

/* RFC 5492 3: who does not know the parameter gets the next OPEN without it. That speaks of IPv4 unicast alone. */
static void note_incapable(struct session_conn *c, const struct bgp_error *e)
{
	struct session *s = c->s;

	if (e->code != BGP_ERR_OPEN || e->subcode != BGP_OPEN_UNSUPPORTED_PARAMETER || c->incapable ||
		c->state == SESSION_ESTABLISHED || !s->cfg.family[BGP_IPV4_UNICAST])
		return;
	s->incapable = true;
	session_log_limited(s, "no-capabilities", "it knows no capabilities, the next OPEN goes without any");
	if (s->owner)
		s->owner->incapable(s->owner_user, s);
}

static void handle_notification(struct session_conn *c, struct cursor body)
{
	struct bgp_error e;
	struct session_cause cause = { .reason = SESSION_DOWN_NOTIFICATION_RECEIVED, .error = &e };
	bool version;

	bgp_notification_decode(body, &e);
	note_incapable(c, &e);
	version = e.code == BGP_ERR_OPEN && e.subcode == BGP_OPEN_UNSUPPORTED_VERSION;
	conn_event(c, version ? FSM_NOTIF_MSG_VER_ERR : FSM_NOTIF_MSG, &cause);
}

static void log_update(struct session *s, const struct bgp_update *u)
{
	uint64_t more;

	if (!log_limit_pass(&s->update_limit, session_now(s) / 1000, UPDATE_LOG_MS, &more))
		return;
	session_log(s, LOG_LEVEL_WARNING, "bad-update", NULL,
		"UPDATE with a bad %s: %s: %s (%llu more before)",
		u->bad_attr ? bgp_attr_type_text(u->bad_attr) : "field", u->reason ? u->reason : "malformed",
		bgp_verdict_text(u->verdict), (unsigned long long)more);
}

static void reset_for_update(struct session_conn *c, const struct bgp_update *u)
{
	struct bgp_error e;

	if (u->error) {
		end_with(c, FSM_UPDATE_MSG_ERR, u->error);
		return;
	}
	/* RFC 7606 2 allows a reset where one family alone cannot be switched off. */
	bgp_error_set(&e, BGP_ERR_UPDATE, BGP_UPDATE_OPTIONAL_ATTRIBUTE, NULL, 0);
	end_with(c, FSM_UPDATE_MSG_ERR, &e);
}

static size_t count_prefixes(const struct bgp_update *u)
{
	size_t count = u->apart.count;

	for (int f = 0; f < BGP_FAMILIES; f++)
		count += u->withdrawn[f].count + u->announced[f].count;
	return count;
}

static void handle_update(struct session_conn *c, struct cursor body)
{
	struct session *s = c->s;
	struct bgp_update u;

	if (!(fsm_step(c->state, FSM_UPDATE_MSG).actions & FSM_UPDATE)) {
		message_event(c, FSM_UPDATE_MSG, BGP_UPDATE);
		return;
	}
	arena_reset(s->io->arena);
	bgp_update_decode(body, &c->negotiated, c->peer_as != s->cfg.local_as, s->io->arena, &u);
	if (s->debug)
		session_debug_update(c, &u);
	if (u.verdict != BGP_VERDICT_OK)
		log_update(s, &u);
	if (u.verdict >= BGP_VERDICT_DISABLE_FAMILY) {
		reset_for_update(c, &u);
		return;
	}
	s->counters.attribute_discard += u.verdict == BGP_VERDICT_ATTRIBUTE_DISCARD;
	s->counters.treat_as_withdraw += u.verdict == BGP_VERDICT_TREAT_AS_WITHDRAW;
	s->io->prefixes += count_prefixes(&u);
	conn_event(c, FSM_UPDATE_MSG, NULL);
	s->ops->update(s->user, s, &u);
}

static void log_refresh(struct session *s, const struct bgp_refresh *r)
{
	uint64_t more;

	if (log_limit_pass(&s->update_limit, session_now(s) / 1000, UPDATE_LOG_MS, &more))
		session_log(s, LOG_LEVEL_WARNING, "bad-refresh", NULL,
			"ROUTE-REFRESH for AFI %u SAFI %u was not negotiated, ignored (%llu more before)",
			r->afi, r->safi, (unsigned long long)more);
}

static void serve_refresh(struct session_conn *c, const struct bgp_refresh *r)
{
	const struct bgp_negotiated *n = &c->negotiated;
	enum bgp_family family;

	if (r->subtype > BGP_REFRESH_END) /* RFC 7313 5 */
		return;
	if (!bgp_family_from_wire(r->afi, r->safi, &family) || !n->family[family] || !n->route_refresh_rx)
		log_refresh(c->s, r);
	else
		c->s->ops->refresh(c->s->user, c->s, family, (enum bgp_refresh_subtype)r->subtype);
}

static void handle_refresh(struct session_conn *c, struct cursor body)
{
	struct bgp_refresh r;
	struct bgp_error e;

	if (!(fsm_step(c->state, FSM_REFRESH_MSG).actions & FSM_REFRESH))
		message_event(c, FSM_REFRESH_MSG, BGP_ROUTE_REFRESH);
	else if (!bgp_refresh_decode(body, c->negotiated.enhanced_route_refresh, &r, &e))
		end_with(c, FSM_REFRESH_MSG_ERR, &e);
	else
		serve_refresh(c, &r);
}

static void handle_message(struct session_conn *c, const struct bgp_frame *f)
{
	c->s->counters.rx_messages[f->type]++;
	if (c->s->debug)
		session_debug_received(c, f);
	switch (f->type) {
	case BGP_OPEN:
		handle_open(c, f->body);
		break;
	case BGP_UPDATE:
		handle_update(c, f->body);
		break;
	case BGP_NOTIFICATION:
		handle_notification(c, f->body);
		break;
	case BGP_KEEPALIVE:
		message_event(c, FSM_KEEPALIVE_MSG, BGP_KEEPALIVE);
		break;
	case BGP_ROUTE_REFRESH:
		handle_refresh(c, f->body);
		break;
	}
}

/* --- octets --- */

static void keep_rest(struct session_conn *c, const uint8_t *p, size_t len)
{
	if (len) {
		c->rest = mem_alloc(len);
		memcpy(c->rest, p, len);
	}
	c->rest_len = len;
}

static void take_octets(struct session_conn *c, const uint8_t *p, size_t len)
{
	unsigned generation = c->generation;
	struct bgp_frame f;
	struct bgp_error e;

	while (c->generation == generation) {
		size_t max = c->state >= SESSION_OPEN_CONFIRM ? c->negotiated.max_rx : BGP_MESSAGE_MAX;
		enum bgp_frame_result r = bgp_frame_decode(p, len, max, &f, &e);

		if (r == BGP_FRAME_INCOMPLETE) {
			keep_rest(c, p, len);
			return;
		}
		if (r == BGP_FRAME_BAD) {
			end_with(c, FSM_HEADER_ERR, &e);
			return;
		}
		p += f.len;
		len -= f.len;
		handle_message(c, &f);
	}
}

bool conn_read(struct session_conn *c)
{
	struct session_io *io = c->s->io;
	uint8_t *buf = io->rx;
	size_t kept = c->rest_len, max = c->dense ? SESSION_READ_DENSE : SESSION_READ_MAX,
	       before = io->prefixes;
	struct session_cause closed = { .reason = SESSION_DOWN_TCP_CLOSED };
	ssize_t n;

	n = recv(c->fd, buf + kept, max, MSG_DONTWAIT);
	if (n < 0 && (errno == EAGAIN || errno == EINTR))
		return false;
	if (n <= 0) {
		closed.os_error = n < 0 ? errno : 0;
		conn_event(c, FSM_TCP_FAILS, &closed);
		return false;
	}
	if (kept)
		memcpy(buf, c->rest, kept);
	free(c->rest);
	c->rest = NULL;
	c->rest_len = 0;
	c->s->counters.rx_octets += (uint64_t)n;
	take_octets(c, buf, kept + (size_t)n);
	c->dense = io->prefixes - before > (size_t)n / SESSION_DENSE;
	return (size_t)n == max;
}
