/* The root of the generator: its groups of speakers, the event loop, and what it tells. */
#pragma once

#include "peer.h"

#include <stdio.h>

enum { SPEAKER_BUFFER = 1 << 20 };

struct speaker {
	int epoll_fd;
	uint32_t server;
	uint16_t port;
	struct numbers numbers;
	struct group *groups;
	struct churn churn;
	uint64_t mark_ns;
	uint64_t keepalives_ns, tick_ns; /* when each was last looked at */
	uint32_t retrying;		 /* peers that wait to connect again */
	uint32_t failed, lost; /* connections that did not come up, sessions that went down by themselves */
	uint64_t octets_in, octets_out;
	uint8_t *buffer;	 /* SPEAKER_BUFFER octets, and room before them for the rest of a message */
	uint8_t notification[2]; /* the last one's code and subcode */
};

/* Handles what happens, at most until until_ns. */
void speaker_turn(struct speaker *s, uint64_t until_ns);
void speaker_watch(struct speaker *s, struct peer *p, uint32_t events);
/* Reads commands until the end of the file. */
int script_run(struct speaker *s, FILE *in);
