#include "kernel/exec.h"

#include "base/log.h"
#include "base/mem.h"
#include "kernel/netlink.h"
#include "kernel/resolve.h"

#include <errno.h>
#include <linux/rtnetlink.h>
#include <poll.h>
#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <unistd.h>

enum { LISTING_TRIES = 5 };

struct queue {
	struct exec_job *first, **last;
};

struct exec {
	struct exec_config cfg;
	struct netlink *nl;
	int fd; /* eventfd: jobs in done */
	pthread_t thread;
	pthread_mutex_t lock; /* todo, done, stop */
	pthread_cond_t work;
	struct queue todo, done;
	bool stop, running;
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

static void queue_init(struct queue *q)
{
	q->first = NULL;
	q->last = &q->first;
}

static void queue_put(struct queue *q, struct exec_job *j)
{
	j->next = NULL;
	*q->last = j;
	q->last = &j->next;
}

static struct exec_job *queue_get(struct queue *q)
{
	struct exec_job *j = q->first;

	if (j && !(q->first = j->next))
		q->last = &q->first;
	return j;
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
	for (size_t i = 0; i < j->batch.count; i++)
		netlink_many_add(e->nl, message_from_op(&e->cfg.ours, &j->batch.op[i]), i);
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

static void work_on(struct exec *e, struct exec_job *j)
{
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

static void *run(void *user)
{
	const uint64_t one = 1;
	struct exec *e = user;
	struct exec_job *j;

	pthread_mutex_lock(&e->lock);
	while (!e->stop) {
		j = queue_get(&e->todo);
		if (!j) {
			pthread_cond_wait(&e->work, &e->lock);
			continue;
		}
		pthread_mutex_unlock(&e->lock);
		work_on(e, j);
		pthread_mutex_lock(&e->lock);
		queue_put(&e->done, j);
		if (write(e->fd, &one, sizeof(one)) < 0)
			log_error("executor: eventfd: %s", strerror(errno));
	}
	pthread_mutex_unlock(&e->lock);
	return NULL;
}

/* --- in the caller's thread --- */

/* A request without what it needs: refused for lack of rights, or of support, or (all is well) of an id. */
static bool probe(struct exec *e, char *err, size_t err_size)
{
	struct plan_op op = { .kind = PLAN_NEXT_HOP_DEL, .id = 0 };
	char why[128];
	int error = netlink_request(e->nl, message_from_op(&e->cfg.ours, &op), NULL, NULL, why, sizeof(why));

	if (error == -EPERM || error == -EACCES) {
		snprintf(err, err_size,
			"rrd needs CAP_NET_ADMIN to write the kernel's routes: run it as root or give it the "
			"capability, "
			"or set fib: enabled: false");
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

/* Signals are for the program's main thread. */
static int start_thread(struct exec *e)
{
	sigset_t all, old;
	int error;

	sigfillset(&all);
	pthread_sigmask(SIG_SETMASK, &all, &old);
	error = pthread_create(&e->thread, NULL, run, e);
	pthread_sigmask(SIG_SETMASK, &old, NULL);
	e->running = !error;
	return error;
}

struct exec *exec_new(struct exec_config *cfg, char *err, size_t err_size)
{
	struct exec *e = mem_calloc(1, sizeof(*e));
	int error;

	e->cfg = *cfg;
	queue_init(&e->todo);
	queue_init(&e->done);
	pthread_mutex_init(&e->lock, NULL);
	pthread_cond_init(&e->work, NULL);
	e->fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
	e->nl = netlink_new(err, err_size);
	if (!e->nl || !probe(e, err, err_size)) {
		exec_free(e);
		return NULL;
	}
	error = e->fd < 0 ? EMFILE : start_thread(e);
	if (error) {
		snprintf(err, err_size, "cannot start the thread that writes the kernel's routes: %s",
			strerror(error));
		exec_free(e);
		return NULL;
	}
	*cfg = e->cfg;
	return e;
}

static void drop(struct queue *q)
{
	for (struct exec_job *j = queue_get(q); j; j = queue_get(q))
		exec_job_free(j);
}

void exec_free(struct exec *e)
{
	if (!e)
		return;
	if (e->running) {
		pthread_mutex_lock(&e->lock);
		e->stop = true;
		pthread_cond_signal(&e->work);
		pthread_mutex_unlock(&e->lock);
		pthread_join(e->thread, NULL);
	}
	drop(&e->todo);
	drop(&e->done);
	pthread_cond_destroy(&e->work);
	pthread_mutex_destroy(&e->lock);
	if (e->fd >= 0)
		close(e->fd);
	netlink_free(e->nl);
	free(e);
}

int exec_fd(const struct exec *e)
{
	return e->fd;
}

uint32_t exec_port(const struct exec *e)
{
	return netlink_port(e->nl);
}

void exec_submit(struct exec *e, struct exec_job *j)
{
	pthread_mutex_lock(&e->lock);
	queue_put(&e->todo, j);
	pthread_cond_signal(&e->work);
	pthread_mutex_unlock(&e->lock);
}

struct exec_job *exec_take(struct exec *e)
{
	struct exec_job *j;
	uint64_t count;

	pthread_mutex_lock(&e->lock);
	j = queue_get(&e->done);
	/* Readable as long as there is another one. */
	if (!e->done.first && read(e->fd, &count, sizeof(count)) < 0 && errno != EAGAIN)
		log_error("executor: eventfd: %s", strerror(errno));
	pthread_mutex_unlock(&e->lock);
	return j;
}

struct exec_job *exec_wait(struct exec *e, unsigned timeout_ms)
{
	struct pollfd p = { .fd = e->fd, .events = POLLIN };

	if (poll(&p, 1, (int)timeout_ms) <= 0)
		return NULL;
	return exec_take(e);
}
