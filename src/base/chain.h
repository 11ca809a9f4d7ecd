/*
 * A doubly linked list of objects that have numbers (pool.h): half of what list.h takes in each.
 *
 * An object is in one chain at most and begins with its link, all zero while it is in none. 0 stands for both ends.
 */
#pragma once

#include "base/pool.h"

#include <stdbool.h>
#include <stdint.h>

struct chain_link {
	uint32_t prev, next;
};

/* All zero: empty. */
struct chain {
	uint32_t first, last;
};

static inline struct chain_link *chain_link(const struct pool *p, uint32_t number)
{
	return pool_at(p, number);
}

static inline bool chain_has(const struct chain *c, const struct pool *p, uint32_t number)
{
	const struct chain_link *l = chain_link(p, number);

	return l->prev || l->next || c->first == number;
}

/* Puts it behind the other (0: in front of all). */
static inline void chain_add_after(struct chain *c, const struct pool *p, uint32_t other, uint32_t number)
{
	struct chain_link *l = chain_link(p, number);
	uint32_t *forward = other ? &chain_link(p, other)->next : &c->first;
	uint32_t *back;

	l->prev = other;
	l->next = *forward;
	back = l->next ? &chain_link(p, l->next)->prev : &c->last;
	*forward = *back = number;
}

static inline void chain_add_tail(struct chain *c, const struct pool *p, uint32_t number)
{
	chain_add_after(c, p, c->last, number);
}

/* It must be in this chain. */
static inline void chain_del(struct chain *c, const struct pool *p, uint32_t number)
{
	struct chain_link *l = chain_link(p, number);

	*(l->prev ? &chain_link(p, l->prev)->next : &c->first) = l->next;
	*(l->next ? &chain_link(p, l->next)->prev : &c->last) = l->prev;
	*l = (struct chain_link){ 0, 0 };
}

/* Puts all of the other, in their order, behind the last; leaves the other empty. */
static inline void chain_take_all(struct chain *c, const struct pool *p, struct chain *other)
{
	if (!other->first)
		return;
	chain_link(p, other->first)->prev = c->last;
	*(c->last ? &chain_link(p, c->last)->next : &c->first) = other->first;
	c->last = other->last;
	*other = (struct chain){ 0, 0 };
}
