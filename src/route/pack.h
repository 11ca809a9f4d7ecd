/*
 * Collects routes to be sent and writes them as few UPDATEs: all with the same attributes and source leave together.
 *
 * Used for an update group's stream and for one peer's own queue; the sink tells where the messages go. What is added
 * must be flushed before the table changes: attribute sets and peers are borrowed.
 */
#pragma once

#include "bgp/update.h"
#include "route/attrs.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct route_peer;

struct route_item {
	const struct route_attrs *attrs; /* NULL: a withdrawal */
	const struct route_peer *source; /* whose path it is; never told */
	const struct route_peer *only;	 /* told to this one alone; NULL: to all but source */
	struct bgp_nlri nlri;
};

/* Where messages go, and how attributes look there. */
struct route_sink {
	struct bgp_update_opts opts;
	/* The attributes as this sink's peers must see them; lists may point into memory valid until the next call. */
	void (*outgoing)(
		void *user, const struct route_item *first, struct bgp_attrs *attrs, struct bgp_next_hop *nh);
	uint8_t *(*room)(void *user, size_t len);
	void (*commit)(void *user, size_t len, const struct route_item *first);
	void *user;
};

struct route_pack {
	struct route_item *item;
	uint32_t *next;	  /* the next item of the same bucket + 1, by item */
	uint32_t *bucket; /* first item of a bucket + 1 */
	uint32_t *tail;	  /* last item of the bucket whose first this is */
	size_t count, size, buckets;
	struct bgp_nlri *run; /* scratch: the items of one bucket */
	size_t run_size;
};

void route_pack_fini(struct route_pack *p);
/* Where the next item is, to be filled in and then added, or not; valid until then. So nothing is copied that was just put together,
 * which is slow (base/prefix.h). */
struct route_item *route_pack_next(struct route_pack *p);
void route_pack_add(struct route_pack *p);
/* Withdrawals first, then announcements in the order in which their buckets were begun. Empties the pack. */
void route_pack_flush(struct route_pack *p, const struct route_sink *sink);
/* For a route that does not fit into a message: attributes that would be discarded when malformed, because no decision follows from them,
 * are left out rather than the route (RFC 8654 4). True when there were any. */
bool route_pack_make_room(struct bgp_attrs *attrs);
