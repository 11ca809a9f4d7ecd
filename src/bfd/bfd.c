#include "bfd/bfd.h"

#include "base/log.h"
#include "base/mem.h"
#include "bfd/private.h"

#include <assert.h>
#include <errno.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <sys/timerfd.h>
#include <unistd.h>

/* --- letters --- */

static void order(struct bfd *b, enum bfd_order what, struct bfd_session *s, const struct bfd_intervals *cfg)
{
	struct bfd_command *c = mem_calloc(1, sizeof(*c));
	uint64_t one = 1;

	c->order = what;
	c->session = s;
	c->budget = b->budget;
	if (cfg)
		c->cfg = *cfg;
	mailbox_put(&b->commands, &c->letter);
	if (write(b->to_thread, &one, sizeof(one)) < 0)
		log_error("bfd: cannot wake the thread: %s", strerror(errno));
}

static void tell_cannot_open(const struct bfd_session *s, int error)
{
	char text[PREFIX_TEXT_MAX];

	log_error("bfd: cannot use port %d on %s: %s%s; the sessions there have no BFD",
		s->peer.multihop ? BFD_PORT_MULTIHOP : BFD_PORT, ip_addr_format(&s->peer.local, text),
		strerror(error), error == EADDRINUSE ? ": another program has BFD on this address" : "");
}

static void tell_factor(uint32_t factor)
{
	if (factor > 1)
		log_warning("bfd: the sessions want more packets than packets-per-second allows: all "
			    "intervals are %u times as "
			    "long; raise it, or the intervals",
			factor);
	else
		log_info("bfd: the intervals are as configured again");
}

/* Whether that is enough is for who knows the intervals to say. */
static void tell_priority(enum bfd_priority p)
{
	static const char *const text[] = {
		[BFD_PRIORITY_ORDINARY] = "as the rest of the daemon: on a busy machine packets may be late; "
					  "RLIMIT_RTPRIO (systemd's LimitRTPRIO=1) or CAP_SYS_NICE would "
					  "help",
		[BFD_PRIORITY_NICE] = "better than that of the rest of the daemon",
		[BFD_PRIORITY_REALTIME] = "real-time",
	};

	log_info("bfd: the priority of its thread is %s", text[p]);
}

static void read_notice(const struct bfd *b, const struct bfd_notice *n)
{
	struct bfd_session *s = n->session;

	switch (n->news) {
	case BFD_NEWS_GONE:
		free(s);
		break;
	case BFD_NEWS_CANNOT_OPEN:
		tell_cannot_open(s, n->error);
		break;
	case BFD_NEWS_FACTOR:
		tell_factor(n->factor);
		break;
	case BFD_NEWS_PRIORITY:
		tell_priority(atomic_load(&b->counts.priority));
		break;
	case BFD_NEWS_EVENT:
		if (!s->stopped)
			s->fn(s->user, s, n->event, n->diagnostic);
		break;
	}
}

static void read_notices(void *user, unsigned events)
{
	struct bfd *b = user;
	struct letter *next;
	uint64_t count;

	(void)events;
	if (read(b->to_loop, &count, sizeof(count)) < 0)
		return;
	for (struct letter *l = mailbox_take(&b->notices); l; l = next) {
		next = l->next;
		read_notice(b, (struct bfd_notice *)l);
		free(l);
	}
}

/* --- life --- */

struct bfd *bfd_new(struct io_loop *loop, uint32_t budget)
{
	struct bfd *b = mem_calloc(1, sizeof(*b));

	b->loop = loop;
	b->budget = budget;
	b->to_thread = b->to_loop = b->epoll = b->timer = -1;
	atomic_store(&b->counts.factor, 1);
	return b;
}

static bool open_descriptors(struct bfd *b)
{
	/* Edges, so that nothing has to be read from them. */
	struct epoll_event wake = { .events = EPOLLIN | EPOLLET },
			   timer = { .events = EPOLLIN | EPOLLET, .data.ptr = &b->timer };

	b->to_thread = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
	b->to_loop = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
	b->epoll = epoll_create1(EPOLL_CLOEXEC);
	b->timer = timerfd_create(CLOCK_MONOTONIC, TFD_NONBLOCK | TFD_CLOEXEC);
	return b->to_thread >= 0 && b->to_loop >= 0 && b->epoll >= 0 && b->timer >= 0 &&
	       !epoll_ctl(b->epoll, EPOLL_CTL_ADD, b->to_thread, &wake) &&
	       !epoll_ctl(b->epoll, EPOLL_CTL_ADD, b->timer, &timer);
}

