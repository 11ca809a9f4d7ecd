#include "base/text.h"
#include "bgp/describe.h"
#include "session/private.h"

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

static void add_hold_timer(struct text *t, const struct session *s)
{
	const struct session_conn *c = s->primary;

	text_add(t, "hold timer expired");
	if (s->up)
		text_add(t, ", nothing heard for %u s", c->negotiated.hold_time_s);
}

void session_describe(const struct session *s, const struct session_cause *cause, struct session_down *out)
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
		break;
	case SESSION_DOWN_NOTIFICATION_RECEIVED:
		add_notification(&t, "peer sent", cause->error);
		break;
	case SESSION_DOWN_TCP_CLOSED:
		text_add(
			&t, "%s", cause->os_error ? strerror(cause->os_error) : "peer closed the connection");
		break;
	case SESSION_DOWN_HOLD_TIMER:
		add_hold_timer(&t, s);
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
