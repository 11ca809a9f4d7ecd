/*
 * The addresses of a name, asked for again and again.
 *
 * The resolver library blocks, so it runs in a thread; at most one question of a source is under way. The families are asked
 * one by one, because the library calls a question answered when one family was, and the servers of the other would be
 * gone for an interval.
 *
 * An answer with addresses counts at once. "There are none" counts when it was said EMPTY_AFTER times in a row, since a name
 * server that starts, or a cache of its "no", must not empty a service; it counts at once for a family that never had
 * any while the other one has some. A failure keeps what was known; a family that has never been known and fails as often is
 * taken for empty beside one that has addresses, or a name server that cannot speak of IPv6 would hold up all.
 */
#include "agent/source_private.h"

#include "base/hash.h"
#include "base/mem.h"
#include "base/text.h"
#include "io/resolve.h"

#include <netdb.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { FAMILIES = 2, EMPTY_AFTER = 3, JITTER_PERCENT = 10, WHY_MAX = 400 };

struct answer {
	int code; /* 0 or EAI_* */
	struct ip_addr *addr;
	size_t count;
};

/* A question on its way; it outlives its source when that goes while it is asked. */
struct question {
	struct io_work work;
	struct names *names; /* NULL: nobody waits */
	char *name;
	bool ask[FAMILIES]; /* IPv4, IPv6 */
	struct answer answer[FAMILIES];
};

struct family {
	bool known;		/* addr is what the name has */
	unsigned empty, failed; /* answers in a row */
	struct ip_addr *addr;
	size_t count;
};

struct names {
	struct source *source;
	struct io_timer *timer;
	struct question *question; /* NULL: none is under way */
	struct family family[FAMILIES];
	bool asked[FAMILIES];
	uint64_t questions;
};

static const uint8_t family_of[FAMILIES] = { IP_V4, IP_V6 };

/* --- in the thread --- */

static int addr_cmp(const void *a, const void *b)
{
	return ip_addr_cmp(a, b);
}

static bool is_server(const struct ip_addr *a)
{
	return !ip_addr_is_any(a) && !ip_addr_is_multicast(a) && !ip_addr_is_link_local(a);
}

/* In order and each once, whatever the resolver's order is today. */
static void normalise(struct answer *a)
{
	size_t n = 0;

	qsort(a->addr, a->count, sizeof(*a->addr), addr_cmp);
	for (size_t i = 0; i < a->count; i++)
		if (is_server(&a->addr[i]) && (!n || !ip_addr_equal(&a->addr[i], &a->addr[n - 1])))
			a->addr[n++] = a->addr[i];
	a->count = n;
}

static void ask(const char *name, uint8_t family, struct answer *out)
{
	const struct addrinfo hints = { .ai_family = family == IP_V4 ? AF_INET : AF_INET6,
		.ai_socktype = SOCK_STREAM };
	struct addrinfo *list = NULL;
	size_t n = 0;

	out->code = getaddrinfo(name, NULL, &hints, &list);
	if (out->code)
		return;
	for (struct addrinfo *i = list; i; i = i->ai_next)
		n++;
	out->addr = mem_calloc(n, sizeof(*out->addr));
	for (struct addrinfo *i = list; i; i = i->ai_next)
		if (ip_addr_from_sockaddr(i->ai_addr, &out->addr[out->count], NULL))
			out->count++;
	freeaddrinfo(list);
	normalise(out);
}

static void run(struct io_work *w)
{
	struct question *q = (struct question *)(void *)w;

	for (size_t i = 0; i < FAMILIES; i++)
		if (q->ask[i])
			ask(q->name, family_of[i], &q->answer[i]);
}

/* --- in the loop --- */

static void free_question(struct question *q)
{
	for (size_t i = 0; i < FAMILIES; i++)
		free(q->answer[i].addr);
	free(q->name);
	free(q);
}

static bool says_none(const struct answer *a)
{
	return a->code == EAI_NONAME || a->code == EAI_NODATA || a->code == EAI_ADDRFAMILY ||
	       (!a->code && !a->count);
}

static void forget(struct family *f)
{
	free(f->addr);
	f->addr = NULL;
	f->count = 0;
	f->known = true;
}

