#include "kernel/exec.h"

#include "base/log.h"
#include "base/mem.h"
#include "kernel/netlink.h"
#include "kernel/resolve.h"

#include <errno.h>
#include <linux/rtnetlink.h>
#include <netlink/msg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { LISTING_TRIES = 5 };

struct exec {
	struct exec_config cfg;
	struct netlink *nl;
	struct io_worker *worker;
	exec_done_fn *done;
	void *user;
};

struct exec_job *exec_job_new(void)
{
	return mem_calloc(1, sizeof(struct exec_job));
}

static void forget_objects(struct exec_job *j)
{
	for (size_t i = 0; i < j->object_count; i++)
		free(j->object[i].hop);
	j->object_count = 0;
}

void exec_job_free(struct exec_job *j)
{
	if (!j)
		return;
	plan_batch_fini(&j->batch);
	forget_objects(j);
	free(j->object);
	free(j->route);
	for (size_t i = 0; i < j->share_count; i++)
		free(j->share[i].hop);
	free(j->share);
	free(j->question);
	free(j);
}

/* --- in the thread --- */

static void op_failed(void *user, size_t number, int error, const char *why)
{
	struct plan_op *op = &((struct exec_job *)user)->batch.op[number];
	bool is_deletion = op->kind == PLAN_ROUTE_DEL || op->kind == PLAN_GROUP_DEL ||
			   op->kind == PLAN_NEXT_HOP_DEL;

	/* What is to go and is gone: done. */
	if (is_deletion && (error == -ESRCH || error == -ENOENT))
		return;
	op->error = error;
	op->why = why[0] ? mem_strdup(why) : NULL;
}

static void carry_out(struct exec *e, struct exec_job *j)
{
	netlink_many_begin(e->nl, op_failed, j);
	for (size_t i = 0; i < j->batch.count; i++) {
		message_write(netlink_many_at(e->nl, MESSAGE_WRITE_MAX), &e->cfg.ours, &j->batch.op[i]);
		netlink_many_add(e->nl, i);
	}
	netlink_many_flush(e->nl);
}

static void take_object(void *user, const struct nlmsghdr *h)
{
	struct exec_job *j = user;
	struct exec_found_object *o;
	struct message_object m;

	if (!message_decode_object(h, &m))
		return;
	if (j->object_count == j->object_size) {
		j->object_size = j->object_size ? j->object_size * 2 : 64;
		j->object = mem_realloc(j->object, j->object_size * sizeof(*j->object));
	}
	o = &j->object[j->object_count++];
	*o = (struct exec_found_object){
		.id = m.id, .is_group = m.is_group, .resilient = m.resilient, .count = m.count
	};
	o->hop = mem_alloc((m.count + 1) * sizeof(*o->hop));
	memcpy(o->hop, m.hop, m.count * sizeof(*o->hop));
}

static void list_objects(struct exec *e, struct exec_job *j)
{
	int error = -EAGAIN;

	for (int i = 0; error == -EAGAIN && i < LISTING_TRIES; i++) {
		forget_objects(j);
		error = netlink_request(e->nl, message_list_objects(), take_object, j, NULL, 0);
	}
	j->list_objects = error == 0;
	if (error)
		log_warning("the kernel's next-hop objects could not be listed: %s", strerror(-error));
}

struct route_listing {
	struct exec *exec;
	struct exec_job *job;
};

static void take_route(void *user, const struct nlmsghdr *h)
{
	struct route_listing *l = user;
	struct exec_job *j = l->job;
	struct message_route r;

	if (!message_decode_route(h, &r) || !message_has_our_key(&l->exec->cfg.ours, &r) ||
		r.protocol != l->exec->cfg.ours.protocol)
		return;
	if (j->route_count == j->route_size) {
		j->route_size = j->route_size ? j->route_size * 2 : 64;
		j->route = mem_realloc(j->route, j->route_size * sizeof(*j->route));
	}
	j->route[j->route_count++] = (struct exec_found_route){ .prefix = r.prefix,
		.id = r.next_hop_id,
		.reject = (uint8_t)message_reject(&r),
		.foreign = !message_is_ours(&l->exec->cfg.ours, &r) };
}

static int list_routes_of(struct exec *e, struct exec_job *j, uint8_t family)
{
	struct route_listing l = { e, j };
	size_t before = j->route_count;
	int error = -EAGAIN;

	for (int i = 0; error == -EAGAIN && i < LISTING_TRIES; i++) {
		j->route_count = before;
		error = netlink_request(
			e->nl, message_list_routes(&e->cfg.ours, family), take_route, &l, NULL, 0);
	}
	/* No such table, or no such family: no routes. */
	return error == -ENOENT || error == -EAFNOSUPPORT || error == -EOPNOTSUPP ? 0 : error;
}

