/*
 * What the files of this folder know of each other and nobody else does.
 *
 * session.c   the neighbor: start and stop, delays, which connection is the one, callbacks to the program
 * conn.c      one connection: carries out what the table of fsm.c says; its timers
 * input.c     octets from the socket to messages, and what each message means
 * output.c    control messages and pulled UPDATEs to the socket
 * security.c  what a connection needs before its first octet: TTL and key
 * linger.c    struct session_io, and sockets that are being closed with a last word
 * describe.c  all of it in words
 * debug.c     lines of the log about a session, and what is logged of those that somebody looks at closely
 *
 * A program's callback may call back into the session, so a connection that ended inside a call is only marked and is
 * freed when the outermost session_leave() is reached; delays and restarts are decided there too, once.
 */
#pragma once

#include "base/arena.h"
#include "base/list.h"
#include "base/log.h"
#include "bgp/error.h"
#include "bgp/message.h"
#include "session/collision.h"
#include "session/fsm.h"
#include "session/session.h"

enum {
	SESSION_READ_MAX = 32 * 1024, /* octets read from one session in a turn */
	SESSION_READ_DENSE =
		8 * 1024,  /* the same while input is dense: caches are to hold what a turn works with */
	SESSION_DENSE = 8, /* octets: dense input has more prefixes than one for so many */
	SESSION_WRITE_MAX = 1024 * 1024, /* octets written to one session in a turn */
	SESSION_CONTROL_MAX = 64 * 1024, /* octets of control messages waiting */
	SESSION_OPEN_WAIT_S = 240,	 /* RFC 4271 8.2.2: the large hold time */
	SESSION_SILENT_S = 10,		 /* a connection that the peer began has to come up within */
	SESSION_LINGER_US = 1000000,
	SESSION_LINGERING_MAX = 256,
};

struct session_io {
	struct io_loop *loop;
	struct io_job *write_job;
	struct list writable;  /* sessions that were kicked */
	struct list lingering; /* oldest first */
	struct list sessions;
	size_t lingering_count;
	struct arena *arena; /* of the message in hand */
	uint8_t *rx;	     /* room for the rest of a message and SESSION_READ_MAX octets */
	size_t prefixes;     /* in UPDATEs so far, of all sessions */
	uint64_t random;
	struct prefix *debugged; /* whose neighbors' sessions are logged in detail */
	size_t debugged_count;
	struct log_burst log_burst; /* lines about sessions that come and go */
};

/* One connection, an instance of the state machine. */
struct session_conn {
	struct session *s;
	struct list dead_link;
	enum session_state state;
	bool outgoing;	   /* begun by us */
	bool blocked;	   /* the socket is full or the turn's share is used up: waits for IO_WRITE */
	bool write_failed; /* reading will tell why */
	bool keepalive_queued;
	bool incapable;	     /* our OPEN on it has no capabilities */
	bool dense;	     /* the last read was, see SESSION_DENSE */
	unsigned generation; /* changes with each socket, so that a loop sees that its own is gone */
	int fd;
	struct io_watch *watch;
	struct io_timer *hold, *keepalive, *send_hold; /* send_hold only once it was needed */
	uint64_t hold_us, heard_us;		       /* the hold timer is due at their sum */
	uint64_t taken_us; /* when the socket last took an octet, or became blocked */
	uint64_t since_us; /* when the socket came to be */
	uint32_t peer_as, peer_identifier;
	struct bgp_open *open; /* the peer's */
	struct bgp_negotiated negotiated;
	struct ip_addr local;
	uint8_t *rest; /* of input: the beginning of a message */
	size_t rest_len;
	uint8_t *control; /* of output: control messages, from control_off on */
	size_t control_off, control_len, control_size;
};

struct session {
	struct session_io *io;
	struct session_config cfg;
	const struct session_ops *ops;
	void *user;
	const struct session_owner *owner;
	void *owner_user;
	/* primary: connects, or is the established one. accepted: begun by the peer, its OPEN read. silent: begun by the
	 * peer, no OPEN yet. Only primary is never NULL. */
	struct session_conn *primary, *accepted, *silent;
	struct list dead;
	struct list writable_link, io_link;
	struct io_timer *timer; /* ConnectRetryTimer; the idle hold timer while primary is idle */
	unsigned depth;		/* of session_enter() */
	bool running;		/* started and not stopped */
	bool shut_down;		/* by an operator: not to be started */
	bool up;
	bool debug;	  /* logged in detail */
	bool back_off;	  /* an error NOTIFICATION: wait idle_hold_s before the next attempt */
	bool holding;	  /* waiting so */
	bool connect_now; /* the next attempt needs no delay */
	bool incapable;	  /* the next OPEN goes without capabilities */
	bool changed;
	bool was_connected;
	unsigned attempts; /* ConnectRetryTimer doubled so often */
	uint32_t idle_hold_s;
	uint64_t since_us;
	struct session_counters counters;
	struct bgp_open *remote_open;
	uint64_t speakers;
	uint32_t speaker_id, other_speaker_id;
	struct takeover_limit takeovers;
	struct log_limit failure_limit, update_limit, speakers_limit, ttl_limit;
	char last_error[SESSION_DOWN_TEXT_MAX];
	uint64_t last_error_us; /* 0: never */
};

