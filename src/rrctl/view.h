/*
 * How the rows of an answer are shown: as a table with columns, as a sheet of "key: value", as lines of events, of changes or
 * of text, or as metrics.
 *
 * A table shows the keys it has columns for and ignores all others; --json shows everything. On a terminal a table leaves out
 * columns without any value that are marked as rare; where it does not fit, texts that are marked so go below their rows, and then
 * columns marked as spare are left out, one after the other, until it fits.
 *
 * The rows and their keys; durations end in -ms or -us, texts are missing or null where there is none:
 *
 * show neighbors: address, as, state, since-ms (in this state), router-id, peer-group, dynamic, received and advertised
 *	(prefixes), description, last-error, last-error-ago-ms, last-error-over (the session has come up since; bool),
 *	enabled (by the configuration; bool), shutdown (by a command; bool), admin (shutdown, disabled, or missing), shutdown-text,
 *	shutdown-ms (ago).
 * show neighbor, show status: a sheet, whatever is in them.
 * show routes: one row per path, paths of one prefix together: prefix, best, multipath, next-hop, from, originator-id,
 *	path-id, local-pref, med, as-path, origin, age-ms, communities.
 * show route: the same and cluster-list, why.
 * show received: the same and cluster-list, extended-communities, ipv6-extended-communities, large-communities, without best
 *	and multipath.
 * show advertised: the same, as the neighbor was told; originator-id, local-pref and lists only where they were; pending (it holds
 *	an older version; bool).
 * show rejected: prefix, next-hop, path-id, reason, age-ms; the last row may be {"not-kept","note"}: so many more.
 * refresh: address, in, out: what was done, or why not.
 * watch routes: time, event (present, watching, added, changed, withdrawn, best), prefix, from, path-id, was (best: whose was it
 *	before), and the keys of show routes as far as there are any.
 * watch neighbors: time, event (present, watching, up, down, shutdown, enabled, refused), address, as, router-id, peer-group,
 *	description, state, code, subcode, text.
 * watch fib: time, event (present, watching, installed, changed, removed, failed, group-changed), prefix or group-id and routes,
 *	via (next hops as text), text, and the keys of show fib.
 * show fib: prefix, next-hops (a list of address, interface, weight, wanted-percent, actual-percent, error), state, group-id,
 *	group-type, error, warning.
 * show nexthops: address, state, reason, via, interface, cost, paths.
 * show ranges: prefix, peer-group, limit, neighbors, refused, last-refused, waiting, gave-way, timed-out, limit-rate, too-fast,
 *	password (whether there is one), two-speakers, failed (times), last-failed (address).
 * show ranges failed: address, range, ago-ms, times, state (now; missing: not here), reason; the last row may be a note on what the
 *	kernel throws away: md5-missing, md5-unexpected, md5-wrong, note.
 * show bfd: address, local-address, multihop, passive, authentication, state, remote-state (AdminDown, Down, Init, Up), since-ms, diagnostic,
 *	remote-diagnostic, discriminator, remote-discriminator, tx-interval-us (0: nothing is sent), detection-time-us,
 *	desired-minimum-tx-interval-us, required-minimum-receive-us, detection-multiplier, remote-minimum-tx-interval-us,
 *	remote-minimum-receive-us, remote-multiplier, sent, received, ups, failures, error (of sending).
 * watch bfd: time, event (up, down, admin-down), address, peer-group, state, diagnostic, detection-time-us.
 * show memory: what, objects, octets.
 * show config: line (of a file that says the same).
 * reload: apply (live, re-evaluates routes, resets sessions, restart), subject ("neighbor 10.0.0.110"), change ("hold-time 9 ->
 *	30"), effect ("resets this session"); or error (a line about the file).
 *
 * lb-announcer:
 *
 * show services: service (its prefix), state (announced, draining, withdrawn), effective (bool: and some neighbor is told so),
 *	announced-to, neighbors (how many of how many are told of it), since-ms, capacity-percent, agent (heard, leaving,
 *	away, none), virtual-services (names), healthy, servers, active, known (of the virtual service with the fewest), holding,
 *	conditions (how many of how many hold), command (what on-change last told: active, inactive; unknown: nothing yet; running;
 *	failed), command-again-ms, command-why, left-ms (until it is withdrawn unless something is heard), returns-ms (until it is
 *	announced if all stays well), changes, reason.
 * show agent, show ready: a sheet.
 * watch: events: time, event (service, capacity, agent, drain), service, from, to, text.
 *
 * lb-ipvs-agent:
 *
 * show services: service (its name), key ("TCP 10.1.1.1:80"), scheduler, flags (list), forward, servers, up, draining, down
 *	(numbers of servers), active, inactive, connections, packets-in, octets-in, packets-out, octets-out, settled (the kernel
 *	is as wished; bool), ordered (its list too; bool), fingerprint (of the scheduler's table, hexadecimal text),
 *	moved-percent (slots moved by the last change), source, source-error, error.
 * show servers: service, server ("172.16.1.5:80"), name, state (checking, up, down, draining, gone), reason (failed,
 *	terminating, removed, command), since-ms (in this state), left-ms (of a drain), weight (the kernel's), wanted-weight,
 *	active, inactive, connections, octets-in, octets-out, in-kernel (bool).
 * show checks: service, server, check (its name), type, up (bool), known (a verdict of its own has been reached; bool), last
 *	(outcome of the last run), why (in words), last-ms (ago), duration-us, runs, failures, changes, next-ms, in-a-row (results
 *	against up).
 * show table: a row per server: service, fingerprint, slots (of the whole table), moved-percent, ordered (bool), server,
 *	share-percent, slot-count, weight.
 * show sources: service, source, told (a list has come; bool), assumed (the kernel's servers are taken for it meanwhile; bool),
 *	servers, changes, failures, error, since-ms (the last list); of kubernetes: watch (listing, watching, waiting to list,
 *	waiting to watch), heard-ms (the API's last word), retry-ms, slices, endpoints, lists, events, troubles (by kind).
 * watch: events: time (RFC 3339, UTC, with milliseconds), event (server, service, check, source, drift, settled), service,
 *	server, from, to, reason, text.
 *
 * lb-announcer --node:
 *
 * show services: a row per registration: prefix, pod, name (of the announcer, by its own word), pid (0: not known here), state
 *	(announcing, draining, withdrawn, unclaimed), since-ms, capacity (bit/s), weight (in the route; 0: it has no part in
 *	it), problem.
 * show routes: as show fib.
 *
 * metrics, of all daemons: name, type, help, labels, value (control/metrics.h).
 */
