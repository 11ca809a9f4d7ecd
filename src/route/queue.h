/*
 * A peer's own queue of encoded messages: what is for it alone (End-of-RIB, a table walk, what it missed).
 *
 * First in, first out, in pieces. Whole messages go in; octets come out as the socket takes them.
 */
#pragma once

#include "base/list.h"

#include <stddef.h>
#include <stdint.h>
#include <sys/uio.h>

struct route_queue {
	struct list pieces;
	size_t octets; /* not yet consumed */
	size_t rest;   /* of a message partly consumed; 0 at a boundary */
};

void route_queue_init(struct route_queue *q);
void route_queue_fini(struct route_queue *q);
/* Room for one message of up to len octets; commit it with route_queue_commit(). */
uint8_t *route_queue_room(struct route_queue *q, size_t len);
void route_queue_commit(struct route_queue *q, size_t len);
/* Puts the rest of a message that was partly sent elsewhere in front of all. */
void route_queue_put_rest(struct route_queue *q, const uint8_t *data, size_t len);
/* Points up to max iovecs at what is queued; returns how many and adds their octets to *total. */
int route_queue_peek(const struct route_queue *q, struct iovec *iov, int max, size_t *total);
void route_queue_consume(struct route_queue *q, size_t octets);

/* How much of a message remains after octets at data were sent, when rest octets of one remained before. */
size_t route_message_rest(const uint8_t *data, size_t octets, size_t rest);
