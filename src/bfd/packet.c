#include "bfd/packet.h"

enum { VERSION = 1 };

enum flag {
	FLAG_POLL = 0x20,
	FLAG_FINAL = 0x10,
	FLAG_AUTHENTICATION = 0x04,
	FLAG_DEMAND = 0x02,
	FLAG_MULTIPOINT = 0x01,
};

static enum bfd_verdict judge(
	const struct bfd_packet *p, uint8_t version, uint8_t flags, uint8_t len, size_t got)
{
	if (version != VERSION)
		return BFD_PACKET_BAD_VERSION;
	if (len < (p->authenticated ? BFD_PACKET_LEN + 2 : BFD_PACKET_LEN) || len > got)
		return BFD_PACKET_BAD_LENGTH;
	if (!p->detect_mult)
		return BFD_PACKET_NO_DETECT_MULT;
	if (flags & FLAG_MULTIPOINT)
		return BFD_PACKET_MULTIPOINT;
	if (!p->my_discriminator)
		return BFD_PACKET_NO_MY_DISCRIMINATOR;
	if (!p->your_discriminator && p->state > BFD_DOWN)
		return BFD_PACKET_NO_YOUR_DISCRIMINATOR;
	return p->poll && p->final ? BFD_PACKET_POLL_AND_FINAL : BFD_PACKET_OK;
}

enum bfd_verdict bfd_packet_decode(struct cursor octets, struct bfd_packet *out)
{
	size_t got = cursor_left(&octets);
	uint8_t first = cursor_u8(&octets), flags = cursor_u8(&octets), len;
	struct bfd_packet p = {
		.diagnostic = first & 0x1f,
		.state = flags >> 6,
		.poll = flags & FLAG_POLL,
		.final = flags & FLAG_FINAL,
		.demand = flags & FLAG_DEMAND,
		.authenticated = flags & FLAG_AUTHENTICATION,
	};
	enum bfd_verdict verdict;

	p.detect_mult = cursor_u8(&octets);
	len = cursor_u8(&octets);
	p.my_discriminator = cursor_u32(&octets);
	p.your_discriminator = cursor_u32(&octets);
	p.desired_min_tx_us = cursor_u32(&octets);
	p.required_min_rx_us = cursor_u32(&octets);
	p.required_min_echo_rx_us = cursor_u32(&octets);
	if (!cursor_ok(&octets))
		return BFD_PACKET_TOO_SHORT;
	verdict = judge(&p, first >> 5, flags, len, got);
	if (verdict == BFD_PACKET_OK)
		*out = p;
	return verdict;
}

void bfd_packet_encode(struct writer *w, const struct bfd_packet *p)
{
	uint8_t flags = (uint8_t)(p->state << 6);

	flags |= (uint8_t)((p->poll ? FLAG_POLL : 0) | (p->final ? FLAG_FINAL : 0) |
			   (p->demand ? FLAG_DEMAND : 0));
	writer_u8(w, (uint8_t)(VERSION << 5 | (p->diagnostic & 0x1f)));
	writer_u8(w, flags);
	writer_u8(w, p->detect_mult);
	writer_u8(w, BFD_PACKET_LEN);
	writer_u32(w, p->my_discriminator);
	writer_u32(w, p->your_discriminator);
	writer_u32(w, p->desired_min_tx_us);
	writer_u32(w, p->required_min_rx_us);
	writer_u32(w, p->required_min_echo_rx_us);
}

const char *bfd_verdict_text(enum bfd_verdict v)
{
	static const char *const text[BFD_VERDICTS] = {
		[BFD_PACKET_OK] = "good",
		[BFD_PACKET_TOO_SHORT] = "shorter than 24 octets",
		[BFD_PACKET_BAD_VERSION] = "another version than 1",
		[BFD_PACKET_BAD_LENGTH] = "a wrong length",
		[BFD_PACKET_NO_DETECT_MULT] = "a detection multiplier of 0",
		[BFD_PACKET_MULTIPOINT] = "the multipoint bit",
		[BFD_PACKET_NO_MY_DISCRIMINATOR] = "no discriminator of the sender",
		[BFD_PACKET_NO_YOUR_DISCRIMINATOR] = "no discriminator of ours, though not down",
		[BFD_PACKET_POLL_AND_FINAL] = "both poll and final",
	};

	return text[v];
}

const char *bfd_state_text(uint8_t state)
{
	static const char *const text[BFD_STATES] = { "AdminDown", "Down", "Init", "Up" };

	return state < BFD_STATES ? text[state] : "unknown";
}

const char *bfd_diagnostic_text(uint8_t diagnostic)
{
	static const char *const text[] = {
		[BFD_DIAG_NONE] = "No Diagnostic",
		[BFD_DIAG_EXPIRED] = "Control Detection Time Expired",
		[BFD_DIAG_ECHO_FAILED] = "Echo Function Failed",
		[BFD_DIAG_NEIGHBOR_DOWN] = "Neighbor Signaled Session Down",
		[BFD_DIAG_FORWARDING_RESET] = "Forwarding Plane Reset",
		[BFD_DIAG_PATH_DOWN] = "Path Down",
		[BFD_DIAG_CONCATENATED] = "Concatenated Path Down",
		[BFD_DIAG_ADMIN_DOWN] = "Administratively Down",
		[BFD_DIAG_REVERSE] = "Reverse Concatenated Path Down",
	};

	return diagnostic < sizeof(text) / sizeof(text[0]) ? text[diagnostic] : "unknown";
}
