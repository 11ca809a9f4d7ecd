/* What bfd.c (the loop's thread) and runner.c (the sessions' thread) share. Who may touch what is said at each member. */
#pragma once

#include "base/hash.h"
#include "base/heap.h"
#include "base/list.h"
#include "bfd/bfd.h"
#include "bfd/mailbox.h"

#include <pthread.h>
#include <stdatomic.h>

/* What a session shows: written by its thread alone, read by the loop's, each number by itself. */
struct bfd_shown {
	_Atomic uint8_t state, remote_state, diagnostic, remote_diagnostic, remote_detect_mult;
	_Atomic uint32_t discriminator, remote_discriminator, tx_interval_us, remote_min_tx_us,
		remote_min_rx_us;
	_Atomic uint64_t detection_time_us, sent, received, ups, failures, since_us;
	_Atomic int error;
};

struct bfd_session {
	struct bfd *bfd;
	struct bfd_peer peer; /* never changes, as auth */
	struct bfd_auth auth;

	/* The loop's. */
	struct bfd_intervals cfg;
	void (*fn)(void *user, struct bfd_session *s, enum bfd_event event, uint8_t diagnostic);
	void *user;
	bool stopped; /* nobody wants to hear of it, and it is freed when its thread lets go of it */

	/* The thread's. */
	struct bfd_machine machine;
	struct bfd_auth_state auth_state;
	struct bfd_intervals wanted; /* before the budget's factor */
	struct heap_node to_send, to_judge;
	uint64_t stalled_us; /* the runner's when the peer was last heard */
	uint32_t factor;     /* the budget's when it was last asked */
	struct hash_node by_discriminator, by_peer;
	struct bfd_socket *socket; /* NULL: could not be opened */
	struct list all;	   /* runner.sessions */
	unsigned farewells;	   /* packets that are still to be sent; 0: it is not leaving */

	struct bfd_shown shown;
};

/* From the loop to the thread. */
enum bfd_order { BFD_ORDER_START, BFD_ORDER_CONFIGURE, BFD_ORDER_STOP, BFD_ORDER_BUDGET, BFD_ORDER_END };

struct bfd_command {
	struct letter letter; /* first */
	enum bfd_order order;
	struct bfd_session *session;
	struct bfd_intervals cfg;
	uint32_t budget;
};

/* And back. */
enum bfd_news { BFD_NEWS_EVENT, BFD_NEWS_GONE, BFD_NEWS_CANNOT_OPEN, BFD_NEWS_FACTOR, BFD_NEWS_PRIORITY };

struct bfd_notice {
	struct letter letter; /* first */
	enum bfd_news news;
	struct bfd_session *session;
	enum bfd_event event;
	uint8_t diagnostic; /* why it is not Up any more */
	int error;	    /* errno */
	uint32_t factor;
};

struct bfd_counts {
	_Atomic uint64_t sent, received, unsent, dropped[BFD_VERDICTS], unknown, far, unauthenticated;
	_Atomic uint64_t lateness[BFD_LATENESS_BUCKETS], lateness_us, latest_us, stalls;
	_Atomic uint32_t factor, up;
	_Atomic enum bfd_priority priority;
};

struct bfd {
	struct io_loop *loop;
	struct bfd_session **session; /* by peer */
	size_t count, size;
	uint32_t budget;
	struct io_watch *watch;
	pthread_t thread;
	bool running;
	int to_thread, to_loop; /* eventfds */
	int epoll,
		timer; /* the thread's; in the set to_thread has no pointer, and timer the address of timer */
	struct mailbox commands, notices;
	struct bfd_counts counts;
};

/* Only one thread writes each of them. */
#define BFD_COUNT(counter, n)                                                                                \
	atomic_store_explicit(&(counter), atomic_load_explicit(&(counter), memory_order_relaxed) + (n),      \
		memory_order_relaxed)

/* The thread: until BFD_ORDER_END. user: a struct bfd. */
void *bfd_run(void *user);
