/*
 * What lb-announcer --node is told of this pod's services, and whether the node's routes lead here.
 *
 * Says for each service what the program wants (register, node/protocol.h) over a connection that stands for as long as
 * the program runs. A service is ready when the node's kernel was said to have the route for what is wanted now; before
 * that it must not be announced. It stays ready while the other side is away, because the kernel's route works without
 * it (unless that one takes its routes along when it ends), and everything is said anew when it is back. Everything is also said again from time to time: so a route that
 * was lost for good is noticed here, and a word that was lost is not.
 */
#pragma once

#include "base/prefix.h"
#include "io/loop.h"
#include "node/protocol.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct node_client;
struct node_client_entry;

struct node_client_service {
	struct prefix prefix;
	struct ip_addr pod;
};

struct node_client_config {
	const char *path;
	const char *name; /* who we are, for the other side's log */
	/* A service is ready now, or is not any more. Not called from within the functions below. */
	void (*changed)(void *user);
	void *user;
};

/* Copies all of it. */
struct node_client *node_client_new(struct io_loop *loop, const struct node_client_config *cfg);
/* Closes the connection: what is registered still ends with it. */
void node_client_free(struct node_client *c);
/* One service more; nothing is said of it before node_client_want(). It belongs to c. */
struct node_client_entry *node_client_add(struct node_client *c, const struct node_client_service *service);
/* Takes it back; not to be used any more. NULL is ignored. */
void node_client_del(struct node_client_entry *e);
/* Constant time when it is nothing new. One that is withdrawn is not ready from now on. */
void node_client_want(struct node_client_entry *e, enum node_state state, uint64_t capacity_bit_s);
bool node_client_is_ready(const struct node_client_entry *e);
/* Takes all of it back, and runs the loop until the node's kernel sends nothing here any more, or for patience_ms, or
 * until somebody stops the loop. */
void node_client_leave(struct node_client *c, uint64_t patience_ms);
