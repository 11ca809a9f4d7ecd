/*
 * The daemon: its parts, and the wires between them.
 *
 * Glue without ideas of its own: sessions give their UPDATEs to the engine, the engine's output is pulled by the
 * sessions, the FIB reads the engine's change list, the control socket asks all of them. One loop, one thread (the FIB's
 * executor apart).
 */
#pragma once

#include "config/rrd.h"
#include "control/server.h"
#include "daemon/pulse.h"
#include "guard/guard.h"
#include "io/loop.h"
#include "kernel/fib.h"
#include "reload/reload.h"
#include "route/engine.h"
#include "route/next_hops.h"
#include "route/weight_table.h"
#include "session/neighbors.h"
#include "session/session.h"

#include <stdbool.h>
#include <stdint.h>

enum { RRD_ERROR_MAX = 512 };

struct rrd {
	struct io_loop *loop;
	struct config_rrd *cfg;
	struct route_engine *engine;
	struct io_job *work;	     /* a slice of the engine's and the FIB's work */
	struct io_timer *work_later; /* advertisement intervals */
	struct session_io *sessions;
	struct session_neighbors *neighbors;
	struct policies *policies;
	struct fib *fib; /* NULL: not a router */
	struct fib *
		watcher; /* tells how next hops are reached: fib, or one that writes nothing; NULL: unchecked */
	struct route_reader fib_reader[BGP_FAMILIES];
	uint64_t fib_held_us; /* since when the FIB has waited for a change to be whole; 0: it does not */
	uint64_t fib_hold_us; /* how long it does at most */
	struct route_weight_table *weights;
	struct io_timer *weights_due; /* a change of weights has waited for its second */
	struct route_balancers balancers;
	struct log_limit bad_bandwidth_limit;
	struct fib_group *fib_groups;
	struct io_timer *sweep; /* removes what is left of an earlier run, when its time is over */
	bool sweep_over;	/* that has been decided */
	bool sweep_due;		/* as soon as the kernel has what we have received */
	struct control_server *control;
	struct watch *watch;
	struct guards *guards; /* sessions that BFD guards */
	struct daemon_pulse *pulse;
	struct io_signal *on_term, *on_int, *on_hup;
	struct io_timer *exit_timer;
	uint64_t started_ms, stopping_ms, loaded_ms;
	struct reload reload;
	uint64_t oversized;
	struct log_limit oversized_limit;
};

/* Starts everything the configuration says; takes cfg over. path: its file, to be read again; lives as long. NULL, with the reason logged, when something essential
 * fails. */
struct rrd *rrd_new(struct config_rrd *cfg, const char *path);
/* Says goodbye to all neighbors, finishes what is under way and frees everything. */
void rrd_free(struct rrd *r);
void rrd_run(struct rrd *r);
uint64_t rrd_now_ms(const struct rrd *r);
/* A static neighbor of the configuration in use, which is started. */
void rrd_add_neighbor(struct rrd *r, const struct config_neighbor *c);

/* --- security.c: what neighbors must prove before they are heard --- */
/* Keys and TTLs of all neighbors and ranges that cfg has, on listeners and live connections; before start_listeners(), and
 * at a reload before anything else of cfg takes effect. False with the reason in err (RRD_ERROR_MAX) when the kernel
 * refuses them: nothing has changed then. */
bool security_apply(struct rrd *r, const struct config_rrd *cfg, char *err);
/* Whether the kernel would take the keys, without changing any; the same results. */
bool security_try(const struct config_rrd *cfg, char *err);
/* For struct session_config: what a peer's packets must and ours will have. */
void security_ttl(const struct config_peer *cfg, uint8_t *ttl, uint8_t *min_ttl);

/* --- fib_feed.c: from the change list to the kernel --- */
bool fib_feed_start(struct rrd *r);
/* A slice; true when more is waiting. */
bool fib_feed_work(struct rrd *r);
/* What a reload may change. */
void fib_feed_configure(struct rrd *r);
/* A neighbor has told all it has: perhaps it was the last one. */
void fib_feed_end_of_rib(struct rrd *r);
void fib_feed_stop(struct rrd *r);

/* --- next_hop_feed.c: next hops between the engine and the kernel --- */
extern const struct route_hops_ops next_hop_feed_ops;
/* A fib_config's callback. */
void next_hop_feed_reached(void *user, const struct ip_addr *addr, const struct fib_reach *reach);
/* After fib_feed_start(). */
bool next_hop_feed_start(struct rrd *r);
void next_hop_feed_work(struct rrd *r);
/* Before fib_feed_stop(). */
void next_hop_feed_stop(struct rrd *r);
