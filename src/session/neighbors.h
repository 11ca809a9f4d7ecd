/*
 * The set of neighbors: where connections are accepted, who may come, and everyone who is here.
 *
 * Owns the listeners, the ranges and all sessions, static ones (configured by address) and dynamic ones (made when an
 * address of a range connects, freed when its session went down or never came up). Which configuration a dynamic
 * neighbor gets is the program's: it is asked by callback. Invariant: a range never has more neighbors than its limit,
 * and an address has one session at most. Who comes again while he is here goes to his session, which knows what a
 * second connection means (session.h); limits do not count him twice. When there is no room for one more dynamic
 * neighbor, the one that has waited longest to come up goes: whoever connects and says nothing takes nobody's place.
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
	/* A connection was not let in; why is a string that lives as long as the process. May be NULL. */
	void (*refused)(void *user, const struct ip_addr *remote, const char *why);
};

/* ops is kept, not copied. */
struct session_neighbors *session_neighbors_new(
	struct session_io *io, const struct session_neighbors_ops *ops, void *user);
/* Frees all sessions without a word (session_stop() them first to say goodbye). */
void session_neighbors_free(struct session_neighbors *set);

/* 0 or -errno; -EEXIST when it listens there already. */
int session_neighbors_listen(struct session_neighbors *set, const struct ip_addr *address, uint16_t port);
/* Whether that would do, without listening: the same results. An address in whose place something of the set listens now (on the
 * same port, on all addresses) counts as taken (-EADDRINUSE). */
int session_neighbors_try_listen(
	const struct session_neighbors *set, const struct ip_addr *address, uint16_t port);
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
	uint32_t new_per_s; /* 0: any number */
	void *user;
};

/* All ranges there are from now on. Who is there stays if any range has his address, and counts in the one that decides for it
 * now; others are sent away (Cease/Peer De-configured). */
void session_neighbors_set_ranges(
	struct session_neighbors *set, const struct session_range *range, size_t count);
/* Its neighbors are sent away (Cease/Peer De-configured). False when there is no such range. */
bool session_neighbors_del_range(struct session_neighbors *set, const struct prefix *prefix);

/* At most so many new neighbors of the range in a second; 0: any number. False when there is no such range. */
bool session_neighbors_set_range_rate(
	struct session_neighbors *set, const struct prefix *prefix, uint32_t new_per_s);

/* The key of whoever is in a prefix and in no longer one that has a key. */
struct session_key {
	struct prefix peers;
	struct io_tcp_key key;
};

/* All keys of TCP-MD5 from now on: on listeners that are there and that come, and on every live connection whose key is
 * another one now; a session stays when its peer changes too before a hold time is over. Call it before
 * session_neighbors_listen(), so that no SYN is judged without a key. Whole or not at all: -errno and which prefix in
 * *refused (may be NULL) when the kernel refuses one, and nothing has changed then. keys is copied. */
int session_neighbors_set_keys(
	struct session_neighbors *set, const struct session_key *keys, size_t count, struct prefix *refused);
/* Whether the kernel would take them, without changing any: the same results. */
int session_neighbors_try_keys(const struct session_key *keys, size_t count, struct prefix *refused);
/* The key that counts for an address; NULL: none. */
const struct io_tcp_key *session_neighbors_key(
	const struct session_neighbors *set, const struct ip_addr *remote);

/* What the neighbors of a family ask of the TTL of packets to them (struct session_config, min_ttl): least is the smallest, 0
 * when one of them asks for nothing, and is then judged on the listeners; any: at least one asks. 0 or -errno. */
int session_neighbors_guard_ttl(
	struct session_neighbors *set, enum ip_family family, uint8_t least, bool any);

struct session_range_info {
	struct prefix prefix;
	void *range_user;
	unsigned limit, neighbors;
	uint64_t refused; /* beyond the limit */
	struct ip_addr last_refused;
	uint64_t last_refused_us; /* 0: never */
	uint32_t new_per_s;	  /* 0: any number */
	uint64_t too_fast;	  /* refused by that */
	unsigned waiting;	  /* of the neighbors: not up yet */
	uint64_t gave_way;	  /* that had waited longest, when there were too many of them */
	uint64_t timed_out;	  /* that did not come up in time */
	uint64_t failed;	  /* all of these and those whose session ended in error, times in all */
};

