/*
 * The thread of the BFD sessions: packets in, packets out, silence noticed.
 *
 * Owns the sockets, the machines and the heap of what is due when. A turn: wait; take the loop's orders; read all that has come; then, and
 * not before, judge who has been silent and send what is due. So a thread that was held up finds the packets that came meanwhile.
 * They may be more than the sockets could hold: a hold-up of over 5 ms is therefore no silence of anybody else's. The clock of the
 * machines leaves such times out (stalled_us).
 *
 * It asks for a better place in the scheduler than the rest of the daemon has, as far as the kernel lets it.
 */
#include "base/mem.h"
#include "bfd/private.h"
#include "bfd/socket.h"
#include "io/udp.h"

#include <errno.h>
#include <sched.h>
#include <stdlib.h>
#include <sys/epoll.h>
#include <sys/random.h>
#include <sys/resource.h>
#include <sys/timerfd.h>
#include <time.h>
#include <unistd.h>

enum {
	STALL_US = 5000,
	EVENTS = 16,
	READ_MAX = 8192, /* packets of one socket in a turn, whoever sends them */
	FAREWELLS = 3,
	FACTOR_MAX = 1000,
	RT_PRIORITY = 1,
	NICE = -10,
	SINGLE_HOP_TTL = 255, /* RFC 5881 5 */
};

struct runner {
	struct bfd *bfd;
	struct list sockets, sessions;
	struct hash by_discriminator, by_peer;
	struct heap due;
	uint64_t now_us;     /* without stalled_us */
	uint64_t stalled_us; /* in all */
	uint64_t armed_us;   /* what the timer is set to, of the real clock; BFD_NEVER: not */
	uint32_t noise;
	uint32_t factor;
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
	atomic_store_explicit(&s->shown.since_us, clock_us(), memory_order_relaxed);
	n = notice(s, BFD_NEWS_EVENT);
	n->event = event;
	n->diagnostic = s->machine.diagnostic;
	post(r, n);
}

/* --- what is sent --- */

static void count_lateness(struct runner *r, uint64_t due_us)
{
	struct bfd_counts *c = &r->bfd->counts;
	uint64_t late_us = clock_us() - r->stalled_us;
	int i = 0;

	late_us = late_us > due_us ? late_us - due_us : 0;
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
	heap_del(&r->due, &s->due);
	if (s->socket) {
		hash_del(&r->by_discriminator, &s->by_discriminator);
		hash_del(&r->by_peer, &s->by_peer);
	}
	list_del(&s->all);
	bfd_socket_put(s->socket);
	r->recount = true;
	post(r, notice(s, BFD_NEWS_GONE));
}

static uint64_t earlier(uint64_t a, uint64_t b)
{
	return a < b ? a : b;
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
	heap_set(&r->due, &s->due, earlier(m->send_at_us, m->detect_at_us));
}

static void serve_due(struct runner *r)
{
	struct heap_node *first;

	while ((first = heap_first(&r->due)) && first->key <= r->now_us) {
		struct bfd_session *s = HEAP_ENTRY(first, struct bfd_session, due);

		/* RFC 5880 6.8.1 asks for twice the time; whoever has been away for once may have started anew. */
		if (s->machine.detect_at_us <= r->now_us)
			s->auth_state.known = false;
		if (s->machine.detect_at_us <= r->now_us)
			happened(r, s, bfd_machine_expire(&s->machine, r->now_us));
		serve(r, s);
	}
}

/* --- what comes --- */

static uint32_t hash_peer(const struct bfd_peer *p)
{
	uint32_t h = hash_bytes(&p->remote, sizeof(p->remote), p->multihop);

	return hash_bytes(&p->local, sizeof(p->local), h);
}

static bool same_peer(const struct bfd_peer *a, const struct bfd_peer *b)
{
	return a->multihop == b->multihop && ip_addr_cmp(&a->remote, &b->remote) == 0 &&
	       ip_addr_cmp(&a->local, &b->local) == 0;
}

static struct bfd_session *find_peer(const struct runner *r, const struct bfd_peer *p)
{
	for (struct hash_node *n = hash_first(&r->by_peer, hash_peer(p)); n; n = hash_next(n)) {
		struct bfd_session *s = HASH_ENTRY(n, struct bfd_session, by_peer);

		if (same_peer(&s->peer, p))
			return s;
	}
	return NULL;
}

static struct bfd_session *find_discriminator(const struct runner *r, uint32_t discriminator)
{
	for (struct hash_node *n = hash_first(&r->by_discriminator, hash_u64(discriminator)); n;
		n = hash_next(n)) {
		struct bfd_session *s = HASH_ENTRY(n, struct bfd_session, by_discriminator);

		if (s->machine.discriminator == discriminator)
			return s;
	}
	return NULL;
}

