/*
 * lb-announcer --node: the sole writer of a node's routes to the load-balancer pods on it.
 *
 *	announcer, in a pod --register--> register.c --members--> table.c (pure) --next hops--> node.c --fib_set--> kernel/fib
 *	       ^                              |                                                     |
 *	       +---- the kernel has it -------+<------------- fib_look, in every turn --------------+
 *
 * One per node, in the node's network namespace, with CAP_NET_ADMIN and nothing else. An announcer registers a prefix and
 * its pod's address over a connection that stays open; what is registered becomes one route per prefix, PREFIX via POD1
 * via POD2, in the same turn of the loop; the answer waits for the kernel. A connection that ends takes its pod's next
 * hops out in the same turn too, so nothing is sent to a pod that was killed for longer than its kernel takes to
 * close a socket.
 *
 * Nothing is remembered beside the kernel: after a restart what is found there is taken over and held (table.h) until the
 * announcers had time to come back. When it ends the routes stay, unless told otherwise: they are right until a pod goes.
 *
 * A pod must be on this node: its address is reached without a gateway, or it is not used. How pods are reached, and what others
 * do to our routes, the FIB follows.
 */
#pragma once

#include "config/node_routes.h"
#include "control/server.h"
#include "daemon/pulse.h"
#include "io/loop.h"
#include "kernel/fib.h"
#include "node/table.h"
#include "reload/reload.h"

#include <stdbool.h>
#include <stdint.h>

/* An address that somebody has registered. */
struct node_pod {
	struct list link;
	struct ip_addr addr;
	unsigned members;
	bool known, reachable;
	const char *why;	/* not reachable; lives as long as the process */
	struct ip_addr gateway; /* not the address itself: it is not on this node */
};

struct node {
	struct config_node_routes *cfg;
	struct io_loop *loop;
	struct fib *fib;
	struct fib_group group;
	struct fib_prefix_rule rule[2]; /* all there is, of both families */
	struct node_table *table;
	struct list pods, registrants;
	struct control_server *registry, *control;
	struct daemon_pulse *pulse;
	struct io_job *work;
	struct io_timer *weights_due, *waiting, *restart;
	struct io_timer *strays; /* what is not allowed any more goes */
	struct reload reload;
	struct io_signal *on_term, *on_int, *on_hup;
	bool taken_over; /* what was in the kernel is known; nothing is wished before */
	uint64_t started_ms;
	uint64_t registered, refused, gone; /* counters */
};

/* Takes cfg over. path: its file, to be read again; lives as long. NULL, with the reason logged, when it cannot work. */
struct node *node_new(struct config_node_routes *cfg, const char *path);
void node_free(struct node *n);
void node_run(struct node *n);
uint64_t node_now_ms(const struct node *n);
/* What was registered has changed: the kernel is made so at the end of this turn. */
void node_changed(struct node *n);

/* A pod is named once more, or once less. */
struct node_pod *node_pod_ref(struct node *n, const struct ip_addr *addr);
void node_pod_unref(struct node *n, const struct ip_addr *addr);
struct node_pod *node_pod_find(const struct node *n, const struct ip_addr *addr);
/* Packets may be sent there, as far as is known. */
bool node_pod_usable(void *node, const struct ip_addr *addr);

/* --- register.c: the announcers --- */

extern const struct control_handler node_registry_handlers[];
/* Answers those whose question the kernel has decided, or time has. */
void node_register_look(void *node);
/* How many registrations these settings do not allow. */
size_t node_register_strays(const struct node *n, const struct config_node_settings *c);
/* Takes out what is not allowed any more. */
void node_register_drop_strays(void *node);
/* Who has registered it: the announcer's own word and its process; "" and 0 when that is not known. */
const char *node_member_name(const struct node_member *m);
int node_member_pid(const struct node_member *m);

/* --- reload.c --- */

/* user: the node. */
extern const struct reload_ops node_reload_ops;

/* --- show.c, metrics.c: rrctl --- */

extern const struct control_handler node_handlers[];
bool node_metrics(void *user, const struct row *args, struct control_answer *out, char *err);

/* --- start.c --- */

/* lb-announcer --node, whose argv[0] that is: the exit status. */
int node_main(int argc, char **argv);
