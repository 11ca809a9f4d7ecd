/*
 * Ranges of dynamic neighbors, and who is let in.
 *
 * The limit of a range counts its sessions that exist, connected or about to be freed, so it is exact at any moment;
 * one that is about to be freed is so for the rest of a turn only. Refused: addresses nobody configured (closed without
 * a word), this host's own addresses (it would peer with itself), more than the limit (told by a Cease), and more in a
 * second than the range's rate (reset, which costs nothing).
 */
#include "base/mem.h"
#include "io/own_addresses.h"
#include "io/tcp.h"
#include "session/neighbors_private.h"

#include <stdlib.h>
#include <string.h>
#include <unistd.h>

static size_t range_bound(const struct session_neighbors *set, const struct prefix *p)
{
	size_t i = 0;

	while (i < set->ranges && prefix_cmp(&set->range[i]->info.prefix, p) < 0)
		i++;
	return i;
}

static void insert_range(struct session_neighbors *set, struct neighbor_range *r)
{
	size_t at = range_bound(set, &r->info.prefix);

	if (set->ranges == set->range_size) {
		set->range_size = set->range_size ? set->range_size * 2 : 8;
		set->range = mem_realloc(set->range, set->range_size * sizeof(struct neighbor_range *));
	}
	memmove(set->range + at + 1, set->range + at, (set->ranges - at) * sizeof(struct neighbor_range *));
	set->range[at] = r;
	set->ranges++;
}

void session_neighbors_set_range(
	struct session_neighbors *set, const struct prefix *prefix, unsigned limit, void *range_user)
{
	struct neighbor_range *r = trie_get(set->range_trie, prefix);

	if (!r) {
		r = mem_calloc(1, sizeof(*r));
		r->info.prefix = *prefix;
		list_init(&r->waiting);
		trie_set(set->range_trie, prefix, r);
		insert_range(set, r);
	}
	r->info.limit = limit;
	r->info.range_user = range_user;
}

bool session_neighbors_set_range_rate(
	struct session_neighbors *set, const struct prefix *prefix, uint32_t new_per_s)
{
	struct neighbor_range *r = trie_get(set->range_trie, prefix);

	if (r)
		r->info.new_per_s = new_per_s;
	return r != NULL;
}

static void free_range(struct neighbor_range *r)
{
	session_failures_fini(&r->failures);
	free(r);
}

static void free_range_if_unused(struct neighbor_range *r)
{
	if (r->removed && r->info.neighbors == 0)
		free_range(r);
}

void neighbors_range_left(struct neighbor_range *r)
{
	r->info.neighbors--;
	free_range_if_unused(r);
}

/* Nobody is let in by it any more. */
static void take_range(struct session_neighbors *set, struct neighbor_range *r)
{
	size_t at = range_bound(set, &r->info.prefix);

	trie_del(set->range_trie, &r->info.prefix);
	memmove(set->range + at, set->range + at + 1,
		(set->ranges - at - 1) * sizeof(struct neighbor_range *));
	set->ranges--;
	r->removed = true;
}

static bool is_listed(const struct neighbor_range *r, const struct session_range *list, size_t count)
{
	for (size_t i = 0; i < count; i++)
		if (prefix_equal(&list[i].prefix, &r->info.prefix))
			return true;
	return false;
}

static void rehome(struct session_neighbors *set, struct neighbor *n)
{
	struct prefix host = prefix_host(&n->session->cfg.remote);
	struct neighbor_range *old = n->range, *r = trie_match(set->range_trie, &host);
	bool waits = list_linked(&n->waiting_link);

	if (!r) {
		session_stop(n->session, BGP_CEASE_PEER_DECONFIGURED, NULL);
	} else if (r != old) {
		neighbors_wait_over(n);
		n->range = r;
		r->info.neighbors++;
		if (waits)
			neighbors_wait(n);
		neighbors_range_left(old);
	}
}

void session_neighbors_set_ranges(
	struct session_neighbors *set, const struct session_range *range, size_t count)
{
	for (size_t i = 0; i < count; i++) {
		session_neighbors_set_range(set, &range[i].prefix, range[i].limit, range[i].user);
		session_neighbors_set_range_rate(set, &range[i].prefix, range[i].new_per_s);
	}
	for (size_t i = set->ranges; i-- > 0;) {
		struct neighbor_range *r = set->range[i];

		if (is_listed(r, range, count))
			continue;
		take_range(set, r);
		free_range_if_unused(r);
	}
	for (size_t i = 0; i < set->count; i++)
		if (set->item[i]->range)
			rehome(set, set->item[i]);
}

