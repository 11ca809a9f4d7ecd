#include "base/log.h"
#include "base/mem.h"
#include "ipvs/ipvs_private.h"
#include "ipvs/message.h"
#include "ipvs/state.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum {
	RETRY_MIN_US = 20000,
	RETRY_MAX_US = 30000000,
	MOVES_MAX = 64, /* others' changes wait for these: some milliseconds */
};

static uint64_t retry_delay(unsigned failures)
{
	uint64_t delay = RETRY_MIN_US;

	for (unsigned n = 1; n < failures && delay < RETRY_MAX_US; n++)
		delay *= 2;
	return delay < RETRY_MAX_US ? delay : RETRY_MAX_US;
}

/* --- what is to be looked at --- */

void ipvs_entry_touch(struct ipvs_entry *e)
{
	if (!list_linked(&e->dirty))
		list_add_tail(&e->ipvs->dirty, &e->dirty);
	if (e->ipvs->ready)
		io_job_post(e->ipvs->turn);
}

void ipvs_entry_ask(struct ipvs_entry *e)
{
	if (!list_linked(&e->asked))
		list_add_tail(&e->ipvs->asked, &e->asked);
	io_job_post(e->ipvs->turn);
}

void ipvs_entry_release(struct ipvs_entry *e)
{
	e->hold = false;
	if (e->retry)
		io_timer_cancel(e->retry);
}

void ipvs_entry_own(struct ipvs_entry *e, bool ours)
{
	if (e->ours == ours)
		return;
	e->ours = ours;
	e->ipvs->state_dirty = true;
	io_job_post(e->ipvs->turn);
}

static void tell_changed(struct ipvs_entry *e)
{
	if (e->ipvs->ops->changed)
		e->ipvs->ops->changed(e->ipvs->user, &e->key);
}

/* --- jobs --- */

/* What will be ours is in the file before it is in the kernel. */
static void attach_state(struct ipvs *i, struct ipvs_job *j)
{
	struct ipvs_key *keys;
	size_t n = 0;

	if (!i->state_dirty)
		return;
	i->state_dirty = false;
	if (!i->state_path)
		return;
	keys = mem_alloc((i->entries.count + 1) * sizeof(*keys));
	for (struct hash_node *node = hash_walk(&i->entries, NULL); node;
		node = hash_walk(&i->entries, node)) {
		const struct ipvs_entry *e = HASH_ENTRY(node, struct ipvs_entry, node);

		if (e->ours)
			keys[n++] = e->key;
	}
	j->state_path = mem_strdup(i->state_path);
	j->state_text = ipvs_state_text(keys, n);
	free(keys);
}

static void submit(struct ipvs *i, struct ipvs_job *j, void *user, void (*done)(struct ipvs_job *j))
{
	j->user = user;
	j->done = done;
	attach_state(i, j);
	ipvs_exec_submit(i->exec, j);
}

/* What every job tells beside its own results. */
static void judge(struct ipvs *i, const struct ipvs_job *j)
{
	if (j->state_error && !i->state_failed)
		log_warning(
			"%s cannot be written: %s; after a restart, services that are no longer configured "
			"would stay in the kernel",
			i->state_path ? i->state_path : "the state file", strerror(-j->state_error));
	if (j->state_text)
		i->state_failed = j->state_error != 0;
	if (j->state_text && i->ops->written)
		i->ops->written(i->user);
	if (!j->plan.count && j->list == IPVS_LIST_NOTHING)
		return;
	if (j->error && !i->broken) {
		log_error("%s", j->why);
		if (i->ops->failed)
			i->ops->failed(i->user, j->why);
	}
	if (!j->error && i->broken)
		log_info("the kernel's IPVS can be spoken to again");
	i->broken = j->error != 0;
}

/* --- failure --- */

static void retry(void *user)
{
	struct ipvs_entry *e = user;

	e->hold = false;
	ipvs_entry_touch(e);
}

/* What the kernel has now is found out before anything is tried again. */
static void fail(struct ipvs_entry *e, const char *why)
{
	char key[IPVS_KEY_TEXT_MAX];

	if (strcmp(e->error, why) != 0)
		log_warning("%s: %s", ipvs_key_format(&e->key, key), why);
	snprintf(e->error, sizeof(e->error), "%s", why);
	e->failures++;
	e->known = false;
	e->hold = true;
	if (!e->retry)
		e->retry = io_timer_new(e->ipvs->loop, retry, e);
	io_timer_set(e->retry, retry_delay(e->failures));
}

