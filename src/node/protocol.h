/*
 * What lb-announcer and lb-announcer --node say to each other, over the control protocol (control/server.h).
 *
 *	{"command": "register", "version": 1, "prefix": "10.1.1.0/24", "pod": "172.16.1.5", "name": "lb-7f9c",
 *	 "state": "announcing", "capacity": 1000000000}
 *
 * The pod takes packets for the prefix, so much of them (bit/s), and from now on. The answer comes when the kernel has a
 * route that says so; an error when it does not have it within NODE_WAIT_MS (or NODE_BUSY_MS, when the kernel takes so long),
 * and the registration stays all the same, to be asked about by being said again. An error that begins with NODE_REFUSED is
 * a refusal: nothing is registered. Saying it again, for the same prefix and pod and over the same connection, sets state
 * and capacity anew. A row before the end says what becomes of the routes when the program ends: {"on-exit": "keep"}, or
 * "remove".
 *
 *	{"command": "unregister", "version": 1, "prefix": "10.1.1.0/24", "pod": "172.16.1.5"}
 *
 * Answered when the kernel sends nothing there any more. The end of the connection takes back all that was registered
 * over it.
 */
#pragma once

enum {
	NODE_VERSION = 1,
	NODE_WAIT_MS = 1000,
	NODE_BUSY_MS = 5000,
};

/* What the announcer does with the service. Withdrawn: it is still served, but only where nobody else on the node does. */
enum node_state { NODE_ANNOUNCING, NODE_DRAINING, NODE_WITHDRAWN, NODE_STATES };

#define NODE_REFUSED "refused: "

/* "announcing" and so on, as in "state". */
const char *node_state_text(enum node_state s);
