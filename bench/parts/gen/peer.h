/*
 * One BGP speaker of the generator: its connection, what it sends, and its view of what it was told.
 *
 * Everything is non-blocking. Octets to send are borrowed (feeds) or copied (single messages) and leave in writes as large
 * as the socket takes. Hold times are long; keepalives go out when nothing else does.
 */
#pragma once

#include "feed.h"
#include "view.h"
#include "wire.h"

#include <netinet/in.h>

enum peer_state { PEER_IDLE, PEER_CONNECTING, PEER_OPEN_SENT, PEER_OPEN_CONFIRM, PEER_ESTABLISHED };

struct peer_piece {
	const uint8_t *data;
	size_t len;
	uint8_t *owned; /* freed when it is sent; or NULL */
};

struct group;

struct peer {
	struct group *group;
	uint32_t number; /* in its group */
	uint32_t address;
	int fd;
	enum peer_state state;
	uint32_t watched; /* events asked of epoll */
	bool paused;	  /* reads nothing */
	uint64_t retry_ns;
	struct peer_piece *piece; /* a queue: head, count, room */
	uint32_t head, pieces, room;
	uint8_t *rest; /* the beginning of a message that is not complete */
	size_t rest_len;
	struct feed_spec spec;
	struct feed feed;
	struct view view;
	uint64_t established_ns;
	uint64_t reached_ns; /* since when the view holds what is waited for; 0: it does not */
};

struct group {
	struct group *next;
	struct speaker *speaker;
	char name[32];
	struct peer *peer;
	uint32_t count;
	uint32_t as;
	uint16_t hold_time_s;
	uint8_t add_path;
	bool send_when_established;
	bool reconnect;		   /* those that fail try again */
	uint32_t established;	   /* peers */
	uint32_t target, reached;  /* paths waited for, and peers whose view holds just these */
	uint64_t keepalive_ns;	   /* last one received, of the observer */
	uint64_t keepalive_gap_ns; /* the longest time between two */
};

void peer_connect(struct peer *p);
/* reset: an RST instead of a FIN. */
void peer_close(struct peer *p, bool reset);
void peer_ready(struct peer *p, uint32_t events);
void peer_pause(struct peer *p, bool paused);
/* Borrowed until it is sent. */
void peer_send(struct peer *p, const uint8_t *data, size_t len);
void peer_send_copy(struct peer *p, const uint8_t *data, size_t len);
/* Nothing waits to be sent. */
bool peer_is_idle(const struct peer *p);
void peer_keepalive(struct peer *p);
/* Looks anew whether the view holds what its group waits for. */
void peer_check(struct peer *p, uint64_t now_ns);
