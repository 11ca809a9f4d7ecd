/*
 * The table of one family: prefixes, their paths, and the list of what changed.
 *
 * Owns entries (a prefix) and paths (a route of one peer for that prefix; the paths of a peer together are its
 * Adj-RIB-In). Each change puts the entry at the end of the change list, where it is once however often it changes.
 * Readers (update groups, the FIB, watchers) each have a mark in that list and read at their own pace; an entry leaves
 * the list when every reader has passed it.
 *
 * A path that was withdrawn stays as a tombstone (GONE) as long as some update group was sent it and not yet its
 * withdrawal, so a withdrawal always names what the peers really hold. Invariant: a tombstone has a state other than
 * 0; an entry exists while it has paths or is in the change list.
 *
 * There are millions of both, so they have numbers (base/pool.h), which are half as large as pointers, and lists are chains of these.
 *
 * It does not decide (decide.h), filter (policy.h) or write messages (group.h).
 */
#pragma once

#include "base/chain.h"
#include "base/prefix.h"
#include "bgp/proto.h"
#include "route/attrs.h"
#include "route/paths.h"
#include "route/sent.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct route_peer;
struct route_rib;

enum route_path_flag {
	ROUTE_PATH_GONE = 1,	    /* a tombstone; attrs is NULL, peer may be compared but not followed */
	ROUTE_PATH_MULTIPATH = 2,   /* in the equal-cost set; valid while the entry is decided */
	ROUTE_PATH_UNCONFIRMED = 4, /* not announced again since the peer's BoRR */
};

/* 48 octets, and 8 in the list of its prefix where that has several. */
struct route_path {
	struct chain_link peer_link; /* in the peer's Adj-RIB-In */
	struct route_attrs *attrs;
	struct route_entry *entry;
	struct route_peer *peer;
	uint32_t path_id_in;   /* the peer's, 0 without add-path */
	uint32_t path_id_out;  /* ours, unique among the paths of the prefix, for the path's life */
	uint32_t sent;	       /* route_sent state */
	uint32_t flags : 4;    /* enum route_path_flag */
	uint32_t since_s : 28; /* engine time of the last change */
};

enum route_entry_flag {
	ROUTE_ENTRY_DECIDED = 1, /* best and multipath flags are valid: the best path, if any, is the first */
	ROUTE_ENTRY_HAS_BEST = 2,
};

/* 24 octets (IPv4) or 40 (IPv6), and 8 for each slot of the index. */
struct route_entry {
	struct chain_link link;	  /* in the change list */
	struct route_paths paths; /* the best first while decided */
	uint8_t family;		  /* enum ip_family; IP_NONE marks a reader in the change list */
	uint8_t len;
	uint8_t flags;	/* enum route_entry_flag */
	uint8_t addr[]; /* 4 or 16 octets */
};

struct route_reader {
	struct route_rib *rib;
	uint32_t
		mark; /* an entry without a prefix, in the change list behind all that was read; 0: it reads no more */
};

/* store is shared by the families; sent states are the table's own. changed: called when the change list gets its first
 * unread entry, to wake the readers' work; may be NULL. */
struct route_rib *route_rib_new(
	enum bgp_family family, struct route_attr_store *store, void (*changed)(void *user), void *user);
/* All peers and readers must be gone. */
void route_rib_free(struct route_rib *rib);

enum bgp_family route_rib_family(const struct route_rib *rib);
struct route_sent *route_rib_sent(const struct route_rib *rib);
struct route_attr_store *route_rib_store(const struct route_rib *rib);
size_t route_rib_entries(const struct route_rib *rib);
size_t route_rib_paths(const struct route_rib *rib); /* tombstones not counted */
size_t route_rib_tombstones(const struct route_rib *rib);
size_t route_rib_bytes(const struct route_rib *rib);

/* True while very many entries without any path wait in the change list. A group that waits for its slow members reads
 * on all the same then: it has nothing to say of most of them, and only so can they go. */
bool route_rib_crowded(const struct route_rib *rib);

static inline struct prefix route_entry_prefix(const struct route_entry *e)
{
	struct prefix p;

	prefix_set(&p, e->family, e->len, e->addr);
	return p;
}

/* Routes to these prefixes, at most ROUTE_EXPECT_MAX, come or go soon. A large table is not in the processor's caches: so its
 * memory is waited for once for all of them, instead of several times for each. Begins to fetch what finding them reads first. */
enum { ROUTE_EXPECT_MAX = 32 };
void route_rib_expect(const struct route_rib *rib, const struct bgp_nlri *n, size_t count);
/* The same prefixes are the next, of this peer: begins to fetch what it leads to. */
void route_rib_approach(
	const struct route_rib *rib, const struct route_peer *peer, const struct bgp_nlri *n, size_t count);
struct route_entry *route_rib_find(const struct route_rib *rib, const struct prefix *p);
/* There is a path to it that is not a tombstone. */
bool route_rib_has(const struct route_rib *rib, const struct prefix *p);

/* Adds or replaces the peer's path; takes over the caller's reference to attrs. adj_rib_in: the peer's list, here and in what
 * follows. Returns whether the path is new; an identical one changes nothing. */
bool route_rib_announce(struct route_rib *rib, struct route_peer *peer, struct chain *adj_rib_in,
	const struct prefix *p, uint32_t path_id_in, struct route_attrs *attrs, uint32_t now_s);
/* Removes the peer's path; false when it had none. */
bool route_rib_withdraw(struct route_rib *rib, struct route_peer *peer, struct chain *adj_rib_in,
	const struct prefix *p, uint32_t path_id_in);
/* The same for a path at hand. */
void route_rib_remove(struct route_rib *rib, struct chain *adj_rib_in, struct route_path *path);
/* The path with a number, as an Adj-RIB-In and the paths in it name each other; NULL for 0. */
struct route_path *route_rib_path(const struct route_rib *rib, uint32_t number);

/* Says that the group was sent this path, or its withdrawal. The path may be freed by the latter. */
void route_path_sent(struct route_rib *rib, struct route_path *path, unsigned group);
void route_path_unsent(struct route_rib *rib, struct route_path *path, unsigned group);

/* Marks an entry as changed for all readers. */
void route_rib_touch(struct route_rib *rib, struct route_entry *e);

void route_reader_init(
	struct route_reader *r, struct route_rib *rib); /* at the end of the list: reads what comes */
/* A second time does nothing. */
void route_reader_fini(struct route_reader *r);
/* The next changed entry, or NULL. Valid until the next call that changes the table. */
struct route_entry *route_reader_next(struct route_reader *r);
bool route_reader_behind(const struct route_reader *r);
/* Forgets what all readers have passed; call after reading. */
void route_rib_trim(struct route_rib *rib);

/* Walks all entries in an order that survives changes of the table between calls: *at starts at 0; fn is called for
 * the entries of one small part; returns false when the walk has come to its end. fn may free its own entry's paths. */
bool route_rib_walk(
	struct route_rib *rib, uint64_t *at, void (*fn)(void *user, struct route_entry *e), void *user);
/* Has a walk at this position passed the entry already? */
bool route_rib_walked(const struct route_rib *rib, uint64_t at, const struct route_entry *e);
