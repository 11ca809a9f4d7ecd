/*
 * A queue of encoded messages on their way to one peer.
 *
 * First in, first out, in pieces. Whole messages go in; octets come out as the socket takes them.
 */
#pragma once

#include "base/list.h"

#include <stddef.h>
#include <stdint.h>
#include <sys/uio.h>

struct bgp_queue {
	struct list pieces;
	size_t octets; /* not yet consumed */
	size_t rest;   /* of a message partly consumed; 0 at a boundary */
};

void bgp_queue_init(struct bgp_queue *q);
void bgp_queue_fini(struct bgp_queue *q);
/* Room for one message of up to len octets; commit it with bgp_queue_commit(). */
uint8_t *bgp_queue_room(struct bgp_queue *q, size_t len);
void bgp_queue_commit(struct bgp_queue *q, size_t len);
/* Puts the rest of a message that was partly sent elsewhere in front of all. */
void bgp_queue_put_rest(struct bgp_queue *q, const uint8_t *data, size_t len);
/* Points up to max iovecs at what is queued; returns how many and adds their octets to *total. */
int bgp_queue_peek(const struct bgp_queue *q, struct iovec *iov, int max, size_t *total);
void bgp_queue_consume(struct bgp_queue *q, size_t octets);

/* How much of a message remains after octets at data were sent, when rest octets of one remained before. */
size_t bgp_message_rest(const uint8_t *data, size_t octets, size_t rest);
