/*
 * What a service depends on beside lb-ipvs-agent: checks that must all pass (conditions in lb-announcer.conf).
 *
 * check/ runs and judges them; this puts their verdicts together. A condition that has no verdict yet does not hold. Nothing
 * is decided here but that: gate.h is told why not, and decides.
 */
#pragma once

#include "check/probe.h"
#include "config/announcer.h"

#include <stdbool.h>
#include <stddef.h>

struct conditions;

/* Of one service; NULL when it has none. changed is called in a later turn, when a condition holds and did not, does not any
 * more, or is known now. env and c must outlive it. */
struct conditions *conditions_new(
	const struct check_env *env, const struct config_service *c, void (*changed)(void *user), void *user);
/* Other ones of the same service, or none: what is known of those that stay, by name and type, stays known. k: NULL, or what
 * the last call returned. up: what holds of new ones until there is a verdict. */
struct conditions *conditions_configure(struct conditions *k, const struct check_env *env,
	const struct config_service *c, bool up, void (*changed)(void *user), void *user);
void conditions_free(struct conditions *k);

/* NULL: all hold. Else which does not, and why: "tcp 127.0.0.1:80: connection refused"; valid until the next call. */
const char *conditions_why_not(struct conditions *k);
/* Whether each has had its first verdict. */
bool conditions_known(const struct conditions *k);

/* For show and metrics. NULL has none. */
size_t conditions_count(const struct conditions *k);
size_t conditions_holding(const struct conditions *k);
void conditions_view(const struct conditions *k, size_t i, struct probe_view *out);
/* Whom it asks: "127.0.0.1:80", "/usr/bin/check". */
const char *conditions_target(const struct conditions *k, size_t i);

/* Whether any needs an HTTP client. */
bool conditions_need_http(const struct config_announcer *c);
