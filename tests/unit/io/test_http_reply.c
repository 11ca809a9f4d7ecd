/* The reader of answers: each is read whole, octet by octet, and cut at every place; the verdict must not depend on it. */
#include "io/http_reply.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

enum { KEEP = 1000 };

/* Pieces of that size; those behind the verdict are not fed. */
static enum http_reply_verdict feed(struct http_reply *r, const char *data, size_t len, size_t piece)
{
	enum http_reply_verdict v = HTTP_REPLY_MORE;

	for (size_t at = 0; at < len && v == HTTP_REPLY_MORE; at += piece) {
		size_t n = len - at < piece ? len - at : piece;
		char *copy = malloc(n); /* AddressSanitizer sees what lies beyond */

		memcpy(copy, data + at, n);
		v = http_reply_feed(r, copy, n);
		free(copy);
	}
	return v;
}

struct wanted {
	const char *answer;
	enum http_reply_verdict verdict;
	int status;
	const char *body; /* or a part of why */
	bool ended;	  /* the connection is closed behind it */
	bool head_only;
	int grpc_status; /* 1 more than it is; 0: none */
};

static void expect(const struct wanted *w, size_t piece)
{
	struct http_reply r;
	enum http_reply_verdict v;

	http_reply_init(&r, KEEP, w->head_only);
	v = feed(&r, w->answer, strlen(w->answer), piece);
	if (w->ended && v == HTTP_REPLY_MORE)
		v = http_reply_end(&r);
	if (v != w->verdict || r.status != w->status)
		fail_msg("verdict %d, status %d, \"%s\" in pieces of %zu: %s", v, r.status, r.why, piece,
			w->answer);
	if (v == HTTP_REPLY_DONE) {
		assert_string_equal(r.body ? r.body : "", w->body);
		assert_int_equal(r.body_len, strlen(w->body));
		assert_false(r.body_cut);
		assert_int_equal(r.grpc_status, w->grpc_status - 1);
	} else if (v == HTTP_REPLY_WRONG && !strstr(r.why, w->body)) {
		fail_msg("\"%s\" lacks \"%s\"", r.why, w->body);
	}
	http_reply_fini(&r);
}

static const struct wanted answers[] = {
	{ "HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nhello", HTTP_REPLY_DONE, 200, "hello" },
	{ "HTTP/1.0 404\r\nA: b\r\n\r\nhello", HTTP_REPLY_DONE, 404, "hello", .ended = true },
	{ "HTTP/1.1 200 \nContent-length:0 \n\n", HTTP_REPLY_DONE, 200, "" },
	{ "HTTP/1.1 204 No Content\r\n\r\n", HTTP_REPLY_DONE, 204, "" },
	{ "HTTP/1.1 304 Not Modified\r\nContent-Length: 100\r\n\r\n", HTTP_REPLY_DONE, 304, "" },
	{ "HTTP/1.1 101 Switching Protocols\r\n\r\n", HTTP_REPLY_DONE, 101, "" },
	{ "HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\n", HTTP_REPLY_DONE, 200, "", .head_only = true },
	{ "HTTP/1.1 103 Early Hints\r\nLink: x\r\nContent-Length: 9\r\n\r\nHTTP/1.1 100 Continue\r\n\r\n"
	  "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok",
		HTTP_REPLY_DONE, 200, "ok" },
	{ "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nhello\r\nA;x=y\r\n0123456789\r\n"
	  "1 \r\n!\r\n0\r\nGrpc-Status: 12\r\nContent-Length: x\r\n\r\n",
		HTTP_REPLY_DONE, 200, "hello0123456789!", .grpc_status = 13 },
	{ "HTTP/1.1 200 OK\r\nContent-Length: 3\r\ntransfer-encoding: gzip , Chunked \r\n\r\n0\r\n\r\n",
		HTTP_REPLY_DONE, 200, "" },
	{ "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked, gzip\r\n\r\nabc", HTTP_REPLY_DONE, 200, "abc",
		.ended = true },
	{ "HTTP/1.1 200 OK\r\ngrpc-status: 7\r\nContent-Length: 1\r\nContent-Length: 1\r\n\r\nx",
		HTTP_REPLY_DONE, 200, "x", .grpc_status = 8 },
	/* Not HTTP. */
	{ "SSH-2.0-OpenSSH_9.2\r\n", HTTP_REPLY_WRONG, 0, "it begins with \"S" },
	{ "HTTP/2 200 OK\r\n", HTTP_REPLY_WRONG, 0, "it begins with \"HTTP/2" },
	{ "\x15\x03\x03", HTTP_REPLY_WRONG, 0, "it begins with \"." },
	{ "\r\n", HTTP_REPLY_WRONG, 0, "it begins with" },
	{ "HTTP/1\n", HTTP_REPLY_WRONG, 0, "it begins with \"HTTP/1" },
	{ "HTTP/1.1\r\n", HTTP_REPLY_WRONG, 0, "its first line is \"HTTP/1.1\"" },
	{ "HTTP/1.1 2000 OK\r\n", HTTP_REPLY_WRONG, 0, "its first line is \"HTTP/1.1 2000 OK\"" },
	{ "HTTP/1.1 099 OK\r\n", HTTP_REPLY_WRONG, 0, "its first line is" },
	{ "HTTP/1.1 20 OK\r\n", HTTP_REPLY_WRONG, 0, "its first line is" },
	{ "HTTP/1.x 200 OK\r\n", HTTP_REPLY_WRONG, 0, "its first line is" },
	{ "HTTP/1.1 200 OK\r\nContent-Length: -1\r\n", HTTP_REPLY_WRONG, 200,
		"the length of its body is not clear" },
	{ "HTTP/1.1 200 OK\r\nContent-Length: 99999999999999999999\r\n", HTTP_REPLY_WRONG, 200,
		"the length of its body is not clear" },
	{ "HTTP/1.1 200 OK\r\nContent-Length: 1\r\nContent-Length: 2\r\n", HTTP_REPLY_WRONG, 200,
		"the length of its body is not clear: \"Content-Length: 2\"" },
	{ "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\nx\r\n", HTTP_REPLY_WRONG, 200,
		"the size of a chunk is \"x\"" },
	{ "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n\r\n", HTTP_REPLY_WRONG, 200,
		"the size of a chunk is \"\"" },
	{ "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n1\r\nab\r\n", HTTP_REPLY_WRONG, 200,
		"behind a chunk stands \"b\"" },
	/* Broken off. */
	{ "", HTTP_REPLY_BROKEN, 0, NULL, .ended = true },
	{ "HTTP/1.1 200", HTTP_REPLY_BROKEN, 0, NULL, .ended = true },
	{ "HTTP/1.1 200 OK\r\nContent-Length: 5\r\n", HTTP_REPLY_BROKEN, 200, NULL, .ended = true },
	{ "HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nhell", HTTP_REPLY_BROKEN, 200, NULL, .ended = true },
	{ "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n0\r\n", HTTP_REPLY_BROKEN, 200,
		NULL, .ended = true },
};

