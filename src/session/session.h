/*
 * One BGP session with one neighbor: its state machine, timers and connections. RFC 4271 8, RFC 6286, 6608, 9687.
 *
 * Owns up to two TCP connections (the second only until a collision is resolved or a takeover is decided), the timers
 * and what goes out before anything else (OPEN, KEEPALIVE, NOTIFICATION, ROUTE-REFRESH). Knows nothing of routes: what
 * comes in goes to the callbacks as values, and UPDATEs are pulled from the program when the socket can take them.
 * Invariants: up() and down() alternate; nothing is pulled and no update() comes between down() and up().
 */
#pragma once

#include "base/log.h"
#include "base/prefix.h"
#include "bgp/open.h"
#include "bgp/update.h"
#include "io/loop.h"
#include "io/tcp_key.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/uio.h>

struct session;

/* What all sessions of a program share: the input buffer, the arena of the message in hand, the list of sessions that
 * have something to send, and sockets that are closed but not yet gone. Needs to live longer than all its sessions. */
struct session_io;

struct session_io *session_io_new(struct io_loop *loop);
void session_io_free(struct session_io *io);
/* Sockets that are closed but whose last words are still on their way. */
size_t session_io_lingering(const struct session_io *io);

/* RFC 4271 8.2.2 */
enum session_state {
	SESSION_IDLE,
	SESSION_CONNECT,
	SESSION_ACTIVE,
	SESSION_OPEN_SENT,
	SESSION_OPEN_CONFIRM,
	SESSION_ESTABLISHED,
	SESSION_STATES,
};

/* What a session needs to know; copied. Times in seconds; fractions are not needed by any protocol here. */
struct session_config {
	struct ip_addr remote;
	struct ip_addr local; /* source; IP_NONE: the kernel's choice */
	uint16_t remote_port; /* normally 179 */
	uint32_t local_as;
	uint32_t peer_as;      /* 0: any */
	bool peer_as_external; /* with peer_as 0: any but local_as */
	uint32_t router_id;
	bool passive;
	bool enabled;
	uint16_t hold_time_s;
	uint16_t min_hold_time_s; /* smaller offers, 0 too, are refused; 0: whatever RFC 4271 allows */
	uint16_t keepalive_s;	  /* 0: a third of the hold time */
	uint16_t connect_retry_s, connect_retry_max_s; /* 1, 10: doubling between them */
	uint16_t idle_hold_s, idle_hold_max_s; /* back-off after an error NOTIFICATION: 1, 60, doubling */
	uint16_t send_hold_time_s;	       /* RFC 9687; 0: the larger of 8 min and twice the hold time */
	bool family[BGP_FAMILIES];
	uint8_t add_path[BGP_FAMILIES]; /* enum bgp_add_path */
	bool extended_message, route_refresh;
	bool extended_next_hop;
	uint8_t ttl, min_ttl;  /* 0: default */
	struct io_tcp_key key; /* TCP-MD5 */
	char fqdn[64];	       /* our name, "" for none */
	char software[64];
	char name[32]; /* peer group or description, for log lines; "" for none */
};

enum session_down_reason {
	SESSION_DOWN_NOTIFICATION_SENT,
	SESSION_DOWN_NOTIFICATION_RECEIVED,
	SESSION_DOWN_TCP_CLOSED, /* FIN, RST or an error of the socket: os_error */
	SESSION_DOWN_HOLD_TIMER,
	SESSION_DOWN_SEND_HOLD_TIMER,
	SESSION_DOWN_TAKEN_OVER, /* the same speaker came back on a new connection */
	SESSION_DOWN_ADMIN,
};

enum { SESSION_DOWN_TEXT_MAX = 352 };

struct session_down {
	enum session_down_reason reason;
	uint8_t code, subcode; /* of the NOTIFICATION, sent or received */
	int os_error;	       /* errno, 0: orderly close */
	/* The same in words, with the whole text of RFC 9003: "peer sent Cease/Administrative Shutdown: \"maintenance\"" */
	char text[SESSION_DOWN_TEXT_MAX];
};

/* What the program does with a session; filled only in programs. All get the session's user pointer. A callback may
 * call any function of this header but session_free(). */
struct session_ops {
	void (*up)(void *user, struct session *s, const struct bgp_negotiated *n);
	/* The program frees all routes of the peer, or keeps them stale, and forgets what fill() gave out. */
	void (*down)(void *user, struct session *s, const struct session_down *why);
	/* u is valid during the call only. Not called for verdict SESSION_RESET. */
	void (*update)(void *user, struct session *s, const struct bgp_update *u);
	void (*refresh)(
		void *user, struct session *s, enum bgp_family family, enum bgp_refresh_subtype subtype);
	/* Pull: points at most max iovecs at whole messages to be sent now, the first possibly the rest of one partly
	 * sent; *partial: octets of that rest (0: the first starts a message). Returns how many iovecs; 0: nothing to
	 * send, the program calls session_kick() when that changes. The octets stay valid until consumed(). */
	int (*fill)(void *user, struct iovec *iov, int max, size_t *partial);
	/* The kernel took that many octets of what the last fill() offered. */
	void (*consumed)(void *user, size_t octets);
	/* A line for the neighbor's table changed (state, error): for watchers; may be NULL. */
	void (*changed)(void *user, struct session *s);
};

struct session_counters {
	uint64_t rx_messages[6],
		tx_messages
			[6]; /* by enum bgp_message_type; [0] unused; tx updates are counted in octets only */
	uint64_t rx_octets, tx_octets;
	uint64_t established, flaps;		       /* times up, times down after up */
	uint64_t attribute_discard, treat_as_withdraw; /* UPDATEs with that verdict */
};

