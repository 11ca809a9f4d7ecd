/* BFD packets to a session: what was read can be written and is read as the same, and whatever comes, the session keeps its rules. The
 * first octet of each 25 is the time that passes before. */
#include "fuzz.h"

#include "bfd/machine.h"

enum { STEP = 1 + BFD_PACKET_LEN, MS = 1000 };

static void check_packet(const struct bfd_packet *p)
{
	uint8_t octets[BFD_PACKET_LEN], again[BFD_PACKET_LEN];
	struct writer w = writer_init(octets, sizeof(octets)), v = writer_init(again, sizeof(again));
	struct bfd_packet back, plain = *p;

	plain.authenticated = false;
	bfd_packet_encode(&w, &plain);
	FUZZ_CHECK(bfd_packet_decode(cursor_init(octets, writer_len(&w)), &back) == BFD_PACKET_OK);
	bfd_packet_encode(&v, &back);
	FUZZ_CHECK(memcmp(octets, again, sizeof(octets)) == 0);
}

static void check_machine(const struct bfd_machine *m, uint64_t now_us)
{
	FUZZ_CHECK(m->state < BFD_STATES);
	FUZZ_CHECK(m->state != BFD_UP || m->remote_discriminator);
	FUZZ_CHECK(m->state != BFD_UP || m->detect_at_us > now_us);
	FUZZ_CHECK(m->tx_us && m->rx_us);
	FUZZ_CHECK(m->state == BFD_UP || m->desired_min_tx_us >= BFD_SLOW_US);
}

static void send_what_is_due(struct bfd_machine *m, uint64_t now_us)
{
	struct bfd_packet p;

	for (int i = 0; i < 2 && bfd_machine_may_send(m, now_us); i++) {
		bfd_machine_send(m, now_us, (uint32_t)now_us * 2654435761u, &p);
		check_packet(&p);
	}
	FUZZ_CHECK(!bfd_machine_may_send(m, now_us));
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	const struct bfd_intervals cfg = { 50 * MS, 50 * MS, 3, size % 2 };
	uint8_t *input = fuzz_copy(data, size);
	uint64_t now_us = 1000 * MS;
	struct bfd_machine m;

	bfd_machine_init(&m, &cfg, 1, now_us);
	for (size_t at = 0; at + STEP <= size; at += STEP) {
		struct bfd_packet p;

		now_us += input[at] * 10ULL * MS;
		if (m.detect_at_us <= now_us)
			bfd_machine_expire(&m, now_us);
		send_what_is_due(&m, now_us);
		if (bfd_packet_decode(cursor_init(input + at + 1, BFD_PACKET_LEN), &p) != BFD_PACKET_OK) {
			bfd_machine_prompt(&m, now_us);
		} else {
			check_packet(&p);
			bfd_machine_receive(&m, &p, now_us);
			check_machine(&m, now_us);
		}
		send_what_is_due(&m, now_us);
	}
	bfd_machine_stop(&m, now_us);
	FUZZ_CHECK(m.state == BFD_ADMIN_DOWN);
	free(input);
	return 0;
}
