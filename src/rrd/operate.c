/* What an operator does to sessions: clear, refresh, shut down, enable; and to all of them: drain. */
#include "rrd/show.h"

#include "base/mem.h"
#include "base/log.h"
#include "base/row_net.h"
#include "control/rows.h"
#include "rrd/neighbor.h"
#include "rrd/watch.h"

#include <stdio.h>
#include <string.h>

enum { TEXT_MAX = 255 /* RFC 9003, octets */ };

static bool is_all(const struct row *args)
{
	const char *address = row_get_text(args, "address");

	return address && strcmp(address, "all") == 0;
}

static bool get_text(const struct row *args, const char **text, char *err)
{
	*text = row_get_text(args, "text");
	if (!*text || strlen(*text) <= TEXT_MAX)
		return true;
	snprintf(err, SHOW_ERROR_MAX, "the text is too long: at most %d octets", (int)TEXT_MAX);
	return false;
}

/* --- clear --- */

bool clear_neighbor(void *user, const struct row *args, struct control_answer *out, char *err)
{
	struct ip_addr at = { .family = IP_NONE };
	struct rrd *r = user;
	struct session *s;
	const char *text;

	if (!get_text(args, &text, err))
		return false;
	control_answer_row(out, NULL);
	if (is_all(args)) {
		for (s = NULL; (s = session_neighbors_next(r->neighbors, s ? &at : NULL));) {
			at = session_config(s)->remote;
			session_reset(s, text);
		}
		return true;
	}
	s = show_find_neighbor(r, args, err);
	if (s)
		session_reset(s, text);
	return s != NULL;
}

/* --- refresh --- */

struct refresh {
	bool in, out;
};

static bool parse_direction(const struct row *args, struct refresh *d, char *err)
{
	const char *word = row_get_text(args, "direction");

	d->in = !word || strcmp(word, "in") == 0;
	d->out = !word || strcmp(word, "out") == 0;
	if (d->in || d->out)
		return true;
	snprintf(err, SHOW_ERROR_MAX,
		"\"%.64s\" is no direction: in (ask for its routes again), out (send ours "
		"again), or nothing for both",
		word);
	return false;
}

/* Why the neighbor cannot be asked; NULL: it was. */
static const char *refresh_in(struct session *s)
{
	const struct bgp_negotiated *n = session_negotiated(s);

	if (!n)
		return "not up";
	if (!n->route_refresh)
		return "no route refresh (RFC 2918)";
	for (int f = 0; f < BGP_FAMILIES; f++)
		session_send_refresh(s, (enum bgp_family)f, BGP_REFRESH_REQUEST);
	return NULL;
}

static const char *refresh_out(const struct neighbor *n, struct session *s)
{
	const struct bgp_negotiated *negotiated = session_negotiated(s);

	if (!n->peer || !negotiated)
		return "not up";
	for (int f = 0; f < BGP_FAMILIES; f++)
		if (negotiated->family[f])
			route_peer_refresh(n->peer, (enum bgp_family)f);
	return NULL;
}

static struct row *refresh_one(struct session *s, const struct refresh *d, bool *done)
{
	struct neighbor *n = session_user(s);
	struct row *r = row_new();
	const char *why;

	row_addr(r, "address", &session_config(s)->remote);
	if (d->in) {
		why = refresh_in(s);
		row_text(r, "in", why ? why : "asked");
		*done |= !why;
	}
	if (d->out) {
		why = refresh_out(n, s);
		row_text(r, "out", why ? why : "sent again");
		*done |= !why;
	}
	return r;
}

static bool refuse_refresh(const struct session *s, const struct refresh *d, char *err)
{
	char text[PREFIX_TEXT_MAX];

	ip_addr_format(&session_config(s)->remote, text);
	if (!session_negotiated(s))
		snprintf(err, SHOW_ERROR_MAX, "neighbor %s is not up: it is %s", text,
			session_state_text(session_state(s)));
	else
		snprintf(err, SHOW_ERROR_MAX,
			"neighbor %s cannot be asked again, it has no route refresh capability (RFC 2918)%s; "
			"clear neighbor makes a new session",
			text, d->out ? "; ours are sent again" : "");
	return false;
}

