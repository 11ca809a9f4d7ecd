/*
 * The engine: what peers announce goes in, what each is to be told comes out.
 *
 * Owns the tables of both families, the attribute sets, the peers and the update groups. One thread, no I/O, no clock:
 * time is an argument. Input only changes tables and marks entries as changed; all that follows from it happens in
 * route_engine_work(), in slices, and what is to be sent is pulled with route_peer_fill() when a socket can take it.
 *
 *   route_peer_update -> import -> table -> change list -> update groups -> route_peer_fill
 *                                                       -> other readers (the FIB)
 *
 * RFC 4271 9 (UPDATE handling), RFC 4456 (reflection), RFC 7911 (add-path), RFC 4724 2 (End-of-RIB).
 */
#pragma once

#include "bgp/update.h"
#include "route/decide.h"
#include "route/peer.h"
#include "route/rib.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/uio.h>

struct route_engine;
struct route_rejects;

struct route_engine_config {
	uint32_t local_as;
	uint32_t router_id;
	uint32_t cluster_id;
	struct route_decide_opts decide;
	bool next_hop_check;  /* paths whose next hop is not eligible take no part in the decision */
	size_t stream_window; /* octets an update group holds for its slowest member; 0: 8 MiB */
	unsigned walk_parts;  /* of a table that a walk passes per call; 0: 4096 */
};

struct route_engine_ops {
	/* There is work for route_engine_work(). */
	void (*wake)(void *user);
	/* There is something for route_peer_fill(). */
	void (*kick)(void *peer_user);
	/* A route does not fit into the messages of the peers it should go to (RFC 4271 9.2): for the log. */
	void (*oversized)(void *user, const struct prefix *p, const struct route_peer_config *from);
	/* After route_peer_set_config(): what the peer holds has passed its new import policy. */
	void (*refiltered)(void *peer_user);
	/* After the same: there is no room for one more update group; as with route_peer_served(). */
	void (*unserved)(void *peer_user);
	/* With next_hop_check: whose reachability is to be told from now on, or no more. Both may be NULL. */
	struct route_hops_ops next_hops;
	/* A route was refused; NULL: nobody wants to know. */
	void (*refused)(void *peer_user, const struct prefix *p, enum route_reject why);
};

struct route_engine *route_engine_new(
	const struct route_engine_config *cfg, const struct route_engine_ops *ops, void *user);
/* Frees everything, peers too; readers must be gone. */
void route_engine_free(struct route_engine *e);
struct route_rib *route_engine_rib(const struct route_engine *e, enum bgp_family family);
const struct route_engine_config *route_engine_config(const struct route_engine *e);
struct route_decide *route_engine_decide(struct route_engine *e);

const struct route_hops *route_engine_hops(const struct route_engine *e);
/* What is known of a next hop now: entries with paths over it are marked as changed, in slices, where it matters. */
void route_engine_tell_next_hop(
	struct route_engine *e, const struct ip_addr *addr, const struct route_reach *reach);

/* Does a slice of what is to be done. Returns 0 when more is waiting, UINT64_MAX when nothing is, else the time in ms
 * after which to call again (advertisement intervals). */
uint64_t route_engine_work(struct route_engine *e, uint64_t now_ms);
/* A change of many entries (a session's end, a next hop, settings) is done in part: readers have not seen all of it. */
bool route_engine_is_amid_change(const struct route_engine *e);

/* A session came up: its table is sent, and what it announces is taken, until route_peer_close(). */
struct route_peer *route_peer_new(struct route_engine *e, const struct route_peer_config *cfg,
	const struct bgp_negotiated *n, void *peer_user);
/* False when a family could not be served: there are ROUTE_GROUPS_MAX update groups already, and no peer like this one. The
 * caller ends the session (Cease/8, RFC 4486). */
bool route_peer_served(const struct route_peer *p);
/* The session went down: all its paths go (in slices), nothing more is pulled. The pointer is dead for the caller. */
void route_peer_close(struct route_peer *p);

/* --- settings that change while sessions are up (change.c) --- */