/* Why a connection ends. */
struct session_cause {
	enum session_down_reason reason;
	int os_error;
	bool back_off;		       /* even if the NOTIFICATION is a Cease */
	uint8_t message_type;	       /* FSM error: the message that was not expected; 0: none */
	const struct bgp_error *error; /* the NOTIFICATION to send, or the one received; NULL: none */
	const struct bgp_open *open;   /* the peer's, where the NOTIFICATION is about what it says; or NULL */
};

/* --- session.c --- */
void session_enter(struct session *s);
void session_leave(struct session *s);
/* c (established now) becomes the primary connection. */
void session_came_up(struct session_conn *c);
/* c has no socket any more; it was in state was. */
void session_conn_ended(struct session_conn *c, enum session_state was, const struct session_cause *cause);
/* Reads what waits on connections that are not up yet; one of them may be up then, or gone. */
void session_hear(struct session *s);
void session_retry_start(struct session *s);
uint64_t session_now(const struct session *s);

/* --- conn.c --- */
struct session_conn *conn_new(struct session *s, bool outgoing);
void conn_free(struct session_conn *c);
/* cause: NULL for events that end nothing. */
void conn_event(struct session_conn *c, enum fsm_event event, const struct session_cause *cause);
/* Ends a connection with Cease and a subcode. */
void conn_cease(
	struct session_conn *c, enum fsm_event event, enum session_down_reason reason, uint8_t subcode);
/* The ConnectRetryTimer fired. A connection that came about meanwhile is taken, not dropped: the other side has it already. */
void conn_retry(struct session_conn *c);
/* fd is connected: it is owned and watched from now on. */
void conn_attach(struct session_conn *c, int fd, const struct ip_addr *local);

/* --- input.c --- */
/* Our OPEN on this connection. */
void conn_local_open(const struct session_conn *c, struct bgp_open *out);
/* Reads once and handles all whole messages. True when more may be waiting. */
bool conn_read(struct session_conn *c);

/* --- output.c --- */
void conn_queue(struct session_conn *c, enum bgp_message_type type, const uint8_t *octets, size_t len);
/* Writes what there is until the socket is full or the turn's share is used up. */
void conn_flush(struct session_conn *c);
void conn_send_open(struct session_conn *c);
void conn_send_keepalive(struct session_conn *c);
/* The rest of a partly sent message, what is queued, and e; the socket is no longer c's. */
void conn_send_notification(struct session_conn *c, const struct bgp_error *e);
void session_io_write(void *user);

/* --- security.c --- */
/* Sets what s asks for on an accepted socket. False when the connection must not be: what there is to say was said. */
bool session_secure_accepted(struct session *s, int fd);

/* --- linger.c --- */
/* Sends data (taken over, from malloc) as far as the peer takes it within SESSION_LINGER_US, then closes fd in order. */
void session_linger(struct session_io *io, int fd, uint8_t *data, size_t len);
/* The same with a NOTIFICATION of two octets. */
void session_io_reject(struct session_io *io, int fd, uint8_t code, uint8_t subcode);
void session_io_reject_with(struct session_io *io, int fd, const struct bgp_error *e);
/* A Cease, with a text where its subcode carries one (RFC 9003). text: may be NULL. */
void session_cease_error(struct bgp_error *e, uint8_t subcode, const char *text);
/* A number from 0 to below bound, which is not 0. */
uint64_t session_io_random(struct session_io *io, uint64_t bound);

/* --- describe.c --- */
enum { SESSION_LABEL_MAX = PREFIX_TEXT_MAX + 40 };
/* "172.16.3.7 (k8s)"; returns buf, at least SESSION_LABEL_MAX. */
const char *session_label(const struct session *s, char *buf);
/* was: the state of the connection that ended. */
void session_describe(const struct session *s, enum session_state was, const struct session_cause *cause,
	struct session_down *out);
/* "10.0.0.1" from a BGP Identifier; returns buf, at least PREFIX_TEXT_MAX. */
const char *session_identifier_text(uint32_t identifier, char *buf);

/* --- debug.c --- */
/* As session_log(), at level info, for sessions that come and go, which peers can cause at will: with too many of them in a time, some are only
 * counted. */
void session_log_limited(struct session *s, const char *event, const char *fmt, ...)
	__attribute__((format(printf, 3, 4)));
/* What follows is called only where s->debug is set. */
void session_debug_step(const struct session_conn *c, enum fsm_event event, enum session_state next);
void session_debug_received(const struct session_conn *c, const struct bgp_frame *f);
void session_debug_update(const struct session_conn *c, const struct bgp_update *u);
void session_debug_agreed(const struct session_conn *c);
/* A whole message, which is queued now. */
void session_debug_queued(const struct session_conn *c, const uint8_t *octets, size_t len);
/* Octets that the socket took, up to end: the messages that begin in them, the first at off. */
void session_debug_sent(
	const struct session_conn *c, const struct iovec *iov, int count, size_t off, size_t end);
/* For session_new(). */
void session_debug_join(struct session *s);
