#include "session/neighbors.h"

#include "base/mem.h"
#include "io/own_addresses.h"
#include "io/tcp.h"
#include "session/neighbors_private.h"

#include <stdlib.h>
#include <string.h>

enum { WAITING_MAX_DEFAULT = 1024 };

/* --- by address --- */

/* The index of the first neighbor whose address is not below a. */
static size_t lower_bound(const struct session_neighbors *set, const struct ip_addr *a)
{
	size_t low = 0, high = set->count;

	while (low < high) {
		size_t middle = low + (high - low) / 2;

		if (ip_addr_cmp(&set->item[middle]->session->cfg.remote, a) < 0)
			low = middle + 1;
		else
			high = middle;
	}
	return low;
}

struct neighbor *neighbors_find(const struct session_neighbors *set, const struct ip_addr *remote)
{
	size_t i = lower_bound(set, remote);

	if (i == set->count || !ip_addr_equal(&set->item[i]->session->cfg.remote, remote))
		return NULL;
	return set->item[i];
}

bool neighbors_log_pass(struct session_neighbors *set, struct log_limit *limit, uint64_t *more)
{
	return log_limit_pass(limit, io_loop_now_us(set->io->loop) / 1000, NEIGHBORS_LOG_MS, more);
}

/* --- identifiers used twice --- */

static const struct neighbor *find_same_id(const struct session_neighbors *set, const struct neighbor *n)
{
	const struct session_conn *c = n->session->primary;

	if (!n->has_id)
		return NULL;
	for (struct hash_node *i = hash_first(&set->ids, n->id_node.hash); i; i = hash_next(i)) {
		const struct neighbor *other = HASH_ENTRY(i, struct neighbor, id_node);
		const struct session_conn *o = other->session->primary;

		if (other != n && o->peer_as == c->peer_as && o->peer_identifier == c->peer_identifier)
			return other;
	}
	return NULL;
}

static void forget_id(struct neighbor *n)
{
	if (n->has_id)
		hash_del(&n->set->ids, &n->id_node);
	n->has_id = false;
}

static void neighbor_up(void *user, struct session *s)
{
	struct neighbor *n = user;
	struct session_neighbors *set = n->set;
	const struct neighbor *other;
	char other_label[SESSION_LABEL_MAX], id[PREFIX_TEXT_MAX];

	neighbors_wait_over(n);
	forget_id(n);
	hash_add(&set->ids, &n->id_node, hash_u64(s->primary->peer_identifier));
	n->has_id = true;
	other = find_same_id(set, n);
	if (!other)
		return;
	set->counters.same_id++;
	if (neighbors_log_pass(set, &set->id_limit, NULL))
		session_log(s, LOG_LEVEL_WARNING, "same-router-id", NULL,
			"has the same BGP Identifier %s as neighbor %s: give each its own",
			session_identifier_text(s->primary->peer_identifier, id),
			session_label(other->session, other_label));
}

static void neighbor_down(void *user, struct session *s)
{
	(void)s;
	forget_id(user);
	/* Another connection of its may still have to come up. */
	neighbors_wait(user);
}

static void neighbor_disconnected(void *user, struct session *s)
{
	struct neighbor *n = user;

	(void)s;
	if (!n->range || list_linked(&n->leaving_link))
		return;
	list_add_tail(&n->set->leaving, &n->leaving_link);
	io_job_post(n->set->leaving_job);
}

static void neighbor_timed_out(void *user, struct session *s)
{
	struct neighbor *n = user;

	(void)s;
	n->set->counters.timed_out++;
	if (n->range)
		n->range->info.timed_out++;
}

static void neighbor_from_afar(void *user, struct session *s)
{
	struct neighbor *n = user;
	struct session_neighbors *set = n->set;

	set->counters.from_afar++;
	neighbors_tell_refused(set, &s->cfg.remote, "from farther away than its TTL may tell");
	if (n->range)
		neighbors_note_failure(set, n->range, &s->cfg.remote,
			"refused: from farther away than ttl-security-hops allows");
}

/* A pod that leaves says goodbye by a Cease, and one that is sent away was so on purpose. */
static bool is_failure(const struct session_down *why)
{
	return why->reason != SESSION_DOWN_ADMIN && why->reason != SESSION_DOWN_TAKEN_OVER &&
	       !(why->reason == SESSION_DOWN_NOTIFICATION_RECEIVED && why->code == BGP_ERR_CEASE);
}

static void neighbor_failed(void *user, struct session *s, const struct session_down *why)
{
	struct neighbor *n = user;

	if (n->range && is_failure(why))
		neighbors_note_failure(n->set, n->range, &s->cfg.remote, why->text);
}

static void neighbor_incapable(void *user, struct session *s)
{
	const struct neighbor *n = user;

	if (n->range)
		neighbors_incapable_note(n->set, &s->cfg.remote);
}

/* --- coming and going --- */

static const struct session_owner owner = {
	.up = neighbor_up,
	.down = neighbor_down,
	.disconnected = neighbor_disconnected,
	.timed_out = neighbor_timed_out,
	.came_from_afar = neighbor_from_afar,
	.incapable = neighbor_incapable,
	.failed = neighbor_failed,
};

