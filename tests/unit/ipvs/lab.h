/*
 * What the tests against a real kernel share: a network namespace of their own, an agent's view of its IPVS, ipvsadm(8) as
 * the other program that writes and reads there.
 */
#pragma once

#include "ipvs/ipvs.h"
#include "values.h"

#include <stdbool.h>
#include <stddef.h>

enum { LAB_WAIT_MS = 60000 };

struct lab {
	struct io_loop *loop;
	struct ipvs *ipvs;
	bool ready;
	unsigned changed, failures;
	char why[256];
};

/* In main(), first: a new namespace with lo and dummy0 (10.8.0.1/16, 2001:db8:8::1/64) up. False, with a line that says why,
 * when this machine has no IPVS for us. */
bool lab_enter(void);

/* A facade, up to its first listing. state: its file, or NULL. */
void lab_start(struct lab *l, const struct ipvs_config *cfg);
void lab_stop(struct lab *l);
/* Runs the loop until done() says so; fails after LAB_WAIT_MS. */
void lab_wait(struct lab *l, bool (*done)(struct lab *l));
bool lab_settled(struct lab *l);
/* Runs the loop for about so long. */
void lab_run(struct lab *l, unsigned ms);

/* A command; it must succeed. */
void lab_sh(const char *fmt, ...) __attribute__((format(printf, 1, 2)));
/* What a command writes, to be freed. */
char *lab_output(const char *fmt, ...) __attribute__((format(printf, 1, 2)));
/* "ipvsadm -Sn", which sorts, compared with text. */
void lab_expect(const char *text);
/* The servers of the one service there is, in the order in which they were added. */
size_t lab_order(struct ip_addr *out, size_t max);
/* Messages sent to the kernel so far that change something. */
unsigned lab_writes(void);

void lab_set(struct lab *l, const struct ipvs_service *s, const struct ipvs_wish_dest *d, size_t count);
