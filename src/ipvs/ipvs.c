#include "ipvs/ipvs.h"

#include "base/log.h"
#include "base/mem.h"
#include "ipvs/ipvs_private.h"
#include "ipvs/message.h"
#include "ipvs/netlink.h"
#include "ipvs/state.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

enum { STALE_US = 5000000 }; /* a listing of a service that nobody cared for is believed for so long */

/* --- services --- */

struct ipvs_entry *ipvs_entry_find(const struct ipvs *i, const struct ipvs_key *key)
{
	for (struct hash_node *n = hash_first(&i->entries, ipvs_key_hash(key)); n; n = hash_next(n)) {
		struct ipvs_entry *e = HASH_ENTRY(n, struct ipvs_entry, node);

		if (ipvs_key_equal(&e->key, key))
			return e;
	}
	return NULL;
}

/* A service that was never seen is not there: listings name all that are. */
struct ipvs_entry *ipvs_entry_get(struct ipvs *i, const struct ipvs_key *key)
{
	struct ipvs_entry *e = ipvs_entry_find(i, key);

	if (e)
		return e;
	e = mem_calloc(1, sizeof(*e));
	e->ipvs = i;
	e->key = *key;
	e->known = i->ready;
	e->round = i->round;
	hash_add(&i->entries, &e->node, ipvs_key_hash(key));
	return e;
}

void ipvs_entry_free(struct ipvs_entry *e)
{
	hash_del(&e->ipvs->entries, &e->node);
	list_del(&e->dirty);
	list_del(&e->asked);
	if (e->rest != e->table)
		ipvs_mh_table_free(e->rest);
	ipvs_mh_table_free(e->table);
	ipvs_have_fini(&e->have);
	io_timer_free(e->retry);
	free(e->want);
	free(e);
}

/* --- wishes --- */

static int cmp_wish(const void *a, const void *b)
{
	const struct ipvs_wish_dest *x = a, *y = b;

	return ipvs_dest_cmp(&x->dest, &y->dest);
}

/* Sorted, tidy, each once: the caller frees it. */
static struct ipvs_wish_dest *canonical(const struct ipvs_wish *w, size_t *count)
{
	struct ipvs_wish_dest *d = mem_alloc((w->count + 1) * sizeof(*d));
	size_t n = 0;

	if (w->count)
		memcpy(d, w->dests, w->count * sizeof(*d));
	for (size_t i = 0; i < w->count; i++)
		ipvs_dest_tidy(&d[i].dest);
	qsort(d, w->count, sizeof(*d), cmp_wish);
	for (size_t i = 0; i < w->count; i++)
		if (!n || !ipvs_dest_same(&d[n - 1].dest, &d[i].dest))
			d[n++] = d[i];
	*count = n;
	return d;
}

static bool wish_equal(const struct ipvs_entry *e, const struct ipvs_service *s,
	const struct ipvs_wish_dest *want, size_t count)
{
	if (!e->wished || e->count != count || !ipvs_service_equal(&e->service, s))
		return false;
	for (size_t i = 0; i < count; i++)
		if (!ipvs_dest_equal(&e->want[i].dest, &want[i].dest) ||
			e->want[i].full_weight != want[i].full_weight)
			return false;
	return true;
}

/* What nobody cared for may have changed since it was listed. */
static void adopt(struct ipvs_entry *e)
{
	if (!e->ours && e->have.present && io_loop_now_us(e->ipvs->loop) - e->listed_us > STALE_US)
		e->known = false;
	ipvs_entry_own(e, true);
}

void ipvs_set(struct ipvs *i, const struct ipvs_wish *w)
{
	struct ipvs_service service = w->service;
	struct ipvs_wish_dest *want;
	struct ipvs_entry *e;
	size_t count;

	ipvs_service_tidy(&service);
	e = ipvs_entry_get(i, &service.key);
	want = canonical(w, &count);
	if (wish_equal(e, &service, want, count)) {
		free(want);
		return;
	}
	adopt(e);
	free(e->want);
	e->service = service;
	e->want = want;
	e->count = count;
	e->wished = true;
	e->goes = e->settled = false;
	ipvs_entry_release(e);
	ipvs_entry_touch(e);
}

static void let_go(struct ipvs_entry *e)
{
	free(e->want);
	e->want = NULL;
	e->count = 0;
	e->wished = e->settled = false;
	e->goes = e->ours;
	ipvs_entry_release(e);
	ipvs_entry_touch(e);
}

void ipvs_unset(struct ipvs *i, const struct ipvs_key *key)
{
	struct ipvs_service s = { .key = *key };
	struct ipvs_entry *e;

	ipvs_service_tidy(&s);
	e = ipvs_entry_find(i, &s.key);
	if (e && (e->wished || e->ours))
		let_go(e);
}

void ipvs_wishes_complete(struct ipvs *i)
{
	for (struct hash_node *n = hash_walk(&i->entries, NULL); n; n = hash_walk(&i->entries, n)) {
		struct ipvs_entry *e = HASH_ENTRY(n, struct ipvs_entry, node);

		if (e->ours && !e->wished && !e->goes)
			let_go(e);
	}
}

void ipvs_count(struct ipvs *i, const struct ipvs_key *key)
{
	struct ipvs_entry *e = ipvs_entry_find(i, key);

	if (e && i->ready)
		ipvs_entry_ask(e);
}

