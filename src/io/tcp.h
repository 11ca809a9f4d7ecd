/*
 * TCP sockets as BGP wants them: non-blocking, close-on-exec, TCP_NODELAY, and with the options that must be in place
 * before the first packet (source address, TTL, TCP-MD5). All return a descriptor or -errno.
 */
#pragma once

#include "base/prefix.h"
#include "io/tcp_key.h"

#include <stdbool.h>
#include <stdint.h>

struct io_tcp_opts {
	const struct ip_addr *local;  /* source address, NULL or IP_NONE: the kernel's choice */
	uint8_t ttl;		      /* 0: the kernel's default */
	uint8_t min_ttl;	      /* GTSM, RFC 5082; 0: off */
	uint32_t mark;		      /* SO_MARK; 0: none */
	const struct io_tcp_key *key; /* NULL or without octets: none */
};

/* A socket for listening that does not listen yet, so that keys and the like can be set before the first packet.
 * address may be any (0.0.0.0, ::). IPv6 sockets are IPv6 only. It answers with TTL 255, as a peer that uses GTSM asks
 * of the very first packet. */
int io_tcp_bind(const struct ip_addr *address, uint16_t port);
/* From now on it listens, with a backlog as deep as the kernel allows (net.core.somaxconn). 0 or -errno. */
int io_tcp_start_listening(int fd);
/* Both. */
int io_tcp_listen(const struct ip_addr *address, uint16_t port);
/* Accepts one connection; -EAGAIN when there is none. remote and local are filled. */
int io_tcp_accept(int listener, struct ip_addr *remote, struct ip_addr *local);
/* Begins to connect; the socket becomes writable when it is done, and io_tcp_connect_result() tells how. */
int io_tcp_connect(const struct ip_addr *remote, uint16_t port, const struct io_tcp_opts *opts);
/* 0 when connected, else -errno. */
int io_tcp_connect_result(int fd);
bool io_tcp_local(int fd, struct ip_addr *out);
/* Makes close() send RST: for a connection whose unsent octets nobody wants. */
void io_tcp_abort_on_close(int fd);
/* Options on a socket that exists (an accepted one, which has its listener's); ttl 0: the kernel's default; min_ttl 0: off.
 * 0 or -errno. */
int io_tcp_set_ttl(int fd, uint8_t family, uint8_t ttl, uint8_t min_ttl);
/* On a listener: what came below min_ttl is dropped, SYNs too; keep_syn: io_tcp_came_with_ttl() will be asked. */
int io_tcp_guard_listener(int fd, uint8_t family, uint8_t min_ttl, bool keep_syn);
/* Did the SYN of an accepted connection have this TTL at least? Asked once, before io_tcp_set_ttl(). False when nobody
 * knows: the kernel was flooded and sent cookies. */
bool io_tcp_came_with_ttl(int fd, uint8_t family, uint8_t min_ttl);
