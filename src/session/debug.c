#include "base/mem.h"
#include "bgp/describe.h"
#include "session/private.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { LINE_MAX_OCTETS = 900, LINES_PER_S = 1000 };

/* --- lines about a neighbor --- */

static void write_about(
	const struct session *s, enum log_level level, const struct log_about *what, const char *text)
{
	char label[SESSION_LABEL_MAX], address[PREFIX_TEXT_MAX];
	struct log_about about = *what;

	about.neighbor = ip_addr_format(&s->cfg.remote, address);
	about.peer_group = s->cfg.name;
	log_about(level, &about, "neighbor %s: %s", session_label(s, label), text);
}

void session_log(const struct session *s, enum log_level level, const char *event,
	const struct prefix *prefix, const char *fmt, ...)
{
	char text[LINE_MAX_OCTETS], route[PREFIX_TEXT_MAX];
	va_list ap;

	va_start(ap, fmt);
	vsnprintf(text, sizeof(text), fmt, ap);
	va_end(ap);
	write_about(s, level, LOG_ABOUT(event, .prefix = prefix ? prefix_format(prefix, route) : NULL), text);
}

void session_log_limited(struct session *s, const char *event, const char *fmt, ...)
{
	char text[LINE_MAX_OCTETS];
	uint64_t held_back;
	va_list ap;

	if (!log_burst_pass(&s->io->log_burst, session_now(s) / 1000, LINES_PER_S, &held_back))
		return;
	if (held_back)
		log_about(LOG_LEVEL_WARNING, LOG_ABOUT("lines-held-back"),
			"%llu lines about neighbors that come and go were not written: more than %d in a "
			"second",
			(unsigned long long)held_back, LINES_PER_S);
	va_start(ap, fmt);
	vsnprintf(text, sizeof(text), fmt, ap);
	va_end(ap);
	write_about(s, LOG_LEVEL_INFO, LOG_ABOUT(event), text);
}

void session_debug(
	const struct session *s, const char *event, const struct prefix *prefix, const char *fmt, ...)
{
	char text[LINE_MAX_OCTETS], route[PREFIX_TEXT_MAX];
	va_list ap;

	if (!s->debug)
		return;
	va_start(ap, fmt);
	vsnprintf(text, sizeof(text), fmt, ap);
	va_end(ap);
	write_about(s, LOG_LEVEL_DEBUG,
		LOG_ABOUT(event, .prefix = prefix ? prefix_format(prefix, route) : NULL, .asked_for = true),
		text);
}

/* --- who is looked at --- */

static bool is_debugged(const struct session_io *io, const struct ip_addr *remote)
{
	struct prefix host = prefix_host(remote);

	for (size_t i = 0; i < io->debugged_count; i++)
		if (prefix_contains(&io->debugged[i], &host))
			return true;
	return false;
}

void session_debug_join(struct session *s)
{
	list_add_tail(&s->io->sessions, &s->io_link);
	s->debug = is_debugged(s->io, &s->cfg.remote);
}

static void look_again(struct session_io *io)
{
	LIST_FOREACH (link, &io->sessions) {
		struct session *s = LIST_ENTRY(link, struct session, io_link);

		s->debug = is_debugged(io, &s->cfg.remote);
	}
}

void session_debug_set(struct session_io *io, const struct prefix *p, size_t count)
{
	struct prefix *list = mem_calloc(count + 1, sizeof(*list));

	for (size_t i = 0; i < count; i++)
		list[i] = p[i];
	free(io->debugged);
	io->debugged = list;
	io->debugged_count = count;
	look_again(io);
}

const struct prefix *session_debug_list(const struct session_io *io, size_t *count)
{
	static const struct prefix none = { 0 };

	*count = io->debugged_count;
	return io->debugged ? io->debugged : &none;
}

bool session_debugged(const struct session *s)
{
	return s->debug;
}

/* --- what is logged of them --- */

/* Which of a neighbor's connections. */
static const char *whose(const struct session_conn *c)
{
	return c->outgoing ? "our connection" : "its connection";
}

void session_debug_step(const struct session_conn *c, enum fsm_event event, enum session_state next)
{
	if (next == c->state &&
		(event == FSM_KEEPALIVE_MSG || event == FSM_UPDATE_MSG || event == FSM_KEEPALIVE_EXPIRES))
		return;
	session_debug(c->s, "fsm", NULL, "%s: %s -> %s by %s", whose(c), session_state_text(c->state),
		session_state_text(next), fsm_event_text(event));
}