/* --- life --- */

static void turn(void *user)
{
	ipvs_run(user);
}

static void compare_due(void *user)
{
	struct ipvs *i = user;

	io_timer_set(i->compare, i->cfg.compare_s * 1000000ULL);
	ipvs_compare(i);
}

static void retry_due(void *user)
{
	ipvs_list_all(user);
}

static void set_config(struct ipvs *i, const struct ipvs_config *cfg)
{
	i->cfg = *cfg;
	free(i->state_path);
	i->state_path = cfg->state_path ? mem_strdup(cfg->state_path) : NULL;
	i->cfg.state_path = i->state_path;
	if (cfg->compare_s)
		io_timer_set(i->compare, cfg->compare_s * 1000000ULL);
	else
		io_timer_cancel(i->compare);
}

static void remember(void *user, const struct ipvs_key *key)
{
	struct ipvs_entry *e = ipvs_entry_get(user, key);

	e->ours = e->remembered = true;
}

struct ipvs *ipvs_new(struct io_loop *loop, const struct ipvs_config *cfg, const struct ipvs_ops *ops,
	void *user, char *err, size_t err_size)
{
	struct ipvs *i;
	struct ipvs_exec *exec = ipvs_exec_new(loop, err, err_size);

	if (!exec)
		return NULL;
	i = mem_calloc(1, sizeof(*i));
	i->loop = loop;
	i->ops = ops;
	i->user = user;
	i->exec = exec;
	list_init(&i->dirty);
	list_init(&i->asked);
	i->turn = io_job_new(loop, turn, i);
	i->compare = io_timer_new(loop, compare_due, i);
	i->retry = io_timer_new(loop, retry_due, i);
	set_config(i, cfg);
	if (i->state_path)
		ipvs_state_read(i->state_path, remember, i);
	ipvs_list_all(i);
	return i;
}

void ipvs_free(struct ipvs *i)
{
	if (!i)
		return;
	ipvs_exec_free(i->exec);
	for (struct hash_node *n = hash_walk(&i->entries, NULL), *next; n; n = next) {
		next = hash_walk(&i->entries, n);
		ipvs_entry_free(HASH_ENTRY(n, struct ipvs_entry, node));
	}
	hash_fini(&i->entries);
	io_job_free(i->turn);
	io_timer_free(i->compare);
	io_timer_free(i->retry);
	free(i->state_path);
	free(i);
}

static bool same_config(const struct ipvs_config *a, const struct ipvs_config *b)
{
	return a->compare_s == b->compare_s && a->mh_table_size == b->mh_table_size &&
	       a->expire_nodest == b->expire_nodest && !a->state_path == !b->state_path &&
	       (!a->state_path || strcmp(a->state_path, b->state_path) == 0);
}

void ipvs_configure(struct ipvs *i, const struct ipvs_config *cfg)
{
	if (same_config(&i->cfg, cfg))
		return;
	set_config(i, cfg);
	i->state_dirty = true;
	for (struct hash_node *n = hash_walk(&i->entries, NULL); n; n = hash_walk(&i->entries, n)) {
		struct ipvs_entry *e = HASH_ENTRY(n, struct ipvs_entry, node);

		e->table_stale = true;
		ipvs_entry_touch(e);
	}
	io_job_post(i->turn);
}

bool ipvs_settled(const struct ipvs *i)
{
	if (!i->ready || i->state_dirty)
		return false;
	for (struct hash_node *n = hash_walk(&i->entries, NULL); n; n = hash_walk(&i->entries, n)) {
		const struct ipvs_entry *e = HASH_ENTRY(n, struct ipvs_entry, node);

		if ((e->wished && !e->settled) || e->goes)
			return false;
	}
	return true;
}

/* --- the kernel's time-outs --- */

static void take_timeouts(void *user, const struct nlmsghdr *h)
{
	ipvs_message_decode_timeouts(h, user);
}

static bool holds(uint32_t wanted_s, uint32_t has_s)
{
	return !wanted_s || wanted_s == has_s;
}

int ipvs_set_timeouts(struct ipvs *i, uint32_t tcp_s, uint32_t tcp_fin_s, uint32_t udp_s)
{
	const struct ipvs_timeouts t = { tcp_s, tcp_fin_s, udp_s };
	struct ipvs_timeouts now = { 0 };
	char err[IPVS_WHY_MAX];
	struct ipvs_netlink *nl;
	int error;

	(void)i;
	if (!tcp_s && !tcp_fin_s && !udp_s)
		return 0;
	/* The executor's socket is its thread's. */
	nl = ipvs_netlink_new(err, sizeof(err));
	if (!nl) {
		log_warning("%s", err);
		return -ENOTCONN;
	}
	error = ipvs_netlink_request(
		nl, ipvs_message_get_timeouts(ipvs_netlink_family(nl)), take_timeouts, &now);
	if (error || !(holds(tcp_s, now.tcp_s) && holds(tcp_fin_s, now.tcp_fin_s) && holds(udp_s, now.udp_s)))
		error = ipvs_netlink_request(
			nl, ipvs_message_set_timeouts(ipvs_netlink_family(nl), &t), NULL, NULL);
	ipvs_netlink_free(nl);
	return error;
}
