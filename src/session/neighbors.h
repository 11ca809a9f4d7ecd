/*
 * The set of neighbors: where connections are accepted, who may come, and everyone who is here.
 *
 * Owns the listeners, the ranges and all sessions, static ones (configured by address) and dynamic ones (made when an
 * address of a range connects, freed when its session went down or never came up). Which configuration a dynamic
 * neighbor gets is the program's: it is asked by callback. Invariant: a range never has more neighbors than its limit,
 * and an address has one session at most. Who comes again while he is here goes to his session, which knows what a
 * second connection means (session.h); limits do not count him twice.
 *
 * No function of this header that removes something may be called from a callback of a session.
 */
#pragma once

#include "base/prefix.h"
#include "session/session.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct session_neighbors;

struct session_neighbors_ops {
	/* Fills the configuration (remote is set; passive and enabled will be) and *ops, and returns the session's user
	 * pointer; NULL: the connection is refused. */
	void *(*dynamic_new)(void *user, void *range_user, const struct ip_addr *remote,
		struct session_config *cfg, const struct session_ops **ops);
	/* The session has been freed, without a callback of its own if it was still up. */
	void (*dynamic_gone)(void *user, void *session_user);
};

/* ops is kept, not copied. */
struct session_neighbors *session_neighbors_new(
	struct session_io *io, const struct session_neighbors_ops *ops, void *user);
/* Frees all sessions without a word (session_stop() them first to say goodbye). */
void session_neighbors_free(struct session_neighbors *set);

/* 0 or -errno; -EEXIST when it listens there already. */
int session_neighbors_listen(struct session_neighbors *set, const struct ip_addr *address, uint16_t port);
bool session_neighbors_unlisten(struct session_neighbors *set, const struct ip_addr *address, uint16_t port);

/* A static neighbor, not yet started; NULL when there is one with this address. A dynamic one with this address has to
 * go (Cease/Other Configuration Change). The session is the set's. */
struct session *session_neighbors_add(struct session_neighbors *set, const struct session_config *cfg,
	const struct session_ops *ops, void *user);
/* Says Cease/Peer De-configured and frees it. False when there is no static neighbor with this address. */
bool session_neighbors_del(struct session_neighbors *set, const struct ip_addr *remote);

/* Adds a range, or changes limit and range_user of the one with this prefix; who is there stays. */
void session_neighbors_set_range(
	struct session_neighbors *set, const struct prefix *prefix, unsigned limit, void *range_user);
struct session_range {
	struct prefix prefix;
	unsigned limit;
	void *user;
};

/* All ranges there are from now on. Who is there stays if any range has his address, and counts in the one that decides for it
 * now; others are sent away (Cease/Peer De-configured). */
void session_neighbors_set_ranges(
	struct session_neighbors *set, const struct session_range *range, size_t count);
/* Its neighbors are sent away (Cease/Peer De-configured). False when there is no such range. */
bool session_neighbors_del_range(struct session_neighbors *set, const struct prefix *prefix);

struct session_range_info {
	struct prefix prefix;
	void *range_user;
	unsigned limit, neighbors;
	uint64_t refused; /* beyond the limit */
	struct ip_addr last_refused;
	uint64_t last_refused_us; /* 0: never */
};

/* The first range behind *after in the order of prefix_cmp(); after NULL: the first. False at the end. */
bool session_neighbors_next_range(
	const struct session_neighbors *set, const struct prefix *after, struct session_range_info *out);

/* Frees now the dynamic neighbors whose sessions have ended, which is done at the end of the turn otherwise. */
void session_neighbors_free_gone(struct session_neighbors *set);

/* By address; NULL when there is none. */
struct session *session_neighbors_find(const struct session_neighbors *set, const struct ip_addr *remote);
/* The first neighbor behind *after in the order of ip_addr_cmp(), whether or not *after is still there: a walk may be
 * continued at any time. after NULL: the first. NULL at the end. */
struct session *session_neighbors_next(const struct session_neighbors *set, const struct ip_addr *after);
size_t session_neighbors_count(const struct session_neighbors *set);
/* The range a dynamic neighbor came from; false for a static one. */
bool session_neighbors_range_of(
	const struct session_neighbors *set, const struct session *s, struct prefix *out);
/* True, and one of them in *other (may be NULL), when another neighbor is up with the same AS and BGP Identifier. */
bool session_neighbors_same_id(
	const struct session_neighbors *set, const struct session *s, struct ip_addr *other);

struct session_neighbors_counters {
	uint64_t unknown_source; /* connections from addresses nobody expects */
	uint64_t own_address;	 /* from this host itself, in a range */
	uint64_t over_limit;	 /* of all ranges, removed ones too */
	uint64_t accept_errors;	 /* no descriptors, no memory */
	uint64_t same_id;	 /* times a neighbor came up with the identifier of another */
};

const struct session_neighbors_counters *session_neighbors_counters(const struct session_neighbors *set);
