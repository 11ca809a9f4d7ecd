/*
 * Update groups: peers that must be told the same, told at once. RFC 4271 9.2, RFC 4456, RFC 7911.
 *
 * A group has one reader of the change list. For each changed entry it compares what its members should hold with what
 * they were sent (route_sent), and appends the difference to its stream, encoded once. Invariants: a path is marked as
 * sent to the group exactly when every member that is not its source holds it, or will when it has read the stream (or
 * served its marks); the source never holds its own path.
 *
 * A member is in one of three states. It WALKs the table when it joins or asks for a refresh; then it serves its MARKS,
 * which collected what the group sent meanwhile; then it reads the STREAM. One that falls too far behind the stream
 * goes back to MARKS, so a slow peer costs memory for at most one mark per route and delays nobody. What it had not
 * read of the stream by then it notes down, a slice at a time; until that is done its marks are not all and not served.
 * The more are behind, the more the stream may hold for them: it is there once, marks are each member's own.
 * A fourth state, MOVE, is that of a member that comes from another group (move.c).
 *
 * When all members of a group are to be told by another key, the group takes that key and passes over the table again: what
 * it sent is known path by path, so the members get the difference and nothing else. When most of them are, the others go first, to
 * a group that tells them what they know already, and the key is taken when they have gone: a pass for each of the few
 * says nothing, while a difference for each of the many would be as many messages. A smaller group that has that key already
 * gives way in the same manner: its members come over.
 */
#pragma once

#include "base/list.h"
#include "bgp/update.h"
#include "route/marks.h"
#include "route/pack.h"
#include "route/peer.h"
#include "route/rib.h"
#include "route/stream.h"

#include <stdbool.h>
#include <stdint.h>

struct route_engine;

/* What makes peers equal: compared octet by octet, so it must be filled into a zeroed structure. */
struct route_group_key {
	enum route_peer_type type;
	enum route_send_mode send_mode;
	uint32_t send_n;
	uint32_t as4, next_hop_self, enhanced_refresh, extended_next_hop;
	uint64_t graceful_shutdown; /* RFC 8326: all that is sent has the community */
	uint64_t max_len;
	struct ip_addr local; /* where the next hop becomes ours */
	uint32_t advertisement_interval_ms;
	const struct route_policy *export;
};

struct route_group {
	struct route_engine *engine;
	struct route_rib *rib;
	unsigned id; /* among the family's groups */
	struct route_group_key key;
	bool superseded; /* another one has taken its key, and its members will go there */
	bool yields; /* takes next_key as soon as all who do not want it have gone; nobody comes until then */
	struct route_group_key next_key;
	struct list link;
	struct list members;
	size_t member_count, streaming, hungry, noting;
	struct list leavers; /* members of other groups by now, which hold what this one told them */
	size_t expected;     /* members of other groups that wait for the end of the first pass */
	struct route_reader reader;
	struct route_stream stream;
	struct route_pack pack;
	bool walking;  /* its first pass over the table is not finished, or one with a new key */
	bool again;    /* it is one with a new key: changes are read meanwhile */
	bool resay;    /* by the new key all that was sent looks different and is said again */
	bool resaying; /* just now */
	uint64_t walk_at;
	bool retired; /* no members left: its marks on paths are being removed */
	uint64_t next_advertisement_ms;
	struct route_marks *deferred; /* announcements held back by the advertisement interval */
	uint32_t sent;		      /* paths marked as sent to it */
	size_t notes;		      /* marks made for members in the work at hand */
	size_t looked;		      /* paths, in the slice at hand */
};

enum route_member_state { ROUTE_MEMBER_WALK, ROUTE_MEMBER_MARKS, ROUTE_MEMBER_STREAM, ROUTE_MEMBER_MOVE };

