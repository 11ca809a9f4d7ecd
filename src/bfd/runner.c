/*
 * The thread of the BFD sessions: packets in, packets out, silence noticed.
 *
 * Owns the sockets, the machines, and two heaps: who is to send when, and who is to be judged when. A turn: wait; read what has come; take the
 * loop's orders; send what is due; and where somebody seems to be silent, read once more before that is believed. What is to be sent does
 * not wait for the end of long work: whatever may be much (packets to read, sessions that fail together, orders) is done in small
 * parts with a look at the clock in between.
 *
 * Our own pause is nobody's silence. A thread that was held up finds the packets that came meanwhile, unless they were more than the
 * sockets could hold; so a hold-up of over 5 ms does not count as silence at all: it is added up (stalled_us), and a session that seems
 * to be silent is first given what has been added since it was heard. To send, on the other hand, is then all the more urgent: a packet is due
 * when it is due, and what was late is counted as late.
 *
 * It asks for a better place in the scheduler than the rest of the daemon has, as far as the kernel lets it.
 */
#include "base/mem.h"
#include "bfd/budget.h"
#include "bfd/lookup.h"
#include "bfd/priority.h"
#include "bfd/private.h"
#include "bfd/socket.h"
#include "io/udp.h"

#include <errno.h>
#include <stdlib.h>
#include <sys/epoll.h>
#include <sys/random.h>
#include <sys/timerfd.h>
#include <time.h>
#include <unistd.h>

enum {
	STALL_US = 5000,
	EVENTS = 16,
	READ_MAX = 8192, /* packets of one socket in a turn, whoever sends them */
	PART = 32,	 /* sessions or orders between two looks at the clock */
	FAREWELLS = 3,
	SINGLE_HOP_TTL = 255, /* RFC 5881 5 */
};

struct runner {
	struct bfd *bfd;
	struct bfd_sockets sockets;
	struct list sessions;
	struct bfd_lookup lookup;
	struct heap to_send, to_judge;
	uint64_t now_us;
	uint64_t began_us;   /* the turn: what had come by then is read in it */
	uint64_t stalled_us; /* in all */
	uint64_t armed_us;   /* what the timer is set to; BFD_NEVER: not */
	struct bfd_budget budget;
	uint32_t limit;
	uint32_t noise;
	bool recount, end;
};

static uint64_t clock_us(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_MONOTONIC, &ts);
	return (uint64_t)ts.tv_sec * 1000000 + (uint64_t)ts.tv_nsec / 1000;
}

static uint32_t noise(struct runner *r)
{
	r->noise ^= r->noise << 13;
	r->noise ^= r->noise >> 17;
	r->noise ^= r->noise << 5;
	return r->noise;
}

static struct bfd_notice *notice(struct bfd_session *s, enum bfd_news news)
{
	struct bfd_notice *n = mem_calloc(1, sizeof(*n));

	n->session = s;
	n->news = news;
	return n;
}

static void post(struct runner *r, struct bfd_notice *n)
{
	uint64_t one = 1;

	mailbox_put(&r->bfd->notices, &n->letter);
	/* It fails only when the counter is full: then it is awake. */
	if (write(r->bfd->to_loop, &one, sizeof(one)) < 0)
		return;
}

/* --- what is shown --- */

static void show(struct bfd_session *s)
{
	const struct bfd_machine *m = &s->machine;
	struct bfd_shown *n = &s->shown;

	atomic_store_explicit(&n->state, m->state, memory_order_relaxed);
	atomic_store_explicit(&n->remote_state, m->remote_state, memory_order_relaxed);
	atomic_store_explicit(&n->diagnostic, m->diagnostic, memory_order_relaxed);
	atomic_store_explicit(&n->remote_diagnostic, m->remote_diagnostic, memory_order_relaxed);
	atomic_store_explicit(&n->discriminator, m->discriminator, memory_order_relaxed);
	atomic_store_explicit(&n->remote_discriminator, m->remote_discriminator, memory_order_relaxed);
	atomic_store_explicit(&n->tx_interval_us, bfd_machine_tx_interval_us(m), memory_order_relaxed);
	atomic_store_explicit(&n->detection_time_us, bfd_machine_detection_time_us(m), memory_order_relaxed);
	atomic_store_explicit(&n->remote_min_tx_us, m->remote_min_tx_us, memory_order_relaxed);
	atomic_store_explicit(&n->remote_min_rx_us, m->remote_min_rx_us, memory_order_relaxed);
	atomic_store_explicit(&n->remote_detect_mult, m->remote_detect_mult, memory_order_relaxed);
}

