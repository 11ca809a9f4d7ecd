/*
 * lb-announcer: tells route reflectors that this pod's node takes traffic for the services.
 *
 * Glue over session/: it announces its few prefixes to every neighbor that is up and ignores what it is sent. It has no
 * table. What it announces of a service follows from two things: whether the service works here (gate.h, by the word of
 * lb-ipvs-agent and other conditions) and whether the whole is on its way out (drain.h). A cloud that
 * speaks no BGP is told by a command (on_change.h). Start: local routes, the node's routes, then sessions. End (SIGTERM): as
 * drain.h has it, and when the connections are gone the routes, in the opposite order; when it is killed the kernel closes
 * its connections and the reflectors withdraw at once.
 */
#pragma once

#include "announcer/agent_link.h"
#include "announcer/condition.h"
#include "announcer/drain.h"
#include "announcer/drain_file.h"
#include "announcer/gate.h"
#include "announcer/identity.h"
#include "announcer/node_client.h"
#include "announcer/on_change.h"
#include "announcer/path.h"
#include "announcer/share.h"
#include "base/list.h"
#include "bgp/queue.h"
#include "config/announcer.h"
#include "control/server.h"
#include "daemon/pulse.h"
#include "guard/guard.h"
#include "io/loop.h"
#include "kernel/local_route.h"
#include "kernel/node_route.h"
#include "reload/reload.h"
#include "session/session.h"

#include <stdbool.h>
#include <stdint.h>

/* What all neighbors are told of a service. */
enum voice { VOICE_SILENT, VOICE_DRAINING, VOICE_FULL };

struct told {
	enum voice voice;
	unsigned quarters; /* of its capacity; 0 when silent */
};

struct service {
	const struct config_service *cfg;
	const struct config_announcer *of; /* whose that is */
	struct ip_addr next_hop;
	struct local_route *local_route;      /* NULL: not ours to make */
	struct log_limit route_limit;	      /* of its repair */
	struct node_route *node_route;	      /* the same */
	struct node_client_entry *node_entry; /* at lb-announcer --node; NULL: there is none */
	struct conditions *conditions;	      /* NULL: none */
	const char *held_back;		      /* why they keep it from being announced; NULL: they do not */
	struct on_change *on_change;	      /* NULL: no command */
	struct gate gate;
	struct share share;
	struct told told;
	uint64_t told_since_ms;
	bool stale;	    /* who was told of it was told with other attributes */
	bool retired;	    /* not configured any more: on its way out */
	struct drain leave; /* how far; in its first state where it is not retired */
};

struct speaker {
	struct announcer *announcer;
	const struct config_reflector *cfg;
	struct session *session;
	struct bgp_queue queue; /* UPDATEs on their way; empty while down */
	struct guard *guard;	/* by BFD; NULL: none */
	bool up;
};

struct announcer {
	struct config_announcer *cfg;
	struct identity id;
	struct io_loop *loop;
	struct session_io *sessions;
	struct speaker **speakers;
	size_t speaker_count;
	struct service **services; /* those that are on their way out come last */
	size_t service_count;
	struct reload reload;
	struct reload_prepared *prepared; /* by a reload, and not in use yet */
	struct node_netns *node;	  /* NULL: the node's routes are somebody else's */
	struct node_client *node_client;  /* NULL: there is no lb-announcer --node to be told */
	struct control_server *control;
	struct guards *guards; /* sessions that BFD guards */
	struct daemon_pulse *pulse;
	struct control_feed *feed; /* of `watch` */
	struct agent_link *agent;  /* NULL: bound to none */
	bool agent_heard;	   /* as those who watch were told */
	struct io_timer *gate_timer, *retire_timer, *routes_timer;
	struct io_signal *on_term, *on_int, *on_hup;
	struct io_timer *drain_timer;
	struct drain drain;
	struct drain_file *drain_file; /* NULL: none */
	bool drained_by_file;
	struct check_env checks;
	uint64_t started_ms;
};

enum { ANNOUNCER_ERROR_MAX = 512 };

/* Takes cfg over. path: its file, to be read again; lives as long. NULL, with the reason logged, when it cannot work. */
struct announcer *announcer_new(struct config_announcer *cfg, const char *path);
void announcer_free(struct announcer *a);
/* Returns when it has been told to end and has taken its leave. */
void announcer_run(struct announcer *a);
uint64_t announcer_now_ms(const struct announcer *a);

/* --- service.c --- */
/* What a service needs around it: its next hop, and the routes that are ours to make. NULL with a reason in err
 * (ANNOUNCER_ERROR_MAX). of must outlive it. */
struct service *service_new(struct announcer *a, const struct config_announcer *of,
	const struct config_service *c, const struct identity *id, char *err);
/* The node's route goes first, then the pod's. */
void service_free(struct service *sv);
/* From now on it is judged: its gate, conditions and command begin. */
void service_begin(struct announcer *a, struct service *sv);
/* Local routes that somebody has taken out are put in again; the timer's, user: the announcer. */
void announcer_mend_routes(void *user);
/* Other settings of the same service. Whatever can fail has been done. */
void service_configure(struct announcer *a, struct service *sv, const struct config_announcer *of,
	const struct config_service *c, const struct ip_addr *next_hop);

/* --- retire.c: services that are not configured any more --- */
/* It is drained and withdrawn as at the end of the whole, then its routes go. */
void announcer_retire(struct announcer *a, struct service *sv);
/* It is configured again. */
void announcer_reinstate(struct announcer *a, struct service *sv);
/* The timer's; user: the announcer. */
void announcer_retire_timer(void *user);
/* Frees a configuration that is not in use any more, unless one of them has it still. */
void announcer_drop_config(const struct announcer *a, const struct config_announcer *of);
/* Something they wait for may have changed. */
void announcer_retire_look(struct announcer *a);