static void close_descriptors(struct bfd *b)
{
	int *const owned[] = { &b->to_thread, &b->to_loop, &b->epoll, &b->timer };

	for (size_t i = 0; i < sizeof(owned) / sizeof(owned[0]); i++) {
		int fd = *owned[i];

		if (fd >= 0)
			close(fd);
		*owned[i] = -1;
	}
}

/* Signals are for the loop's thread: the new one is born with all of them blocked. */
static int make_thread(struct bfd *b)
{
	sigset_t all, before;
	int error;

	sigfillset(&all);
	pthread_sigmask(SIG_SETMASK, &all, &before);
	error = pthread_create(&b->thread, NULL, bfd_run, b);
	pthread_sigmask(SIG_SETMASK, &before, NULL);
	if (!error)
		pthread_setname_np(b->thread, "bfd");
	return error;
}

static bool start_thread(struct bfd *b)
{
	int error = open_descriptors(b) ? make_thread(b) : errno;

	if (error) {
		log_error("bfd: %s: there is no BFD; is the limit of processes or open files used up?",
			strerror(error));
		close_descriptors(b);
		return false;
	}
	b->running = true;
	b->watch = io_watch_new(b->loop, b->to_loop, read_notices, b);
	io_watch_set(b->watch, IO_READ);
	io_watch_set_urgent(b->watch);
	return true;
}

static void drop_letters(struct mailbox *box, bool notices)
{
	struct letter *next;

	for (struct letter *l = mailbox_take(box); l; l = next) {
		next = l->next;
		if (notices && ((struct bfd_notice *)l)->news == BFD_NEWS_GONE)
			free(((struct bfd_notice *)l)->session);
		free(l);
	}
}

static void stop_thread(struct bfd *b)
{
	if (!b->running)
		return;
	order(b, BFD_ORDER_END, NULL, NULL);
	pthread_join(b->thread, NULL);
	io_watch_free(b->watch);
}

void bfd_free(struct bfd *b)
{
	if (!b)
		return;
	stop_thread(b);
	/* All sessions come back as gone, those in the list too. */
	drop_letters(&b->notices, true);
	drop_letters(&b->commands, false);
	close_descriptors(b);
	free(b->session);
	free(b);
}

void bfd_set_budget(struct bfd *b, uint32_t budget)
{
	if (b->budget == budget)
		return;
	b->budget = budget;
	if (b->running)
		order(b, BFD_ORDER_BUDGET, NULL, NULL);
}

/* --- sessions --- */

static int compare(const struct bfd_peer *a, const struct bfd_peer *b)
{
	int which = ip_addr_cmp(&a->remote, &b->remote);

	if (!which)
		which = ip_addr_cmp(&a->local, &b->local);
	return which ? which : a->multihop - b->multihop;
}

/* The place of the first that is not before the peer. */
static size_t place_of(const struct bfd *b, const struct bfd_peer *p)
{
	size_t low = 0, high = b->count;

	while (low < high) {
		size_t middle = low + (high - low) / 2;

		if (compare(&b->session[middle]->peer, p) < 0)
			low = middle + 1;
		else
			high = middle;
	}
	return low;
}

static void put_in(struct bfd *b, struct bfd_session *s)
{
	size_t at = place_of(b, &s->peer);

	if (b->count == b->size) {
		b->size = b->size ? 2 * b->size : 16;
		b->session = mem_realloc(b->session, b->size * sizeof(struct bfd_session *));
	}
	memmove(&b->session[at + 1], &b->session[at], (b->count - at) * sizeof(struct bfd_session *));
	b->session[at] = s;
	b->count++;
}

static void take_out(struct bfd *b, const struct bfd_session *s)
{
	size_t at = place_of(b, &s->peer);

	assert(at < b->count && b->session[at] == s);
	b->count--;
	memmove(&b->session[at], &b->session[at + 1], (b->count - at) * sizeof(struct bfd_session *));
}

