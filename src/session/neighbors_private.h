/*
 * What the files of the set of neighbors know of each other.
 *
 * neighbors.c  the sessions by address, their coming and going, identifiers used twice
 * admission.c  ranges, and who is let in
 * listener.c   listening sockets
 */
#pragma once

#include "base/hash.h"
#include "base/list.h"
#include "base/log.h"
#include "base/trie.h"
#include "session/neighbors.h"
#include "session/private.h"

struct neighbor_range {
	struct session_range_info info;
	struct log_limit limit;
	bool removed; /* freed with its last neighbor */
};

struct neighbor {
	struct session_neighbors *set;
	struct session *session;
	struct neighbor_range *range; /* NULL: static */
	void *user;		      /* of the session */
	struct list leaving_link;
	struct hash_node id_node; /* while it is up */
	bool has_id;
};

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
	struct session_neighbors_counters counters;
	struct log_limit unknown_limit, own_limit, accept_limit, id_limit;
};

enum { NEIGHBORS_LOG_MS = 10000 };

/* --- neighbors.c --- */
struct neighbor *neighbors_find(const struct session_neighbors *set, const struct ip_addr *remote);
struct neighbor *neighbors_insert(struct session_neighbors *set, const struct session_config *cfg,
	const struct session_ops *ops, void *user, struct neighbor_range *range);
bool neighbors_log_pass(struct session_neighbors *set, struct log_limit *limit, uint64_t *more);

/* --- admission.c --- */
/* An accepted connection: to its session, to a new one, or away. Takes fd over. */
void neighbors_admit(
	struct session_neighbors *set, int fd, const struct ip_addr *remote, const struct ip_addr *local);
void neighbors_range_left(struct neighbor_range *r);
void neighbors_ranges_fini(struct session_neighbors *set);

/* --- listener.c --- */
void neighbors_listeners_fini(struct session_neighbors *set);
