#include "ipvs/exec.h"

#include "base/mem.h"
#include "ipvs/message.h"
#include "ipvs/netlink.h"
#include "ipvs/state.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

struct ipvs_exec {
	struct io_worker *worker;
	struct ipvs_netlink *nl; /* the thread's, once that runs; NULL: to be opened */
};

struct ipvs_job *ipvs_job_new(void)
{
	return mem_calloc(1, sizeof(struct ipvs_job));
}

void ipvs_job_free(struct ipvs_job *j)
{
	if (!j)
		return;
	for (size_t i = 0; i < j->count; i++)
		free(j->found[i].dest);
	free(j->found);
	ipvs_plan_fini(&j->plan);
	free(j->state_path);
	free(j->state_text);
	free(j);
}

/* --- in the thread --- */

/* What is to go and is gone: done. */
static bool is_gone(const struct ipvs_op *op, int error)
{
	bool deletion = op->kind == IPVS_DEST_DEL || op->kind == IPVS_SERVICE_DEL;

	return deletion && (error == -ESRCH || error == -ENOENT);
}

static void op_failed(void *user, size_t number, int error)
{
	struct ipvs_op *op = &((struct ipvs_job *)user)->plan.op[number];

	if (!is_gone(op, error))
		op->error = error;
}

/* How many from here on are about one destination: out and in again, or up and down. */
static size_t group_length(const struct ipvs_plan *p, size_t first)
{
	size_t n = 1;

	while (first + n < p->count && p->op[first].kind >= IPVS_DEST_NEW &&
		ipvs_dest_same(&p->op[first].dest, &p->op[first + n].dest))
		n++;
	return n;
}

/* A group goes to the kernel in one piece: the server is away, or up, for microseconds. */
static void carry_out(struct ipvs_netlink *nl, struct ipvs_job *j)
{
	uint16_t family = ipvs_netlink_family(nl);
	size_t in_piece = 0;

	ipvs_netlink_many_begin(nl, op_failed, j);
	for (size_t i = 0, length; i < j->plan.count; i += length) {
		length = group_length(&j->plan, i);
		if (in_piece + length > IPVS_PIECE) {
			ipvs_netlink_many_flush(nl);
			in_piece = 0;
		}
		in_piece += length;
		for (size_t n = i; n < i + length; n++)
			ipvs_netlink_many_add(
				nl, ipvs_message_op(family, &j->plan.service, &j->plan.op[n]), n);
	}
	ipvs_netlink_many_flush(nl);
}

static void take_service(void *user, const struct nlmsghdr *h)
{
	struct ipvs_job *j = user;
	struct ipvs_service s;

	if (!ipvs_message_decode_service(h, &s))
		return;
	if (j->count == j->size) {
		j->size = j->size ? j->size * 2 : 4;
		j->found = mem_realloc(j->found, j->size * sizeof(*j->found));
	}
	j->found[j->count++] = (struct ipvs_found){ .service = s };
}

static void take_dest(void *user, const struct nlmsghdr *h)
{
	struct ipvs_found *f = user;
	struct ipvs_seen_dest d;

	if (!ipvs_message_decode_dest(h, f->service.key.family, &d))
		return;
	if (f->count == f->size) {
		f->size = f->size ? f->size * 2 : 16;
		f->dest = mem_realloc(f->dest, f->size * sizeof(*f->dest));
	}
	f->dest[f->count++] = d;
}

static int list_services(struct ipvs_netlink *nl, struct ipvs_job *j)
{
	uint16_t family = ipvs_netlink_family(nl);
	int error;

	if (j->list != IPVS_LIST_ONE)
		return ipvs_netlink_request(nl, ipvs_message_list_services(family), take_service, j);
	error = ipvs_netlink_request(nl, ipvs_message_get_service(family, &j->key), take_service, j);
	return error == -ESRCH ? 0 : error;
}

static int list(struct ipvs_netlink *nl, struct ipvs_job *j)
{
	int error = list_services(nl, j);

	for (size_t i = 0; !error && j->list != IPVS_LIST_SERVICES && i < j->count; i++)
		error = ipvs_netlink_request(nl,
			ipvs_message_list_dests(ipvs_netlink_family(nl), &j->found[i].service.key), take_dest,
			&j->found[i]);
	return error;
}

static void fail_all(struct ipvs_job *j, int error)
{
	j->error = error;
	for (size_t i = 0; i < j->plan.count; i++)
		j->plan.op[i].error = error;
}

static void work_on(struct ipvs_exec *e, struct ipvs_job *j)
{
	if (!e->nl)
		e->nl = ipvs_netlink_new(j->why, sizeof(j->why));
	if (!e->nl) {
		fail_all(j, -ENOTCONN);
		return;
	}
	carry_out(e->nl, j);
	if (j->list != IPVS_LIST_NOTHING && !ipvs_netlink_broken(e->nl))
		j->error = list(e->nl, j);
	if (ipvs_netlink_broken(e->nl) && !j->error)
		j->error = -ETIMEDOUT;
	if (!j->error)
		return;
	/* Also when the module was taken out and the family with it: opening finds it again, or says what is wrong. */
	ipvs_netlink_free(e->nl);
	e->nl = ipvs_netlink_new(j->why, sizeof(j->why));
	if (e->nl)
		snprintf(j->why, sizeof(j->why), "the kernel's IPVS could not be spoken to: %s",
			strerror(-j->error));
}

static void run(struct io_work *w)
{
	struct ipvs_job *j = (struct ipvs_job *)w;

	if (j->state_text)
		j->state_error = ipvs_state_write(j->state_path, j->state_text);
	if (j->plan.count || j->list != IPVS_LIST_NOTHING)
		work_on(j->exec, j);
}

/* --- in the loop's thread --- */

static void done(struct io_work *w)
{
	struct ipvs_job *j = (struct ipvs_job *)w;

	j->done(j);
}

static void drop(struct io_work *w)
{
	ipvs_job_free((struct ipvs_job *)w);
}

struct ipvs_exec *ipvs_exec_new(struct io_loop *loop, char *err, size_t err_size)
{
	struct ipvs_exec *e = mem_calloc(1, sizeof(*e));

	e->nl = ipvs_netlink_new(err, err_size);
	if (e->nl) {
		e->worker = io_worker_new(loop, "ipvs");
		if (!e->worker)
			snprintf(
				err, err_size, "cannot start the thread that writes the kernel's IPVS table");
	}
	if (e->worker)
		return e;
	ipvs_exec_free(e);
	return NULL;
}

void ipvs_exec_free(struct ipvs_exec *e)
{
	if (!e)
		return;
	io_worker_free(e->worker, drop);
	ipvs_netlink_free(e->nl);
	free(e);
}

void ipvs_exec_submit(struct ipvs_exec *e, struct ipvs_job *j)
{
	j->exec = e;
	j->work.run = run;
	j->work.done = done;
	io_worker_submit(e->worker, &j->work);
}
