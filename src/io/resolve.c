#include "io/resolve.h"

#include "base/mem.h"

#include <netdb.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>

enum { ADDRESSES_MAX = 16 };

struct io_resolve {
	struct io_work work;
	char *name;
	io_resolve_fn *done; /* NULL: nobody waits */
	void *user;
	int code; /* 0 or EAI_* */
	struct ip_addr list[ADDRESSES_MAX];
	size_t count;
};

static void question_free(struct io_resolve *q)
{
	free(q->name);
	free(q);
}

static void add(struct io_resolve *q, const struct ip_addr *a)
{
	for (size_t i = 0; i < q->count; i++)
		if (ip_addr_equal(&q->list[i], a))
			return;
	if (q->count < ADDRESSES_MAX)
		q->list[q->count++] = *a;
}

static void run(struct io_work *w)
{
	const struct addrinfo hints = { .ai_socktype = SOCK_STREAM };
	struct io_resolve *q = (struct io_resolve *)(void *)w;
	struct addrinfo *list = NULL;
	struct ip_addr a;

	q->code = getaddrinfo(q->name, NULL, &hints, &list);
	if (q->code)
		return;
	for (struct addrinfo *i = list; i; i = i->ai_next)
		if (ip_addr_from_sockaddr(i->ai_addr, &a, NULL))
			add(q, &a);
	freeaddrinfo(list);
}

static void answered(struct io_work *w)
{
	struct io_resolve *q = (struct io_resolve *)(void *)w;
	const char *why = q->code ? gai_strerror(q->code) : q->count ? "" : "the name has no address";

	if (q->done)
		q->done(q->user, q->list, q->count, why);
	question_free(q);
}

struct io_resolve *io_resolve_start(struct io_worker *w, const char *name, io_resolve_fn *done, void *user)
{
	struct io_resolve *q = mem_calloc(1, sizeof(*q));

	*q = (struct io_resolve){
		.work = { .run = run, .done = answered }, .name = mem_strdup(name), .done = done, .user = user
	};
	io_worker_submit(w, &q->work);
	return q;
}

void io_resolve_cancel(struct io_resolve *q)
{
	if (q)
		q->done = NULL;
}

bool io_resolve_drop(struct io_work *w)
{
	if (w->run != run)
		return false;
	question_free((struct io_resolve *)(void *)w);
	return true;
}