static void succeed(struct ipvs_entry *e)
{
	char key[IPVS_KEY_TEXT_MAX];

	if (e->error[0])
		log_info("%s: in the kernel now as wished", ipvs_key_format(&e->key, key));
	e->error[0] = 0;
	e->failures = 0;
}

/* --- listings of one service --- */

static const struct ipvs_found *found_of(const struct ipvs_job *j, const struct ipvs_key *key)
{
	for (size_t n = 0; n < j->count; n++)
		if (ipvs_key_equal(&j->found[n].service.key, key))
			return &j->found[n];
	return NULL;
}

static void take(struct ipvs_entry *e, const struct ipvs_found *f)
{
	bool was_known = e->known, news;

	news = ipvs_have_take(
		&e->have, f ? &f->service : NULL, f ? f->dest : NULL, f ? f->count : 0, e->remembered);
	e->remembered = false;
	/* Told when it is mended. */
	e->drifted |= news && was_known && e->wished;
	e->table_stale |= news;
	e->known = true;
	e->listed_us = io_loop_now_us(e->ipvs->loop);
	ipvs_entry_touch(e);
}

static void listed(struct ipvs_job *j)
{
	struct ipvs_entry *e = j->user;

	e->busy = false;
	judge(e->ipvs, j);
	if (j->error)
		fail(e, j->why);
	else
		take(e, found_of(j, &e->key));
	ipvs_job_free(j);
	tell_changed(e);
}

static void asked_listed(struct ipvs_job *j)
{
	struct ipvs *i = ((struct ipvs_entry *)j->user)->ipvs;

	i->listing = false;
	io_job_post(i->turn);
	listed(j);
}

static void list_one(struct ipvs_entry *e, void (*done)(struct ipvs_job *j))
{
	struct ipvs_job *j = ipvs_job_new();

	j->list = IPVS_LIST_ONE;
	j->key = e->key;
	e->busy = true;
	submit(e->ipvs, j, e, done);
}

/* One at a time, so that changes wait for one at most. */
static void list_next(struct ipvs *i)
{
	LIST_FOREACH (link, &i->asked) {
		struct ipvs_entry *e = LIST_ENTRY(link, struct ipvs_entry, asked);

		if (i->listing)
			return;
		if (e->busy)
			continue;
		list_del(&e->asked);
		i->listing = true;
		list_one(e, asked_listed);
	}
}

/* --- operations --- */

/* The first error in words. */
static bool first_error(const struct ipvs_job *j, char *buf, size_t size, size_t *carried_out)
{
	const struct ipvs_op *bad = NULL;

	*carried_out = 0;
	for (size_t n = 0; n < j->plan.count; n++) {
		*carried_out += !j->plan.op[n].error;
		if (j->plan.op[n].error && !bad)
			bad = &j->plan.op[n];
	}
	if (bad)
		ipvs_message_explain(&j->plan.service, bad, buf, size);
	return bad != NULL;
}

static void carried_out(struct ipvs_job *j)
{
	struct ipvs_entry *e = j->user;
	char why[IPVS_WHY_MAX];
	bool failed;
	size_t n;

	e->busy = false;
	judge(e->ipvs, j);
	ipvs_have_apply(&e->have, &j->plan.service, j->plan.op, j->plan.count);
	e->table_stale = true;
	failed = first_error(j, why, sizeof(why), &n);
	if (j->error || failed)
		fail(e, j->error ? j->why : why);
	else
		succeed(e);
	e->repairs += e->drifted ? n : 0;
	e->drifted = false;
	if (e->goes && !e->have.present) {
		e->goes = false;
		ipvs_entry_own(e, false);
	}
	ipvs_job_free(j);
	ipvs_entry_touch(e);
	tell_changed(e);
}

