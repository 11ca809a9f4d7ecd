#include "base/text.h"
#include "bgp/describe.h"
#include "session/private.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

const char *session_state_text(enum session_state st)
{
	static const char *const text[SESSION_STATES] = { "Idle", "Connect", "Active", "OpenSent",
		"OpenConfirm", "Established" };

	return text[st];
}

const char *session_label(const struct session *s, char *buf)
{
	char addr[PREFIX_TEXT_MAX];

	ip_addr_format(&s->cfg.remote, addr);
	if (s->cfg.name[0])
		snprintf(buf, SESSION_LABEL_MAX, "%s (%s)", addr, s->cfg.name);
	else
		snprintf(buf, SESSION_LABEL_MAX, "%s", addr);
	return buf;
}

const char *session_identifier_text(uint32_t identifier, char *buf)
{
	struct ip_addr a = ip_addr_v4(identifier);

	return ip_addr_format(&a, buf);
}

static void add_notification(struct text *t, const char *who, const struct bgp_error *e)
{
	text_add(t, "%s ", who);
	bgp_describe_notification(e, t);
}

static void add_families(struct text *t, const bool family[BGP_FAMILIES])
{
	const char *before = "";

	for (int f = 0; f < BGP_FAMILIES; f++) {
		if (!family[f])
			continue;
		text_add(t, "%s%s", before, bgp_family_text((enum bgp_family)f));
		before = ", ";
	}
	if (!*before)
		text_add(t, "none that is known here");
}

/* What the peer's OPEN says, and what it had to say. */
static void add_refused_open(
	struct text *t, const struct session_config *cfg, const struct bgp_open *o, uint8_t subcode)
{
	char id[PREFIX_TEXT_MAX];

	switch (subcode) {
	case BGP_OPEN_BAD_PEER_AS:
		text_add(t, ": it is AS %u, ", o->as);
		if (cfg->peer_as)
			text_add(t, "AS %u is expected (peer-as)", cfg->peer_as);
		else
			text_add(t, "any but our own is expected (peer-as: external)");
		break;
	case BGP_OPEN_BAD_BGP_IDENTIFIER:
		text_add(t, ": its router id %s is our own", session_identifier_text(o->bgp_identifier, id));
		break;
	case BGP_OPEN_UNACCEPTABLE_HOLD_TIME:
		text_add(t, ": it offers %u s, the least is %u s (min-hold-time)", o->hold_time_s,
			cfg->min_hold_time_s);
		break;
	case BGP_OPEN_UNSUPPORTED_CAPABILITY:
		text_add(t, ": it has the address families ");
		add_families(t, o->caps.family);
		text_add(t, ", and we ");
		add_families(t, cfg->family);
		break;
	}
}

/* What of our OPEN the peer did not like. */
static void add_refused_by_peer(struct text *t, const struct session_config *cfg, const struct bgp_error *e)
{
	char id[PREFIX_TEXT_MAX];

	if (!e || e->code != BGP_ERR_OPEN)
		return;
	if (e->subcode == BGP_OPEN_BAD_PEER_AS)
		text_add(t, ": we are AS %u, its configuration expects another", cfg->local_as);
	else if (e->subcode == BGP_OPEN_BAD_BGP_IDENTIFIER)
		text_add(t, ": our router id is %s", session_identifier_text(cfg->router_id, id));
	else if (e->subcode == BGP_OPEN_UNACCEPTABLE_HOLD_TIME)
		text_add(t, ": we offer %u s", cfg->hold_time_s);
}

/* A segment that is not signed as the other end wants it gets no answer at all (RFC 2385 4.1), so a wrong key looks like a
 * host that is not there. */
static void add_tcp_closed(struct text *t, const struct session *s, enum session_state was, int os_error)
{
	text_add(t, "%s", os_error ? strerror(os_error) : "peer closed the connection");
	if (was != SESSION_CONNECT || os_error != ETIMEDOUT)
		return;
	if (s->cfg.key.len)
		text_add(t, ": no answer; a password (TCP-MD5) is set here, so it is also what another one, "
			    "or none, at "
			    "the peer looks like");
	else
		text_add(t, ": no answer; a peer that asks for a password (TCP-MD5) gives none either");
}

static void add_hold_timer(struct text *t, const struct session *s, enum session_state was)
{
	text_add(t, "hold timer expired");
	if (was == SESSION_ESTABLISHED)
		text_add(t, ", nothing heard for %u s", s->primary->negotiated.hold_time_s);
	else
		text_add(t, ", the peer %s",
			was == SESSION_OPEN_SENT ? "sent no OPEN" : "did not confirm our OPEN");
}

void session_describe(const struct session *s, enum session_state was, const struct session_cause *cause,
	struct session_down *out)
{
	struct text t = text_init(out->text, sizeof(out->text));

	out->reason = cause->reason;
	out->code = cause->error ? cause->error->code : 0;
	out->subcode = cause->error ? cause->error->subcode : 0;
	out->os_error = cause->os_error;
	switch (cause->reason) {
	case SESSION_DOWN_ADMIN:
	case SESSION_DOWN_NOTIFICATION_SENT:
		add_notification(&t, "we sent", cause->error);
		if (cause->open)
			add_refused_open(&t, &s->cfg, cause->open, out->subcode);
		break;
	case SESSION_DOWN_NOTIFICATION_RECEIVED:
		add_notification(&t, "peer sent", cause->error);
		add_refused_by_peer(&t, &s->cfg, cause->error);
		break;
	case SESSION_DOWN_TCP_CLOSED:
		add_tcp_closed(&t, s, was, cause->os_error);
		break;
	case SESSION_DOWN_HOLD_TIMER:
		add_hold_timer(&t, s, was);
		break;
	case SESSION_DOWN_SEND_HOLD_TIMER:
		text_add(&t, "send hold timer expired, the peer takes no octets");
		break;
	case SESSION_DOWN_TAKEN_OVER:
		text_add(&t, "the same speaker came back on a new connection");
		break;
	}
}

const char *session_speakers_text(const struct session *s, char *buf, size_t size)
{
	char first[PREFIX_TEXT_MAX], second[PREFIX_TEXT_MAX];

	if (s->speakers == 0)
		buf[0] = '\0';
	else
		snprintf(buf, size,
			"two speakers (IDs %s, %s) behind one address: SNAT? put the reflector into the "
			"overlay",
			session_identifier_text(s->speaker_id, first),
			session_identifier_text(s->other_speaker_id, second));
	return buf;
}