bool session_neighbors_del_range(struct session_neighbors *set, const struct prefix *prefix)
{
	struct neighbor_range *r = trie_get(set->range_trie, prefix);

	if (!r)
		return false;
	take_range(set, r);
	/* They are freed at the end of the turn, by the way every dynamic neighbor goes. */
	for (size_t i = 0; i < set->count; i++)
		if (set->item[i]->range == r)
			session_stop(set->item[i]->session, BGP_CEASE_PEER_DECONFIGURED, NULL);
	free_range_if_unused(r);
	return true;
}

void neighbors_ranges_fini(struct session_neighbors *set)
{
	for (size_t i = 0; i < set->ranges; i++)
		free_range(set->range[i]);
	free(set->range);
	trie_free(set->range_trie);
	session_failures_fini(&set->strangers);
}

bool session_neighbors_next_range(
	const struct session_neighbors *set, const struct prefix *after, struct session_range_info *out)
{
	size_t i = after ? range_bound(set, after) : 0;

	if (after && i < set->ranges && prefix_equal(&set->range[i]->info.prefix, after))
		i++;
	if (i == set->ranges)
		return false;
	*out = set->range[i]->info;
	return true;
}

/* --- who did not come up --- */

void neighbors_note_failure(struct session_neighbors *set, struct neighbor_range *r,
	const struct ip_addr *address, const char *text)
{
	session_failures_note(
		r ? &r->failures : &set->strangers, address, text, io_loop_now_us(set->io->loop));
	if (r)
		r->info.failed++;
}

const struct session_failure *session_neighbors_failure(
	const struct session_neighbors *set, const struct prefix *range, unsigned i)
{
	const struct neighbor_range *r = range ? trie_get(set->range_trie, range) : NULL;
	const struct session_failures *f = r ? &r->failures : range ? NULL : &set->strangers;

	return f && i < f->count ? f->item[i] : NULL;
}

const struct session_failure *session_neighbors_failure_of(
	const struct session_neighbors *set, const struct ip_addr *address)
{
	struct prefix host = prefix_host(address);
	const struct neighbor_range *r = trie_match(set->range_trie, &host);

	return session_failures_of(r ? &r->failures : &set->strangers, address);
}

/* --- who is let in --- */

void neighbors_tell_refused(
	const struct session_neighbors *set, const struct ip_addr *remote, const char *why)
{
	if (set->ops->refused)
		set->ops->refused(set->user, remote, why);
}

/* Without a word, and without anything that the kernel would have to remember. */
static void drop(int fd)
{
	io_tcp_abort_on_close(fd);
	close(fd);
}

bool neighbors_is_dynamic(const struct session_neighbors *set, const struct ip_addr *remote)
{
	struct prefix host = prefix_host(remote);

	return trie_match(set->range_trie, &host) && !neighbors_find(set, remote);
}

static void refuse_unknown(struct session_neighbors *set, int fd, const struct ip_addr *remote)
{
	char addr[PREFIX_TEXT_MAX];
	uint64_t more;

	set->counters.unknown_source++;
	neighbors_tell_refused(set, remote, "neither a neighbor nor in a range");
	neighbors_note_failure(set, NULL, remote, "refused: neither a neighbor nor in a range");
	if (neighbors_log_pass(set, &set->unknown_limit, &more))
		log_about(LOG_LEVEL_WARNING, LOG_ABOUT("unknown-source", .neighbor = addr),
			"connection from %s refused: neither a neighbor nor in a range (%llu more before)",
			ip_addr_format(remote, addr), (unsigned long long)more);
	drop(fd);
}

/* We must not become our own neighbor. On the loopback interface every address is this host's, and several speakers of one
 * host may stand there, so there only the very address that was connected to is. */
static bool is_own(struct session_neighbors *set, const struct ip_addr *remote, const struct ip_addr *local)
{
	return ip_addr_equal(remote, local) ||
	       (!ip_addr_is_loopback(remote) &&
		       io_own_addresses_have(set->own, remote, io_loop_now_us(set->io->loop)));
}

static void refuse_own(
	struct session_neighbors *set, struct neighbor_range *r, int fd, const struct ip_addr *remote)
{
	char addr[PREFIX_TEXT_MAX];
	uint64_t more;

	set->counters.own_address++;
	neighbors_tell_refused(set, remote, "an address of this host");
	neighbors_note_failure(set, r, remote, "refused: an address of this host");
	if (neighbors_log_pass(set, &set->own_limit, &more))
		log_about(LOG_LEVEL_WARNING, LOG_ABOUT("own-address", .neighbor = addr),
			"connection from %s refused: it is an address of this host (%llu more before)",
			ip_addr_format(remote, addr), (unsigned long long)more);
	close(fd);
}

static void refuse_over_limit(
	struct session_neighbors *set, struct neighbor_range *r, int fd, const struct ip_addr *remote)
{
	char addr[PREFIX_TEXT_MAX], prefix[PREFIX_TEXT_MAX];
	uint64_t more;

