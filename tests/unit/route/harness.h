/* An engine with peers whose sockets are simulated: what each received is decoded into a table of its own. */
#pragma once

#include "bgp/message.h"
#include "route/engine.h"

#include <stdbool.h>
#include <stdint.h>

enum { HARNESS_PEERS = 32, HARNESS_ROUTES = 4096, HARNESS_PATH_IDS = 1 << 16 };

struct held {
	struct prefix prefix;
	uint32_t path_id;
	uint32_t med, local_pref, originator_id, as_path_len;
	uint32_t cluster_list_len;
	uint32_t has;	   /* enum bgp_has */
	uint64_t extended; /* the first extended community; 0: none */
	struct ip_addr next_hop;
};

struct test_peer {
	struct harness *h;
	struct route_peer *p; /* NULL: down */
	struct route_peer_config cfg;
	struct bgp_negotiated n;
	struct held *held;
	size_t count;
	uint8_t *in; /* octets received, not yet a whole message */
	size_t in_len;
	bool kicked;
	bool stuck; /* its socket takes nothing */
	unsigned end_of_rib[BGP_FAMILIES], refresh_begin, refresh_end;
	uint64_t updates, octets;
	uint64_t announced, withdrawn; /* routes, ever */
	unsigned refiltered, unserved;
	unsigned unknown_withdrawals; /* of what it did not hold */
	/* What must never happen: its own route; a withdrawal that names a path which never was. */
	unsigned own_routes, bogus_withdrawals;
};

struct harness {
	struct route_engine *e;
	struct test_peer peer[HARNESS_PEERS];
	bool awake;
	uint64_t now_ms;
	unsigned oversized;
	unsigned hops_used, hops_unused;
	struct arena *arena;
	uint32_t path_prefix[HARNESS_PATH_IDS]; /* path_id_out to the hash of its prefix */
};

void harness_init(struct harness *h, const struct route_engine_config *cfg);
void harness_fini(struct harness *h);
/* Peer number i with address and identifier 10.0.0.i; takes everything, sends nothing by add-path until changed. */
struct test_peer *harness_peer(struct harness *h, unsigned i, enum route_peer_type type);
void harness_up(struct test_peer *p);
void harness_down(struct test_peer *p);

struct route {
	const char *prefix;
	uint32_t path_id;
	uint32_t med, local_pref; /* 0: not sent */
	const char *next_hop;	  /* NULL: the peer's address */
	const char *as_path;	  /* "65001 65002", NULL: empty */
	bool confederation;	  /* a segment of one in front of as_path */
	bool aggregated;	  /* ATOMIC_AGGREGATE and AGGREGATOR */
	uint32_t originator_id;	  /* 0: not sent */
	uint32_t cluster_id;	  /* a CLUSTER_LIST of one; 0: none */
	uint8_t origin;
	uint32_t community;		    /* 0: none */
	uint64_t extended;		    /* an extended community; 0: none */
	uint16_t padding;		    /* octets of an unknown attribute, to make it large */
	const char *apart, *apart_next_hop; /* another IPv4 route in the same message, by another next hop */
};

enum route_import harness_announce(struct test_peer *p, const struct route *r);
void harness_withdraw(struct test_peer *p, const char *prefix, uint32_t path_id);
/* Reads what there is for a peer, at most chunk octets (0: all that is offered at once). False when there is nothing. */
bool harness_pull(struct test_peer *p, size_t chunk);
/* Works and pulls until nothing is left to do (stuck peers aside). chunk: octets a socket takes at once, 0: all. */
void harness_settle(struct harness *h, size_t chunk);
/* What the peer holds of a prefix; NULL: nothing. With several, the n-th. */
const struct held *harness_held(const struct test_peer *p, const char *prefix, size_t n);
size_t harness_held_count(const struct test_peer *p, const char *prefix);
