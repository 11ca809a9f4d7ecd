/*
 * lb-announcer: tells route reflectors that this pod's node takes traffic for the services.
 *
 * Glue over session/: it announces its few prefixes to every neighbor that is up and ignores what it is sent. It has no
 * table. Start: local routes, the node's routes, then sessions. End (SIGTERM): as drain.h has it, and when the
 * connections are gone the routes, in the opposite order; when it is killed the kernel closes its connections and the
 * reflectors withdraw at once.
 */
#pragma once

#include "announcer/drain.h"
#include "announcer/identity.h"
#include "announcer/node_client.h"
#include "announcer/path.h"
#include "base/list.h"
#include "bgp/queue.h"
#include "config/announcer.h"
#include "control/server.h"
#include "io/loop.h"
#include "kernel/local_route.h"
#include "kernel/node_route.h"
#include "session/session.h"

#include <stdbool.h>
#include <stdint.h>

struct service {
	const struct config_service *cfg;
	struct ip_addr next_hop;
	struct local_route *local_route; /* NULL: not ours to make */
	struct node_route *node_route;	 /* the same */
};

struct speaker {
	struct announcer *announcer;
	const struct config_reflector *cfg;
	struct session *session;
	struct bgp_queue queue; /* UPDATEs on their way; empty while down */
	bool up;
};

struct announcer {
	struct config_announcer *cfg;
	struct identity id;
	struct io_loop *loop;
	struct session_io *sessions;
	struct speaker *speakers;
	struct service *services;
	struct node_netns *node;	 /* NULL: the node's routes are somebody else's */
	struct node_client *node_client; /* NULL: there is no lb-announcer --node to be told */
	struct control_server *control;
	struct io_signal *on_term, *on_int;
	struct io_timer *drain_timer;
	struct drain drain;
	uint64_t started_ms;
};

/* Takes cfg over. NULL, with the reason logged, when it cannot work. */
struct announcer *announcer_new(struct config_announcer *cfg);
void announcer_free(struct announcer *a);
/* Returns when it has been told to end and has taken its leave. */
void announcer_run(struct announcer *a);
uint64_t announcer_now_ms(const struct announcer *a);

/* --- leave.c --- */
/* The signals' and the timer's; user: the announcer. */
void announcer_end(void *user);
void announcer_drain_timer(void *user);
/* False when it has been told to end: what comes now is settled. */
bool announcer_drain(struct announcer *a, uint64_t time_ms);
bool announcer_undrain(struct announcer *a);

/* --- speaker.c --- */
extern const struct session_ops speaker_ops;
void speaker_session_config(
	const struct announcer *a, const struct config_reflector *n, struct session_config *out);
/* False, and logged, when the kernel does not take its key. */
bool speaker_key_works(const struct session_config *cfg);
/* Queues the announcement of all services, as they are to be announced now. */
void speaker_announce_all(struct speaker *s);
/* Queues the withdrawal of everything it was told of. */
void speaker_withdraw_all(struct speaker *s);
/* Whether services are announced at all now. */
bool announcer_announces(const struct announcer *a);
/* The same of one service: the node's route must lead here. */
bool announcer_announces_service(const struct announcer *a, const struct service *sv);
/* Queues the announcement of a service, or its withdrawal, whichever it is to be told now. */
void speaker_announce_service(struct speaker *s, const struct service *sv);
/* What a neighbor's paths are made of now. */
struct path_speaker speaker_path(const struct speaker *s);
/* Services this neighbor is told of now. */
size_t speaker_announced(const struct speaker *s);

/* --- node_routes.c --- */
/* Registers the services with lb-announcer --node where there is one. False, with the reason logged, when it cannot. */
bool announcer_node_routes_start(struct announcer *a);
/* To be called whenever what is wanted of a service may have changed. */
void announcer_node_routes_update(struct announcer *a);
void announcer_node_routes_leave(struct announcer *a);
/* Whether the node's route leads here, written by us or by lb-announcer --node. */
bool announcer_has_node_route(const struct announcer *a, const struct service *sv);

/* --- metrics.c --- */
/* A control_command's start. */
bool announcer_metrics(void *user, const struct row *args, struct control_answer *out, char *err);

/* --- show.c --- */
extern const struct control_command announcer_commands[];
