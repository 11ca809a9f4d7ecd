#include "guard/guard.h"

#include "base/log.h"
#include "base/mem.h"
#include "base/row_net.h"
#include "daemon/quota.h"
#include "guard/private.h"
#include "io/own_addresses.h"

#include <stdlib.h>
#include <string.h>
#include <unistd.h>

enum {
	US_PER_MS = 1000,
	QUOTA_MATTERS = 10, /* periods that fit into the time after which silence is death */
};

struct guards *guards_new(
	struct io_loop *loop, enum guards_program program, const struct config_bfd_daemon *cfg)
{
	struct guards *gs = mem_calloc(1, sizeof(*gs));

	gs->loop = loop;
	gs->program = program;
	gs->bfd = bfd_new(loop, cfg->packets_per_second);
	gs->feed = control_feed_new(0);
	return gs;
}

void guards_configure(struct guards *gs, const struct config_bfd_daemon *cfg)
{
	bfd_set_budget(gs->bfd, cfg->packets_per_second);
}

void guards_free(struct guards *gs)
{
	if (!gs)
		return;
	bfd_free(gs->bfd);
	control_feed_free(gs->feed);
	free(gs);
}

static void tell_watchers(const struct guard *g, const char *event, const struct bfd_view *v)
{
	struct row *r;

	if (!control_feed_wanted(g->guards->feed))
		return;
	r = control_feed_row(event);
	row_addr(r, "address", &v->peer.remote);
	if (g->name)
		row_text(r, "peer-group", g->name);
	row_text(r, "state", bfd_state_text(v->state));
	row_text(r, "diagnostic", bfd_diagnostic_text(v->diagnostic));
	row_int(r, "detection-time-us", (int64_t)v->detection_time_us);
	control_feed_push(g->guards->feed, r);
}

static void happened(void *user, struct bfd_session *bfd, enum bfd_event event, uint8_t diagnostic)
{
	struct guard *g = user;
	struct bfd_view v;

	bfd_session_look(bfd, &v);
	/* By now it may be on its way up again. */
	v.diagnostic = diagnostic;
	switch (event) {
	case BFD_EVENT_UP:
		session_log(g->session, LOG_LEVEL_INFO, "bfd-up", NULL, "BFD is up");
		tell_watchers(g, "up", &v);
		break;
	case BFD_EVENT_ADMIN_DOWN:
		session_log(g->session, LOG_LEVEL_INFO, "bfd-admin-down", NULL,
			"the peer has stopped its BFD; the session goes on without");
		tell_watchers(g, "admin-down", &v);
		break;
	case BFD_EVENT_FAILED:
		session_log(g->session, LOG_LEVEL_WARNING, "bfd-down", NULL, "BFD is down: %s",
			bfd_diagnostic_text(diagnostic));
		tell_watchers(g, "down", &v);
		/* The last: the guard goes with the session's being up. */
		session_bfd_down(g->session);
		break;
	case BFD_EVENT_NONE:
		break;
	}
}

static struct bfd_auth auth_of(const struct config_bfd *cfg)
{
	static const enum bfd_auth_type type[] = { [CONFIG_BFD_AUTH_NONE] = BFD_AUTH_NONE,
		[CONFIG_BFD_AUTH_KEYED_SHA1] = BFD_AUTH_KEYED_SHA1,
		[CONFIG_BFD_AUTH_METICULOUS] = BFD_AUTH_METICULOUS_KEYED_SHA1 };
	struct bfd_auth a = { .type = type[cfg->authentication] };

	if (a.type != BFD_AUTH_NONE) {
		a.key_id = cfg->key_id;
		memcpy(a.key, cfg->password.octets, cfg->password.len);
	}
	return a;
}

static struct bfd_intervals intervals(const struct config_bfd *cfg)
{
	return (struct bfd_intervals){
		.desired_min_tx_us = cfg->desired_min_tx_ms * US_PER_MS,
		.required_min_rx_us = cfg->required_min_rx_ms * US_PER_MS,
		.detect_mult = cfg->detect_mult,
		.passive = cfg->passive,
	};
}

/* The kernel stops a process that has used up its quota for the rest of the period: up to 100 ms by Kubernetes's. */
static void tell_quota(struct guards *gs, const struct config_bfd *cfg)
{
	uint64_t detection_us = (uint64_t)cfg->desired_min_tx_ms * US_PER_MS * cfg->detect_mult;
	struct daemon_quota q = { 0 };

	if (gs->quota_told || !daemon_quota(&q) ||
		q.quota_us >= q.period_us * (uint64_t)sysconf(_SC_NPROCESSORS_ONLN) ||
		detection_us > QUOTA_MATTERS * q.period_us)
		return;
	gs->quota_told = true;
	log_warning("bfd: this process has a CPU quota, %llu of each %llu ms; when it has used that up it "
		    "sends nothing until the "
		    "period is over, and peers that wait for %llu ms may take it for dead: remove the "
		    "container's CPU limit",
		(unsigned long long)q.quota_us / US_PER_MS, (unsigned long long)q.period_us / US_PER_MS,
		(unsigned long long)detection_us / US_PER_MS);
}

static struct guard *start(
	struct guards *gs, struct session *s, const struct config_bfd *cfg, const char *name)
{
	struct guard *g = mem_calloc(1, sizeof(*g));
	struct bfd_peer peer = { .remote = session_config(s)->remote, .local = session_local_addr(s) };
	struct bfd_intervals i = intervals(cfg);

	peer.multihop = cfg->multihop == CONFIG_BFD_AUTO ? !io_is_on_link(&peer.local, &peer.remote)
							 : cfg->multihop == CONFIG_BFD_MULTI;
	tell_quota(gs, cfg);
	g->guards = gs;
	g->session = s;
	g->name = name;
	g->multihop = cfg->multihop;
	g->auth = auth_of(cfg);
	g->passive = cfg->passive;
	g->bfd = bfd_session_start(gs->bfd, &peer, &i, &g->auth, happened, g);
	if (g->bfd)
		return g;
	free(g);
	return NULL;
}

void guard_set(struct guards *gs, struct guard **g, struct session *s, const struct config_bfd *cfg,
	const char *name)
{
	struct bfd_intervals i = intervals(cfg);
	struct bfd_auth auth = auth_of(cfg);

	if (*g && cfg->enabled && (*g)->multihop == cfg->multihop && (*g)->passive == cfg->passive &&
		bfd_auth_equal(&(*g)->auth, &auth)) {
		(*g)->name = name;
		bfd_session_configure((*g)->bfd, &i);
		return;
	}
	guard_free(*g);
	*g = cfg->enabled ? start(gs, s, cfg, name) : NULL;
}

void guard_free(struct guard *g)
{
	if (!g)
		return;
	bfd_session_stop(g->bfd);
	free(g);
}

const char *guard_state_text(const struct guard *g)
{
	struct bfd_view v;

	if (!g)
		return NULL;
	bfd_session_look(g->bfd, &v);
	return bfd_state_text(v.state);
}
