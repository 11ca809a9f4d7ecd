#include "rrd/show.h"

#include "base/mem.h"
#include "base/row_net.h"
#include "base/text.h"
#include "bgp/message.h"
#include "rrd/neighbor.h"
#include "session/error_row.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* --- show neighbors --- */

static void put_warnings(struct row *r, const struct rrd *rrd, const struct session *s)
{
	char speakers[SESSION_SPEAKERS_TEXT_MAX];
	struct ip_addr other;

	if (session_two_speakers(s, NULL))
		row_text(r, "two-speakers", session_speakers_text(s, speakers, sizeof(speakers)));
	if (session_neighbors_same_id(rrd->neighbors, s, &other))
		row_addr(r, "same-router-id-as", &other);
}

/* Why it is not to be up. */
static void put_admin(
	struct row *r, const struct rrd *rrd, const struct neighbor *n, const struct ip_addr *address)
{
	const struct session_shutdown *d = session_neighbors_shutdown_of(rrd->neighbors, address);

	row_bool(r, "enabled", !n || n->range || n->cfg->enabled);
	row_bool(r, "shutdown", d != NULL);
	if (d) {
		row_text(r, "admin", "shutdown");
		row_text(r, "shutdown-text", d->text);
		row_int(r, "shutdown-ms", (int64_t)(rrd_now_ms(rrd) - d->since_us / 1000));
	} else if (n && !n->range && !n->cfg->enabled) {
		row_text(r, "admin", "disabled");
	}
}

static struct row *summary(const struct rrd *rrd, const struct session *s)
{
	const struct neighbor *n = session_user(s);
	const struct bgp_open *open = session_remote_open(s);
	struct row *r = row_new();
	int64_t received = 0, advertised = 0;

	for (int f = 0; n->peer && f < BGP_FAMILIES; f++) {
		received += route_peer_counters(n->peer)->received[f];
		advertised += route_peer_advertised(n->peer, (enum bgp_family)f);
	}
	row_addr(r, "address", &session_config(s)->remote);
	if (n->cfg->description)
		row_text(r, "description", n->cfg->description);
	row_int(r, "as", open ? open->as : session_config(s)->peer_as);
	if (open)
		row_ipv4(r, "router-id", open->bgp_identifier);
	row_text(r, "state", session_state_text(session_state(s)));
	row_int(r, "since-ms", (int64_t)(rrd_now_ms(rrd) - session_since_us(s) / 1000));
	if (n->peer_group)
		row_text(r, "peer-group", n->peer_group);
	row_bool(r, "dynamic", n->range != NULL);
	if (n->guard)
		row_text(r, "bfd", guard_state_text(n->guard));
	row_int(r, "received", received);
	row_int(r, "advertised", advertised);
	session_error_row(r, s, io_loop_now_us(rrd->loop));
	put_admin(r, rrd, n, &session_config(s)->remote);
	put_warnings(r, rrd, s);
	return r;
}

struct neighbor_rows {
	struct rrd *rrd;
	struct ip_addr at;
	bool absent; /* at is among those who are shut down and not here */
};

/* A dynamic neighbor that is shut down is not here, and yet there is something to be told of it. */
static struct row *absent_row(const struct rrd *rrd, const struct session_shutdown *d)
{
	struct row *r = row_new();

	row_addr(r, "address", &d->address);
	row_text(r, "state", session_state_text(SESSION_IDLE));
	row_int(r, "since-ms", (int64_t)(rrd_now_ms(rrd) - d->since_us / 1000));
	row_bool(r, "dynamic", true);
	row_int(r, "received", 0);
	row_int(r, "advertised", 0);
	put_admin(r, rrd, NULL, &d->address);
	return r;
}

static struct row *next_absent(struct neighbor_rows *n)
{
	const struct session_shutdown *d;

	n->absent = true;
	while ((d = session_neighbors_next_shutdown(
			n->rrd->neighbors, n->at.family == IP_NONE ? NULL : &n->at))) {
		n->at = d->address;
		if (!session_neighbors_find(n->rrd->neighbors, &d->address))
			return absent_row(n->rrd, d);
	}
	return NULL;
}

static struct row *next_neighbor(void *state, char *err)
{
	struct neighbor_rows *n = state;
	struct session *s = n->absent ? NULL
				      : session_neighbors_next(
						n->rrd->neighbors, n->at.family == IP_NONE ? NULL : &n->at);

	err[0] = 0;
	if (!s && !n->absent)
		n->at.family = IP_NONE;
	if (!s)
		return next_absent(n);
	n->at = session_config(s)->remote;
	return summary(n->rrd, s);
}

bool show_neighbors(void *user, const struct row *args, struct control_answer *out, char *err)
{
	struct neighbor_rows *n = mem_calloc(1, sizeof(*n));

	(void)args;
	(void)err;
	n->rrd = user;
	*out = (struct control_answer){ next_neighbor, free, n };
	return true;
}

/* --- show neighbor --- */

static struct row *capabilities(const struct bgp_negotiated *n)
{
	struct row *r = row_new(), *families = row_new_list(), *add_path = row_new();

