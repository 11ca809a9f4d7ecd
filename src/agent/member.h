/*
 * A real server as a member of one service: what is listed of it, its checks, its life, and what the kernel counts.
 *
 * Belongs to its service (service.c), which is told of every change by service_touch(). Its checks begin with it and end when
 * it is no longer listed: what leaves is not asked how it is.
 */
#pragma once

#include "check/probe.h"
#include "agent/server.h"
#include "base/hash.h"
#include "config/endpoints.h"
#include "ipvs/ipvs.h"

struct service;

struct member {
	struct hash_node node; /* in service->members, by address and port */
	struct service *service;
	struct ipvs_dest dest; /* as wished, apart from the weight */
	int32_t weight;	       /* of the member when it takes connections */
	char *name;	       /* or NULL */
	bool drained;	       /* by command */
	uint64_t drain_us;     /* the command's own time; 0: the service's */
	bool listed, terminating;
	bool unready;	/* its source says so: as if a check had failed */
	unsigned round; /* of the list that told of it last */
	struct server_life life;
	struct probe **probes;
	size_t probe_count;
	uint32_t mark; /* of its checks through the tunnel; 0: none */
	/* As last seen in the kernel. */
	bool in_kernel;
	int32_t kernel_weight;
	struct ipvs_counts counts;
};

enum { MEMBER_TEXT_MAX = 72 };

/* found: as the kernel has it, or NULL. Neither listed nor checked yet. */
struct member *member_new(
	struct service *s, const struct ipvs_dest *dest, const struct ipvs_seen_dest *found);
void member_free(struct member *m);
/* Takes what the source says of it; e NULL: it is not listed any more. */
void member_list(struct member *m, const struct endpoint *e);
/* The service's configuration has changed: its checks and what is wished follow. */
void member_configure(struct member *m);
/* Looks at all that is known again. */
void member_update(struct member *m);
/* time_us: until it is cut; 0: the service's. */
void member_drain(struct member *m, bool drained, uint64_t time_us);
/* Its connections that are worth waiting for. */
uint32_t member_busy(const struct member *m);
/* What the kernel has of it; NULL: nothing. */
void member_seen(struct member *m, const struct ipvs_seen_dest *seen);
/* Its time may be over. */
void member_tick(struct member *m);
/* Up as far as its checks know. */
bool member_healthy(const struct member *m);
/* Nobody wants to know of it any more. */
bool member_finished(const struct member *m);
/* "172.16.1.5:80", "[2001:db8::5]:80". Returns buf (MEMBER_TEXT_MAX octets). */
const char *member_text(const struct member *m, char *buf);
