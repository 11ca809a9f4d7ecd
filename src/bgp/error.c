#include "bgp/error.h"

#include "base/printable.h"

#include <string.h>

void bgp_error_set(struct bgp_error *e, uint8_t code, uint8_t subcode, const void *data, size_t len)
{
	if (len > sizeof(e->data))
		len = sizeof(e->data);
	e->code = code;
	e->subcode = subcode;
	e->data_len = (uint16_t)len;
	if (len)
		memcpy(e->data, data, len);
}

const char *bgp_error_code_text(uint8_t code)
{
	static const char *const text[] = {
		[0] = "No Error",
		[BGP_ERR_HEADER] = "Message Header Error",
		[BGP_ERR_OPEN] = "OPEN Message Error",
		[BGP_ERR_UPDATE] = "UPDATE Message Error",
		[BGP_ERR_HOLD_TIMER] = "Hold Timer Expired",
		[BGP_ERR_FSM] = "Finite State Machine Error",
		[BGP_ERR_CEASE] = "Cease",
		[BGP_ERR_ROUTE_REFRESH] = "ROUTE-REFRESH Message Error",
		[BGP_ERR_SEND_HOLD_TIMER] = "Send Hold Timer Expired",
	};

	return code < sizeof(text) / sizeof(text[0]) ? text[code] : "Unknown Error";
}

struct subcode_text {
	uint8_t code, subcode;
	const char *text;
};

static const struct subcode_text subcode_texts[] = {
	{ BGP_ERR_HEADER, BGP_HEADER_NOT_SYNCHRONIZED, "Connection Not Synchronized" },
	{ BGP_ERR_HEADER, BGP_HEADER_BAD_LENGTH, "Bad Message Length" },
	{ BGP_ERR_HEADER, BGP_HEADER_BAD_TYPE, "Bad Message Type" },
	{ BGP_ERR_OPEN, BGP_OPEN_UNSUPPORTED_VERSION, "Unsupported Version Number" },
	{ BGP_ERR_OPEN, BGP_OPEN_BAD_PEER_AS, "Bad Peer AS" },
	{ BGP_ERR_OPEN, BGP_OPEN_BAD_BGP_IDENTIFIER, "Bad BGP Identifier" },
	{ BGP_ERR_OPEN, BGP_OPEN_UNSUPPORTED_PARAMETER, "Unsupported Optional Parameter" },
	{ BGP_ERR_OPEN, BGP_OPEN_UNACCEPTABLE_HOLD_TIME, "Unacceptable Hold Time" },
	{ BGP_ERR_OPEN, BGP_OPEN_UNSUPPORTED_CAPABILITY, "Unsupported Capability" },
	{ BGP_ERR_OPEN, BGP_OPEN_ROLE_MISMATCH, "Role Mismatch" },
	{ BGP_ERR_UPDATE, BGP_UPDATE_MALFORMED_ATTRIBUTE_LIST, "Malformed Attribute List" },
	{ BGP_ERR_UPDATE, BGP_UPDATE_UNRECOGNIZED_WELL_KNOWN, "Unrecognized Well-known Attribute" },
	{ BGP_ERR_UPDATE, BGP_UPDATE_MISSING_WELL_KNOWN, "Missing Well-known Attribute" },
	{ BGP_ERR_UPDATE, BGP_UPDATE_ATTRIBUTE_FLAGS, "Attribute Flags Error" },
	{ BGP_ERR_UPDATE, BGP_UPDATE_ATTRIBUTE_LENGTH, "Attribute Length Error" },
	{ BGP_ERR_UPDATE, BGP_UPDATE_INVALID_ORIGIN, "Invalid ORIGIN Attribute" },
	{ BGP_ERR_UPDATE, BGP_UPDATE_INVALID_NEXT_HOP, "Invalid NEXT_HOP Attribute" },
	{ BGP_ERR_UPDATE, BGP_UPDATE_OPTIONAL_ATTRIBUTE, "Optional Attribute Error" },
	{ BGP_ERR_UPDATE, BGP_UPDATE_INVALID_NETWORK, "Invalid Network Field" },
	{ BGP_ERR_UPDATE, BGP_UPDATE_MALFORMED_AS_PATH, "Malformed AS_PATH" },
	{ BGP_ERR_FSM, BGP_FSM_IN_OPEN_SENT, "Receive Unexpected Message in OpenSent State" },
	{ BGP_ERR_FSM, BGP_FSM_IN_OPEN_CONFIRM, "Receive Unexpected Message in OpenConfirm State" },
	{ BGP_ERR_FSM, BGP_FSM_IN_ESTABLISHED, "Receive Unexpected Message in Established State" },
	{ BGP_ERR_CEASE, BGP_CEASE_MAXIMUM_PREFIXES, "Maximum Number of Prefixes Reached" },
	{ BGP_ERR_CEASE, BGP_CEASE_ADMINISTRATIVE_SHUTDOWN, "Administrative Shutdown" },
	{ BGP_ERR_CEASE, BGP_CEASE_PEER_DECONFIGURED, "Peer De-configured" },
	{ BGP_ERR_CEASE, BGP_CEASE_ADMINISTRATIVE_RESET, "Administrative Reset" },
	{ BGP_ERR_CEASE, BGP_CEASE_CONNECTION_REJECTED, "Connection Rejected" },
	{ BGP_ERR_CEASE, BGP_CEASE_OTHER_CONFIGURATION_CHANGE, "Other Configuration Change" },
	{ BGP_ERR_CEASE, BGP_CEASE_COLLISION_RESOLUTION, "Connection Collision Resolution" },
	{ BGP_ERR_CEASE, BGP_CEASE_OUT_OF_RESOURCES, "Out of Resources" },
	{ BGP_ERR_CEASE, BGP_CEASE_HARD_RESET, "Hard Reset" },
	{ BGP_ERR_CEASE, BGP_CEASE_BFD_DOWN, "BFD Down" },
	{ BGP_ERR_ROUTE_REFRESH, BGP_ROUTE_REFRESH_INVALID_LENGTH, "Invalid Message Length" },
};

const char *bgp_error_subcode_text(uint8_t code, uint8_t subcode)
{
	for (size_t i = 0; i < sizeof(subcode_texts) / sizeof(subcode_texts[0]); i++)
		if (subcode_texts[i].code == code && subcode_texts[i].subcode == subcode)
			return subcode_texts[i].text;
	return subcode == 0 ? "Unspecific" : "Unknown";
}

const char *bgp_error_shutdown_text(const struct bgp_error *e, char *buf, size_t size)
{
	size_t len;

	buf[0] = 0;
	if (e->code != BGP_ERR_CEASE || e->data_len == 0 ||
		(e->subcode != BGP_CEASE_ADMINISTRATIVE_SHUTDOWN &&
			e->subcode != BGP_CEASE_ADMINISTRATIVE_RESET))
		return buf;
	len = e->data[0];
	if (len > e->data_len - 1u)
		len = e->data_len - 1u;
	text_printable(e->data + 1, len, buf, size);
	return buf;
}

const char *bgp_verdict_text(enum bgp_verdict v)
{
	switch (v) {
	case BGP_VERDICT_OK:
		return "ok";
	case BGP_VERDICT_ATTRIBUTE_DISCARD:
		return "attribute discard";
	case BGP_VERDICT_TREAT_AS_WITHDRAW:
		return "treat-as-withdraw";
	case BGP_VERDICT_DISABLE_FAMILY:
		return "AFI/SAFI disable";
	case BGP_VERDICT_SESSION_RESET:
		return "session reset";
	}
	return "unknown";
}
