/*
 * A virtual service: its members, where they come from, and the wish that follows.
 *
 * The source tells lists; members are made, told apart by address and port, and freed when they are neither listed nor in
 * the kernel. Whatever changes marks the service as touched, and at the end of the turn one wish goes to ipvs/: a list of a
 * thousand servers is one plan.
 *
 * A service that is no longer configured leaves as its servers would: they drain, and then it goes.
 */
#pragma once

#include "agent/member.h"
#include "agent/source.h"
#include "base/hash.h"
#include "base/list.h"

struct agent;

struct service {
	struct list link; /* in agent->services, in the configuration's order */
	struct agent *agent;
	const struct config_virtual *cfg; /* NULL: not configured any more, it leaves */
	char *name;
	struct ipvs_service wish;
	struct server_policy policy;
	struct source *source;
	struct hash members;
	unsigned round; /* of lists told */
	bool told;	/* by the source, at least once */
	bool assumed;	/* not told yet, and the kernel's servers are taken for its list */
	bool touched;
	char *source_error; /* last told of to those who watch, or NULL */
	uint64_t repairs;   /* the same, in the log too */
	bool counting;	    /* its connections, for announcers */
	bool established;   /* the kernel had it as wished, once */
	struct service_report {
		bool made, known, configured;
		uint32_t servers, healthy;
		uint64_t active;
	} reported; /* to announcers */
};

struct service *service_new(struct agent *a, const struct config_virtual *cfg);
/* The kernel keeps what it has. */
void service_free(struct service *s);
/* The same service with another configuration; the old one is not used any more. */
void service_configure(struct service *s, const struct config_virtual *cfg);
/* No longer configured. */
void service_leave(struct service *s);
/* Something has changed: its wish is made again at the end of the turn. */
void service_touch(struct service *s);
/* Makes its wish. False when the service has left and is to be freed. */
bool service_apply(struct service *s);
/* The kernel has been looked at. */
void service_seen(struct service *s);
/* Tells of its source's troubles. */
void service_look(struct service *s);
/* Ends drains whose time is over; true while any member drains. */
bool service_tick(struct service *s);
/* The members in canonical order: *count of them, NULL for none; the caller frees the array. */
struct member **service_sorted(const struct service *s, size_t *count);

struct service_sum {
	size_t members, wanted /* listed, and not on their way out */, serving /* up, with a weight */;
	size_t state[SERVER_STATES];
	uint64_t busy; /* connections worth waiting for */
	uint64_t active, inactive, connections, packets_in, packets_out, octets_in, octets_out;
};

void service_sum(const struct service *s, struct service_sum *out);
