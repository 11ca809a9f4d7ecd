#include "bfd/machine.h"

#include <stddef.h>

enum { JITTER_QUARTER = 25, JITTER_LEAST_OF_ONE = 10 };

static const uint8_t next_state[BFD_STATES][BFD_INPUTS] = {
	[BFD_ADMIN_DOWN] = { BFD_ADMIN_DOWN, BFD_ADMIN_DOWN, BFD_ADMIN_DOWN, BFD_ADMIN_DOWN, BFD_ADMIN_DOWN,
		BFD_ADMIN_DOWN },
	[BFD_DOWN] = { BFD_DOWN, BFD_INIT, BFD_UP, BFD_DOWN, BFD_DOWN, BFD_ADMIN_DOWN },
	[BFD_INIT] = { BFD_DOWN, BFD_INIT, BFD_UP, BFD_UP, BFD_DOWN, BFD_ADMIN_DOWN },
	[BFD_UP] = { BFD_DOWN, BFD_DOWN, BFD_UP, BFD_UP, BFD_DOWN, BFD_ADMIN_DOWN },
};

uint8_t bfd_machine_next(uint8_t state, enum bfd_input input)
{
	return next_state[state][input];
}

static uint32_t larger(uint32_t a, uint32_t b)
{
	return a > b ? a : b;
}

uint32_t bfd_machine_tx_interval_us(const struct bfd_machine *m)
{
	return m->remote_min_rx_us ? larger(m->tx_us, m->remote_min_rx_us) : 0;
}

uint64_t bfd_machine_detection_time_us(const struct bfd_machine *m)
{
	return (uint64_t)m->remote_detect_mult * larger(m->rx_us, m->remote_min_tx_us);
}

/* --- what is sent when --- */

static bool is_silent(const struct bfd_machine *m)
{
	return (m->cfg.passive && !m->remote_discriminator) || !m->remote_min_rx_us ||
	       (m->remote_demand && m->state == BFD_UP && m->remote_state == BFD_UP && !m->polling);
}

bool bfd_machine_may_send(const struct bfd_machine *m, uint64_t now_us)
{
	return m->answer || m->send_at_us <= now_us;
}

/* The next regular packet is due now. */
static void send_soon(struct bfd_machine *m, uint64_t now_us)
{
	m->send_at_us = is_silent(m) ? BFD_NEVER : now_us;
}

/* After the last regular packet, by the intervals as they are now; never later than was decided before. */
static void send_in_time(struct bfd_machine *m, uint64_t now_us)
{
	uint64_t due_us = m->sent_us + bfd_machine_tx_interval_us(m);

	if (is_silent(m))
		m->send_at_us = BFD_NEVER;
	else if (due_us < m->send_at_us)
		m->send_at_us = due_us > now_us ? due_us : now_us;
}

static uint32_t shortened(const struct bfd_machine *m, uint32_t us, uint32_t noise)
{
	uint32_t least = m->cfg.detect_mult == 1 ? JITTER_LEAST_OF_ONE : 0;
	uint64_t range = (uint64_t)us * (JITTER_QUARTER - least) / 100;

	return us - (uint32_t)((uint64_t)us * least / 100 + range * noise / UINT32_MAX);
}

void bfd_machine_send(struct bfd_machine *m, uint64_t now_us, uint32_t noise, struct bfd_packet *out)
{
	*out = (struct bfd_packet){
		.diagnostic = m->diagnostic,
		.state = m->state,
		.poll = m->polling && !m->answer,
		.final = m->answer,
		.detect_mult = m->cfg.detect_mult,
		.my_discriminator = m->discriminator,
		.your_discriminator = m->remote_discriminator,
		.desired_min_tx_us = m->desired_min_tx_us,
		.required_min_rx_us = m->required_min_rx_us,
	};
	if (m->answer) {
		/* Between the regular ones, RFC 5880 6.8.7. */
		m->answer = false;
		return;
	}
	m->sent_us = now_us;
	m->send_at_us = is_silent(m) ? BFD_NEVER
				     : now_us + shortened(m, bfd_machine_tx_interval_us(m), noise);
}

/* --- when silence is too long --- */

static void wait_for_next(struct bfd_machine *m)
{
	m->detect_at_us = m->heard_us + bfd_machine_detection_time_us(m);
}

/* --- intervals --- */

/* What is told and wanted follows from the state; whatever changes is polled for while Up. */
static void set_intervals(struct bfd_machine *m)
{
	uint32_t tx_us = m->state == BFD_UP ? m->cfg.desired_min_tx_us
					    : larger(m->cfg.desired_min_tx_us, BFD_SLOW_US);
	bool is_up = m->state == BFD_UP;

	if (is_up && (tx_us != m->desired_min_tx_us || m->cfg.required_min_rx_us != m->required_min_rx_us)) {
		m->poll_again = m->polling;
		m->polling = true;
	}
	m->desired_min_tx_us = tx_us;
	m->required_min_rx_us = m->cfg.required_min_rx_us;
	if (!is_up || m->desired_min_tx_us < m->tx_us)
		m->tx_us = m->desired_min_tx_us;
	if (!is_up || m->required_min_rx_us > m->rx_us)
		m->rx_us = m->required_min_rx_us;
}

