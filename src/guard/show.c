/* What rrctl is told of BFD. */
#include "base/mem.h"
#include "base/row_net.h"
#include "guard/guard.h"
#include "guard/private.h"

#include <stdlib.h>
#include <string.h>

/* A session may go between two rows: the next one is found by the peer of the last. */
struct walk {
	const struct guards *guards;
	bool started;
	struct bfd_peer last;
};

static void put_intervals(struct row *r, const struct bfd_view *v)
{
	row_int(r, "tx-interval-us", v->tx_interval_us);
	row_int(r, "detection-time-us", (int64_t)v->detection_time_us);
	row_int(r, "desired-minimum-tx-interval-us", v->cfg.desired_min_tx_us);
	row_int(r, "required-minimum-receive-us", v->cfg.required_min_rx_us);
	row_int(r, "detection-multiplier", v->cfg.detect_mult);
	row_int(r, "remote-minimum-tx-interval-us", v->remote_min_tx_us);
	row_int(r, "remote-minimum-receive-us", v->remote_min_rx_us);
	row_int(r, "remote-multiplier", v->remote_detect_mult);
}

static struct row *session_row(const struct guards *gs, const struct bfd_view *v)
{
	struct row *r = row_new();
	uint64_t now_us = io_loop_now_us(gs->loop);

	row_addr(r, "address", &v->peer.remote);
	row_addr(r, "local-address", &v->peer.local);
	row_bool(r, "multihop", v->peer.multihop);
	row_bool(r, "passive", v->cfg.passive);
	row_text(r, "authentication", bfd_auth_text(v->auth));
	row_text(r, "state", bfd_state_text(v->state));
	row_text(r, "remote-state", bfd_state_text(v->remote_state));
	row_int(r, "since-ms", now_us > v->since_us ? (int64_t)((now_us - v->since_us) / 1000) : 0);
	row_text(r, "diagnostic", bfd_diagnostic_text(v->diagnostic));
	row_text(r, "remote-diagnostic", bfd_diagnostic_text(v->remote_diagnostic));
	row_int(r, "discriminator", v->discriminator);
	row_int(r, "remote-discriminator", v->remote_discriminator);
	put_intervals(r, v);
	row_int(r, "sent", (int64_t)v->sent);
	row_int(r, "received", (int64_t)v->received);
	row_int(r, "ups", (int64_t)v->ups);
	row_int(r, "failures", (int64_t)v->failures);
	if (v->error)
		row_text(r, "error", strerror(v->error));
	return r;
}

static struct row *next_row(void *state, char *err)
{
	struct walk *w = state;
	const struct bfd_session *s = bfd_next(w->guards->bfd, w->started ? &w->last : NULL);
	struct bfd_view v;

	err[0] = 0;
	if (!s)
		return NULL;
	bfd_session_look(s, &v);
	w->started = true;
	w->last = v.peer;
	return session_row(w->guards, &v);
}

bool guards_show(const struct guards *gs, struct control_answer *out)
{
	struct walk *w = mem_calloc(1, sizeof(*w));

	w->guards = gs;
	*out = (struct control_answer){ next_row, free, w };
	return true;
}

bool guards_watch(struct guards *gs, struct control_answer *out)
{
	control_answer_feed(out, gs->feed);
	return true;
}