static void happened(struct runner *r, struct bfd_session *s, enum bfd_event event)
{
	struct bfd_notice *n;

	if (event == BFD_EVENT_NONE)
		return;
	BFD_COUNT(r->bfd->counts.up, event == BFD_EVENT_UP ? 1u : -1u);
	BFD_COUNT(s->shown.ups, event == BFD_EVENT_UP);
	BFD_COUNT(s->shown.failures, event == BFD_EVENT_FAILED);
	atomic_store_explicit(&s->shown.since_us, r->now_us, memory_order_relaxed);
	n = notice(s, BFD_NEWS_EVENT);
	n->event = event;
	n->diagnostic = s->machine.diagnostic;
	/* Who is told of it may look at once. */
	show(s);
	post(r, n);
}

/* --- what is sent --- */

static void count_lateness(struct runner *r, uint64_t due_us)
{
	struct bfd_counts *c = &r->bfd->counts;
	uint64_t now_us = clock_us(), late_us = now_us > due_us ? now_us - due_us : 0;
	int i = 0;

	while (i < BFD_LATENESS_BUCKETS - 1 && late_us > bfd_lateness_bound_us[i])
		i++;
	BFD_COUNT(c->lateness[i], 1);
	BFD_COUNT(c->lateness_us, late_us);
	if (late_us > atomic_load_explicit(&c->latest_us, memory_order_relaxed))
		atomic_store_explicit(&c->latest_us, late_us, memory_order_relaxed);
}

static void send_one(struct runner *r, struct bfd_session *s)
{
	uint8_t octets[BFD_PACKET_MAX];
	struct writer w = writer_init(octets, sizeof(octets));
	uint64_t due_us = s->machine.answer ? BFD_NEVER : s->machine.send_at_us;
	struct bfd_packet p;
	int err;

	bfd_machine_send(&s->machine, r->now_us, noise(r), &p);
	bfd_packet_encode(&w, &p);
	bfd_auth_sign(&s->auth, &s->auth_state, &w);
	err = io_udp_send(s->socket->tx, &s->peer.remote, s->peer.multihop ? BFD_PORT_MULTIHOP : BFD_PORT,
		octets, writer_len(&w));
	if (err) {
		BFD_COUNT(r->bfd->counts.unsent, 1);
		atomic_store_explicit(&s->shown.error, -err, memory_order_relaxed);
	} else {
		BFD_COUNT(r->bfd->counts.sent, 1);
		BFD_COUNT(s->shown.sent, 1);
		atomic_store_explicit(&s->shown.error, 0, memory_order_relaxed);
	}
	if (due_us != BFD_NEVER)
		count_lateness(r, due_us);
}

static void forget(struct runner *r, struct bfd_session *s)
{
	if (s->machine.state == BFD_UP)
		BFD_COUNT(r->bfd->counts.up, -1u);
	heap_del(&r->to_send, &s->to_send);
	heap_del(&r->to_judge, &s->to_judge);
	if (s->socket)
		bfd_lookup_del(&r->lookup, s);
	list_del(&s->all);
	bfd_socket_put(&r->sockets, s->socket);
	post(r, notice(s, BFD_NEWS_GONE));
}

static void set_due(struct heap *h, struct heap_node *n, uint64_t at_us)
{
	if (!n->at || n->key != at_us)
		heap_set(h, n, at_us);
}

/* Sends what is to be sent, and notes when the next thing is. May forget the session. */
static void serve(struct runner *r, struct bfd_session *s)
{
	struct bfd_machine *m = &s->machine;

	/* A poll's answer, and a regular one. */
	for (int i = 0; i < 2 && bfd_machine_may_send(m, r->now_us); i++) {
		send_one(r, s);
		if (s->farewells && --s->farewells == 0) {
			forget(r, s);
			return;
		}
	}
	show(s);
	set_due(&r->to_send, &s->to_send, m->send_at_us);
	set_due(&r->to_judge, &s->to_judge, m->detect_at_us);
}

