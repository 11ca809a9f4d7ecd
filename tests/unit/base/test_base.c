#include "base/arena.h"
#include "base/cursor.h"
#include "base/hash.h"
#include "base/heap.h"
#include "base/list.h"
#include "base/log.h"
#include "base/prefix.h"
#include "base/row.h"
#include "base/text.h"
#include "base/trie.h"
#include "base/version.h"
#include "base/writer.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

static struct prefix pfx(const char *text)
{
	struct prefix p;

	assert_true(prefix_parse(text, &p, NULL));
	return p;
}

static void cursor_remembers_its_first_error(void **state)
{
	const uint8_t data[] = { 1, 0, 2, 0, 0, 0, 3, 9 };
	struct cursor c = cursor_init(data, sizeof(data)), inner;

	(void)state;
	assert_int_equal(cursor_u8(&c), 1);
	assert_int_equal(cursor_u16(&c), 2);
	assert_int_equal(cursor_u32(&c), 3);
	inner = cursor_sub(&c, 1);
	assert_int_equal(cursor_u8(&inner), 9);
	assert_true(cursor_ok(&c) && cursor_ok(&inner));
	assert_int_equal(cursor_u8(&inner), 0);
	assert_false(cursor_ok(&inner));
	assert_null(cursor_bytes(&c, 1));
	assert_int_equal(cursor_u8(&c), 0);
	assert_false(cursor_ok(&c));
	assert_int_equal(cursor_left(&c), 0);
}

static void writer_remembers_its_first_overflow(void **state)
{
	uint8_t buf[4];
	struct writer w = writer_init(buf, sizeof(buf));
	uint8_t *len = writer_skip(&w, 1);

	(void)state;
	writer_u16(&w, 0x0102);
	writer_patch_u8(len, 2);
	assert_true(writer_ok(&w));
	assert_memory_equal(buf, "\x02\x01\x02", 3);
	writer_u32(&w, 1);
	assert_false(writer_ok(&w));
	writer_u8(&w, 7);
	assert_int_equal(writer_len(&w), 3);
}

static void prefixes_are_parsed_strictly(void **state)
{
	static const char *const good[] = { "0.0.0.0/0", "10.1.1.0/24", "10.1.1.1/32", "::/0",
		"2001:db8::/32", "fd00::1/128" };
	static const char *const bad[] = { "", "10.0.0/8", "10.0.0.0/33", "10.0.0.0/-1", "10.0.0.0/",
		"10.0.0.0/8x", "2001:db8::/129", "a", "10.0.0.0/ 8", "10.0.0.0/0008" };
	char buf[PREFIX_TEXT_MAX];
	struct prefix p;
	bool host_bits;

	(void)state;
	for (size_t i = 0; i < sizeof(good) / sizeof(*good); i++) {
		assert_true(prefix_parse(good[i], &p, NULL));
		assert_string_equal(prefix_format(&p, buf), good[i]);
	}
	for (size_t i = 0; i < sizeof(bad) / sizeof(*bad); i++)
		assert_false(prefix_parse(bad[i], &p, NULL));
	assert_true(prefix_parse("10.1.1.1", &p, NULL));
	assert_int_equal(p.len, 32);
	assert_false(prefix_parse("10.1.1.1/24", &p, &host_bits));
	assert_true(host_bits);
}

static void prefixes_contain_and_compare(void **state)
{
	struct prefix a = pfx("10.0.0.0/9"), b = pfx("10.127.0.0/16"), c = pfx("10.128.0.0/16"),
		      any = pfx("0.0.0.0/0"), any6 = pfx("::/0");

	(void)state;
	assert_true(prefix_contains(&a, &b));
	assert_false(prefix_contains(&a, &c));
	assert_false(prefix_contains(&b, &a));
	assert_true(prefix_contains(&any, &c));
	assert_false(prefix_contains(&any6, &c));
	assert_true(prefix_cmp(&a, &b) < 0 && prefix_cmp(&b, &c) < 0 && prefix_cmp(&c, &any6) < 0);
	assert_int_equal(prefix_hash(&a) == prefix_hash(&b), 0);
}

