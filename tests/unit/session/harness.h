/*
 * A world for tests of sessions: one loop, a program that counts what it is told, and raw peers.
 *
 * A raw peer is a socket in the same thread on which a test says arbitrary octets and reads message by message. All
 * addresses are of 127.0.0.0/8. Waiting runs the loop until a fact holds; after five seconds the test fails.
 */
#pragma once

#include "bgp/queue.h"
#include "session/neighbors_private.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

/* What a program was told about one session. */
struct program {
	struct session *session;
	int ups, downs, updates, refreshes;
	enum bgp_refresh_subtype refresh_subtype;
	size_t announced; /* NLRI in all updates */
	enum bgp_verdict verdict;
	struct session_down why;
	struct bgp_negotiated negotiated;
	struct bgp_queue out; /* what fill() gives */
	int at_once_max;      /* iovecs of a fill(); 0: as many as asked for */
	size_t rests;	      /* fills that began with the rest of a message while a control message waited */
	uint32_t own_id, own_as;
	struct world *world;
	bool dynamic;
};

struct world {
	struct io_loop *loop;
	struct session_io *io;
	struct session_neighbors *set; /* listens at 127.0.0.1 */
	uint16_t port;
	struct io_timer *tick;
	bool (*fact)(void *arg);
	void *fact_arg;
	bool holds;
	uint64_t give_up_us;
	int dynamic_new, dynamic_gone;
	const char *last_range;
	struct program *last_dynamic;
	struct session_config dynamic_cfg;
};

struct raw {
	int fd;
	uint8_t buf[256 * 1024];
	size_t len;
	bool closed;
	int error;
};

struct message {
	uint8_t type; /* 0: closed in order */
	size_t len;   /* of the body */
	uint8_t body[BGP_EXTENDED_MESSAGE_MAX];
};

extern const struct session_ops program_ops;

int world_setup(void **state);
int world_teardown(void **state);
/* Runs the loop until fact(arg); false after five seconds. */
bool world_wait(struct world *w, bool (*fact)(void *arg), void *arg);
/* Runs the loop for some milliseconds: to see that nothing happens. */
void world_run_ms(struct world *w, unsigned ms);

/* A configuration with AS 65021 on both sides, our id 10.0.0.20, small delays. */
struct session_config config_for(const struct world *w, const char *remote);
/* A static neighbor with a program, started. */
struct program *add_neighbor(struct world *w, const struct session_config *cfg);

bool is_up(void *program);
/* Something went wrong with it at least once. */
bool has_error(void *program);
bool is_down(void *program);

/* --- raw peers --- */
struct raw *raw_connect(struct world *w, const char *from);
struct raw *raw_connect_with_ttl(struct world *w, const char *from, uint8_t ttl);
/* With a key for the other side. NULL when there is no answer. */
struct raw *raw_connect_with_key(struct world *w, const char *from, const char *password);
/* Listens at address and the world's port; returns the socket. */
int raw_listen(struct world *w, const char *address);
/* Waits for a connection. */
struct raw *raw_accept(struct world *w, int listener);
void raw_free(struct raw *r);
void raw_send(struct raw *r, const void *data, size_t len);
void raw_send_message(struct raw *r, uint8_t type, const void *body, size_t len);
void raw_send_open(struct raw *r, uint32_t as, uint32_t id, uint16_t hold_time_s);
/* The same from one who offers enhanced route refresh (RFC 7313), or no capabilities at all. */
void raw_send_enhanced_open(struct raw *r, uint32_t as, uint32_t id, uint16_t hold_time_s);
void raw_send_bare_open(struct raw *r, uint32_t as, uint32_t id, uint16_t hold_time_s);
void raw_send_keepalive(struct raw *r);
void raw_send_notification(struct raw *r, uint8_t code, uint8_t subcode);
/* The next message, waiting for it. */
void raw_next(struct world *w, struct raw *r, struct message *m);
/* Without waiting. */
bool message_is_there(struct raw *r);
/* The next one has to be of this type. */
void raw_expect(struct world *w, struct raw *r, uint8_t type, struct message *m);
/* The next one that is no KEEPALIVE has to be this NOTIFICATION, and then an orderly close. */
void raw_expect_notification(struct world *w, struct raw *r, uint8_t code, uint8_t subcode);
/* No message any more: the connection has to be reset. */
void raw_expect_reset(struct world *w, struct raw *r);
/* OPEN and KEEPALIVE both ways, until p is up. */
void raw_establish(struct world *w, struct raw *r, struct program *p, uint32_t id, uint16_t hold_time_s);
struct io_tcp_key key_of(const char *password);
uint32_t id_of(const char *text);
struct ip_addr addr_of(const char *text);