/* RFC 5880 6.8.6, RFC 5881 3, RFC 5883 4. */
static struct bfd_session *session_of(const struct runner *r, const struct bfd_socket *at,
	const struct ip_addr *from, const struct bfd_packet *p)
{
	const struct bfd_peer peer = { *from, at->local, at->multihop };
	struct bfd_session *s = p->your_discriminator ? find_discriminator(r, p->your_discriminator)
						      : find_peer(r, &peer);

	return s && same_peer(&s->peer, &peer) ? s : NULL;
}

/* RFC 5880 6.8.6 has it discarded; but who sent it may be a peer of ours that does not forget what it once knew (FRR 8.4 does not). */
static void prompt(struct runner *r, const struct bfd_socket *at, const struct ip_addr *from)
{
	const struct bfd_peer peer = { *from, at->local, at->multihop };
	struct bfd_session *s = find_peer(r, &peer);

	if (!s || s->farewells)
		return;
	bfd_machine_prompt(&s->machine, r->now_us);
	serve(r, s);
}

static void take(struct runner *r, const struct bfd_socket *at, const struct io_datagram *d)
{
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
	s = session_of(r, at, &d->from, &p);
	if (!s) {
		BFD_COUNT(c->unknown, 1);
		prompt(r, at, &d->from);
	} else if (!bfd_auth_check(
			   &s->auth, &s->auth_state, d->octets, len, &p, s->machine.cfg.detect_mult)) {
		BFD_COUNT(c->unauthenticated, 1);
	} else {
		BFD_COUNT(s->shown.received, 1);
		happened(r, s, bfd_machine_receive(&s->machine, &p, r->now_us));
		serve(r, s);
	}
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
	} while (got == IO_DATAGRAMS_MAX && all < READ_MAX);
}

/* --- the budget --- */

static struct bfd_intervals stretched(const struct runner *r, const struct bfd_intervals *wanted)
{
	struct bfd_intervals i = *wanted;
	uint64_t tx = (uint64_t)i.desired_min_tx_us * r->factor,
		 rx = (uint64_t)i.required_min_rx_us * r->factor;

	i.desired_min_tx_us = tx > INT32_MAX ? INT32_MAX : (uint32_t)tx;
	i.required_min_rx_us = rx > INT32_MAX ? INT32_MAX : (uint32_t)rx;
	return i;
}

/* What all sessions would send and hear in a second if both ends had what they want. */
static uint64_t load(const struct runner *r)
{
	uint64_t packets = 0;

	LIST_FOREACH (link, (struct list *)(uintptr_t)&r->sessions) {
		const struct bfd_session *s = LIST_ENTRY(link, struct bfd_session, all);

		if (!s->farewells)
			packets += 1000000 / s->wanted.desired_min_tx_us +
				   1000000 / s->wanted.required_min_rx_us;
	}
	return packets;
}

static void keep_budget(struct runner *r, uint32_t budget)
{
	uint64_t factor = budget ? (load(r) + budget - 1) / budget : 1;
	struct bfd_notice *n;

	r->recount = false;
	factor = factor < 1 ? 1 : factor > FACTOR_MAX ? FACTOR_MAX : factor;
	if (factor == r->factor)
		return;
	r->factor = (uint32_t)factor;
	atomic_store(&r->bfd->counts.factor, r->factor);
	n = notice(NULL, BFD_NEWS_FACTOR);
	n->factor = r->factor;
	post(r, n);
	LIST_FOREACH (link, &r->sessions) {
		struct bfd_session *s = LIST_ENTRY(link, struct bfd_session, all);
		struct bfd_intervals i = stretched(r, &s->wanted);

		if (s->farewells || !s->socket)
			continue;
		bfd_machine_configure(&s->machine, &i, r->now_us);
		serve(r, s);
	}
}

/* --- the loop's orders --- */

static uint32_t new_discriminator(struct runner *r)
{
	uint32_t d;

	do
		d = noise(r);
	while (!d || find_discriminator(r, d));
	return d;
}