static void addresses_know_what_they_are(void **state)
{
	struct sockaddr_storage ss;
	struct ip_addr a, b;
	uint16_t port;

	(void)state;
	assert_true(ip_addr_parse("::ffff:10.0.0.1", &a));
	ip_addr_to_sockaddr(&a, 179, &ss);
	assert_true(ip_addr_from_sockaddr((struct sockaddr *)&ss, &b, &port));
	assert_int_equal(b.family, IP_V4);
	assert_int_equal(ip_addr_to_u32(&b), 0x0a000001);
	assert_int_equal(port, 179);
	assert_true(ip_addr_parse("fe80::1", &a) && ip_addr_is_link_local(&a));
	assert_true(ip_addr_parse("224.0.0.1", &a) && ip_addr_is_multicast(&a));
	assert_true(ip_addr_parse("::1", &a) && ip_addr_is_loopback(&a) && !ip_addr_is_any(&a));
	assert_true(ip_addr_parse("::", &a) && ip_addr_is_any(&a));
}

struct thing {
	int key;
	struct hash_node node;
	struct list link;
};

struct due {
	struct heap_node node;
	unsigned number;
};

static void the_heap_gives_the_smallest_first_and_equals_in_their_order(void **state)
{
	enum { N = 500 };
	static struct due due[N];
	struct heap h = { 0 };
	uint64_t last = 0, left = 0;
	uint32_t r = 7;

	(void)state;
	for (unsigned i = 0; i < N; i++) {
		r = r * 1664525 + 1013904223;
		due[i] = (struct due){ .number = i };
		heap_set(&h, &due[i].node, r >> 26);
	}
	for (unsigned i = 0; i < N; i += 3)
		heap_del(&h, &due[i].node);
	/* What is in none is left alone, and what is in it moves. */
	heap_del(&h, &due[0].node);
	for (unsigned i = 1; i < N; i += 3)
		heap_set(&h, &due[i].node, 10);
	left = h.count;
	assert_int_equal(left, N - (N + 2) / 3);
	for (unsigned before = 0; heap_first(&h); left--) {
		struct due *d = HEAP_ENTRY(heap_first(&h), struct due, node);

		assert_true(d->node.key >= last);
		if (d->node.key == 10 && last == 10 && d->number % 3 == 1 && before % 3 == 1)
			assert_true(d->number > before);
		last = d->node.key;
		before = d->number;
		heap_del(&h, &d->node);
		assert_int_equal(d->node.at, 0);
	}
	assert_int_equal(left, 0);
	heap_fini(&h);
}

static void hash_finds_what_was_added(void **state)
{
	struct thing things[100];
	struct hash h = { 0 };
	size_t seen = 0;

	(void)state;
	for (int i = 0; i < 100; i++) {
		things[i].key = i;
		hash_add(&h, &things[i].node, (uint32_t)i % 10);
	}
	for (struct hash_node *n = hash_first(&h, 3); n; n = hash_next(n), seen++)
		assert_int_equal(HASH_ENTRY(n, struct thing, node)->key % 10, 3);
	assert_int_equal(seen, 10);
	for (int i = 0; i < 100; i += 2)
		hash_del(&h, &things[i].node);
	seen = 0;
	for (struct hash_node *n = hash_walk(&h, NULL); n; n = hash_walk(&h, n), seen++)
		assert_int_equal(HASH_ENTRY(n, struct thing, node)->key % 2, 1);
	assert_int_equal(seen, 50);
	hash_fini(&h);
}

static void a_large_hash_still_finds_each_after_it_has_grown(void **state)
{
	enum { N = 40000 };
	struct thing *things = calloc(N, sizeof(*things));
	struct hash h = { 0 };
	size_t seen = 0;

	(void)state;
	for (int i = 0; i < N; i++) {
		things[i].key = i;
		hash_add(&h, &things[i].node, hash_u64((uint64_t)i));
	}
	assert_int_equal(h.count, N);
	for (int i = 0; i < N; i++) {
		struct hash_node *n = hash_first(&h, hash_u64((uint64_t)i));

		while (n && HASH_ENTRY(n, struct thing, node)->key != i)
			n = hash_next(n);
		assert_ptr_equal(n, &things[i].node);
	}
	for (int i = 0; i < N; i += 2)
		hash_del(&h, &things[i].node);
	for (struct hash_node *n = hash_walk(&h, NULL); n; n = hash_walk(&h, n), seen++)
		assert_int_equal(HASH_ENTRY(n, struct thing, node)->key % 2, 1);
	assert_int_equal(seen, N / 2);
	hash_fini(&h);
	free(things);
}

