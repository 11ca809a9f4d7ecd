/*
 * BGP sessions that are guarded by BFD, for all programs that have some. RFC 5882.
 *
 * While a BGP session is up and its settings ask for it, it has a BFD session to the same peer, from the same address. When that was Up
 * and is not any more, the BGP session ends at once (Cease/BFD Down, RFC 9384), and with it go its routes. What was never Up has no
 * say: a peer without BFD is as welcome as ever. A peer whose BFD was told to stop (AdminDown) is not dead. With the BGP session the
 * BFD session goes, and says AdminDown.
 *
 * So dynamic neighbors need nothing of their own, and there are as many BFD sessions as BGP sessions at most.
 */
#pragma once

#include "bfd/bfd.h"
#include "config/bfd.h"
#include "control/metrics.h"
#include "control/server.h"
#include "io/loop.h"
#include "session/session.h"

struct guards;
struct guard;

/* Whose metrics they are. */
enum guards_program { GUARDS_RRD, GUARDS_ANNOUNCER, GUARDS_PROGRAMS };

struct guards *guards_new(
	struct io_loop *loop, enum guards_program program, const struct config_bfd_daemon *cfg);
void guards_configure(struct guards *gs, const struct config_bfd_daemon *cfg);
/* Says AdminDown to all; all guards must be gone before. */
void guards_free(struct guards *gs);

/* Makes *g what the settings ask for: a new one, one with other intervals, none (NULL). To be called when the session has come up, and
 * when its settings have changed while it is; it does not outlive the session's being up. name: of the peer group, or NULL; kept. */
void guard_set(struct guards *gs, struct guard **g, struct session *s, const struct config_bfd *cfg,
	const char *name);
/* NULL is ignored. */
void guard_free(struct guard *g);
/* "Up", "Down" and so on; NULL: there is none. */
const char *guard_state_text(const struct guard *g);

/* The start of "show bfd" and of "watch bfd". */
bool guards_show(const struct guards *gs, struct control_answer *out);
bool guards_watch(struct guards *gs, struct control_answer *out);
void guards_add_metrics(struct metrics *m, const struct guards *gs);
