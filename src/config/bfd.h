/* What may be said of BFD: of a neighbor, and for the whole daemon. The same in rrd.conf and lb-announcer.conf. */
#pragma once

#include "config/schema.h"

#include <stdbool.h>
#include <stdint.h>

enum config_bfd_hops {
	CONFIG_BFD_AUTO,   /* by whether the neighbor is on a link of ours */
	CONFIG_BFD_SINGLE, /* RFC 5881 */
	CONFIG_BFD_MULTI,  /* RFC 5883 */
};

/* Of a neighbor. OpenConfig's names. */
struct config_bfd {
	bool enabled, passive;
	enum config_bfd_hops multihop;
	uint32_t desired_min_tx_ms, required_min_rx_ms;
	uint8_t detect_mult;
};

/* Of the daemon. */
struct config_bfd_daemon {
	uint32_t packets_per_second; /* 0: no bound */
};

extern const struct config_schema config_bfd_schema, config_bfd_daemon_schema;