/* The intervals that it wants, or what the budget makes of them. */
static void fit(struct runner *r, struct bfd_session *s)
{
	struct bfd_intervals i = bfd_budget_apply(&r->budget, &s->wanted);

	s->factor = r->budget.factor;
	bfd_machine_configure(&s->machine, &i, r->now_us);
}

/* To be called again and again in whatever takes long. */
static void send_due(struct runner *r)
{
	struct heap_node *first;

	r->now_us = clock_us();
	while ((first = heap_first(&r->to_send)) && first->key <= r->now_us) {
		struct bfd_session *s = HEAP_ENTRY(first, struct bfd_session, to_send);

		if (s->factor != r->budget.factor)
			fit(r, s);
		serve(r, s);
	}
}

/* --- what comes --- */

/* RFC 5880 6.8.1, bfd.AuthSeqKnown: whoever has been silent for that long may have started anew. */
static void forget_sequence(const struct runner *r, struct bfd_session *s)
{
	if (r->now_us - s->machine.heard_us >= 2 * bfd_machine_detection_time_us(&s->machine))
		s->auth_state.known = false;
}

/* RFC 5880 6.8.6 has it discarded; but who sent it may be a peer of ours that does not forget what it once knew (FRR 8.4 does not). */
static void prompt(struct runner *r, const struct bfd_peer *from)
{
	struct bfd_session *s = bfd_lookup_peer(&r->lookup, from);

	if (!s || s->farewells)
		return;
	bfd_machine_prompt(&s->machine, r->now_us);
	serve(r, s);
}

/* RFC 5880 6.8.6, RFC 5881 5. */
static void take(struct runner *r, const struct bfd_socket *at, const struct io_datagram *d)
{
	const struct bfd_peer from = { d->from, at->local, at->multihop };
	struct bfd_counts *c = &r->bfd->counts;
	size_t len = d->len < sizeof(d->octets) ? d->len : sizeof(d->octets);
	struct bfd_session *s;
	struct bfd_packet p;
	enum bfd_verdict verdict;

	BFD_COUNT(c->received, 1);
	if (!at->multihop && d->ttl != SINGLE_HOP_TTL) {
		BFD_COUNT(c->far, 1);
		return;
	}
	verdict = bfd_packet_decode(cursor_init(d->octets, len), &p);
	if (verdict != BFD_PACKET_OK) {
		BFD_COUNT(c->dropped[verdict], 1);
		return;
	}
	s = bfd_lookup_packet(&r->lookup, &from, &p);
	if (!s) {
		BFD_COUNT(c->unknown, 1);
		prompt(r, &from);
		return;
	}
	forget_sequence(r, s);
	if (!bfd_auth_check(&s->auth, &s->auth_state, d->octets, len, &p, s->machine.cfg.detect_mult)) {
		BFD_COUNT(c->unauthenticated, 1);
		return;
	}
	BFD_COUNT(s->shown.received, 1);
	s->stalled_us = r->stalled_us;
	happened(r, s, bfd_machine_receive(&s->machine, &p, r->now_us));
	serve(r, s);
}

static void read_socket(struct runner *r, const struct bfd_socket *s)
{
	struct io_datagram d[IO_DATAGRAMS_MAX];
	size_t got, all = 0;

	do {
		got = io_udp_receive(s->rx, d, IO_DATAGRAMS_MAX);
		for (size_t i = 0; i < got; i++)
			take(r, s, &d[i]);
		all += got;
		if (got == IO_DATAGRAMS_MAX)
			send_due(r);
	} while (got == IO_DATAGRAMS_MAX && all < READ_MAX);
}

/* What has happened to the sockets, whose orders and timer need no reading: they are told of once for each change. */
static void read_events(struct runner *r, const struct epoll_event *e, int count)
{
	for (int i = 0; i < count; i++)
		if (e[i].data.ptr && e[i].data.ptr != &r->bfd->timer)
			read_socket(r, e[i].data.ptr);
}