static void answers_are_judged_however_they_are_cut(void **state)
{
	(void)state;
	for (size_t i = 0; i < sizeof(answers) / sizeof(*answers); i++)
		for (size_t piece = 1; piece <= strlen(answers[i].answer) + 1; piece++)
			expect(&answers[i], piece);
}

static void the_body_is_kept_up_to_its_limit(void **state)
{
	static const char *const heads[] = { "HTTP/1.1 200 OK\r\n\r\n",
		"HTTP/1.1 200 OK\r\nContent-Length: 11\r\n\r\n",
		"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\nb\r\n" };

	(void)state;
	for (size_t i = 0; i < 3; i++) {
		for (size_t keep = 0; keep <= 11; keep++) {
			char answer[200];
			struct http_reply r;

			http_reply_init(&r, keep, false);
			snprintf(answer, sizeof(answer), "%shello world%s", heads[i],
				i == 2 ? "\r\n0\r\n\r\n" : "");
			assert_int_equal(feed(&r, answer, strlen(answer), 3),
				keep < 11 || i ? HTTP_REPLY_DONE : HTTP_REPLY_MORE);
			assert_int_equal(r.body_len, keep);
			assert_memory_equal(r.body, "hello world", keep);
			assert_int_equal(r.body_cut, keep < 11);
			http_reply_fini(&r);
		}
	}
}

/* Neither a line nor a head without end takes memory or goes on for ever; small chunks are no head. */
static void what_never_ends_is_ended(void **state)
{
	static const char begin[] = "HTTP/1.1 200 OK\r\n", chunked[] = "Transfer-Encoding: chunked\r\n\r\n",
			  chunk[] = "1;some-extension=abcdefghijklmnopqrstuvwxyz\r\nx\r\n";
	enum http_reply_verdict v = HTTP_REPLY_MORE;
	struct http_reply r;
	size_t fed = 0;

	(void)state;
	http_reply_init(&r, KEEP, false);
	assert_int_equal(feed(&r, begin, strlen(begin), 100), HTTP_REPLY_MORE);
	for (; v == HTTP_REPLY_MORE && fed < 100000; fed += 5)
		v = feed(&r, fed % 3 ? "abcde" : "ab\r\nc", 5, 5);
	assert_int_equal(v, HTTP_REPLY_WRONG);
	assert_non_null(strstr(r.why, "more than 64 KiB"));
	assert_in_range(fed, 65000, 66000);
	http_reply_fini(&r);

	http_reply_init(&r, 10000, false);
	assert_int_equal(feed(&r, begin, strlen(begin), 100), HTTP_REPLY_MORE);
	assert_int_equal(feed(&r, chunked, strlen(chunked), 100), HTTP_REPLY_MORE);
	for (int i = 0; i < 10000; i++) {
		v = feed(&r, chunk, strlen(chunk), 100);
		assert_int_equal(v, HTTP_REPLY_MORE);
	}
	assert_int_equal(feed(&r, "0\r\n\r\n", 5, 5), HTTP_REPLY_DONE);
	assert_int_equal(r.body_len, 10000);
	http_reply_fini(&r);
}

/* Any octet changed to some other: whatever comes of it, it is a verdict, and memory is not touched that is not its own. */
static void damage_does_no_harm(void **state)
{
	(void)state;
	srand(7);
	for (int round = 0; round < 20000; round++) {
		const struct wanted *w = &answers[(size_t)rand() % (sizeof(answers) / sizeof(*answers))];
		char copy[512];
		size_t len = strlen(w->answer);
		struct http_reply r;

		memcpy(copy, w->answer, len + 1);
		for (int i = 0; len && i < 3; i++)
			copy[(size_t)rand() % len] = (char)rand();
		http_reply_init(&r, (size_t)rand() % 20, w->head_only);
		if (feed(&r, copy, len, 1 + (size_t)rand() % 9) == HTTP_REPLY_MORE)
			http_reply_end(&r);
		assert_true(r.body_len < 20);
		http_reply_fini(&r);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(answers_are_judged_however_they_are_cut),
		cmocka_unit_test(the_body_is_kept_up_to_its_limit),
		cmocka_unit_test(what_never_ends_is_ended),
		cmocka_unit_test(damage_does_no_harm),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
