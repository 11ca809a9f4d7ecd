/* What may be said of BFD: of a neighbor, and for the whole daemon. The same in rrd.conf and lb-announcer.conf. */
#pragma once

#include "config/schema.h"
#include "config/secret.h"

#include <stdbool.h>
#include <stdint.h>

enum config_bfd_hops {
	CONFIG_BFD_AUTO,   /* by whether the neighbor is on a link of ours */
	CONFIG_BFD_SINGLE, /* RFC 5881 */
	CONFIG_BFD_MULTI,  /* RFC 5883 */
};

enum config_bfd_auth { CONFIG_BFD_AUTH_NONE, CONFIG_BFD_AUTH_KEYED_SHA1, CONFIG_BFD_AUTH_METICULOUS };

/* Of a neighbor. OpenConfig's names. */
struct config_bfd {
	bool enabled, passive;
	enum config_bfd_hops multihop;
	uint32_t desired_min_tx_ms, required_min_rx_ms;
	uint8_t detect_mult;
	enum config_bfd_auth authentication;
	uint8_t key_id;
	struct config_secret password;
};

/* What no row alone can tell: authentication and password come together. own: the keys of what bfd stands in. */
void config_bfd_check(const struct config_bfd *b, const struct config_node *own, struct config_errors *errs);

/* Of the daemon. */
struct config_bfd_daemon {
	uint32_t packets_per_second; /* 0: no bound */
};

extern const struct config_schema config_bfd_schema, config_bfd_daemon_schema;