struct bfd_session *bfd_session_start(struct bfd *b, const struct bfd_peer *peer,
	const struct bfd_intervals *cfg, const struct bfd_auth *auth,
	void (*fn)(void *user, struct bfd_session *s, enum bfd_event event, uint8_t diagnostic), void *user)
{
	struct bfd_session *s;

	if (!b->running && !start_thread(b))
		return NULL;
	s = mem_calloc(1, sizeof(*s));
	s->bfd = b;
	s->peer = *peer;
	s->cfg = *cfg;
	if (auth)
		s->auth = *auth;
	s->fn = fn;
	s->user = user;
	atomic_store(&s->shown.state, BFD_DOWN);
	atomic_store(&s->shown.remote_state, BFD_DOWN);
	atomic_store(&s->shown.since_us, io_loop_now_us(b->loop));
	put_in(b, s);
	order(b, BFD_ORDER_START, s, cfg);
	return s;
}

void bfd_session_configure(struct bfd_session *s, const struct bfd_intervals *cfg)
{
	s->cfg = *cfg;
	order(s->bfd, BFD_ORDER_CONFIGURE, s, cfg);
}

void bfd_session_stop(struct bfd_session *s)
{
	if (!s)
		return;
	s->stopped = true;
	take_out(s->bfd, s);
	order(s->bfd, BFD_ORDER_STOP, s, NULL);
}

/* --- what there is to know --- */

const uint32_t bfd_lateness_bound_us[BFD_LATENESS_BUCKETS - 1] = { 100, 500, 1000, 2000, 5000, 10000, 50000 };

struct bfd_session *bfd_next(const struct bfd *b, const struct bfd_peer *after)
{
	size_t at = after ? place_of(b, after) : 0;

	if (after && at < b->count && compare(&b->session[at]->peer, after) == 0)
		at++;
	return at < b->count ? b->session[at] : NULL;
}

const struct bfd_peer *bfd_session_peer(const struct bfd_session *s)
{
	return &s->peer;
}

void bfd_session_look(const struct bfd_session *s, struct bfd_view *out)
{
	const struct bfd_shown *n = &s->shown;

	*out = (struct bfd_view){
		.peer = s->peer,
		.cfg = s->cfg,
		.auth = s->auth.type,
		.state = atomic_load(&n->state),
		.remote_state = atomic_load(&n->remote_state),
		.diagnostic = atomic_load(&n->diagnostic),
		.remote_diagnostic = atomic_load(&n->remote_diagnostic),
		.discriminator = atomic_load(&n->discriminator),
		.remote_discriminator = atomic_load(&n->remote_discriminator),
		.tx_interval_us = atomic_load(&n->tx_interval_us),
		.detection_time_us = atomic_load(&n->detection_time_us),
		.remote_min_tx_us = atomic_load(&n->remote_min_tx_us),
		.remote_min_rx_us = atomic_load(&n->remote_min_rx_us),
		.remote_detect_mult = atomic_load(&n->remote_detect_mult),
		.sent = atomic_load(&n->sent),
		.received = atomic_load(&n->received),
		.ups = atomic_load(&n->ups),
		.failures = atomic_load(&n->failures),
		.since_us = atomic_load(&n->since_us),
		.error = atomic_load(&n->error),
	};
}

void bfd_stats_get(const struct bfd *b, struct bfd_stats *out)
{
	const struct bfd_counts *c = &b->counts;

	*out = (struct bfd_stats){
		.sent = atomic_load(&c->sent),
		.received = atomic_load(&c->received),
		.unsent = atomic_load(&c->unsent),
		.unknown = atomic_load(&c->unknown),
		.far = atomic_load(&c->far),
		.unauthenticated = atomic_load(&c->unauthenticated),
		.lateness_us = atomic_load(&c->lateness_us),
		.latest_us = atomic_load(&c->latest_us),
		.stalls = atomic_load(&c->stalls),
		.factor = atomic_load(&c->factor),
		.priority = atomic_load(&c->priority),
		.sessions = b->count,
		.up = atomic_load(&c->up),
	};
	for (int i = 0; i < BFD_VERDICTS; i++)
		out->dropped[i] = atomic_load(&c->dropped[i]);
	for (int i = 0; i < BFD_LATENESS_BUCKETS; i++)
		out->lateness[i] = atomic_load(&c->lateness[i]);
}