/* Takes over send mode and send_n, next_hop_self, the advertisement interval, rejects_max and the policies, and leaves the rest. The peer is
 * sent what follows from it and no more, in slices: routes it may not have any more are withdrawn, others are announced. What it
 * announced before and import does not allow any more goes; then refiltered() is called, if import is another one.
 * A send mode cannot change to or from ROUTE_SEND_BEST. */
void route_peer_set_config(struct route_peer *p, const struct route_peer_config *cfg);
/* Another import policy would take routes from the peer that the present one refuses. When in doubt, yes. */
bool route_peer_admits_more(const struct route_peer *p, const struct route_policy *import);
/* More is held from the peer than import allows: after a change of it, for the caller to end the session. */
bool route_peer_over_limit(const struct route_peer *p, enum bgp_family *family);
/* All entries are decided and read again, in slices. */
void route_engine_reevaluate(struct route_engine *e, const struct route_decide_opts *opts);
/* For the sessions that come; those that are up must be closed. */
void route_engine_set_identity(
	struct route_engine *e, uint32_t local_as, uint32_t router_id, uint32_t cluster_id);
/* While it is on, all paths are sent with the community GRACEFUL_SHUTDOWN, and to internal peers with LOCAL_PREF 0, so that whoever
 * has another path takes that (RFC 8326 3). What was sent before is sent again, in slices. */
void route_engine_set_graceful_shutdown(struct route_engine *e, bool on);
bool route_engine_graceful_shutdown(const struct route_engine *e);
/* A policy that is not used may be freed. */
bool route_engine_uses(const struct route_engine *e, const struct route_policy *policy);

enum route_import { ROUTE_IMPORT_OK, ROUTE_IMPORT_MAX_PREFIXES };

/* Takes an UPDATE. MAX_PREFIXES: the peer went over its limit in *family; what was over it was not taken, and the
 * caller ends the session (Cease/1, RFC 4486). */
enum route_import route_peer_update(
	struct route_peer *p, const struct bgp_update *u, uint64_t now_ms, enum bgp_family *family);
/* The peer asked for its table again (RFC 2918; RFC 7313 when enhanced was negotiated). */
void route_peer_refresh(struct route_peer *p, enum bgp_family family);
/* The peer begins and ends sending its own table again (RFC 7313 4): what it left out in between is gone at the end. */
void route_peer_refresh_begin(struct route_peer *p, enum bgp_family family);
void route_peer_refresh_end(struct route_peer *p, enum bgp_family family);
/* As in struct session_ops: whole messages, the first perhaps the rest of one. */
int route_peer_fill(struct route_peer *p, struct iovec *iov, int max, size_t *partial);
void route_peer_consumed(struct route_peer *p, size_t octets);

const struct route_peer_config *route_peer_config(const struct route_peer *p);
const struct route_peer_counters *route_peer_counters(const struct route_peer *p);
/* Routes of the family the peer holds from us, or will when what is on its way arrives. */
uint32_t route_peer_advertised(const struct route_peer *p, enum bgp_family family);
/* Refused routes, newest first: NULL when there was none. */
const struct route_rejects *route_peer_rejects(const struct route_peer *p);
/* The same, for the caller to keep and to free: before route_peer_close(). */
struct route_rejects *route_peer_take_rejects(struct route_peer *p);
/* A path as the peer was told of it, or will be when what is on its way arrives. */
struct route_told {
	struct bgp_attrs attrs; /* lists are valid until the engine is called again */
	struct bgp_next_hop next_hop;
	uint32_t path_id; /* RFC 7911; 0 where none is sent */
	bool pending;	  /* the peer holds an older version */
};
/* False when it was not. Asked of one path after another in a walk over the table, this is the peer's Adj-RIB-Out. */
bool route_peer_told(const struct route_peer *p, const struct route_path *path, struct route_told *out);
/* The last route that was refused: for show neighbor. False when there was none. */
bool route_peer_last_rejected(const struct route_peer *p, struct prefix *prefix, enum route_reject *why);
const char *route_send_mode_text(enum route_send_mode m);

/* For "show memory": calls fn for each kind of object. */
void route_engine_memory(const struct route_engine *e,
	void (*fn)(void *user, const char *what, size_t objects, size_t octets), void *user);
size_t route_engine_groups(const struct route_engine *e, enum bgp_family family);