/* One of a range that was not let in or did not come up, or whose session ended in error. */
struct session_failure {
	struct ip_addr address;
	uint64_t at_us; /* the last time */
	uint64_t times; /* since it came into the list */
	char text[SESSION_DOWN_TEXT_MAX];
};

/* The i-th of those that failed last in a range, or (NULL) of those in no range, the newest first; a bounded number (failures.h) is remembered, one for each address.
 * NULL at the end, and when there is no such range. Valid until the next turn of the loop. */
const struct session_failure *session_neighbors_failure(
	const struct session_neighbors *set, const struct prefix *range, unsigned i);
/* The one of an address; NULL when none is remembered. */
const struct session_failure *session_neighbors_failure_of(
	const struct session_neighbors *set, const struct ip_addr *address);

/* The first range behind *after in the order of prefix_cmp(); after NULL: the first. False at the end. */
bool session_neighbors_next_range(
	const struct session_neighbors *set, const struct prefix *after, struct session_range_info *out);

/* --- shutdown.c: who is not to come until an operator says so --- */

struct session_shutdown {
	struct ip_addr address;
	uint64_t since_us;
	char text[256]; /* told to the neighbor (RFC 9003); "" for none */
};

/* Ends the neighbor's session as session_shutdown() does and lets nobody in from this address, whatever happens to the
 * configuration, until session_neighbors_enable(). Again: with the new text. False when it is neither a neighbor nor in a
 * range. */
bool session_neighbors_shutdown(
	struct session_neighbors *set, const struct ip_addr *address, const char *text);
/* False when it is not shut down. */
bool session_neighbors_enable(struct session_neighbors *set, const struct ip_addr *address);
/* NULL: it is not shut down. Valid until the next change of them. */
const struct session_shutdown *session_neighbors_shutdown_of(
	const struct session_neighbors *set, const struct ip_addr *address);
/* In the order of ip_addr_cmp(), the first behind *after; NULL: the first, and at the end. */
const struct session_shutdown *session_neighbors_next_shutdown(
	const struct session_neighbors *set, const struct ip_addr *after);
/* Forgets those that nothing in the configuration is about any more. */
void session_neighbors_trim_shutdowns(struct session_neighbors *set);

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
/* The address of the other IP version beside the session's own one, on the same interface; IP_NONE when there is none. */
struct ip_addr session_neighbors_beside_local(struct session_neighbors *set, const struct session *s);
/* True, and one of them in *other (may be NULL), when another neighbor is up with the same AS and BGP Identifier. */
bool session_neighbors_same_id(
	const struct session_neighbors *set, const struct session *s, struct ip_addr *other);

struct session_neighbors_counters {
	uint64_t unknown_source; /* connections from addresses nobody expects */
	uint64_t own_address;	 /* from this host itself, in a range */
	uint64_t over_limit;	 /* of all ranges, removed ones too */
	uint64_t too_fast;	 /* beyond the rate of a range; this and the next two of removed ranges too */
	uint64_t gave_way;	 /* dynamic neighbors not up yet that made room for the next */
	uint64_t timed_out;	 /* connections that did not come up in their time, of static neighbors too */
	uint64_t from_afar;	 /* below the TTL that the neighbor's packets must have */
	uint64_t shut_down;	 /* connections from addresses that are shut down */
	uint64_t accept_errors;	 /* no descriptors, no memory */
	uint64_t same_id;	 /* times a neighbor came up with the identifier of another */
};

/* How many dynamic neighbors may be not up yet, of all ranges: what the process has descriptors for beside those that are.
 * 1024 if nothing is said. */
void session_neighbors_set_waiting_max(struct session_neighbors *set, size_t max);
/* Dynamic neighbors that are not up yet, of all ranges. */
size_t session_neighbors_waiting(const struct session_neighbors *set);
const struct session_neighbors_counters *session_neighbors_counters(const struct session_neighbors *set);