static void list_survives_removal_while_walking(void **state)
{
	struct thing things[5];
	struct list head;
	int sum = 0;

	(void)state;
	list_init(&head);
	for (int i = 0; i < 5; i++) {
		things[i].key = i;
		list_add_tail(&head, &things[i].link);
	}
	LIST_FOREACH (l, &head)
		if (LIST_ENTRY(l, struct thing, link)->key % 2)
			list_del(l);
	LIST_FOREACH (l, &head)
		sum = sum * 10 + LIST_ENTRY(l, struct thing, link)->key;
	assert_int_equal(sum, 24);
	assert_false(list_linked(&things[1].link));
}

static void an_arena_gives_memory_back(void **state)
{
	struct arena *a = arena_new();
	size_t held;

	(void)state;
	for (int i = 0; i < 1000; i++)
		memset(arena_alloc(a, 1000), i, 1000);
	arena_reset(a);
	held = arena_bytes(a);
	memset(arena_alloc(a, 100000), 0, 100000);
	assert_int_equal(arena_bytes(a), held);
	arena_free(a);
}

/* The trie against the slow, obvious way, with random prefixes added and removed. */
static void trie_equals_a_linear_search(void **state)
{
	struct prefix p[400];
	bool in[400] = { false };
	struct trie *t = trie_new();
	size_t count = 0;

	(void)state;
	srandom(1);
	for (size_t i = 0; i < 400; i++) {
		struct ip_addr a = ip_addr_v4((uint32_t)random() & 0x0f0f0f0f);

		p[i] = prefix_of(&a, (uint8_t)(random() % 33));
	}
	for (int round = 0; round < 4000; round++) {
		size_t i = (size_t)random() % 400, q = (size_t)random() % 400, best = 400;
		bool had = false;

		for (size_t k = 0; k < 400; k++)
			if (in[k] && prefix_equal(&p[k], &p[i]))
				had = true;
		if (random() % 2 && !had) {
			assert_null(trie_set(t, &p[i], &p[i]));
			in[i] = true;
			count++;
		} else if (in[i]) {
			assert_ptr_equal(trie_del(t, &p[i]), &p[i]);
			in[i] = false;
			count--;
		}
		for (size_t k = 0; k < 400; k++)
			if (in[k] && prefix_contains(&p[k], &p[q]) && (best == 400 || p[k].len > p[best].len))
				best = k;
		assert_ptr_equal(trie_match(t, &p[q]), best == 400 ? NULL : &p[best]);
		assert_int_equal(trie_count(t), count);
	}
	trie_free(t);
}

static void collect(void *user, const char *key, const char *value)
{
	text_add(user, "%s=%s;", key, value);
}

static void rows_become_lines_and_back(void **state)
{
	struct row *r = row_new(), *list = row_new_list(), *back;
	char err[100], buf[200];
	struct text t = text_init(buf, sizeof(buf));
	char *line;

	(void)state;
	row_text(r, "name", "a\"b\xff");
	row_int(r, "n", -3);
	row_bool(r, "ok", true);
	row_append_text(list, "x");
	row_append_int(list, 7);
	row_put(r, "list", list);
	row_text(r, "none", NULL);
	line = row_format(r);
	assert_string_equal(
		line, "{\"name\":\"a\\\"b?\",\"n\":-3,\"ok\":true,\"list\":[\"x\",7],\"none\":null}");
	back = row_parse(line, strlen(line), err, sizeof(err));
	assert_non_null(back);
	assert_int_equal(row_get_int(back, "n", 0), -3);
	assert_int_equal(row_get_int(back, "name", 5), 5);
	assert_int_equal(row_list_size(row_get(back, "list")), 2);
	assert_string_equal(row_list_get_text(row_get(back, "list"), 0), "x");
	row_each(back, collect, &t);
	assert_string_equal(buf, "name=a\"b?;n=-3;ok=true;list=[\"x\",7];none=null;");
	free(line);
	row_free(r);
	row_free(back);
}

static void bad_lines_are_refused_with_a_reason(void **state)
{
	char deep[200], err[100];

	(void)state;
	memset(deep, '[', sizeof(deep));
	assert_null(row_parse(deep, sizeof(deep), err, sizeof(err)));
	assert_non_null(strstr(err, "nested deeper"));
	assert_null(row_parse("{\"\\\"\":[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[", 38, err, sizeof(err)));
	assert_non_null(strstr(err, "nested deeper"));
	assert_null(row_parse("[1]", 3, err, sizeof(err)));
	assert_non_null(strstr(err, "not a JSON object"));
	assert_null(row_parse("{\"a\":}", 6, err, sizeof(err)));
	assert_non_null(strstr(err, "not JSON"));
}

