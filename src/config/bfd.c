#include "config/bfd.h"

#include "config/check_types.h"
#include "config/scalar.h"

static const struct config_word hops[] = { { "auto", CONFIG_BFD_AUTO }, { "false", CONFIG_BFD_SINGLE },
	{ "true", CONFIG_BFD_MULTI }, { NULL } };

#define BFD(member) .offset = offsetof(struct config_bfd, member), .apply = CONFIG_LIVE

static const struct config_field bfd_fields[] = {
	{ "enabled", CONFIG_SCALAR, &config_bool, BFD(enabled), .def = "false",
		.doc = "guard the session by BFD (RFC 5880) while it is up, if the peer does so too" },
	{ "desired-minimum-tx-interval", CONFIG_SCALAR, &config_duration, BFD(desired_min_tx_ms),
		.def = "300ms",
		.doc = "the time between two packets that are sent, if the peer can take them" },
	{ "required-minimum-receive", CONFIG_SCALAR, &config_duration, BFD(required_min_rx_ms),
		.def = "300ms", .doc = "the least time between two packets that the peer may send" },
	{ "detection-multiplier", CONFIG_SCALAR, &config_u8, BFD(detect_mult), .min = 1, .max = 255,
		.def = "3", .doc = "packets that must be missing until the peer takes us for dead" },
	{ "passive", CONFIG_SCALAR, &config_bool, BFD(passive), .def = "false",
		.doc = "say nothing until the peer's first packet has come" },
	{ "multihop", CONFIG_SCALAR, &config_enum, .words = hops, BFD(multihop), .def = "auto",
		.doc = "port 4784 and any TTL (RFC 5883), or port 3784 and TTL 255 (RFC 5881); auto: by "
		       "whether both addresses are in the subnet of one link" },
	{ NULL },
};

const struct config_schema config_bfd_schema = { sizeof(struct config_bfd), bfd_fields };

static const struct config_field daemon_fields[] = {
	{ "packets-per-second", CONFIG_SCALAR, &config_u32,
		.offset = offsetof(struct config_bfd_daemon, packets_per_second), .apply = CONFIG_LIVE,
		.max = 10000000, .def = "40000",
		.doc = "packets of all BFD sessions, sent and received; where they want more all intervals "
		       "are "
		       "multiplied; 0: any number" },
	{ NULL },
};

const struct config_schema config_bfd_daemon_schema = { sizeof(struct config_bfd_daemon), daemon_fields };