/* --- reload.c --- */
/* user: the announcer. */
extern const struct reload_ops announcer_reload_ops;

/* --- reload_plan.c --- */
struct reload_plan *announcer_reload_plan(const struct announcer *a, const struct config_announcer *to);

/* --- leave.c --- */
/* The signals' and the timer's; user: the announcer. */
void announcer_end(void *user);
void announcer_drain_timer(void *user);
/* False when it has been told to end: what comes now is settled. */
bool announcer_drain(struct announcer *a, uint64_t time_ms);
bool announcer_undrain(struct announcer *a);
/* The drain file has come or gone; user: the announcer. */
void announcer_drain_file(void *user, bool there);
/* Everything queued has been sent to those who are up. */
bool announcer_all_sent(const struct announcer *a);
/* There is another drain file to be looked for, or none. */
void announcer_set_drain_file(struct announcer *a, struct drain_file *f);
/* Somebody is there to be told. */
bool announcer_anybody_up(const struct announcer *a);
/* Why it drains, in words. */
const char *announcer_drain_reason(const struct announcer *a);
/* Something a drain waits for may have changed. */
void announcer_drain_look(struct announcer *a);
/* Tells lb-ipvs-agent what it may rely on. */
void announcer_tell_agent(struct announcer *a);

/* --- truth.c: from what is known of the services to what is announced --- */
/* Looks at every service again. To be called whenever something was heard, or a service's held_back was set. */
void announcer_judge(void *user);
/* What is to be announced of a service, once the node's route leads here. */
struct told announcer_wish(const struct announcer *a, const struct service *sv);
/* Tells all neighbors what is not as they were told. */
void announcer_say(struct announcer *a);
/* Some service is announced now. */
bool announcer_says_anything(const struct announcer *a);
/* The same without draining. */
bool announcer_says_full(const struct announcer *a);
/* What is known of a service: its words are in the caller's array, of room for all of the agent's services. */
void announcer_facts(
	const struct announcer *a, const struct service *sv, struct gate_word *words, struct gate_facts *out);
/* Room for that; the caller frees it. */
struct gate_word *announcer_words(const struct announcer *a);
/* How its gate stands, in words: withdrawn, draining or announced. */
const char *announcer_gate_text(const struct service *sv);

/* --- cloud.c: the services' commands --- */
/* The service's command, where it has one, begins, goes or has other settings. */
void announcer_configure_command(struct announcer *a, struct service *sv);
/* What its command is to be told has been told, or it was not in time. */
bool announcer_command_may_go(const struct announcer *a, const struct service *sv, uint64_t since_ms);
void announcer_hurry_commands(struct announcer *a);
void announcer_end_commands(struct announcer *a);
/* Has the command told of what the service is now. */
void announcer_tell_cloud(struct announcer *a, struct service *sv);
/* Nothing is left to be told. */
bool announcer_cloud_told(const struct announcer *a);
/* At the end: told what there is to tell, and packets on their way taken; or not in time. */
bool announcer_cloud_may_go(const struct announcer *a);

/* --- speaker.c --- */
extern const struct session_ops speaker_ops;
void speaker_session_config(
	const struct announcer *a, const struct config_reflector *n, struct session_config *out);
/* One for a neighbor; its session is started. */
struct speaker *speaker_new(struct announcer *a, const struct config_reflector *n);
/* Closes its connection without a word: session_stop() before says goodbye. */
void speaker_free(struct speaker *s);
/* Other settings of the same neighbor; reset: they need a new session, or who we are has changed. */
void speaker_configure(struct speaker *s, const struct config_reflector *n, bool reset);
/* False, with the reason in err (ANNOUNCER_ERROR_MAX), when the kernel does not take its key. */
bool speaker_key_works(const struct announcer *a, const struct config_reflector *n, char *err);
/* Queues what a neighbor is to be told of a service now. */
void speaker_tell(struct speaker *s, const struct service *sv);
/* What a neighbor's path to a service is made of. */
struct path_speaker speaker_path(const struct speaker *s, const struct service *sv);
/* Whether this neighbor is told of it now. */
bool speaker_announces(const struct speaker *s, const struct service *sv);
/* Services this neighbor is told of now. */
size_t speaker_announced(const struct speaker *s);

/* --- node_routes.c --- */
/* Where there is a lb-announcer --node, the services are registered with it. */
void announcer_node_routes_start(struct announcer *a);
void announcer_node_routes_add(struct announcer *a, struct service *sv);
/* To be called whenever what is wanted of a service may have changed. */
void announcer_node_routes_update(struct announcer *a);
void announcer_node_routes_leave(struct announcer *a);
/* Whether the node's route leads here, written by us or by lb-announcer --node. */
bool announcer_has_node_route(const struct announcer *a, const struct service *sv);

/* --- show.c, show_ready.c, show_log.c, metrics.c --- */
/* Why a service is told as it is, in words: the gate's own reason, unless it is the whole that leaves. */
const char *announcer_reason(const struct announcer *a, const struct service *sv);
/* How many neighbors are told of it. */
int64_t announcer_told_to(const struct announcer *a, const struct service *sv);
/* A control_handler's start. */
bool announcer_show_ready(void *user, const struct row *args, struct control_answer *out, char *err);
bool announcer_show_log(void *user, const struct row *args, struct control_answer *out, char *err);
bool announcer_log_debug(void *user, const struct row *args, struct control_answer *out, char *err);
bool announcer_metrics(void *user, const struct row *args, struct control_answer *out, char *err);

/* --- show.c --- */
extern const struct control_handler announcer_handlers[];