/* --- who is silent --- */

static bool is_judged(const struct runner *r)
{
	const struct heap_node *first = heap_first(&r->to_judge);

	return first && first->key <= r->began_us;
}

/* All sockets, of which an event tells a few: each comes to its turn when it is asked for often enough. */
static void read_all(struct runner *r)
{
	struct epoll_event e[EVENTS];
	size_t sockets = bfd_sockets_count(&r->sockets);

	for (size_t i = 0; i <= sockets / EVENTS; i++)
		read_events(r, e, epoll_wait(r->bfd->epoll, e, EVENTS, 0));
}

static void judge(struct runner *r, struct bfd_session *s)
{
	uint64_t ours_us = r->stalled_us - s->stalled_us;

	s->stalled_us = r->stalled_us;
	if (ours_us)
		bfd_machine_excuse(&s->machine, ours_us);
	else
		happened(r, s, bfd_machine_expire(&s->machine, r->now_us));
	serve(r, s);
}

static void judge_all(struct runner *r)
{
	if (!is_judged(r))
		return;
	read_all(r);
	for (unsigned i = 1; is_judged(r); i++) {
		judge(r, HEAP_ENTRY(heap_first(&r->to_judge), struct bfd_session, to_judge));
		if (i % PART == 0)
			send_due(r);
	}
}

/* --- the budget --- */

/* Each session takes the new factor when it is its turn to send: that is soon, and nobody waits for a walk over all of them. */
static void keep_budget(struct runner *r)
{
	uint32_t was = r->budget.factor;
	struct bfd_notice *n;

	r->recount = false;
	if (bfd_budget_settle(&r->budget, r->limit) == was)
		return;
	atomic_store(&r->bfd->counts.factor, r->budget.factor);
	n = notice(NULL, BFD_NEWS_FACTOR);
	n->factor = r->budget.factor;
	post(r, n);
}

/* --- the loop's orders --- */

static uint32_t new_discriminator(struct runner *r)
{
	uint32_t d;

	do
		d = noise(r);
	while (!d || bfd_lookup_discriminator(&r->lookup, d));
	return d;
}

static void tell_cannot_open(struct runner *r, struct bfd_session *s, int error)
{
	struct bfd_notice *n = notice(s, BFD_NEWS_CANNOT_OPEN);

	n->error = error;
	atomic_store(&s->shown.error, error);
	post(r, n);
}

static void begin(struct runner *r, struct bfd_session *s, const struct bfd_intervals *cfg)
{
	struct bfd_session *old = bfd_lookup_peer(&r->lookup, &s->peer);
	struct bfd_intervals i = bfd_budget_apply(&r->budget, cfg);
	int error = 0;

	s->factor = r->budget.factor;
	/* What it still had to say is of no use any more. */
	if (old && old->farewells)
		forget(r, old);
	s->wanted = *cfg;
	list_add_tail(&r->sessions, &s->all);
	s->socket = bfd_socket_get(&r->sockets, &s->peer.local, s->peer.multihop, &error);
	if (!s->socket) {
		tell_cannot_open(r, s, error);
		return;
	}
	bfd_machine_init(&s->machine, &i, new_discriminator(r), r->now_us);
	s->auth_state.sent = noise(r);
	s->stalled_us = r->stalled_us;
	bfd_lookup_add(&r->lookup, s);
	bfd_budget_add(&r->budget, cfg);
	serve(r, s);
}

static void configure(struct runner *r, struct bfd_session *s, const struct bfd_intervals *cfg)
{
	if (!s->socket || s->farewells)
		return;
	bfd_budget_del(&r->budget, &s->wanted);
	bfd_budget_add(&r->budget, cfg);
	s->wanted = *cfg;
	fit(r, s);
	serve(r, s);
}

static void stop(struct runner *r, struct bfd_session *s)
{
	if (!s->socket) {
		forget(r, s);
		return;
	}
	if (s->machine.state == BFD_UP)
		BFD_COUNT(r->bfd->counts.up, -1u);
	bfd_machine_stop(&s->machine, r->now_us);
	bfd_budget_del(&r->budget, &s->wanted);
	s->farewells = FAREWELLS;
	/* A passive one that has heard nothing has nobody to tell. */
	if (s->machine.send_at_us == BFD_NEVER)
		forget(r, s);
	else
		serve(r, s);
}