	for (int f = 0; f < BGP_FAMILIES; f++) {
		const char *name = bgp_family_text((enum bgp_family)f);

		if (n->family[f])
			row_append_text(families, name);
		if (n->add_path_tx[f] || n->add_path_rx[f])
			row_text(add_path, name,
				n->add_path_tx[f] && n->add_path_rx[f] ? "send receive"
				: n->add_path_tx[f]		       ? "send"
								       : "receive");
	}
	row_put(r, "families", families);
	row_put(r, "add-path", add_path);
	row_bool(r, "route-refresh", n->route_refresh);
	row_bool(r, "enhanced-route-refresh", n->enhanced_route_refresh);
	row_bool(r, "extended-message", n->max_tx > BGP_MESSAGE_MAX);
	row_bool(r, "as4", n->as4);
	return r;
}

static struct row *message_counts(const uint64_t *count, bool with_updates)
{
	struct row *r = row_new();

	row_int(r, "open", (int64_t)count[BGP_OPEN]);
	if (with_updates)
		row_int(r, "update", (int64_t)count[BGP_UPDATE]);
	row_int(r, "notification", (int64_t)count[BGP_NOTIFICATION]);
	row_int(r, "keepalive", (int64_t)count[BGP_KEEPALIVE]);
	row_int(r, "route-refresh", (int64_t)count[BGP_ROUTE_REFRESH]);
	return r;
}

static void put_counters(struct row *r, const struct session_counters *c)
{
	struct row *messages = row_new(), *octets = row_new();

	row_put(messages, "rx", message_counts(c->rx_messages, true));
	row_put(messages, "tx", message_counts(c->tx_messages, false));
	row_put(r, "messages", messages);
	row_int(octets, "rx", (int64_t)c->rx_octets);
	row_int(octets, "tx", (int64_t)c->tx_octets);
	row_put(r, "octets", octets);
	row_int(r, "flaps", (int64_t)c->flaps);
	row_int(r, "attribute-discard", (int64_t)c->attribute_discard);
	row_int(r, "treat-as-withdraw", (int64_t)c->treat_as_withdraw);
}

static void put_rejected(struct row *r, const struct neighbor *n)
{
	struct row *rejected = row_new();
	enum route_reject why;
	struct prefix last;

	for (int i = 0; i < ROUTE_REJECTS; i++)
		if (neighbor_rejected(n, (enum route_reject)i))
			row_int(rejected, route_reject_text((enum route_reject)i),
				(int64_t)neighbor_rejected(n, (enum route_reject)i));
	row_put(r, "rejected", rejected);
	if (n->peer && route_peer_last_rejected(n->peer, &last, &why)) {
		struct row *l = row_new();

		row_prefix(l, "prefix", &last);
		row_text(l, "reason", route_reject_text(why));
		row_put(r, "last-rejected", l);
	}
	row_int(r, "oversized",
		(int64_t)(n->oversized + (n->peer ? route_peer_counters(n->peer)->oversized : 0)));
}

static struct row *sheet(const struct rrd *rrd, const struct session *s)
{
	const struct neighbor *n = session_user(s);
	const struct bgp_negotiated *negotiated = session_negotiated(s);
	const struct bgp_open *open = session_remote_open(s);
	struct ip_addr local = session_local_addr(s);
	struct row *r = summary(rrd, s);

	if (n->range)
		row_prefix(r, "range", n->range);
	row_addr(r, "local-address", &local);
	row_int(r, "local-as", session_config(s)->local_as);
	row_bool(r, "route-reflector-client", n->cfg->route_reflector_client);
	if (session_config(s)->key.len)
		row_text(r, "password", "(set)");
	if (n->cfg->ttl_security_hops)
		row_int(r, "ttl-security-hops", n->cfg->ttl_security_hops);
	if (negotiated) {
		row_int(r, "hold-time-s", negotiated->hold_time_s);
		row_put(r, "capabilities", capabilities(negotiated));
	}
	if (open && open->caps.fqdn[0])
		row_text(r, "fqdn", open->caps.fqdn);
	if (open && open->caps.software[0])
		row_text(r, "software", open->caps.software);
	put_counters(r, session_counters(s));
	put_rejected(r, n);
	return r;
}

/* A dynamic neighbor is gone with its connection, but perhaps it is known why. */
static void say_absent(const struct rrd *r, const char *text, const struct ip_addr *address, char *err)
{
	const struct session_failure *f = session_neighbors_failure_of(r->neighbors, address);
	struct text t = text_init(err, SHOW_ERROR_MAX);
	char ago[32];

	if (f)
		text_add(&t, "%s is not here; %s ago: %s", text,
			text_duration(ago, rrd_now_ms(r) - f->at_us / 1000), f->text);
	else
		text_add(&t, "there is no neighbor %s: see show neighbors, show ranges failed", text);
}

struct session *show_find_neighbor(struct rrd *r, const struct row *args, char *err)
{
	const char *text = row_get_text(args, "address");
	struct ip_addr address;
	struct session *s;

	if (!text || !ip_addr_parse(text, &address)) {
		snprintf(err, SHOW_ERROR_MAX, "%s is not an address", text ? text : "nothing");
		return NULL;
	}
	s = session_neighbors_find(r->neighbors, &address);
	if (!s && session_neighbors_shutdown_of(r->neighbors, &address))
		snprintf(err, SHOW_ERROR_MAX, "%s is shut down: enable %s lets it come", text, text);
	else if (!s)
		say_absent(r, text, &address, err);
	return s;
}

bool show_neighbor(void *user, const struct row *args, struct control_answer *out, char *err)
{
	struct session *s = show_find_neighbor(user, args, err);

	if (s)
		control_answer_row(out, sheet(user, s));
	return s != NULL;
}
