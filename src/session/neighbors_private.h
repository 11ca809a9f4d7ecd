/*
 * What the files of the set of neighbors know of each other.
 *
 * neighbors.c  the sessions by address, their coming and going, identifiers used twice
 * admission.c  ranges, and who is let in
 * arrivals.c   connections that are accepted and not admitted yet
 * failures.c   of a range, who did not come up lately
 * waiting.c    dynamic neighbors that are not up yet, and which of them gives way
 * keys.c       keys of TCP-MD5 by prefix
 * listener.c   listening sockets
 * shutdown.c   addresses from which nobody may come for now
 */
#pragma once

#include "base/hash.h"
#include "base/list.h"
#include "base/log.h"
#include "base/trie.h"
#include "session/failures.h"
#include "session/neighbors.h"
#include "session/private.h"
#include "session/rate.h"

struct neighbor_range {
	struct session_range_info info;
	struct list waiting; /* longest first */
	struct session_rate rate;
	struct log_limit rate_limit;
	struct log_limit limit;
	struct session_failures failures;
	bool removed; /* freed with its last neighbor */
};

struct neighbor {
	struct session_neighbors *set;
	struct session *session;
	struct neighbor_range *range; /* NULL: static */
	void *user;		      /* of the session */
	struct list leaving_link;
	struct list waiting_link, range_waiting_link; /* dynamic, and not up yet */
	uint64_t waiting_since_us;
	enum session_state waiting_state; /* how far it had got then; having been sent our OPEN is not far */
	struct hash_node id_node;	  /* while it is up */
	bool has_id;
};

struct ttl_guard {
	uint8_t min_ttl;
	bool keep_syn;
};

enum { INCAPABLE_MAX = 16 };

struct session_neighbors {
	struct session_io *io;
	const struct session_neighbors_ops *ops;
	void *user;
	struct neighbor **item; /* by address */
	size_t count, size;
	struct hash ids;     /* those that are up, by BGP Identifier */
	struct list leaving; /* dynamic ones without a connection */
	struct io_job *leaving_job;
	struct neighbor_range **range; /* by prefix */
	size_t ranges, range_size;
	struct trie *range_trie;
	struct io_own_addresses *own;
	struct list listeners;
	struct list arrivals; /* accepted, not admitted yet */
	size_t arrived;
	struct io_job *admission_job;
	struct io_timer *admission_timer;
	struct list waiting; /* longest first */
	size_t waiting_count, waiting_max;
	struct session_key *keys;
	size_t key_count;
	struct trie *key_trie;			 /* of pointers into keys */
	struct ttl_guard guard[2];		 /* IPv4, IPv6 */
	struct ip_addr incapable[INCAPABLE_MAX]; /* family IP_NONE: a free place */
	size_t incapable_next;
	struct session_shutdown **shut; /* by address */
	size_t shut_count;
	struct session_failures strangers; /* of no range */
	struct session_neighbors_counters counters;
	struct log_limit unknown_limit, own_limit, accept_limit, id_limit;
};

enum { NEIGHBORS_LOG_MS = 10000 };

/* --- neighbors.c --- */
struct neighbor *neighbors_find(const struct session_neighbors *set, const struct ip_addr *remote);
struct neighbor *neighbors_insert(struct session_neighbors *set, const struct session_config *cfg,
	const struct session_ops *ops, void *user, struct neighbor_range *range);
/* At once; never from a callback of a session. */
void neighbors_remove(struct neighbor *n);
bool neighbors_log_pass(struct session_neighbors *set, struct log_limit *limit, uint64_t *more);

/* --- admission.c --- */
/* An accepted connection: to its session, to a new one, or away. Takes fd over. */
void neighbors_admit(
	struct session_neighbors *set, int fd, const struct ip_addr *remote, const struct ip_addr *local);
/* For whoever watches. */
void neighbors_tell_refused(
	const struct session_neighbors *set, const struct ip_addr *remote, const char *why);
/* Not configured, but in a range. */
bool neighbors_is_dynamic(const struct session_neighbors *set, const struct ip_addr *remote);
/* Remembers that somebody of the range, or of none (NULL), failed. */
void neighbors_note_failure(struct session_neighbors *set, struct neighbor_range *r,
	const struct ip_addr *address, const char *text);
void neighbors_range_left(struct neighbor_range *r);
void neighbors_ranges_fini(struct session_neighbors *set);

/* --- arrivals.c --- */
void neighbors_arrivals_init(struct session_neighbors *set);
/* One more would be too many: the others are admitted first. */
bool neighbors_arrivals_full(const struct session_neighbors *set);
/* An accepted connection, to be admitted when it is its turn. Takes fd over. */
void neighbors_arrive(
	struct session_neighbors *set, int fd, const struct ip_addr *remote, const struct ip_addr *local);
/* There is room again among those that wait. */
void neighbors_arrivals_go_on(struct session_neighbors *set);
/* The keys have changed since they came. */
void neighbors_arrivals_set_keys(const struct session_neighbors *set);
void neighbors_arrivals_fini(struct session_neighbors *set);

/* --- incapable.c --- */
void neighbors_incapable_note(struct session_neighbors *set, const struct ip_addr *remote);
/* True when it was noted, which is then forgotten. */
bool neighbors_incapable_take(struct session_neighbors *set, const struct ip_addr *remote);

/* --- waiting.c --- */
void neighbors_wait(struct neighbor *n);
void neighbors_wait_over(struct neighbor *n);
/* Before one more comes into the range: whoever has waited longest goes, where there is no room. */
void neighbors_make_room(struct session_neighbors *set, struct neighbor_range *r);
/* How long to let those in line speak before one more is let in. */
uint64_t neighbors_patience_us(const struct session_neighbors *set);
/* There are no descriptors: at most so many of those that have waited longest go. */
void neighbors_give_back(struct session_neighbors *set, unsigned count);

/* --- keys.c --- */
/* Puts all keys of the family on a socket. 0 or -errno. */
int neighbors_keys_to_socket(const struct session_neighbors *set, int fd, uint8_t family);
void neighbors_keys_fini(struct session_neighbors *set);

/* --- listener.c --- */
/* Sets one key on all listeners of the prefix's family. 0, or -errno of the first that refused. */
int neighbors_listeners_set_key(
	struct session_neighbors *set, const struct prefix *peers, const struct io_tcp_key *key);
void neighbors_listeners_fini(struct session_neighbors *set);

/* --- shutdown.c --- */
void neighbors_shutdowns_fini(struct session_neighbors *set);