/* What an answer means for its family; other_has: the other family has addresses. */
static void take(struct family *f, struct answer *a, bool other_has)
{
	if (!a->code && a->count) {
		free(f->addr);
		*f = (struct family){ .known = true, .addr = a->addr, .count = a->count };
		a->addr = NULL;
		return;
	}
	f->empty = says_none(a) ? f->empty + 1 : 0;
	f->failed = says_none(a) ? 0 : f->failed + 1;
	if (f->empty >= EMPTY_AFTER || (f->empty && !f->count && other_has) ||
		(!f->known && f->failed >= EMPTY_AFTER && other_has))
		forget(f);
}

/* The first that failed, or that says none although servers are known; NULL: all is well. */
static const char *complaint(const struct names *n, const struct question *q, char *buf)
{
	for (size_t i = 0; i < FAMILIES; i++) {
		const struct answer *a = &q->answer[i];
		const struct family *f = &n->family[i];
		bool waits = f->count || !f->known;

		if (!q->ask[i] || (!a->code && a->count) || (says_none(a) && !waits))
			continue;
		snprintf(buf, WHY_MAX, "no IPv%u address: %s", family_of[i],
			a->code ? gai_strerror(a->code) : "none is a server's");
		return buf;
	}
	return NULL;
}

static void tell(const struct names *n)
{
	size_t total = n->family[0].count + n->family[1].count, at = 0;
	struct endpoint *list;

	for (size_t i = 0; i < FAMILIES; i++)
		if (n->asked[i] && !n->family[i].known)
			return;
	list = mem_calloc(total + 1, sizeof(*list));
	for (size_t i = 0; i < FAMILIES; i++)
		for (size_t j = 0; j < n->family[i].count; j++)
			list[at++] = (struct endpoint){ .addr = n->family[i].addr[j], .weight = -1 };
	source_tell(n->source, &(struct endpoint_list){ list, total });
	free(list);
}

/* Sources that were made at once must not ask at once for ever. */
static uint64_t interval_us(const struct names *n)
{
	const struct config_source_dns *d = &n->source->cfg->dns;
	uint64_t whole = (uint64_t)d->interval_s * 1000000, part = whole * JITTER_PERCENT / 100;
	uint32_t h = hash_bytes(d->name, strlen(d->name), (uint32_t)n->questions);

	return whole - part + (uint64_t)h % (2 * part + 1);
}

static void done(struct io_work *w)
{
	struct question *q = (struct question *)(void *)w;
	struct names *n = q->names;
	char why[WHY_MAX];
	bool got[FAMILIES];

	if (!n) {
		free_question(q);
		return;
	}
	n->question = NULL;
	for (size_t i = 0; i < FAMILIES; i++)
		got[i] = n->family[i].count || (!q->answer[i].code && q->answer[i].count);
	for (size_t i = 0; i < FAMILIES; i++)
		if (q->ask[i])
			take(&n->family[i], &q->answer[i], got[!i]);
	source_set_error(n->source, complaint(n, q, why));
	free_question(q);
	io_timer_set(n->timer, interval_us(n));
	tell(n);
}

static void on_timer(void *user)
{
	struct names *n = user;
	struct question *q = mem_calloc(1, sizeof(*q));

	q->work = (struct io_work){ .run = run, .done = done };
	q->names = n;
	q->name = mem_strdup(n->source->cfg->dns.name);
	memcpy(q->ask, n->asked, sizeof(q->ask));
	n->question = q;
	n->questions++;
	io_worker_submit(n->source->env.resolver, &q->work);
}

static void *start(struct source *s)
{
	struct names *n = mem_calloc(1, sizeof(*n));

	n->source = s;
	for (size_t i = 0; i < FAMILIES; i++)
		n->asked[i] = !s->cfg->dns.family || s->cfg->dns.family == family_of[i];
	n->timer = io_timer_new(s->env.loop, on_timer, n);
	io_timer_set(n->timer, 0);
	return n;
}

static void stop(void *state)
{
	struct names *n = state;

	if (n->question)
		n->question->names = NULL;
	io_timer_free(n->timer);
	for (size_t i = 0; i < FAMILIES; i++)
		free(n->family[i].addr);
	free(n);
}

void source_drop_work(struct io_work *w)
{
	if (!io_resolve_drop(w))
		free_question((struct question *)(void *)w);
}

const struct source_kind source_dns = { "dns", false, start, stop };
