/* Inside of the facade: ipvs.c (wishes, life), ipvs_run.c (what is to be done, and what came of it), ipvs_view.c (to be shown). */
#pragma once

#include "base/hash.h"
#include "base/list.h"
#include "io/loop.h"
#include "ipvs/exec.h"
#include "ipvs/have.h"
#include "ipvs/ipvs.h"
#include "ipvs/mh.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* A service that is wished for, ours, or in the kernel. */
struct ipvs_entry {
	struct ipvs *ipvs;
	struct hash_node node;
	struct ipvs_key key;
	struct list dirty; /* to be looked at at the end of the turn */
	struct list asked; /* to be listed */
	/* wishes */
	bool wished;
	bool goes; /* ours, and shall go */
	struct ipvs_service service;
	struct ipvs_wish_dest *want; /* canonical order, each once */
	size_t count;
	/* the kernel */
	bool ours;
	bool remembered; /* ours since before we were started */
	bool known;	 /* `have` is true */
	uint64_t listed_us;
	uint32_t round; /* of comparison, in which it was seen last */
	struct ipvs_have have;
	/* what is going on */
	bool busy;    /* a job is under way */
	bool hold;    /* something failed: waits for its time */
	bool drifted; /* others changed it */
	bool settled;
	unsigned failures; /* in a row */
	struct io_timer *retry;
	char error[IPVS_WHY_MAX];
	uint64_t repairs;
	/* mh */
	bool table_stale;
	struct ipvs_mh_table *table; /* of `have` unless stale; NULL: none */
	struct ipvs_mh_table *rest;  /* when nothing was under way last; may be the same */
	double moved;
};

struct ipvs {
	struct io_loop *loop;
	struct ipvs_config cfg;
	char *state_path;
	const struct ipvs_ops *ops;
	void *user;
	struct ipvs_exec *exec;
	struct hash entries;
	struct list dirty, asked;
	struct io_job *turn;
	struct io_timer *compare, *retry; /* retry: of the first listing */
	bool ready;
	bool broken;	  /* said so */
	bool listing;	  /* one listing is under way */
	bool state_dirty; /* the file is not what is true */
	bool state_failed;
	unsigned failures;
	uint32_t round;
};

/* ipvs.c */
struct ipvs_entry *ipvs_entry_find(const struct ipvs *i, const struct ipvs_key *key);
struct ipvs_entry *ipvs_entry_get(struct ipvs *i, const struct ipvs_key *key);
void ipvs_entry_free(struct ipvs_entry *e);

/* ipvs_run.c */
void ipvs_entry_touch(struct ipvs_entry *e);   /* looked at at the end of this turn */
void ipvs_entry_ask(struct ipvs_entry *e);     /* listed soon */
void ipvs_entry_release(struct ipvs_entry *e); /* waits no longer after a failure */
void ipvs_entry_own(struct ipvs_entry *e, bool ours);
void ipvs_run(struct ipvs *i);	    /* the end of a turn */
void ipvs_list_all(struct ipvs *i); /* the first listing */
void ipvs_compare(struct ipvs *i);  /* begins a comparison */

/* ipvs_view.c */
/* The table of what is in the kernel; NULL: not mh. */
const struct ipvs_mh_table *ipvs_entry_table(struct ipvs_entry *e);
/* Nothing is under way: what moved since this was so last? */
void ipvs_entry_rest(struct ipvs_entry *e);
