#include "check/grpc_health.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

static void requests_are_framed(void **state)
{
	uint8_t buf[GRPC_HEALTH_REQUEST_MAX];
	char name[GRPC_HEALTH_REQUEST_MAX + 1];

	(void)state;
	assert_int_equal(grpc_health_encode("", buf), 5);
	assert_memory_equal(buf, "\0\0\0\0\0", 5);
	assert_int_equal(grpc_health_encode("good", buf), 11);
	assert_memory_equal(buf, "\0\0\0\0\6\x0a\4good", 11);
	memset(name, 'x', sizeof(name));
	name[300] = '\0';
	assert_int_equal(grpc_health_encode(name, buf), 5 + 3 + 300);
	assert_memory_equal(buf, "\0\0\0\1\x2f\x0a\xac\2xxx", 11);
	name[300] = 'x';
	name[GRPC_HEALTH_REQUEST_MAX - 8] = '\0';
	assert_int_equal(grpc_health_encode(name, buf), GRPC_HEALTH_REQUEST_MAX);
	name[GRPC_HEALTH_REQUEST_MAX - 8] = 'x';
	name[GRPC_HEALTH_REQUEST_MAX - 7] = '\0';
	assert_int_equal(grpc_health_encode(name, buf), 0);
}

/* Whatever comes as an answer, it is read to its end and no further. */
static void answers_are_read_to_their_end(void **state)
{
	static const struct {
		const char *octets;
		size_t len;
		int64_t status;
	} answers[] = {
#define ANSWER(text) text, sizeof(text) - 1
		{ ANSWER("\0\0\0\0\2\x08\1"), GRPC_HEALTH_SERVING },
		{ ANSWER("\0\0\0\0\0"), GRPC_HEALTH_UNKNOWN },
		{ ANSWER("\0\0\0\0\2\x08\3"), GRPC_HEALTH_SERVICE_UNKNOWN },
		{ ANSWER("\0\0\0\0\2\x08\7"), 7 },
		/* fields of later days, of every type, before and behind */
		{ ANSWER("\0\0\0\0\x1f"
			 "\x10\xff\xff\xff\xff\xff\xff\xff\xff\xff\1" /* 2: varint */
			 "\x1a\3abc"				      /* 3: octets */
			 "\x21xxxxxxxx"				      /* 4: 64 bits */
			 "\x08\1"
			 "\x2dxxx"),
			-1 }, /* 5: 32 bits, and one octet short */
		{ ANSWER("\0\0\0\0\x20"
			 "\x10\xff\xff\xff\xff\xff\xff\xff\xff\xff\1"
			 "\x1a\3abc"
			 "\x21xxxxxxxx"
			 "\x08\1"
			 "\x2dxxxx"),
			GRPC_HEALTH_SERVING },
		{ ANSWER("\1\0\0\0\2\x08\1"), -1 },	    /* compressed */
		{ ANSWER("\0\0\0\0\3\x08\1"), -1 },	    /* cut */
		{ ANSWER("\0\0\0\0"), -1 },		    /* no head */
		{ ANSWER("\0\xff\xff\xff\xff\x08\1"), -1 }, /* a length that lies */
		{ ANSWER("\0\0\0\0\2\x0b\1"), -1 },	    /* a group */
		{ ANSWER("\0\0\0\0\3\x12\x7f\1"), -1 },	    /* octets beyond the end */
		{ ANSWER("\0\0\0\0\xd\x08\x80\x80\x80\x80\x80\x80\x80\x80\x80\x80\x80\1"),
			-1 },					      /* a number without end */
		{ ANSWER("\0\0\0\0\6\x08\x81\x80\x80\x80\x10"), -1 }, /* 1, were it cut to 32 bits */
#undef ANSWER
	};

	(void)state;
	for (size_t i = 0; i < sizeof(answers) / sizeof(answers[0]); i++) {
		/* In memory of just its size, so that a sanitizer sees a step too far. */
		char *octets = malloc(answers[i].len);
		int64_t status;

		memcpy(octets, answers[i].octets, answers[i].len);
		status = grpc_health_decode(octets, answers[i].len);
		free(octets);
		if (status != answers[i].status)
			fail_msg("answer %zu: %d, expected %d", i, (int)status, (int)answers[i].status);
	}
	assert_int_equal(grpc_health_decode(NULL, 0), -1);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(requests_are_framed),
		cmocka_unit_test(answers_are_read_to_their_end),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
