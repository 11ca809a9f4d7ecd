/*
 * Rules of iptables that rewrite the client's address of balanced packets to our own (masquerade: true), so that answers of
 * servers behind NAT come back through us whatever their routes say. By iptables since nft cannot match packets of IPVS.
 *
 * Each rule carries a comment that names its service; by it those of a predecessor are found again. What is there is
 * listed, compared (masquerade_plan.c, pure), and rules are added and deleted one by one by a child process; rules
 * without our comment are never touched.
 */
#pragma once

#include "config/agent.h"
#include "io/loop.h"

#include <stdbool.h>
#include <stddef.h>

struct masquerade;

/* cfg is read here and in masquerade_configure() and need not live on. A tool that is not needed is not run, so what a
 * predecessor that was killed left is found only where something of that family is masqueraded again. failed is told in
 * words, once for each change of the reason; then it is tried again. rested is called, in a later turn, whenever all is done
 * that can be: masquerade_settled() or masquerade_error() tells which. */
struct masquerade_ops {
	void (*failed)(void *user, const char *why);
	void (*rested)(void *user);
};

struct masquerade *masquerade_new(
	struct io_loop *loop, const struct config_agent *cfg, const struct masquerade_ops *ops, void *user);
/* Leaves the rules as they are. NULL is ignored. */
void masquerade_free(struct masquerade *m);
void masquerade_configure(struct masquerade *m, const struct config_agent *cfg);
/* All of ours go; then done is called, at the latest after some seconds, in a later turn. Nothing else may be called but
 * masquerade_free(). */
void masquerade_leave(struct masquerade *m, void (*done)(void *user), void *user);
/* What went wrong last, or "". */
const char *masquerade_error(const struct masquerade *m);
/* All rules are as wanted. */
bool masquerade_settled(const struct masquerade *m);

/* The path of "iptables" or "ip6tables", or of its n-th stand-in ("iptables-legacy", for kernels without nf_tables); NULL: not
 * there. */
const char *masquerade_program(const char *name, unsigned n);

/* --- masquerade_plan.c --- */

enum { MASQUERADE_WORDS_MAX = 40, MASQUERADE_COMMENT_MAX = 128, MASQUERADE_LINE_MAX = 1024 };

/* The words of one rule from the chain's name on, as iptables -A or -D takes them; they point into text. */
struct masquerade_rule {
	char comment[MASQUERADE_COMMENT_MAX];
	char text[MASQUERADE_LINE_MAX];
	const char *words[MASQUERADE_WORDS_MAX]; /* ends with NULL */
};

/* True when the service wants one. */
bool masquerade_rule_of(const struct config_virtual *v, struct masquerade_rule *out);
/* A line of iptables -S. True when it is one of ours. */
bool masquerade_rule_read(const char *line, size_t len, struct masquerade_rule *out);
