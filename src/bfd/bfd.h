/*
 * BFD for a program: sessions that are started and stopped, and word of what becomes of them. RFC 5880, 5881, 5883.
 *
 * The sessions live in a thread of their own (runner.c), so that neither packets nor timers wait for whatever the program does; the two
 * talk by letters (mailbox.h) and never wait for each other. All functions here are for the loop's thread, and so are the callbacks.
 * The thread starts with the first session.
 *
 * Sessions speak from port 49152 or above to 3784 (single hop, packets with another TTL than 255 are dropped) or 4784 (multihop), each local
 * address with its own sockets, which are open while it has sessions: other programs on the host may have BFD on other addresses. The
 * source port is one for all sessions of an address.
 *
 * BFD never keeps anybody from anything: a session that has not been Up has no say (RFC 5882 4.2 without strict mode).
 */
#pragma once

#include "base/prefix.h"
#include "bfd/auth.h"
#include "bfd/machine.h"
#include "io/loop.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct bfd;
struct bfd_session;

/* budget: packets in a second, sent and received; where the sessions want more all intervals are multiplied (and that is logged);
 * 0: no bound. */
struct bfd *bfd_new(struct io_loop *loop, uint32_t budget);
/* Says AdminDown on all sessions there are, and frees them without a callback. */
void bfd_free(struct bfd *b);
void bfd_set_budget(struct bfd *b, uint32_t budget);

struct bfd_peer {
	struct ip_addr remote, local; /* both known */
	bool multihop;
};

/* fn: the session is Up, or is it no longer, and why (enum bfd_diagnostic); may stop sessions, this one too. A peer has at
 * most one session that is not stopped. auth: NULL: none. NULL when no thread can be made (logged). */
struct bfd_session *bfd_session_start(struct bfd *b, const struct bfd_peer *peer,
	const struct bfd_intervals *cfg, const struct bfd_auth *auth,
	void (*fn)(void *user, struct bfd_session *s, enum bfd_event event, uint8_t diagnostic), void *user);
/* Other intervals, without a flap. */
void bfd_session_configure(struct bfd_session *s, const struct bfd_intervals *cfg);
/* Tells the other end AdminDown for a few packets; the session is nobody's any more at once. NULL is ignored. */
void bfd_session_stop(struct bfd_session *s);

/* As it was a moment ago. */
struct bfd_view {
	struct bfd_peer peer;
	uint8_t state, remote_state;	       /* enum bfd_state */
	uint8_t diagnostic, remote_diagnostic; /* enum bfd_diagnostic */
	uint32_t discriminator, remote_discriminator;
	uint32_t tx_interval_us;    /* of our packets; 0: none are sent */
	uint64_t detection_time_us; /* 0: not known */
	uint32_t remote_min_tx_us, remote_min_rx_us;
	uint8_t remote_detect_mult;
	struct bfd_intervals cfg;
	enum bfd_auth_type auth;
	uint64_t sent, received, ups, failures; /* failures: Up and then not, but for AdminDown */
	uint64_t since_us;			/* of the state; io_loop_now_us()'s clock */
	int error; /* of the last packet that could not be sent, or of its sockets: errno; 0: none */
};

void bfd_session_look(const struct bfd_session *s, struct bfd_view *out);
const struct bfd_peer *bfd_session_peer(const struct bfd_session *s);
/* In the order of their peers: the first behind this one, which need not be anybody's any more; NULL: the first. NULL when there is none. One
 * that was stopped is not among them. */
struct bfd_session *bfd_next(const struct bfd *b, const struct bfd_peer *after);

/* How late regular packets were, by upper bound in microseconds; the last has none. */
enum { BFD_LATENESS_BUCKETS = 8 };
extern const uint32_t bfd_lateness_bound_us[BFD_LATENESS_BUCKETS - 1];

/* Of the thread, in the scheduler: as the rest of the program; less nice; real-time. */
enum bfd_priority { BFD_PRIORITY_ORDINARY, BFD_PRIORITY_NICE, BFD_PRIORITY_REALTIME };

struct bfd_stats {
	uint64_t sent, received, unsent;
	uint64_t dropped[BFD_VERDICTS]; /* by bfd_packet_decode()'s verdict */
	uint64_t unknown, far,
		unauthenticated; /* no such session; another TTL than 255; not what auth says */
	uint64_t lateness[BFD_LATENESS_BUCKETS], lateness_us; /* lateness_us: their sum */
	uint64_t latest_us;
	uint64_t stalls;	    /* times in which the thread was held up for more than 5 ms */
	uint32_t factor;	    /* by which the budget stretches all intervals; 1: it does not */
	enum bfd_priority priority; /* ordinary also while there is no thread yet */
	size_t sessions, up;
};

void bfd_stats_get(const struct bfd *b, struct bfd_stats *out);