#pragma once

#include "rrctl/label.h"

#include <stdbool.h>
#include <stdint.h>

enum column_kind {
	COLUMN_TEXT,	     /* text or a list of texts */
	COLUMN_NUMBER,	     /* right-aligned */
	COLUMN_PERCENT,	     /* the same, in three digits */
	COLUMN_COUNT,	     /* the same, large ones in three digits */
	COLUMN_OCTETS,	     /* the same, with a unit */
	COLUMN_DURATION,     /* milliseconds */
	COLUMN_MICROSECONDS, /* a duration too */
	COLUMN_OF,	     /* "3/4": a number, and of how many (key other) */
	COLUMN_HEALTH,	     /* bool: up or down, in parentheses unless the bool other is set */
	COLUMN_ERROR,	     /* "4 s ago: text", by KEY-ago-ms; in parentheses if the bool KEY-over is set */
	COLUMN_CLAIM,	     /* text, in parentheses if the bool other is there and not set */
	COLUMN_FLAGS,	     /* of a path: "*>" best, "*=" in the multipath set */
};

struct column {
	const char *key;
	const char *header;
	enum column_kind kind;
	const char *other; /* a second key, of some kinds */
	bool once;     /* blank when this and those to the left marked so are the same as in the row above */
	bool flex;     /* may be cut to make the table fit */
	bool below;    /* stands whole below its row where the table does not fit with it */
	bool element;  /* the key of an element of the view's list, not of the row */
	bool rare;     /* not shown on a terminal when no row has a value */
	uint8_t spare; /* left out of a table that does not fit a terminal, the highest first; 0: never */
};

enum view_kind {
	VIEW_ROWS, /* table or sheet */
	VIEW_EVENTS, /* with columns or not: a line each, printed as they come; the answer goes on until somebody ends it */
	VIEW_METRICS, /* Prometheus's text */
	VIEW_CHANGES, /* of a reload, under headings */
	VIEW_LINES,   /* the text of each row's "line", as it is */
};

struct view {
	const struct column *columns; /* ends with a NULL key; NULL: a sheet */
	const struct column *more;    /* columns to the right of them, or NULL */
	const char *list;	      /* a line for each element of this list; NULL: a line for each row */
	const char *note; /* a row with this key is no row of the table but its text, below; NULL: none */
	enum view_kind kind;
	const struct label *labels; /* of a sheet; NULL: keys as they are */
};

extern const struct view view_neighbors, view_routes, view_route, view_received, view_advertised,
	view_rejected, view_refresh, view_neighbor_events, view_route_events, view_fib_events, view_fib,
	view_next_hops, view_ranges, view_failures, view_bfd, view_bfd_events, view_memory, view_announced,
	view_node_services, view_services, view_servers, view_checks, view_table, view_sources, view_events,
	view_metrics, view_changes, view_lines, view_sheet, view_status;
