/* Letters from one thread to another, without a lock: who is put to sleep in the middle holds up nobody. Any number may put in, one
 * takes out. */
#pragma once

#include <stdatomic.h>
#include <stddef.h>

struct letter {
	struct letter *next;
};

/* All zero: empty. */
struct mailbox {
	_Atomic(struct letter *) newest;
};

static inline void mailbox_put(struct mailbox *box, struct letter *l)
{
	l->next = atomic_load_explicit(&box->newest, memory_order_relaxed);
	while (!atomic_compare_exchange_weak_explicit(
		&box->newest, &l->next, l, memory_order_release, memory_order_relaxed))
		;
}

/* All that are in it, the oldest first; NULL: none. */
static inline struct letter *mailbox_take(struct mailbox *box)
{
	struct letter *l = atomic_exchange_explicit(&box->newest, NULL, memory_order_acquire), *oldest = NULL;

	while (l) {
		struct letter *next = l->next;

		l->next = oldest;
		oldest = l;
		l = next;
	}
	return oldest;
}