struct neighbor *neighbors_insert(struct session_neighbors *set, const struct session_config *cfg,
	const struct session_ops *ops, void *user, struct neighbor_range *range)
{
	size_t at = lower_bound(set, &cfg->remote);
	struct neighbor *n = mem_calloc(1, sizeof(*n));

	n->set = set;
	n->range = range;
	n->user = user;
	n->session = session_new(set->io, cfg, ops, user);
	if (session_neighbors_key(set, &cfg->remote))
		session_set_key(n->session, session_neighbors_key(set, &cfg->remote));
	session_set_owner(n->session, &owner, n);
	n->session->shut_down = session_neighbors_shutdown_of(set, &cfg->remote) != NULL;
	if (set->count == set->size) {
		set->size = set->size ? set->size * 2 : 16;
		set->item = mem_realloc(set->item, set->size * sizeof(struct neighbor *));
	}
	memmove(set->item + at + 1, set->item + at, (set->count - at) * sizeof(struct neighbor *));
	set->item[at] = n;
	set->count++;
	neighbors_wait(n);
	return n;
}

static void free_neighbor(struct neighbor *n)
{
	struct session_neighbors *set = n->set;

	forget_id(n);
	neighbors_wait_over(n);
	list_del(&n->leaving_link);
	session_free(n->session);
	if (n->range) {
		set->ops->dynamic_gone(set->user, n->user);
		neighbors_range_left(n->range);
	}
	free(n);
}

void neighbors_remove(struct neighbor *n)
{
	struct session_neighbors *set = n->set;
	size_t at = lower_bound(set, &n->session->cfg.remote);

	memmove(set->item + at, set->item + at + 1, (set->count - at - 1) * sizeof(struct neighbor *));
	set->count--;
	free_neighbor(n);
}

/* One who came back before this ran stays. */
void session_neighbors_free_gone(struct session_neighbors *set)
{
	while (!list_empty(&set->leaving)) {
		struct neighbor *n = LIST_ENTRY(set->leaving.next, struct neighbor, leaving_link);

		list_del(&n->leaving_link);
		if (!session_connected(n->session))
			neighbors_remove(n);
	}
}

static void let_leave(void *user)
{
	session_neighbors_free_gone(user);
}

struct session *session_neighbors_add(struct session_neighbors *set, const struct session_config *cfg,
	const struct session_ops *ops, void *user)
{
	struct neighbor *n = neighbors_find(set, &cfg->remote);

	if (n && !n->range)
		return NULL;
	if (n) {
		session_stop(n->session, BGP_CEASE_OTHER_CONFIGURATION_CHANGE, NULL);
		neighbors_remove(n);
	}
	return neighbors_insert(set, cfg, ops, user, NULL)->session;
}

bool session_neighbors_del(struct session_neighbors *set, const struct ip_addr *remote)
{
	struct neighbor *n = neighbors_find(set, remote);

	if (!n || n->range)
		return false;
	session_stop(n->session, BGP_CEASE_PEER_DECONFIGURED, NULL);
	neighbors_remove(n);
	return true;
}

struct session_neighbors *session_neighbors_new(
	struct session_io *io, const struct session_neighbors_ops *ops, void *user)
{
	struct session_neighbors *set = mem_calloc(1, sizeof(*set));

	set->io = io;
	set->ops = ops;
	set->user = user;
	list_init(&set->leaving);
	list_init(&set->listeners);
	list_init(&set->waiting);
	neighbors_arrivals_init(set);
	set->key_trie = trie_new();
	set->waiting_max = WAITING_MAX_DEFAULT;
	set->guard[0].keep_syn = set->guard[1].keep_syn = true;
	set->leaving_job = io_job_new(io->loop, let_leave, set);
	set->range_trie = trie_new();
	set->own = io_own_addresses_new();
	return set;
}

void session_neighbors_free(struct session_neighbors *set)
{
	if (!set)
		return;
	neighbors_listeners_fini(set);
	while (set->count)
		free_neighbor(set->item[--set->count]);
	neighbors_arrivals_fini(set);
	neighbors_ranges_fini(set);
	io_own_addresses_free(set->own);
	neighbors_keys_fini(set);
	neighbors_shutdowns_fini(set);
	hash_fini(&set->ids);
	io_job_free(set->leaving_job);
	free(set->item);
	free(set);
}

/* --- what there is to know --- */

struct session *session_neighbors_find(const struct session_neighbors *set, const struct ip_addr *remote)
{
	const struct neighbor *n = neighbors_find(set, remote);

	return n ? n->session : NULL;
}

struct session *session_neighbors_next(const struct session_neighbors *set, const struct ip_addr *after)
{
	size_t i = after ? lower_bound(set, after) : 0;

	if (after && i < set->count && ip_addr_equal(&set->item[i]->session->cfg.remote, after))
		i++;
	return i < set->count ? set->item[i]->session : NULL;
}

size_t session_neighbors_count(const struct session_neighbors *set)
{
	return set->count;
}

bool session_neighbors_range_of(
	const struct session_neighbors *set, const struct session *s, struct prefix *out)
{
	const struct neighbor *n = neighbors_find(set, &s->cfg.remote);

	if (!n || !n->range)
		return false;
	*out = n->range->info.prefix;
	return true;
}

struct ip_addr session_neighbors_beside_local(struct session_neighbors *set, const struct session *s)
{
	struct ip_addr local = session_local_addr(s);

	return io_own_addresses_beside(set->own, &local, io_loop_now_us(set->io->loop));
}

bool session_neighbors_same_id(
	const struct session_neighbors *set, const struct session *s, struct ip_addr *other)
{
	const struct neighbor *n = neighbors_find(set, &s->cfg.remote);
	const struct neighbor *o = n ? find_same_id(set, n) : NULL;

	if (o && other)
		*other = o->session->cfg.remote;
	return o != NULL;
}

const struct session_neighbors_counters *session_neighbors_counters(const struct session_neighbors *set)
{
	return &set->counters;
}
