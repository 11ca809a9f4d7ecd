/*
 * One BFD session: state machine, intervals, poll sequences. RFC 5880 6, asynchronous mode. Pure: time is an argument.
 *
 * Owns the state variables of RFC 5880 6.8.1 and two times: when the next packet is due, and when silence means that the other end
 * is gone. Who owns it calls bfd_machine_send() and bfd_machine_expire() when these come, and bfd_machine_receive() for
 * each packet that belongs to it. It does not know addresses, sockets, or who wants to know.
 *
 * Rules beyond the state table:
 * - While not Up no more than a packet a second is wanted (6.8.3), but one goes out at once when the state has changed (6.8.7), so that a
 *   session is up after three packets, not after three seconds.
 * - Every change of an interval is told by a poll sequence. One that slows our packets, or lets us wait for less, takes effect when
 *   the other end has answered it (6.8.3); all others at once.
 * - A passive end is silent until it has heard something, and again when it has heard nothing for a detection time.
 * - Intervals are shortened at random by up to a quarter, with a multiplier of 1 by 10 to 25 % (6.8.7).
 * - The other end may be in demand mode (6.6): then nothing is sent while both are Up, but polls. We never are.
 */
#pragma once

#include "bfd/packet.h"

#include <stdbool.h>
#include <stdint.h>

enum { BFD_SLOW_US = 1000000 }; /* RFC 5880 6.8.3 */

#define BFD_NEVER UINT64_MAX

struct bfd_intervals {
	uint32_t desired_min_tx_us, required_min_rx_us; /* at least 1 */
	uint8_t detect_mult;				/* at least 1 */
	bool passive;
};

/* What a step has done that somebody may want to know. */
enum bfd_event {
	BFD_EVENT_NONE,
	BFD_EVENT_UP,
	BFD_EVENT_FAILED,     /* from Up: silence, or the other end says that it is down */
	BFD_EVENT_ADMIN_DOWN, /* from Up: the other end was told to stop; no failure (RFC 5882 3.2) */
};

struct bfd_machine {
	struct bfd_intervals cfg;    /* as wanted while Up */
	uint8_t state, remote_state; /* enum bfd_state */
	uint8_t diagnostic, remote_diagnostic;
	uint32_t discriminator, remote_discriminator;	/* the other's: 0: not known */
	uint32_t desired_min_tx_us, required_min_rx_us; /* as told to the other end */
	uint32_t tx_us,
		rx_us; /* in effect: they differ while a poll for a slower or shorter one is not answered */
	uint32_t remote_min_rx_us, remote_min_tx_us;
	uint8_t remote_detect_mult;
	bool remote_demand;
	bool polling, poll_again;	   /* poll_again: something has changed since it began */
	bool answer;			   /* a poll */
	uint64_t send_at_us, detect_at_us; /* BFD_NEVER: not */
	uint64_t sent_us;		   /* the last regular packet */
	uint64_t heard_us;		   /* the other end's last packet */
};

/* Down, and sends its first packet at once unless passive. discriminator: not 0. */
void bfd_machine_init(
	struct bfd_machine *m, const struct bfd_intervals *cfg, uint32_t discriminator, uint64_t now_us);
/* Other intervals from now on, by a poll sequence while Up. */
void bfd_machine_configure(struct bfd_machine *m, const struct bfd_intervals *cfg, uint64_t now_us);
/* A packet of this session, whose discriminator of ours, if any, is right. */
enum bfd_event bfd_machine_receive(struct bfd_machine *m, const struct bfd_packet *p, uint64_t now_us);
/* We have not listened for so long: that much of the other end's silence is ours. */
void bfd_machine_excuse(struct bfd_machine *m, uint64_t us);
/* detect_at_us has come. */
enum bfd_event bfd_machine_expire(struct bfd_machine *m, uint64_t now_us);
/* Something is to be sent now: makes it. noise: any number, for the jitter. */
void bfd_machine_send(struct bfd_machine *m, uint64_t now_us, uint32_t noise, struct bfd_packet *out);
/* The peer has sent what belongs to no session: a discriminator of ours that was. A passive end that has heard nothing yet tells it at
 * once, and at most once a second, that there is a new one; two ends that wait for each other would wait for ever. */
void bfd_machine_prompt(struct bfd_machine *m, uint64_t now_us);
/* Is something to be sent? */
bool bfd_machine_may_send(const struct bfd_machine *m, uint64_t now_us);
/* For good: what is sent from now on says AdminDown. */
void bfd_machine_stop(struct bfd_machine *m, uint64_t now_us);

/* Agreed on: our packets, and how long we wait. 0: not known yet, or none are sent. */
uint32_t bfd_machine_tx_interval_us(const struct bfd_machine *m);
uint64_t bfd_machine_detection_time_us(const struct bfd_machine *m);

/* The table of 6.8.6 and 6.8.16: what becomes of a state by what is received (enum bfd_state), or by silence. */
enum bfd_input {
	BFD_RECEIVED_ADMIN_DOWN,
	BFD_RECEIVED_DOWN,
	BFD_RECEIVED_INIT,
	BFD_RECEIVED_UP,
	BFD_EXPIRED,
	BFD_STOPPED,
	BFD_INPUTS
};
uint8_t bfd_machine_next(uint8_t state, enum bfd_input input);
