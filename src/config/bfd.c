#include "config/bfd.h"

#include "config/check_types.h"
#include "config/scalar.h"

enum { CONFIG_BFD_KEY_MAX = 20 }; /* RFC 5880 4.4 */

static const struct config_word hops[] = { { "auto", CONFIG_BFD_AUTO }, { "false", CONFIG_BFD_SINGLE },
	{ "true", CONFIG_BFD_MULTI }, { NULL } };

static const struct config_word authentications[] = { { "none", CONFIG_BFD_AUTH_NONE },
	{ "keyed-sha1", CONFIG_BFD_AUTH_KEYED_SHA1, CONFIG_FEATURE_OPENSSL },
	{ "meticulous-keyed-sha1", CONFIG_BFD_AUTH_METICULOUS, CONFIG_FEATURE_OPENSSL }, { NULL } };

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
	{ "authentication", CONFIG_SCALAR, &config_enum, .words = authentications, BFD(authentication),
		.def = "none",
		.doc = "how packets are signed (RFC 5880 6.7.4); both ends must be set alike" },
	{ "key-id", CONFIG_SCALAR, &config_u8, BFD(key_id), .max = 255, .def = "1",
		.doc = "the number of the key, told in each packet" },
	{ "password", CONFIG_SCALAR, &config_password, BFD(password), .def_doc = "none", .secret = true,
		.doc = "the key of the packets, at most 20 octets; never shown" },
	{ "password-file", CONFIG_SCALAR, &config_password_file, BFD(password), .max = 4095,
		.def_doc = "none", .secret = true,
		.doc = "a file that holds the password and nothing else, and that not everybody may read" },
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

void config_bfd_check(const struct config_bfd *b, const struct config_node *own, struct config_errors *errs)
{
	const struct config_node *node = config_node_get(own, "bfd");

	if (!node)
		return;
	config_secret_check(node, errs);
	if (b->authentication && !b->password.len)
		config_error_key(errs, node, "authentication needs a password or a password-file");
	if (!b->authentication && b->password.len)
		config_error_key(
			errs, node, "there is a password and no authentication that uses it; say which");
	if (b->password.len > CONFIG_BFD_KEY_MAX)
		config_error_key(errs, node, "the password has %u octets, and BFD's keys have 20 at most",
			b->password.len);
}