static void plan(struct ipvs_entry *e)
{
	struct ipvs *i = e->ipvs;
	const struct ipvs_plan_input in = { .service = e->wished ? &e->service : NULL,
		.want = e->want,
		.count = e->count,
		.have = &e->have,
		.fresh = e->listed_us == io_loop_now_us(i->loop), /* in this turn */
		.expire_nodest = i->cfg.expire_nodest,
		.moves_max = MOVES_MAX };
	struct ipvs_job *j = ipvs_job_new();

	e->table_stale |= ipvs_have_trust(&e->have, e->want, e->count);
	ipvs_plan_make(&in, &j->plan);
	e->settled = e->wished && !j->plan.changes;
	/* Perhaps nothing is connected now. */
	if (j->plan.order_left && !in.fresh)
		ipvs_entry_ask(e);
	if (!j->plan.count) {
		e->drifted = false;
		ipvs_job_free(j);
		if (!list_linked(&e->asked))
			ipvs_entry_rest(e);
		return;
	}
	e->busy = true;
	submit(i, j, e, carried_out);
}

static void step(struct ipvs_entry *e)
{
	if (e->busy || e->hold)
		return;
	if (!e->wished && !e->goes) {
		if (!e->have.present && !e->ours)
			ipvs_entry_free(e);
		return;
	}
	if (!e->known) {
		list_one(e, listed);
		return;
	}
	if (e->goes && !e->have.present) {
		e->goes = false;
		ipvs_entry_own(e, false);
		ipvs_entry_touch(e);
		return;
	}
	plan(e);
}

static void state_written(struct ipvs_job *j)
{
	struct ipvs *i = j->user;

	judge(i, j);
	ipvs_job_free(j);
	if (i->ops->written)
		i->ops->written(i->user);
}

void ipvs_run(struct ipvs *i)
{
	if (!i->ready)
		return;
	LIST_FOREACH (link, &i->dirty) {
		list_del(link);
		step(LIST_ENTRY(link, struct ipvs_entry, dirty));
	}
	list_next(i);
	if (i->state_dirty)
		submit(i, ipvs_job_new(), i, state_written);
}

/* --- listings of all --- */

static void take_all(struct ipvs *i, const struct ipvs_job *j)
{
	for (size_t n = 0; n < j->count; n++)
		take(ipvs_entry_get(i, &j->found[n].service.key), &j->found[n]);
	for (struct hash_node *node = hash_walk(&i->entries, NULL); node;
		node = hash_walk(&i->entries, node)) {
		struct ipvs_entry *e = HASH_ENTRY(node, struct ipvs_entry, node);

		if (!e->known && !e->wished)
			ipvs_entry_own(e, false);
		if (!e->known)
			take(e, NULL);
		ipvs_entry_rest(e);
	}
}

static void all_listed(struct ipvs_job *j)
{
	struct ipvs *i = j->user;

	judge(i, j);
	if (j->error) {
		io_timer_set(i->retry, retry_delay(++i->failures));
	} else {
		take_all(i, j);
		i->ready = true;
		i->failures = 0;
		io_job_post(i->turn);
	}
	ipvs_job_free(j);
	if (i->ready && i->ops->ready)
		i->ops->ready(i->user);
}

void ipvs_list_all(struct ipvs *i)
{
	struct ipvs_job *j = ipvs_job_new();

	j->list = IPVS_LIST_ALL;
	submit(i, j, i, all_listed);
}

/* --- comparison --- */

/* Services of others are known by name alone. */
static void note_foreign(struct ipvs_entry *e, const struct ipvs_service *s)
{
	e->have.service = *s;
	if (!e->have.present)
		e->known = false;
	e->have.present = true;
}

static void services_listed(struct ipvs_job *j)
{
	struct ipvs *i = j->user;

	judge(i, j);
	for (size_t n = 0; !j->error && n < j->count; n++) {
		struct ipvs_entry *e = ipvs_entry_get(i, &j->found[n].service.key);

		e->round = i->round;
		if (!e->ours && !e->wished)
			note_foreign(e, &j->found[n].service);
	}
	for (struct hash_node *node = hash_walk(&i->entries, NULL), *next; !j->error && node; node = next) {
		struct ipvs_entry *e = HASH_ENTRY(node, struct ipvs_entry, node);

		next = hash_walk(&i->entries, node);
		if (e->ours || e->wished)
			ipvs_entry_ask(e);
		else if (e->round != i->round && !e->busy)
			ipvs_entry_free(e);
	}
	ipvs_job_free(j);
}

void ipvs_compare(struct ipvs *i)
{
	struct ipvs_job *j;

	if (!i->ready)
		return;
	i->round++;
	/* Perhaps it can be written now. */
	i->state_dirty |= i->state_failed;
	j = ipvs_job_new();
	j->list = IPVS_LIST_SERVICES;
	submit(i, j, i, services_listed);
}