static void text_is_cut_and_durations_are_said(void **state)
{
	char buf[32], small[4];
	struct text t = text_init(small, sizeof(small));

	(void)state;
	text_add(&t, "%s", "ab");
	assert_false(text_cut(&t));
	text_add(&t, "%s", "cd");
	assert_true(text_cut(&t));
	assert_string_equal(small, "abc");
	assert_string_equal(text_duration(buf, 900), "900 ms");
	assert_string_equal(text_duration(buf, 61000), "1 min 1 s");
	assert_string_equal(text_duration(buf, 90000000), "1 d 1 h");
	assert_string_equal(text_scaled(buf, 0, "B"), "0 B");
	assert_string_equal(text_scaled(buf, 999, ""), "999");
	assert_string_equal(text_scaled(buf, 1000, "B"), "1.00 kB");
	assert_string_equal(text_scaled(buf, 12345, ""), "12.3 k");
	assert_string_equal(text_scaled(buf, 999499, "B"), "999 kB");
	assert_string_equal(text_scaled(buf, 999500, "B"), "1.00 MB");
	assert_string_equal(text_scaled(buf, 9996000, "B"), "10.0 MB");
	assert_string_equal(text_scaled(buf, UINT64_MAX, "B"), "18.4 EB");
	assert_string_equal(text_time(buf, 0), "1970-01-01T00:00:00.000Z");
	assert_string_equal(text_time(buf, 1795428672045ULL), "2026-11-23T10:11:12.045Z");
}

/* What is logged in fn, as it stands on stderr. */
static void logged(void (*fn)(void), char *out, size_t size)
{
	FILE *f = tmpfile();
	int saved = dup(STDERR_FILENO);

	assert_non_null(f);
	assert_true(saved >= 0 && dup2(fileno(f), STDERR_FILENO) >= 0);
	fn();
	dup2(saved, STDERR_FILENO);
	close(saved);
	rewind(f);
	out[fread(out, 1, size - 1, f)] = 0;
	fclose(f);
}

static void log_a_text(void)
{
	log_lines(LOG_LEVEL_ERROR, "first\n\n    second, %s\nthird");
	log_lines(LOG_LEVEL_ERROR, "");
}

static void a_text_is_logged_line_by_line(void **state)
{
	char out[1024];
	size_t lines = 0;

	(void)state;
	logged(log_a_text, out, sizeof(out));
	for (const char *p = out; (p = strchr(p, '\n')); p++)
		lines++;
	assert_int_equal(lines, 3);
	assert_non_null(strstr(out, " error: first\n"));
	assert_non_null(strstr(out, " error:     second, %s\n"));
	assert_non_null(strstr(out, " error: third\n"));
}

static void log_lines_are_limited_and_counted(void **state)
{
	struct log_limit l = { 0 };
	uint64_t held = 0;

	(void)state;
	assert_true(log_limit_pass(&l, 1000, 100, &held));
	assert_int_equal(held, 0);
	assert_false(log_limit_pass(&l, 1050, 100, &held));
	assert_false(log_limit_pass(&l, 1099, 100, &held));
	assert_true(log_limit_pass(&l, 1100, 100, &held));
	assert_int_equal(held, 2);
}

static void version_names_program_and_parts(void **state)
{
	char *text = version_text("rrd");

	(void)state;
	assert_memory_equal(text, "rrd ", 4);
	assert_non_null(strstr(text, "OpenSSL "));
	assert_non_null(strstr(text, "libcurl "));
	free(text);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(cursor_remembers_its_first_error),
		cmocka_unit_test(writer_remembers_its_first_overflow),
		cmocka_unit_test(prefixes_are_parsed_strictly),
		cmocka_unit_test(prefixes_contain_and_compare),
		cmocka_unit_test(addresses_know_what_they_are),
		cmocka_unit_test(the_heap_gives_the_smallest_first_and_equals_in_their_order),
		cmocka_unit_test(hash_finds_what_was_added),
		cmocka_unit_test(a_large_hash_still_finds_each_after_it_has_grown),
		cmocka_unit_test(list_survives_removal_while_walking),
		cmocka_unit_test(an_arena_gives_memory_back),
		cmocka_unit_test(trie_equals_a_linear_search),
		cmocka_unit_test(rows_become_lines_and_back),
		cmocka_unit_test(bad_lines_are_refused_with_a_reason),
		cmocka_unit_test(text_is_cut_and_durations_are_said),
		cmocka_unit_test(a_text_is_logged_line_by_line),
		cmocka_unit_test(log_lines_are_limited_and_counted),
		cmocka_unit_test(version_names_program_and_parts),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