	set->counters.over_limit++;
	neighbors_tell_refused(set, remote, "the limit of its range is reached");
	r->info.refused++;
	r->info.last_refused = *remote;
	r->info.last_refused_us = io_loop_now_us(set->io->loop);
	neighbors_note_failure(set, r, remote, "refused: the limit of the range is reached");
	if (neighbors_log_pass(set, &r->limit, &more))
		log_about(LOG_LEVEL_WARNING, LOG_ABOUT("range-full", .neighbor = addr),
			"range %s: %s refused: the limit of %u neighbors is reached (%llu more before)",
			prefix_format(&r->info.prefix, prefix), ip_addr_format(remote, addr), r->info.limit,
			(unsigned long long)more);
	session_io_reject(set->io, fd, BGP_ERR_CEASE, BGP_CEASE_CONNECTION_REJECTED);
}

static void refuse_too_fast(
	struct session_neighbors *set, struct neighbor_range *r, int fd, const struct ip_addr *remote)
{
	char addr[PREFIX_TEXT_MAX], prefix[PREFIX_TEXT_MAX];
	uint64_t more;

	set->counters.too_fast++;
	neighbors_tell_refused(set, remote, "more new neighbors in a second than its range takes");
	r->info.too_fast++;
	neighbors_note_failure(
		set, r, remote, "refused: more new neighbors in a second than the range takes");
	if (neighbors_log_pass(set, &r->rate_limit, &more))
		log_about(LOG_LEVEL_WARNING, LOG_ABOUT("range-too-fast", .neighbor = addr),
			"range %s: %s refused: more than %u new neighbors in a second (%llu more before)",
			prefix_format(&r->info.prefix, prefix), ip_addr_format(remote, addr),
			r->info.new_per_s, (unsigned long long)more);
	drop(fd);
}

/* It tries again and again, and somebody wants it so: nothing for the log. It is told the reason again, or the last that its
 * operators see would be that it was refused. RFC 4486 4, 9003. */
static void refuse_shut_down(struct session_neighbors *set, int fd, const struct ip_addr *remote,
	const struct session_shutdown *why)
{
	struct bgp_error e;

	set->counters.shut_down++;
	neighbors_tell_refused(set, remote, "shut down");
	session_cease_error(&e, BGP_CEASE_ADMINISTRATIVE_SHUTDOWN, why->text[0] ? why->text : NULL);
	session_io_reject_with(set->io, fd, &e);
}

static void let_in(struct session_neighbors *set, struct neighbor_range *r, int fd,
	const struct ip_addr *remote, const struct ip_addr *local)
{
	struct session_config cfg = { .remote = *remote };
	const struct session_ops *ops = NULL;
	void *user = set->ops->dynamic_new(set->user, r->info.range_user, remote, &cfg, &ops);
	struct neighbor *n;

	if (!user) {
		session_io_reject(set->io, fd, BGP_ERR_CEASE, BGP_CEASE_CONNECTION_REJECTED);
		return;
	}
	cfg.remote = *remote;
	cfg.passive = cfg.enabled = true;
	r->info.neighbors++;
	n = neighbors_insert(set, &cfg, ops, user, r);
	n->session->incapable = neighbors_incapable_take(set, remote);
	session_start(n->session);
	session_accept(n->session, fd, local);
	/* Its connection was not what it should be; nothing else would ever free it. */
	if (!session_connected(n->session))
		neighbors_remove(n);
}

static void admit_new(struct session_neighbors *set, struct neighbor_range *r, int fd,
	const struct ip_addr *remote, const struct ip_addr *local)
{
	if (!session_rate_pass(&r->rate, r->info.new_per_s, io_loop_now_us(set->io->loop))) {
		refuse_too_fast(set, r, fd, remote);
		return;
	}
	neighbors_make_room(set, r);
	if (r->info.neighbors >= r->info.limit)
		refuse_over_limit(set, r, fd, remote);
	else
		let_in(set, r, fd, remote, local);
}

void neighbors_admit(
	struct session_neighbors *set, int fd, const struct ip_addr *remote, const struct ip_addr *local)
{
	struct neighbor *n = neighbors_find(set, remote);
	struct prefix host = prefix_host(remote);
	struct neighbor_range *r = n ? NULL : trie_match(set->range_trie, &host);
	const struct session_shutdown *shut = session_neighbors_shutdown_of(set, remote);

	if (shut)
		refuse_shut_down(set, fd, remote, shut);
	else if (n)
		session_accept(n->session, fd, local);
	else if (!r)
		refuse_unknown(set, fd, remote);
	else if (is_own(set, remote, local))
		refuse_own(set, r, fd, remote);
	else
		admit_new(set, r, fd, remote, local);
}