static void begin(struct runner *r, struct bfd_session *s, const struct bfd_intervals *cfg)
{
	struct bfd_session *old = find_peer(r, &s->peer);
	struct bfd_intervals i = stretched(r, cfg);
	int error = 0;

	/* What it still had to say is of no use any more. */
	if (old && old->farewells)
		forget(r, old);
	s->wanted = *cfg;
	list_add_tail(&r->sessions, &s->all);
	s->socket = bfd_socket_get(&r->sockets, r->bfd->epoll, &s->peer.local, s->peer.multihop, &error);
	if (!s->socket) {
		struct bfd_notice *n = notice(s, BFD_NEWS_CANNOT_OPEN);

		n->error = error;
		atomic_store(&s->shown.error, error);
		post(r, n);
		return;
	}
	bfd_machine_init(&s->machine, &i, new_discriminator(r), r->now_us);
	s->auth_state.sent = noise(r);
	hash_add(&r->by_discriminator, &s->by_discriminator, hash_u64(s->machine.discriminator));
	hash_add(&r->by_peer, &s->by_peer, hash_peer(&s->peer));
	r->recount = true;
	serve(r, s);
}

static void configure(struct runner *r, struct bfd_session *s, const struct bfd_intervals *cfg)
{
	struct bfd_intervals i = stretched(r, cfg);

	s->wanted = *cfg;
	if (!s->socket || s->farewells)
		return;
	bfd_machine_configure(&s->machine, &i, r->now_us);
	r->recount = true;
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
	s->farewells = FAREWELLS;
	r->recount = true;
	/* A passive one that has heard nothing has nobody to tell. */
	if (s->machine.send_at_us == BFD_NEVER)
		forget(r, s);
	else
		serve(r, s);
}

static void obey(struct runner *r, const struct bfd_command *c)
{
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
		r->recount = true;
		break;
	case BFD_ORDER_END:
		r->end = true;
		break;
	}
}

static uint32_t obey_all(struct runner *r, uint32_t budget)
{
	struct letter *next;

	for (struct letter *l = mailbox_take(&r->bfd->commands); l; l = next) {
		const struct bfd_command *c = (struct bfd_command *)l;

		next = l->next;
		budget = c->budget;
		obey(r, c);
		free(l);
	}
	return budget;
}

/* --- the turns --- */

static void arm(struct runner *r)
{
	const struct heap_node *first = heap_first(&r->due);
	uint64_t at_us = first && first->key != BFD_NEVER ? first->key + r->stalled_us : BFD_NEVER;
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

/* The time of this turn; what we were held up by is left out of it. */
static void read_time(struct runner *r)
{
	uint64_t real_us = clock_us();

	if (r->armed_us != BFD_NEVER && real_us > r->armed_us + STALL_US) {
		r->stalled_us += real_us - r->armed_us;
		BFD_COUNT(r->bfd->counts.stalls, 1);
		r->armed_us = real_us;
	}
	r->now_us = real_us - r->stalled_us;
}

static void drain_fd(int fd)
{
	uint64_t count;

	if (read(fd, &count, sizeof(count)) < 0)
		return;
}

static void turn(struct runner *r, uint32_t *budget)
{
	struct epoll_event e[EVENTS];
	int n = epoll_wait(r->bfd->epoll, e, EVENTS, -1);

	read_time(r);
	for (int i = 0; i < n; i++)
		if (!e[i].data.ptr)
			drain_fd(r->bfd->to_thread);
		else if (e[i].data.ptr == &r->bfd->timer)
			drain_fd(r->bfd->timer);
		else
			read_socket(r, e[i].data.ptr);
	/* Orders may close sockets, so they come after what was waiting for these. */
	*budget = obey_all(r, *budget);
	serve_due(r);
	if (r->recount)
		keep_budget(r, *budget);
	bfd_sockets_sweep(&r->sockets);
	arm(r);
}

/* Best of all a real-time class, where RLIMIT_RTPRIO or CAP_SYS_NICE allows it; or else to be nice to nobody, by RLIMIT_NICE. */
static void step_forward(void)
{
	const struct sched_param p = { .sched_priority = RT_PRIORITY };

	if (pthread_setschedparam(pthread_self(), SCHED_RR, &p))
		setpriority(PRIO_PROCESS, (id_t)gettid(), NICE);
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
	struct runner r = { .bfd = user, .factor = 1, .armed_us = BFD_NEVER };
	uint32_t budget = 0;

	list_init(&r.sockets);
	list_init(&r.sessions);
	step_forward();
	if (getrandom(&r.noise, sizeof(r.noise), 0) < 0 || !r.noise)
		r.noise = (uint32_t)clock_us() | 1;
	while (!r.end)
		turn(&r, &budget);
	say_goodbye(&r);
	bfd_sockets_sweep(&r.sockets);
	hash_fini(&r.by_discriminator);
	hash_fini(&r.by_peer);
	heap_fini(&r.due);
	return NULL;
}