static void end_poll(struct bfd_machine *m)
{
	/* The answer may be to what was told before the last change. */
	m->polling = m->poll_again;
	m->poll_again = false;
	if (m->polling)
		return;
	m->tx_us = m->desired_min_tx_us;
	m->rx_us = m->required_min_rx_us;
}

/* --- states --- */

static enum bfd_event step(struct bfd_machine *m, enum bfd_input input, uint8_t diagnostic, uint64_t now_us)
{
	uint8_t was = m->state;

	m->state = bfd_machine_next(was, input);
	if (m->state == was)
		return BFD_EVENT_NONE;
	m->diagnostic = m->state == BFD_DOWN || m->state == BFD_ADMIN_DOWN ? diagnostic : m->diagnostic;
	if (m->state == BFD_UP)
		m->diagnostic = BFD_DIAG_NONE;
	if (m->state != BFD_UP)
		m->polling = m->poll_again = false;
	set_intervals(m);
	send_soon(m, now_us);
	if (m->state == BFD_UP)
		return BFD_EVENT_UP;
	if (was != BFD_UP)
		return BFD_EVENT_NONE;
	return input == BFD_RECEIVED_ADMIN_DOWN ? BFD_EVENT_ADMIN_DOWN : BFD_EVENT_FAILED;
}

void bfd_machine_init(
	struct bfd_machine *m, const struct bfd_intervals *cfg, uint32_t discriminator, uint64_t now_us)
{
	*m = (struct bfd_machine){
		.cfg = *cfg,
		.state = BFD_DOWN,
		.remote_state = BFD_DOWN,
		.discriminator = discriminator,
		.remote_min_rx_us = 1,
		.detect_at_us = BFD_NEVER,
	};
	set_intervals(m);
	send_soon(m, now_us);
}

void bfd_machine_configure(struct bfd_machine *m, const struct bfd_intervals *cfg, uint64_t now_us)
{
	m->cfg = *cfg;
	if (m->state == BFD_ADMIN_DOWN)
		return;
	set_intervals(m);
	/* The other end may be slower from the packet on that tells it so, and its answer may be lost. */
	if (m->detect_at_us != BFD_NEVER)
		wait_for_next(m);
	send_in_time(m, now_us);
}

enum bfd_event bfd_machine_receive(struct bfd_machine *m, const struct bfd_packet *p, uint64_t now_us)
{
	enum bfd_event event;

	m->remote_discriminator = p->my_discriminator;
	m->remote_state = p->state;
	m->remote_diagnostic = p->diagnostic;
	m->remote_demand = p->demand;
	m->remote_min_rx_us = p->required_min_rx_us;
	m->remote_min_tx_us = p->desired_min_tx_us;
	m->remote_detect_mult = p->detect_mult;
	if (m->state == BFD_ADMIN_DOWN)
		return BFD_EVENT_NONE;
	if (m->polling && p->final)
		end_poll(m);
	event = step(m, (enum bfd_input)p->state, BFD_DIAG_NEIGHBOR_DOWN, now_us);
	m->heard_us = now_us;
	wait_for_next(m);
	m->answer |= p->poll;
	send_in_time(m, now_us);
	return event;
}

void bfd_machine_excuse(struct bfd_machine *m, uint64_t us)
{
	m->heard_us += us;
	if (m->detect_at_us != BFD_NEVER)
		m->detect_at_us += us;
}

enum bfd_event bfd_machine_expire(struct bfd_machine *m, uint64_t now_us)
{
	enum bfd_event event;

	m->detect_at_us = BFD_NEVER;
	m->remote_discriminator = 0;
	m->remote_state = BFD_DOWN;
	m->remote_demand = false;
	/* As it was before anything was heard: what the other end asked for when it lived would silence us for good. */
	m->remote_min_rx_us = 1;
	event = step(m, BFD_EXPIRED, BFD_DIAG_EXPIRED, now_us);
	send_in_time(m, now_us);
	return event;
}

void bfd_machine_prompt(struct bfd_machine *m, uint64_t now_us)
{
	if (m->state == BFD_DOWN && !m->remote_discriminator &&
		(!m->sent_us || now_us - m->sent_us >= BFD_SLOW_US * 3 / 4))
		m->send_at_us = now_us;
}

void bfd_machine_stop(struct bfd_machine *m, uint64_t now_us)
{
	uint32_t tx_us = m->tx_us;

	step(m, BFD_STOPPED, BFD_DIAG_ADMIN_DOWN, now_us);
	/* The few that are still sent go out at the pace that the other end knows. */
	m->tx_us = tx_us;
	m->detect_at_us = BFD_NEVER;
}
