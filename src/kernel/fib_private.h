/*
 * What the FIB's files share, and nobody else.
 *
 * fib.c: life, wishes and the turn of jobs; fib_events.c: the kernel's events and the timers; fib_show.c: rows; fib_look.c: single routes;
 * fib_sysctl.c: the settings of the kernel it depends on.
 */
#pragma once

#include "base/log.h"
#include "kernel/events.h"
#include "kernel/exec.h"
#include "kernel/fib.h"
#include "kernel/plan.h"
#include "kernel/sysctl.h"
#include "kernel/watch.h"

enum { FIB_LOG_INTERVAL_MS = 1000, REACH_LINES_PER_S = 1000 };

struct fib {
	struct io_loop *loop;
	struct fib_config cfg;
	bool classic, swept, telling;
	int lock;
	struct plan *plan;
	struct watch_list watched;
	struct plan_kind kind[PLAN_KINDS_MAX];
	struct exec *exec;
	struct events *events;
	struct io_job *work;
	struct io_timer *retry_timer, *refresh_timer, *compare_timer, *share_timer;
	bool uncommitted; /* there are wishes since the last commit */
	size_t jobs;	  /* under way */
	bool asking;	  /* one of them is a question, and then the only one */
	/* What the next question to the kernel is to cover. */
	bool want_unreachable, want_refresh, want_routes, want_shares;
	bool link_changed, second_look;
	uint64_t refreshed_us, doubted_us;
	uint64_t operations, refused, comparisons, overflows, resilient_refused;
	struct log_limit refused_log, foreign_log, repaired_log, resilient_log, stuck_log;
	struct log_burst reach_log;
	struct kernel_sysctl sysctl[KERNEL_SYSCTLS_MAX];
	size_t sysctl_count;
};

struct netlink;

/* Whether packets to the prefix, of which we have a route, or to a part of it go by another program's, which is told in why. */
bool fib_is_hidden(
	const struct fib *f, struct netlink *nl, const struct prefix *p, char *why, size_t why_size);

struct fib_listing {
	bool begun;
	struct netlink *nl; /* once begun, to ask about single routes; NULL: it cannot be asked */
	struct plan_rows *rows;
};

uint64_t fib_now_ms(const struct fib *f);
/* The kind of groups for a prefix, as plan_set() takes it. */
uint8_t fib_kind(const struct fib *f, const struct prefix *p);
/* Asks the kernel what it has, and how next hops are reached; with_routes: also for routes. */
void fib_refresh(struct fib *f, bool with_routes);

extern const struct events_ops fib_events_ops;
void fib_timers_new(struct fib *f);
void fib_timers_free(struct fib *f);

/* Looks at the sysctls; logs what has become wrong, or mends it. */
void fib_sysctl_look(struct fib *f);
void fib_sysctl_rows(const struct fib *f, struct row *status);
