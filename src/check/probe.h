/*
 * A check of one server over time: when it runs, what its results mean, and what is told of it.
 *
 * check.h carries out a run, health.h judges results; this stands between them with a timer. A check that goes through the
 * tunnel and meets silence is followed by a plain connection to the server's own address: when that is answered, the
 * server is alive and not prepared for the tunnel, which is another fault and another remedy.
 */
#pragma once

#include "check/check.h"
#include "check/health.h"

struct probe;

struct probe_view {
	const struct config_check *cfg;
	const struct health *health;
	bool ran; /* what follows is known */
	enum check_outcome outcome;
	const char *why;
	uint64_t ended_us, duration_us;
	uint64_t next_us; /* until the next run */
	bool unprepared;  /* alive, and not prepared for the tunnel */
};

struct probe_ops {
	/* The verdict (health.up or health.known) changed; never called from inside the functions below. */
	void (*changed)(void *user, const struct probe_view *v);
	/* Can a run tell the truth now? It is asked again soon when not. */
	bool (*may_run)(void *user);
};

/* target: as for check_new(); up: what holds until there is a verdict; phase: a hash of what is checked. ops must outlive
 * it. */
struct probe *probe_new(const struct check_env *env, const struct config_check *cfg,
	const struct check_target *target, bool up, uint32_t phase, const struct probe_ops *ops, void *user);
/* Another configuration of the same check, and its target: what is known stays. The old ones are not used any more. */
void probe_configure(struct probe *p, const struct config_check *cfg, const struct check_target *target);
void probe_free(struct probe *p);
/* Runs it now, whatever its time. */
void probe_hurry(struct probe *p);
void probe_view(const struct probe *p, struct probe_view *out);
