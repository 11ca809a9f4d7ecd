/*
 * Next hops that somebody wants to know of, whether or not a route is wished over them: what was last found of each, and
 * which have to be asked about. Pure: asking and finding are fib.c's.
 */
#pragma once

#include "base/hash.h"
#include "kernel/plan.h"

#include <stdbool.h>
#include <stddef.h>

/* Starts all zero. */
struct watch_list {
	struct hash table;
	size_t unknown;	    /* without an answer */
	size_t unreachable; /* with a bad one */
	unsigned round;
};

void watch_list_fini(struct watch_list *w);
/* An address may be added once; one that is not there may be deleted. */
void watch_add(struct watch_list *w, const struct ip_addr *addr);
void watch_del(struct watch_list *w, const struct ip_addr *addr);
bool watch_has(const struct watch_list *w, const struct ip_addr *addr);
/* Appends to a list of count addresses that plan_ask() made those to be asked about that are not in it; returns how many
 * there are then. */
size_t watch_ask(struct watch_list *w, enum plan_ask which, struct ip_addr **list, size_t count);
/* Takes an answer. False when it is no news, or nobody watches the address. */
bool watch_resolve(struct watch_list *w, const struct ip_addr *addr, const struct plan_resolution *r);
