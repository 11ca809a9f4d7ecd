/*
 * The kernel's events: links, addresses, routes and next-hop objects that somebody else changed.
 *
 * A socket in the loop's thread. What our own executor does is filtered out by the kernel before it costs us anything
 * (half a million routes are half a million events). Decides nothing: says what was seen.
 */
#pragma once

#include "io/loop.h"
#include "kernel/message.h"

#include <stddef.h>
#include <stdint.h>

struct events_ops {
	/* A link went up or down, or came or left. */
	void (*link)(void *user);
	/* An address or a route that is not ours came or left: next hops may be reached in another way. */
	void (*reach)(void *user);
	/* A route of ours was put in or taken out, not by us. */
	void (*route)(void *user, const struct message_route *r, bool there);
	/* Another program's route with the key of ours was put in or taken out. */
	void (*foreign)(void *user, const struct message_route *r, bool there);
	/* A next-hop object was changed, not by us. */
	void (*object)(void *user, uint32_t id);
	/* Events were lost. */
	void (*overflow)(void *user);
};

struct events;

/* not_from: the port of the socket whose doings are no events; queue_octets: of the socket, 0 for the default. NULL with a
 * reason in err. */
struct events *events_new(struct io_loop *loop, const struct message_ours *ours, uint32_t not_from,
	size_t queue_octets, const struct events_ops *ops, void *user, char *err, size_t err_size);
void events_free(struct events *e);
