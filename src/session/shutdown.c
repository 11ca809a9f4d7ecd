/*
 * Addresses that an operator has shut down.
 *
 * A dynamic neighbor is gone with its connection, and a reload may take a configured one away and bring it back: so what is
 * shut down is remembered here by address, and asked when somebody connects and when a session is made.
 */
#include "base/mem.h"
#include "session/neighbors_private.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* The index of the first whose address is not below a. */
static size_t bound(const struct session_neighbors *set, const struct ip_addr *a)
{
	size_t low = 0, high = set->shut_count;

	while (low < high) {
		size_t middle = low + (high - low) / 2;

		if (ip_addr_cmp(&set->shut[middle]->address, a) < 0)
			low = middle + 1;
		else
			high = middle;
	}
	return low;
}

static struct session_shutdown *find(const struct session_neighbors *set, const struct ip_addr *a)
{
	size_t i = bound(set, a);

	return i < set->shut_count && ip_addr_equal(&set->shut[i]->address, a) ? set->shut[i] : NULL;
}

const struct session_shutdown *session_neighbors_shutdown_of(
	const struct session_neighbors *set, const struct ip_addr *address)
{
	return find(set, address);
}

static bool is_expected(const struct session_neighbors *set, const struct ip_addr *address)
{
	struct prefix host = prefix_host(address);

	return neighbors_find(set, address) || trie_match(set->range_trie, &host);
}

static struct session_shutdown *add(struct session_neighbors *set, const struct ip_addr *address)
{
	size_t at = bound(set, address);
	struct session_shutdown *d = mem_calloc(1, sizeof(*d));

	d->address = *address;
	set->shut = mem_realloc(set->shut, (set->shut_count + 1) * sizeof(struct session_shutdown *));
	memmove(set->shut + at + 1, set->shut + at,
		(set->shut_count - at) * sizeof(struct session_shutdown *));
	set->shut[at] = d;
	set->shut_count++;
	return d;
}

static void del(struct session_neighbors *set, size_t at)
{
	free(set->shut[at]);
	set->shut_count--;
	memmove(set->shut + at, set->shut + at + 1,
		(set->shut_count - at) * sizeof(struct session_shutdown *));
}

bool session_neighbors_shutdown(
	struct session_neighbors *set, const struct ip_addr *address, const char *text)
{
	struct session_shutdown *d = find(set, address);
	struct neighbor *n = neighbors_find(set, address);

	if (!d && !is_expected(set, address))
		return false;
	if (!d)
		d = add(set, address);
	d->since_us = io_loop_now_us(set->io->loop);
	snprintf(d->text, sizeof(d->text), "%s", text ? text : "");
	if (n)
		session_shutdown(n->session, text);
	return true;
}

bool session_neighbors_enable(struct session_neighbors *set, const struct ip_addr *address)
{
	struct neighbor *n = neighbors_find(set, address);

	if (!find(set, address))
		return false;
	del(set, bound(set, address));
	/* A dynamic one that is still here is about to be freed, and comes again by itself. */
	if (n && !n->range)
		session_enable(n->session);
	return true;
}

const struct session_shutdown *session_neighbors_next_shutdown(
	const struct session_neighbors *set, const struct ip_addr *after)
{
	size_t i = after ? bound(set, after) : 0;

	if (after && i < set->shut_count && ip_addr_equal(&set->shut[i]->address, after))
		i++;
	return i < set->shut_count ? set->shut[i] : NULL;
}

void session_neighbors_trim_shutdowns(struct session_neighbors *set)
{
	for (size_t i = set->shut_count; i-- > 0;)
		if (!is_expected(set, &set->shut[i]->address))
			del(set, i);
}

void neighbors_shutdowns_fini(struct session_neighbors *set)
{
	while (set->shut_count)
		del(set, set->shut_count - 1);
	free(set->shut);
}