static void obey(struct runner *r, const struct bfd_command *c)
{
	r->limit = c->budget;
	r->recount = true;
	switch (c->order) {
	case BFD_ORDER_START:
		begin(r, c->session, &c->cfg);
		break;
	case BFD_ORDER_CONFIGURE:
		configure(r, c->session, &c->cfg);
		break;
	case BFD_ORDER_STOP:
		stop(r, c->session);
		break;
	case BFD_ORDER_BUDGET:
		break;
	case BFD_ORDER_END:
		r->end = true;
		break;
	}
}

static void obey_all(struct runner *r)
{
	unsigned count = 0;
	struct letter *next;

	for (struct letter *l = mailbox_take(&r->bfd->commands); l; l = next) {
		next = l->next;
		obey(r, (struct bfd_command *)l);
		free(l);
		if (++count % PART == 0)
			send_due(r);
	}
}

/* --- the turns --- */

static uint64_t first_of(const struct heap *h)
{
	const struct heap_node *first = heap_first(h);

	return first ? first->key : BFD_NEVER;
}

static void arm(struct runner *r)
{
	uint64_t send_us = first_of(&r->to_send), judge_us = first_of(&r->to_judge),
		 at_us = send_us < judge_us ? send_us : judge_us;
	struct itimerspec when = { 0 };

	if (at_us == r->armed_us)
		return;
	if (at_us != BFD_NEVER) {
		when.it_value.tv_sec = (time_t)(at_us / 1000000);
		when.it_value.tv_nsec = (long)(at_us % 1000000 * 1000);
	}
	if (timerfd_settime(r->bfd->timer, TFD_TIMER_ABSTIME, &when, NULL) == 0)
		r->armed_us = at_us;
}

static void read_time(struct runner *r)
{
	r->began_us = r->now_us = clock_us();
	if (r->armed_us == BFD_NEVER || r->now_us < r->armed_us)
		return;
	if (r->now_us > r->armed_us + STALL_US) {
		r->stalled_us += r->now_us - r->armed_us;
		BFD_COUNT(r->bfd->counts.stalls, 1);
	}
	/* It has gone off. */
	r->armed_us = BFD_NEVER;
}

static void turn(struct runner *r)
{
	struct epoll_event e[EVENTS];
	int count = epoll_wait(r->bfd->epoll, e, EVENTS, -1);

	read_time(r);
	send_due(r);
	read_events(r, e, count);
	obey_all(r);
	if (r->recount)
		keep_budget(r);
	judge_all(r);
	send_due(r);
	/* No event of theirs is in hand any more. */
	bfd_sockets_sweep(&r->sockets);
	arm(r);
}

static void step_forward(struct runner *r)
{
	atomic_store(&r->bfd->counts.priority, bfd_priority_raise());
	post(r, notice(NULL, BFD_NEWS_PRIORITY));
}

static void say_goodbye(struct runner *r)
{
	LIST_FOREACH (link, &r->sessions) {
		struct bfd_session *s = LIST_ENTRY(link, struct bfd_session, all);

		if (s->socket && s->machine.state != BFD_ADMIN_DOWN)
			bfd_machine_stop(&s->machine, r->now_us);
		if (s->socket && bfd_machine_may_send(&s->machine, r->now_us))
			send_one(r, s);
		forget(r, s);
	}
}

void *bfd_run(void *user)
{
	struct runner r = { .bfd = user, .budget = { .factor = 1 }, .armed_us = BFD_NEVER };

	bfd_sockets_init(&r.sockets, r.bfd->epoll);
	list_init(&r.sessions);
	step_forward(&r);
	if (getrandom(&r.noise, sizeof(r.noise), 0) < 0 || !r.noise)
		r.noise = (uint32_t)clock_us() | 1;
	while (!r.end)
		turn(&r);
	say_goodbye(&r);
	bfd_sockets_fini(&r.sockets);
	bfd_lookup_fini(&r.lookup);
	heap_fini(&r.to_send);
	heap_fini(&r.to_judge);
	return NULL;
}
