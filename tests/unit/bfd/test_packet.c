/* RFC 5880 4.1 and the checks of 6.8.6 that need no session. */
#include "bfd/packet.h"

#include <setjmp.h>
#include <stdarg.h>
#include <string.h>

#include <cmocka.h>

static const uint8_t good[BFD_PACKET_LEN] = { 0x20 | 3, 0xc0, 3, 24, 0, 0, 0, 7, 0, 0, 0, 9, 0, 0, 0xc3, 0x50,
	0, 1, 0x86, 0xa0, 0, 0, 0, 1 };

static enum bfd_verdict judge(const uint8_t *octets, size_t len)
{
	struct bfd_packet p;

	return bfd_packet_decode(cursor_init(octets, len), &p);
}

static enum bfd_verdict with(size_t at, uint8_t octet)
{
	uint8_t octets[BFD_PACKET_LEN];

	memcpy(octets, good, sizeof(good));
	octets[at] = octet;
	return judge(octets, sizeof(octets));
}

static void each_field_is_read(void **state)
{
	struct bfd_packet p;

	(void)state;
	assert_int_equal(bfd_packet_decode(cursor_init(good, sizeof(good)), &p), BFD_PACKET_OK);
	assert_int_equal(p.diagnostic, BFD_DIAG_NEIGHBOR_DOWN);
	assert_int_equal(p.state, BFD_UP);
	assert_int_equal(p.detect_mult, 3);
	assert_int_equal(p.my_discriminator, 7);
	assert_int_equal(p.your_discriminator, 9);
	assert_int_equal(p.desired_min_tx_us, 50000);
	assert_int_equal(p.required_min_rx_us, 100000);
	assert_int_equal(p.required_min_echo_rx_us, 1);
	assert_false(p.poll || p.final || p.demand || p.authenticated);
}

static void what_is_written_is_read_as_the_same(void **state)
{
	const struct bfd_packet all[] = {
		{ BFD_DIAG_ADMIN_DOWN, BFD_ADMIN_DOWN, false, false, false, false, 255, 1, 0, UINT32_MAX, 0,
			0 },
		{ BFD_DIAG_EXPIRED, BFD_DOWN, true, false, false, false, 1, UINT32_MAX, 0, 1, 1, 0 },
		{ BFD_DIAG_NONE, BFD_INIT, false, true, true, false, 3, 5, 6, 10000, 20000, 30000 },
	};

	(void)state;
	for (size_t i = 0; i < sizeof(all) / sizeof(all[0]); i++) {
		uint8_t octets[BFD_PACKET_LEN], again[BFD_PACKET_LEN];
		struct writer w = writer_init(octets, sizeof(octets)), v = writer_init(again, sizeof(again));
		struct bfd_packet back;

		bfd_packet_encode(&w, &all[i]);
		assert_true(writer_ok(&w));
		assert_int_equal(writer_len(&w), BFD_PACKET_LEN);
		assert_int_equal(
			bfd_packet_decode(cursor_init(octets, sizeof(octets)), &back), BFD_PACKET_OK);
		assert_int_equal(back.my_discriminator, all[i].my_discriminator);
		assert_int_equal(back.desired_min_tx_us, all[i].desired_min_tx_us);
		bfd_packet_encode(&v, &back);
		assert_memory_equal(again, octets, sizeof(octets));
	}
}

static void each_check_of_6_8_6(void **state)
{
	uint8_t longer[BFD_PACKET_LEN + 4];

	(void)state;
	for (size_t len = 0; len < BFD_PACKET_LEN; len++)
		assert_int_equal(judge(good, len), BFD_PACKET_TOO_SHORT);
	assert_int_equal(with(0, 0x00), BFD_PACKET_BAD_VERSION);
	assert_int_equal(with(0, 0x40), BFD_PACKET_BAD_VERSION);
	assert_int_equal(with(3, 23), BFD_PACKET_BAD_LENGTH);
	assert_int_equal(with(3, 25), BFD_PACKET_BAD_LENGTH);
	/* With authentication it is 26 at least. */
	assert_int_equal(with(1, 0xc4), BFD_PACKET_BAD_LENGTH);
	assert_int_equal(with(2, 0), BFD_PACKET_NO_DETECT_MULT);
	assert_int_equal(with(1, 0xc1), BFD_PACKET_MULTIPOINT);
	assert_int_equal(with(7, 0), BFD_PACKET_NO_MY_DISCRIMINATOR);
	assert_int_equal(with(11, 0), BFD_PACKET_NO_YOUR_DISCRIMINATOR);
	assert_int_equal(with(1, 0xf0), BFD_PACKET_POLL_AND_FINAL);
	/* Padding behind the packet does no harm. */
	memcpy(longer, good, sizeof(good));
	assert_int_equal(judge(longer, sizeof(longer)), BFD_PACKET_OK);
}

static void without_our_discriminator_only_while_down(void **state)
{
	uint8_t octets[BFD_PACKET_LEN];

	(void)state;
	memcpy(octets, good, sizeof(good));
	octets[11] = 0;
	for (int st = 0; st < BFD_STATES; st++) {
		octets[1] = (uint8_t)(st << 6);
		assert_int_equal(judge(octets, sizeof(octets)),
			st > BFD_DOWN ? BFD_PACKET_NO_YOUR_DISCRIMINATOR : BFD_PACKET_OK);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(each_field_is_read),
		cmocka_unit_test(what_is_written_is_read_as_the_same),
		cmocka_unit_test(each_check_of_6_8_6),
		cmocka_unit_test(without_our_discriminator_only_while_down),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
