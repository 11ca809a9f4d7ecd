/*
 * lb-ipvs-agent: makes this network namespace's IPVS table follow the services' servers, and their health.
 *
 *	source --- whole list ---> service: members ---- wish ----> ipvs/: plan, executor ---> kernel
 *	                              ^      ^                                                    |
 *	            checks -- verdict-+      +-------------- counts: a drain may end -------------+
 *
 * Start: the settings the services need (needs.h), then the kernel is listed, and only then sources and checks begin, so
 * that what is found decides how a server begins. End: what the configuration says of the rules. Killed: the kernel goes on
 * with what it has, and the next agent takes it over.
 */
#pragma once

#include "agent/marks.h"
#include "agent/masquerade.h"
#include "agent/needs_apply.h"
#include "agent/service.h"
#include "base/row.h"
#include "config/agent.h"
#include "control/server.h"
#include "daemon/pulse.h"
#include "io/worker.h"
#include "ipvs/ipvs.h"
#include "kube/kube.h"
#include "reload/reload.h"

struct agent {
	struct config_agent *cfg;
	struct io_loop *loop;
	struct io_worker *resolver;
	struct io_file_watch *files;
	struct kube *kube;
	struct check_env checks;
	struct ipvs *ipvs;
	struct needs_state needs;
	struct masquerade *masquerade;
	struct list services;
	struct marks marks;
	struct control_server *control;
	struct daemon_pulse *pulse;
	struct control_feed *feed;    /* of `watch` */
	struct control_feed *reports; /* for announcers */
	struct list announcers;	      /* struct announcer of report.c */
	struct io_timer *beat;
	uint64_t count_asked_us; /* when connections were to be counted last */
	struct io_signal *on_term, *on_int, *on_hup;
	struct io_job *apply;	    /* touched services */
	struct io_timer *tick;	    /* drains and their counts */
	struct io_timer *end_timer; /* once told to end */
	struct io_timer *look;	    /* what nobody tells of: settings, troubles of sources */
	bool listed;		    /* the kernel has been, once */
	bool ready;		    /* services are in its hands */
	bool complete;		    /* every service has been wished for once */
	bool settled;		    /* the kernel is as wished */
	bool unmasked;		    /* its rules have gone */
	bool ending, removing;	    /* told to end; the rules are on their way out */
	bool lingering;		    /* ending, and nobody announces: only what is on its way is waited for */
	uint64_t wait_until_us;	    /* told to end: when the rules go in any case */
	uint64_t started_us;
	struct reload reload;
};

/* Takes cfg over; path must outlive it. NULL, with the reason logged, when it cannot work. */
struct agent *agent_new(struct config_agent *cfg, const char *path);
void agent_free(struct agent *a);
/* Returns when it has been told to end. */
void agent_run(struct agent *a);
uint64_t agent_now_us(const struct agent *a);
/* The kernel is as wished, rules of masquerade too. */
bool agent_settled(const struct agent *a);
/* Runs apply at the end of the turn. */
void agent_touch(struct agent *a);
/* Looks for a service by its name or its key as text; NULL: none. */
struct service *agent_service(const struct agent *a, const char *name);

/* Makes what the configuration's checks need. False, with the reason logged, when this build cannot. */
bool agent_prepare_checks(struct agent *a, const struct config_agent *cfg);

/* --- reload.c --- */
void agent_ipvs_config(const struct config_agent *cfg, struct ipvs_config *out);
/* user: the agent. */
extern const struct reload_ops agent_reload_ops;

/* The kernel's settings as the configuration needs them. False, and logged, when one that is necessary cannot be had. */
bool agent_hold_settings(struct agent *a);
/* How long an agent that was told to end still waits for announcers. */
uint64_t agent_wait_us(const struct agent *a);
/* Those who wait for the announcers' farewell may go on. */
void agent_announcers_changed(struct agent *a);

/* --- report.c: what lb-announcer is told, and tells --- */
void report_start(struct agent *a);
void report_stop(struct agent *a);
/* Something of the service may have changed. */
void report_service(struct service *s);
/* It is no more. */
void report_service_gone(struct service *s);
/* The same, and the kernel has been looked at. */
void report_service_seen(struct service *s);
/* Now, and from then on by its timer. */
void report_beat(struct agent *a);
/* As soon as connections have been counted. */
void report_beat_counted(struct agent *a);
/* Nobody announces what goes through this agent. */
bool report_nobody_announces(const struct agent *a);
bool report_health(void *user, const struct row *args, struct control_answer *out, char *err);
bool report_announcer(void *user, const struct row *args, struct control_answer *out, char *err);

/* --- event.c: the log's lines and what `rrctl watch` sees --- */
void event_member(const struct member *m, const char *from, const char *why);
void event_check(const struct member *m, const struct probe_view *p);
void event_source(const struct service *s, const char *error);
void event_drift(const struct service *s, uint64_t repairs);
void event_settled(const struct agent *a);

/* --- show.c --- */
extern const struct control_handler agent_handlers[];
/* --- metrics.c --- */
bool agent_metrics(void *user, const struct row *args, struct control_answer *out, char *err);