bool refresh_neighbor(void *user, const struct row *args, struct control_answer *out, char *err)
{
	struct ip_addr at = { .family = IP_NONE };
	struct control_rows *rows;
	struct rrd *r = user;
	struct session *s = NULL;
	struct refresh d;
	struct row *row;
	bool done = false;

	if (!parse_direction(args, &d, err) || (!is_all(args) && !(s = show_find_neighbor(r, args, err))))
		return false;
	if (s) {
		row = refresh_one(s, &d, &done);
		if (!done || (d.in && !session_negotiated(s)->route_refresh)) {
			row_free(row);
			return refuse_refresh(s, &d, err);
		}
		control_answer_row(out, row);
		return true;
	}
	rows = control_rows_new();
	while ((s = session_neighbors_next(r->neighbors, at.family == IP_NONE ? NULL : &at))) {
		at = session_config(s)->remote;
		control_rows_add(rows, refresh_one(s, &d, &done));
	}
	control_answer_rows(out, rows);
	return true;
}

/* --- shutdown --- */

static bool get_address(const struct row *args, struct ip_addr *address, char *err)
{
	const char *text = row_get_text(args, "address");

	if (text && ip_addr_parse(text, address))
		return true;
	snprintf(err, SHOW_ERROR_MAX, "%.64s is not an address", text ? text : "nothing");
	return false;
}

bool shutdown_neighbor(void *user, const struct row *args, struct control_answer *out, char *err)
{
	struct rrd *r = user;
	char buf[PREFIX_TEXT_MAX];
	struct ip_addr address;
	const char *text;

	if (!get_address(args, &address, err) || !get_text(args, &text, err))
		return false;
	ip_addr_format(&address, buf);
	if (!session_neighbors_shutdown(r->neighbors, &address, text)) {
		snprintf(err, SHOW_ERROR_MAX, "%s is neither a neighbor nor in a range: see show neighbors",
			buf);
		return false;
	}
	log_info("neighbor %s: shut down by command%s%s", buf, text ? ": " : "", text ? text : "");
	watch_admin(r->watch, "shutdown", &address, text);
	/* It may have been the last one that was waited for. */
	fib_feed_end_of_rib(r);
	control_answer_row(out, NULL);
	return true;
}

bool enable_neighbor(void *user, const struct row *args, struct control_answer *out, char *err)
{
	struct rrd *r = user;
	char buf[PREFIX_TEXT_MAX];
	const struct session *s;
	struct ip_addr address;

	if (!get_address(args, &address, err))
		return false;
	ip_addr_format(&address, buf);
	if (session_neighbors_enable(r->neighbors, &address)) {
		log_info("neighbor %s: enabled by command", buf);
		watch_admin(r->watch, "enabled", &address, NULL);
		control_answer_row(out, NULL);
		return true;
	}
	s = session_neighbors_find(r->neighbors, &address);
	if (s && !session_config(s)->enabled)
		snprintf(err, SHOW_ERROR_MAX,
			"neighbor %s is disabled by its configuration: take enabled: false out of it and "
			"reload",
			buf);
	else
		snprintf(err, SHOW_ERROR_MAX, "%s is not shut down: see show neighbors", buf);
	return false;
}

/* --- drain --- */

static bool set_drain(struct rrd *r, bool on, struct control_answer *out)
{
	if (route_engine_graceful_shutdown(r->engine) != on)
		log_info(on ? "drain: all routes are sent with GRACEFUL_SHUTDOWN and LOCAL_PREF 0"
			    : "drain is over: all routes are sent as they are");
	route_engine_set_graceful_shutdown(r->engine, on);
	control_answer_row(out, NULL);
	return true;
}

bool drain(void *user, const struct row *args, struct control_answer *out, char *err)
{
	(void)args;
	(void)err;
	return set_drain(user, true, out);
}

bool undrain(void *user, const struct row *args, struct control_answer *out, char *err)
{
	(void)args;
	(void)err;
	return set_drain(user, false, out);
}