/* Idle until session_start(). */
struct session *session_new(
	struct session_io *io, const struct session_config *cfg, const struct session_ops *ops, void *user);
/* Closes at once without a word and without down(); call session_stop() first to say goodbye. Never from one of the
 * session's own callbacks. */
void session_free(struct session *s);
/* Does nothing unless the configuration says enabled. */
void session_start(struct session *s);
/* Cease with subcode and text (RFC 9003, may be NULL), then idle until session_start(). A peer's connection is refused
 * with Cease/Connection Rejected meanwhile. */
void session_stop(struct session *s, enum bgp_cease_error subcode, const char *text);
/* By an operator: Cease/Administrative Shutdown with the text (RFC 9003, may be NULL); session_start() does nothing, whoever
 * calls it, until session_enable(), which calls it. */
void session_shutdown(struct session *s, const char *text);
void session_enable(struct session *s);
bool session_is_shut_down(const struct session *s);
/* Cease/4, then starts again at once. */
void session_reset(struct session *s, const char *text);
/* Other settings, of the same neighbor. Delays between attempts are the new ones at once; what is agreed on in OPEN or belongs to
 * a connection holds from the next connection on: session_stop() before and session_start() after for it to come now. The key
 * stays: it is session_set_key()'s. */
void session_configure(struct session *s, const struct session_config *cfg);
/* NOTIFICATION of any kind, then idle with back-off (maximum prefixes and the like). */
void session_notify(struct session *s, uint8_t code, uint8_t subcode, const void *data, size_t len);
/* BFD says that the peer cannot be reached any more: Cease/BFD Down (RFC 9384), then new attempts as after any other loss. */
void session_bfd_down(struct session *s);
/* Takes an accepted connection over (owned from now on). One that has not sent its OPEN when the next one comes gives
 * way to it; an idle neighbor (stopped, or an active one in back-off) gets Cease/Connection Rejected. */
void session_accept(struct session *s, int fd, const struct ip_addr *local);
/* Another key from now on, or none, on every socket there is: the session stays if the peer changes too before a hold time is
 * over. A neighbor in a set gets it from session_neighbors_set_keys(). */
void session_set_key(struct session *s, const struct io_tcp_key *key);
/* There is something to fill(); after up() the session asks by itself. Cheap; the write happens at the end of the
 * loop's turn. */
void session_kick(struct session *s);
void session_send_refresh(struct session *s, enum bgp_family family, enum bgp_refresh_subtype subtype);

/* What session_new() was given. */
void *session_user(const struct session *s);
enum session_state session_state(const struct session *s);
const char *session_state_text(enum session_state st);
const struct session_config *session_config(const struct session *s);
const struct session_counters *session_counters(const struct session *s);
/* Of the established session; NULL otherwise. */
const struct bgp_negotiated *session_negotiated(const struct session *s);
/* The peer's OPEN of the established session or of the last one; NULL before the first. */
const struct bgp_open *session_remote_open(const struct session *s);
/* The address we speak from; IP_NONE when not connected. */
struct ip_addr session_local_addr(const struct session *s);
/* Up since, or down since. */
uint64_t session_since_us(const struct session *s);
/* The last down, or a failure to connect, in words; "" when there was none. */
const char *session_last_error(const struct session *s);
/* When that was; 0: never. */
uint64_t session_last_error_us(const struct session *s);
/* True while there is a connection, up or not. */
bool session_connected(const struct session *s);

/* How often a second speaker with another BGP Identifier behind the neighbor's address was refused with
 * Cease/Connection Collision Resolution, and the last one's identifier in *other_id (may be NULL). */
uint64_t session_two_speakers(const struct session *s, uint32_t *other_id);
enum { SESSION_SPEAKERS_TEXT_MAX = 160 };
/* The same for people: "two speakers (IDs x, y) behind one address: SNAT? put the reflector into the overlay", or ""
 * when there were none. Returns buf. */
const char *session_speakers_text(const struct session *s, char *buf, size_t size);

/* For one who owns many sessions (neighbors.c) and wants to know without being their program. The session must not be
 * freed inside these calls. */
struct session_owner {
	void (*up)(void *user, struct session *s);
	void (*down)(void *user, struct session *s);
	void (*disconnected)(void *user, struct session *s);   /* the last connection is gone */
	void (*timed_out)(void *user, struct session *s);      /* a connection did not come up in its time */
	void (*came_from_afar)(void *user, struct session *s); /* a connection was refused by its TTL */
	void (*incapable)(void *user, struct session *s); /* its next OPEN is to go without capabilities */
	/* The last error (session_last_error()) is another one now. */
	void (*failed)(void *user, struct session *s, const struct session_down *why);
};
void session_set_owner(struct session *s, const struct session_owner *owner, void *user);

/* --- debug.c: lines of the log --- */

/* A line about the neighbor, which begins with who it is. event: of struct log_about; prefix: of the route it concerns, or NULL. */
void session_log(const struct session *s, enum log_level level, const char *event,
	const struct prefix *prefix, const char *fmt, ...) __attribute__((format(printf, 5, 6)));

/* From now on the sessions with all neighbors in these prefixes, those that come later too, and no others, are logged in
 * detail, whatever the level: state machine, OPEN and what was agreed on, every message. p is copied. */
void session_debug_set(struct session_io *io, const struct prefix *p, size_t count);
/* Never NULL; valid until the next change. */
const struct prefix *session_debug_list(const struct session_io *io, size_t *count);
/* Whether this one is. */
bool session_debugged(const struct session *s);
/* A line about the neighbor of a session that is; does nothing otherwise. prefix: of the route it concerns, or NULL. */
void session_debug(const struct session *s, const char *event, const struct prefix *prefix, const char *fmt,
	...) __attribute__((format(printf, 4, 5)));
