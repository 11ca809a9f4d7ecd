/* A doubly linked list whose links live inside the caller's objects. The head is a link too; an empty head points at
 * itself. A link that is all zero is in no list. */
#pragma once

#include <assert.h>
#include <stdbool.h>
#include <stddef.h>

struct list {
	struct list *prev, *next;
};

/* NOLINTBEGIN(bugprone-macro-parentheses): type, member and link are no expressions. */
#define LIST_ENTRY(link, type, member) ((type *)(void *)((char *)(link)-offsetof(type, member)))
/* Walks a list; the current element may be removed. */
#define LIST_FOREACH(link, head)                                                                             \
	for (struct list *link = (head)->next, *link##_next = link->next; link != (head);                    \
		link = link##_next, link##_next = link->next)
/* NOLINTEND(bugprone-macro-parentheses) */

static inline void list_init(struct list *head)
{
	head->prev = head->next = head;
}

static inline bool list_empty(const struct list *head)
{
	return head->next == head;
}

static inline bool list_linked(const struct list *link)
{
	return link->next != NULL;
}

/* Puts link behind at. */
static inline void list_add_after(struct list *at, struct list *link)
{
	assert(at);
	link->prev = at;
	link->next = at->next;
	at->next->prev = link;
	at->next = link;
}

static inline void list_add_tail(struct list *head, struct list *link)
{
	list_add_after(head->prev, link);
}

/* Puts all links of from, in their order, behind the last of head; leaves from empty. */
static inline void list_move_all(struct list *head, struct list *from)
{
	if (list_empty(from))
		return;
	from->next->prev = head->prev;
	from->prev->next = head;
	head->prev->next = from->next;
	head->prev = from->prev;
	list_init(from);
}

/* Takes link out of its list; a link that is in none is left alone. */
static inline void list_del(struct list *link)
{
	if (!link->next)
		return;
	link->prev->next = link->next;
	link->next->prev = link->prev;
	link->prev = link->next = NULL;
}