static void list_routes(struct exec *e, struct exec_job *j)
{
	int error = list_routes_of(e, j, IP_V4);

	if (!error)
		error = list_routes_of(e, j, IP_V6);
	j->list_routes = error == 0;
	if (error)
		log_warning("the kernel's routes could not be listed: %s", strerror(-error));
}

static void take_bucket(void *user, const struct nlmsghdr *h)
{
	struct exec_share *s = user;
	uint32_t id;
	size_t i = 0;

	if (!message_decode_bucket(h, &id))
		return;
	while (i < s->count && s->hop[i].id != id)
		i++;
	if (i == FIB_NEXT_HOPS_MAX)
		return;
	if (i == s->count)
		s->hop[s->count++] = (struct exec_bucket_count){ .id = id };
	s->hop[i].buckets++;
}

static void count_buckets(struct exec *e, struct exec_share *s)
{
	int error = -EAGAIN;

	s->hop = mem_alloc(FIB_NEXT_HOPS_MAX * sizeof(*s->hop));
	for (int i = 0; error == -EAGAIN && i < LISTING_TRIES; i++) {
		s->count = 0;
		error = netlink_request(e->nl, message_list_buckets(s->group_id), take_bucket, s, NULL, 0);
	}
	s->known = error == 0;
}

static void work_on(struct io_work *work)
{
	struct exec_job *j = (struct exec_job *)work;
	struct exec *e = j->exec;

	carry_out(e, j);
	for (size_t i = 0; i < j->question_count; i++)
		resolve_next_hop(e->nl, &e->cfg.ours, e->cfg.via_default, &j->question[i].addr,
			&j->question[i].answer);
	if (j->list_objects)
		list_objects(e, j);
	if (j->list_routes)
		list_routes(e, j);
	for (size_t i = 0; i < j->share_count; i++)
		count_buckets(e, &j->share[i]);
}

/* --- in the caller's thread --- */

/* A request without what it needs: refused for lack of rights, or of support, or (all is well) of an id. */
static bool probe(struct exec *e, char *err, size_t err_size)
{
	struct plan_op op = { .kind = PLAN_NEXT_HOP_DEL, .id = 0 };
	char why[128];
	_Alignas(NLMSG_ALIGNTO) uint8_t buf[MESSAGE_WRITE_MAX];
	struct nlmsghdr *m = (struct nlmsghdr *)buf;
	int error;

	message_write(m, &e->cfg.ours, &op);
	error = netlink_request(e->nl, nlmsg_convert(m), NULL, NULL, why, sizeof(why));
	if (error == -EPERM || error == -EACCES) {
		snprintf(err, err_size,
			"rrd needs CAP_NET_ADMIN to write the kernel's routes: run it as root or give it the "
			"capability (under systemd: rrd-router.service), or set fib: enabled: false");
		return false;
	}
	if (error == -ETIMEDOUT) {
		snprintf(err, err_size, "the kernel's routing socket does not answer");
		return false;
	}
	if (error == -EOPNOTSUPP)
		e->cfg.ours.classic = true;
	return true;
}

static void job_done(struct io_work *work)
{
	struct exec_job *j = (struct exec_job *)work;

	j->exec->done(j->exec->user, j);
}

struct exec *exec_new(struct io_loop *loop, struct exec_config *cfg, exec_done_fn *done, void *user,
	char *err, size_t err_size)
{
	struct exec *e = mem_calloc(1, sizeof(*e));

	e->cfg = *cfg;
	e->done = done;
	e->user = user;
	e->nl = netlink_new(err, err_size);
	if (!e->nl || !probe(e, err, err_size)) {
		exec_free(e);
		return NULL;
	}
	e->worker = io_worker_new(loop, "fib");
	if (!e->worker) {
		snprintf(err, err_size, "there is no thread to write the kernel's routes in");
		exec_free(e);
		return NULL;
	}
	*cfg = e->cfg;
	return e;
}

static void drop(struct io_work *work)
{
	exec_job_free((struct exec_job *)work);
}

void exec_free(struct exec *e)
{
	if (!e)
		return;
	io_worker_free(e->worker, drop);
	netlink_free(e->nl);
	free(e);
}

uint32_t exec_port(const struct exec *e)
{
	return netlink_port(e->nl);
}

void exec_submit(struct exec *e, struct exec_job *j)
{
	j->exec = e;
	j->work = (struct io_work){ .run = work_on, .done = job_done };
	io_worker_submit(e->worker, &j->work);
}

bool exec_wait(struct exec *e, unsigned timeout_ms)
{
	return io_worker_wait(e->worker, timeout_ms);
}