struct route_member {
	struct list link;
	struct route_group *group;
	struct route_peer *peer;
	enum route_member_state state;
	bool hungry;	  /* has read all and its socket can take more */
	bool end_of_rib;  /* still to be said, when it has seen the whole table */
	bool end_refresh; /* EoRR still to be said */
	bool walk_again;  /* asked for another refresh meanwhile */
	uint64_t walk_at;
	struct route_group *next;    /* it is to move there; NULL: nowhere */
	bool parting;		     /* it has left the stream to do so */
	struct route_group *from;    /* MOVE: what this one told it is what it holds; NULL: nothing */
	struct list from_link;	     /* among the leavers of from */
	struct list move_link;	     /* among the engine's movers */
	struct route_marks *marks;   /* NULL while it reads the stream */
	struct route_stream_pos pos; /* while it reads the stream, or notes down what it holds */
	bool noting;
	uint64_t note_until; /* a position */
};

/* --- group.c: the difference between what is and what was sent --- */
struct route_group *route_group_new(
	struct route_engine *e, struct route_rib *rib, unsigned id, const struct route_group_key *key);
void route_group_free(struct route_group *g);
/* If nobody needs it any more: from now on its work is to remove its marks from the paths. */
void route_group_retire_if_idle(struct route_group *g);
/* All members are to be told by another key, and nobody else has to do with the group. */
void route_group_rekey(struct route_group *g, const struct route_group_key *key);
bool route_group_key_equal(const struct route_group_key *a, const struct route_group_key *b);
/* By these keys the same path looks different. */
bool route_group_key_looks_different(const struct route_group_key *a, const struct route_group_key *b);
/* A slice of work; the same return value as route_engine_work(). A retired group that returns UINT64_MAX is finished
 * and can be freed. */
uint64_t route_group_work(struct route_group *g, uint64_t now_ms);
/* What is said of a path: that it is there with these attributes, or gone (attrs: NULL). */
void route_group_item(const struct route_group *g, const struct route_path *path,
	const struct route_attrs *attrs, struct route_item *item);
/* There is something to do once a member can take more. */
bool route_group_waiting(const struct route_group *g);
bool route_group_add_path(const struct route_group *g);
/* How messages to this group's kind of peers are written. */
struct bgp_update_opts route_group_update_opts(const struct route_group *g);
/* The sink for messages to this group's kind of peers; room, commit and user are the caller's to fill. */
struct route_sink route_group_sink(struct route_group *g);

/* --- member.c: one peer's share of it --- */
struct route_member *route_member_new(struct route_group *g, struct route_peer *p);
void route_member_free(struct route_member *m);
/* The group tells an item: a member that does not read the stream notes it in its marks. */
void route_member_note(struct route_member *m, const struct route_item *item, const struct route_entry *e);
/* Starts over with the table (refresh). */
void route_member_walk(struct route_member *m);
/* Leaves the stream for marks. What it has not read is noted down later, by the group's work. */
void route_member_detach(struct route_member *m);
/* Notes down about so many octets of the stream, and returns how many; the last of them end it. */
size_t route_member_note_down(struct route_member *m, size_t octets);
/* Puts what is due into the peer's queue, when that is empty and the member does not read the stream. */
void route_member_serve(struct route_member *m);
/* The group has finished its first pass. */
void route_member_table_complete(struct route_member *m);
/* Adds a path to the engine's pack, which flush empties into the peer's queue. */
void route_member_pack(struct route_member *m, const struct route_path *path);
void route_member_flush(struct route_member *m);

/* --- move.c: from one group to another --- */
/* The member is to be in that group, as soon as this can be; its own: it stays. */
void route_member_move(struct route_member *m, struct route_group *to);
/* Whatever is under way ends here: the member is about to go. */
void route_member_move_cancel(struct route_member *m);
/* A slice of the moves under way; true when more can be done at once. */
bool route_moves_work(struct route_engine *e);

/* --- outgoing.c: attributes as members see them --- */
void route_outgoing(struct route_group *g, const struct route_item *item, struct bgp_attrs *attrs,
	struct bgp_next_hop *nh);
/* Whether the path and its attributes as members see them are no longer than a message to them may be. */
bool route_outgoing_fits(struct route_group *g, const struct route_path *path);