/* The body in words. */
static void describe_body(const struct session_conn *c, uint8_t type, struct cursor body, struct text *out)
{
	struct bgp_error e = { 0 };
	struct bgp_refresh r;
	struct bgp_open o;

	switch (type) {
	case BGP_OPEN:
		text_add(out, ": ");
		if (bgp_open_decode(body, &o, &e))
			bgp_describe_open(&o, out);
		else
			bgp_describe_notification(&e, out);
		break;
	case BGP_NOTIFICATION:
		bgp_notification_decode(body, &e);
		text_add(out, ": ");
		bgp_describe_notification(&e, out);
		break;
	case BGP_ROUTE_REFRESH:
		text_add(out, ": ");
		if (bgp_refresh_decode(body, c->negotiated.enhanced_route_refresh, &r, &e))
			bgp_describe_refresh(&r, out);
		else
			bgp_describe_notification(&e, out);
		break;
	default:
		break;
	}
}

/* An UPDATE is told when it has been decoded: session_debug_update(). */
void session_debug_received(const struct session_conn *c, const struct bgp_frame *f)
{
	char buf[LINE_MAX_OCTETS];
	struct text t = text_init(buf, sizeof(buf));

	if (f->type == BGP_UPDATE)
		return;
	describe_body(c, f->type, f->body, &t);
	session_debug(c->s, "received", NULL, "received %s, %zu octets%s", bgp_message_type_text(f->type),
		f->len, buf);
}

static void tell_update(const struct session_conn *c, const char *event, const struct bgp_update *u)
{
	char buf[LINE_MAX_OCTETS];
	struct text t = text_init(buf, sizeof(buf));

	bgp_describe_update(u, &t);
	session_debug(c->s, event, NULL, "%s %s: %s", event, bgp_message_type_text(BGP_UPDATE), buf);
}

void session_debug_update(const struct session_conn *c, const struct bgp_update *u)
{
	tell_update(c, "received", u);
}

void session_debug_agreed(const struct session_conn *c)
{
	char buf[LINE_MAX_OCTETS];
	struct text t = text_init(buf, sizeof(buf));

	bgp_describe_negotiated(&c->negotiated, &t);
	session_debug(c->s, "agreed", NULL, "agreed on: %s", buf);
}

void session_debug_queued(const struct session_conn *c, const uint8_t *octets, size_t len)
{
	char buf[LINE_MAX_OCTETS];
	struct text t = text_init(buf, sizeof(buf));
	uint8_t type = octets[BGP_HEADER_LEN - 1];

	describe_body(c, type, cursor_init(octets + BGP_HEADER_LEN, len - BGP_HEADER_LEN), &t);
	session_debug(c->s, "sent", NULL, "sent %s, %zu octets%s", bgp_message_type_text(type), len, buf);
}

/* --- pulled messages --- */

/* Octets off..off + len of the vectors. False when they do not reach so far. */
static bool copy_out(const struct iovec *iov, int count, size_t off, uint8_t *out, size_t len)
{
	for (int i = 0; i < count && len; i++) {
		size_t n = iov[i].iov_len;

		if (off >= n) {
			off -= n;
			continue;
		}
		n = n - off < len ? n - off : len;
		memcpy(out, (const uint8_t *)iov[i].iov_base + off, n);
		out += n;
		len -= n;
		off = 0;
	}
	return len == 0;
}

/* It is read as the peer will read it. */
static void tell_sent(const struct session_conn *c, const uint8_t *message, size_t len)
{
	struct bgp_negotiated n = c->negotiated;
	struct arena *arena = arena_new();
	struct bgp_update u;

	memcpy(n.add_path_rx, c->negotiated.add_path_tx, sizeof(n.add_path_rx));
	bgp_update_decode(cursor_init(message + BGP_HEADER_LEN, len - BGP_HEADER_LEN), &n,
		c->peer_as != c->s->cfg.local_as, arena, &u);
	tell_update(c, "sent", &u);
	arena_free(arena);
}

void session_debug_sent(
	const struct session_conn *c, const struct iovec *iov, int count, size_t off, size_t end)
{
	uint8_t *message = mem_alloc(BGP_EXTENDED_MESSAGE_MAX);
	uint8_t header[BGP_HEADER_LEN];
	size_t len = 0;

	for (; off < end && copy_out(iov, count, off, header, sizeof(header)); off += len) {
		len = (size_t)(header[BGP_HEADER_LEN - 3] << 8 | header[BGP_HEADER_LEN - 2]);
		if (len < BGP_HEADER_LEN || !copy_out(iov, count, off, message, len))
			break;
		if (header[BGP_HEADER_LEN - 1] == BGP_UPDATE)
			tell_sent(c, message, len);
	}
	free(message);
}
