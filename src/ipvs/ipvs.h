/*
 * The IPVS table of this network namespace, made to follow wishes.
 *
 * The program says for each virtual service what it wants (ipvs_set), as often as it likes; only the last wish counts. At the
 * end of the turn a plan compares wishes with what is known of the kernel and an executor with a thread of its own
 * carries it out, operation by operation, since IPVS's netlink has no batches. Nothing is ever flushed. A service that
 * was neither wished nor made by us (state_path remembers across restarts and crashes what we made) is never touched.
 *
 * At start the kernel is listed first: what is right stays. Later a slow comparison (compare_s) lists it again, since the
 * kernel tells nobody of changes, and repairs what others did to ours.
 *
 * Under mh the order of the list decides the table: see order.h. A destination wished at weight 0 that is not in the kernel yet
 * is put in with `full_weight` and lowered at once, because the table counts the last weight that was not zero.
 */
#pragma once

#include "io/loop.h"
#include "ipvs/service.h"

#include <stddef.h>

struct ipvs;

struct ipvs_wish_dest {
	struct ipvs_dest dest;
	int32_t full_weight; /* the weight it has when it works; >= dest.weight */
};

struct ipvs_wish {
	struct ipvs_service service;
	const struct ipvs_wish_dest *dests; /* any order */
	size_t count;
};

struct ipvs_config {
	const char *
		state_path; /* a file that remembers which services are ours; NULL: those wished for and no other */
	uint32_t compare_s; /* time between two comparisons, 0: never */
	unsigned
		mh_table_size; /* a prime, the kernel's CONFIG_IP_VS_MH_TAB_INDEX: 4093 unless built otherwise */
	bool expire_nodest; /* the kernel's expire_nodest_conn is 1: order is repaired only where nothing is connected */
};

/* A destination as last seen in the kernel. */
struct ipvs_seen_dest {
	struct ipvs_dest dest;
	struct ipvs_counts counts;
};

struct ipvs_view {
	bool known;			    /* the kernel has been asked of it */
	bool present;			    /* the kernel has it */
	bool settled;			    /* the kernel is as wished (order apart) */
	bool ordered;			    /* the list is in canonical order */
	const struct ipvs_seen_dest *dests; /* valid until the next call */
	size_t count;
	uint64_t fingerprint; /* of the scheduler's table as the model has it; 0 unless mh */
	double moved;	      /* share 0..1 of the slots that the last change of the table moved */
	uint64_t repairs;     /* differences made by others and mended */
	const char *error;    /* of the last operation that failed and has not been mended, or "" */
};

struct ipvs_ops {
	/* The first listing is in (ipvs_view tells what was found); wishes are worth making now. */
	void (*ready)(void *user);
	/* Something of this service has changed in the kernel or was counted anew. */
	void (*changed)(void *user, const struct ipvs_key *key);
	/* The kernel cannot be spoken to (any more); it is tried again. */
	void (*failed)(void *user, const char *why);
	/* The state file is as the kernel is, or cannot be: whoever waits for ipvs_settled() looks again. May be NULL. */
	void (*written)(void *user);
};

/* NULL with a reason in err that says what to do (no ip_vs module, no NET_ADMIN, a user namespace). */
struct ipvs *ipvs_new(struct io_loop *loop, const struct ipvs_config *cfg, const struct ipvs_ops *ops,
	void *user, char *err, size_t err_size);
/* Leaves the kernel as it is. */
void ipvs_free(struct ipvs *i);
/* Settings that a reload may change. */
void ipvs_configure(struct ipvs *i, const struct ipvs_config *cfg);

/* Copies the wish. */
void ipvs_set(struct ipvs *i, const struct ipvs_wish *w);
/* The service shall go. One that is not there already is right. */
void ipvs_unset(struct ipvs *i, const struct ipvs_key *key);
/* All wishes are in for the first time: what state_path says is ours and nobody wished for goes. */
void ipvs_wishes_complete(struct ipvs *i);
/* Lists this service again soon, for its counts; many calls make one listing. */
void ipvs_count(struct ipvs *i, const struct ipvs_key *key);
/* Nothing is wished, planned or under way that is not in the kernel. */
bool ipvs_settled(const struct ipvs *i);
void ipvs_view(const struct ipvs *i, const struct ipvs_key *key, struct ipvs_view *out);
/* The slots of the mh table as the model has it, for show table: index into view.dests, or -1 for none; their number. */
size_t ipvs_slots(const struct ipvs *i, const struct ipvs_key *key, const int32_t **slot);
/* Calls fn for each service in the kernel, ours or not. */
void ipvs_each(
	const struct ipvs *i, void (*fn)(void *user, const struct ipvs_service *s, bool ours), void *user);

/* The kernel's time-outs in seconds, 0 leaves one as it is. 0 or a negative errno; done before wishes, in the caller's thread. */
int ipvs_set_timeouts(struct ipvs *i, uint32_t tcp_s, uint32_t tcp_fin_s, uint32_t udp_s);
