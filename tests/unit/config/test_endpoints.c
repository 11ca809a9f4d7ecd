/* Endpoint files: YAML and JSON, all that is wrong with its place, and never an empty service by mistake. */
#include "config/endpoints.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

struct fixture {
	struct arena *arena;
	struct config_errors *errs;
	struct endpoint_list list;
};

static int setup(void **state)
{
	struct fixture *f = calloc(1, sizeof(*f));

	f->arena = arena_new();
	f->errs = config_errors_new();
	*state = f;
	return 0;
}

static int teardown(void **state)
{
	struct fixture *f = *state;

	config_errors_free(f->errs);
	arena_free(f->arena);
	free(f);
	return 0;
}

static bool parse(struct fixture *f, const char *text)
{
	size_t len = strlen(text);
	char *copy = malloc(len ? len : 1);
	bool ok;

	/* Of just this size, so that a read beyond the end is seen. */
	memcpy(copy, text, len);
	ok = config_endpoints_parse(copy, len, "e.yaml", f->arena, f->errs, &f->list);
	free(copy);
	return ok;
}

static void assert_errors(struct fixture *f, const char *expected)
{
	char *text = config_errors_format(f->errs);

	assert_string_equal(text, expected);
	free(text);
}

static void assert_endpoint(const struct endpoint *e, const char *addr, uint16_t port, int32_t weight,
	uint8_t state, const char *name)
{
	char buf[PREFIX_TEXT_MAX];

	assert_string_equal(ip_addr_format(&e->addr, buf), addr);
	assert_int_equal(e->port, port);
	assert_int_equal(e->weight, weight);
	assert_int_equal(e->state, state);
	if (name)
		assert_string_equal(e->name, name);
	else
		assert_null(e->name);
}

static void yaml_is_read(void **state)
{
	struct fixture *f = *state;

	assert_true(parse(f, "servers:\n"
			     "  - address: 172.16.1.5\n"
			     "    port: 8080\n"
			     "    weight: 3\n"
			     "    name: web-1\n"
			     "    terminating: true\n"
			     "  - {address: \"fd00::5\"}\n"
			     "  - {address: 172.16.1.5, weight: 0, terminating: no}\n"));
	assert_errors(f, "");
	assert_int_equal(f->list.count, 3);
	assert_endpoint(&f->list.list[0], "172.16.1.5", 8080, 3, ENDPOINT_TERMINATING, "web-1");
	assert_endpoint(&f->list.list[1], "fd00::5", 0, -1, ENDPOINT_READY, NULL);
	assert_endpoint(&f->list.list[2], "172.16.1.5", 0, 0, ENDPOINT_READY, NULL);
}

static void json_is_read(void **state)
{
	struct fixture *f = *state;

	assert_true(parse(f, "{\n\t\"servers\": [\n\t\t{\"address\": \"172.16.1.5\", \"port\": 8080,\n"
			     "\t\t \"weight\": 3, \"name\": \"web-1\", \"terminating\": true},\n"
			     "\t\t{\"address\": \"fd00::5\"}\n\t]\n}\n"));
	assert_errors(f, "");
	assert_int_equal(f->list.count, 2);
	assert_endpoint(&f->list.list[0], "172.16.1.5", 8080, 3, ENDPOINT_TERMINATING, "web-1");
	assert_endpoint(&f->list.list[1], "fd00::5", 0, -1, ENDPOINT_READY, NULL);
}

static void no_servers_must_be_said(void **state)
{
	struct fixture *f = *state;

	assert_true(parse(f, "servers: []\n"));
	assert_int_equal(f->list.count, 0);
	assert_false(parse(f, ""));
	assert_false(parse(f, "servers:\n"));
	assert_false(parse(f, "# nothing\n"));
	assert_errors(f, "e.yaml:1:1: servers: is missing: the servers of a service; [] for none\n"
			 "e.yaml:1:1: servers: is missing: the servers of a service; [] for none\n"
			 "e.yaml:1:9: servers: has no value; write [] where there are no servers\n");
}

static void all_that_is_wrong_is_told(void **state)
{
	struct fixture *f = *state;

	assert_false(parse(f, "servers:\n"
			      "  - {port: 80}\n"
			      "  - {address: web, port: 65536}\n"
			      "  - {address: 0.0.0.0}\n"
			      "  - {address: 172.16.1.5, port: 80}\n"
			      "  - {address: 172.16.1.5, port: 81}\n"
			      "  - {address: 172.16.1.5, port: 80}\n"
			      "  - {address: 172.16.1.6, wieght: 1, weight: x}\n"
			      "  - {address: \"fe80::1\"}\n"
			      "  - {address: 239.1.1.1}\n"
			      "version: 1\n"));
	assert_errors(f,
		"e.yaml:2:5: servers[0].address: is missing: the server's address\n"
		"e.yaml:3:15: servers[1].address: \"web\" is not an IP address\n"
		"e.yaml:3:26: servers[1].port: 65536 is out of range: 1..65535\n"
		"e.yaml:4:15: servers[2].address: not the address of a host; expected the server's\n"
		"e.yaml:7:5: servers[5]: the server 172.16.1.5 is here twice; it was named before, in line "
		"5\n"
		"e.yaml:8:27: servers[6].wieght: unknown key; did you mean \"weight\"?\n"
		"e.yaml:8:46: servers[6].weight: \"x\" is not a number; expected 0..65535, or default\n"
		"e.yaml:9:15: servers[7].address: a link-local address needs an interface, which cannot be "
		"given here; use a global one\n"
		"e.yaml:10:15: servers[8].address: not the address of a host; expected the server's\n"
		"e.yaml:11:1: version: unknown key; known here: servers\n");
	assert_int_equal(f->list.count, 0);
}

static void broken_text_is_refused_with_its_place(void **state)
{
	struct fixture *f = *state;

	assert_false(parse(f, "servers: [{address: 172.16.1.5}\n"));
	assert_false(parse(f, "- 172.16.1.5\n"));
	assert_errors(f,
		"e.yaml:1:1: expects keys with values ({key: value}, or indented lines), not a list\n"
		"e.yaml:2:1: not valid YAML: while parsing a flow sequence, did not find expected ',' or "
		"']'\n");
}

/* A file that is being written is seen at every length: it must never be taken for another list. */
static void a_json_file_cut_anywhere_is_refused(void **state)
{
	static const char text[] =
		"{\"servers\": [{\"address\": \"172.16.1.5\"}, {\"address\": \"172.16.1.6\"}]}";
	struct fixture *f = *state;
	char cut[sizeof(text)];

	for (size_t n = 0; n < sizeof(text) - 1; n++) {
		memcpy(cut, text, n);
		cut[n] = 0;
		assert_false(parse(f, cut));
	}
	assert_true(parse(f, text));
	assert_int_equal(f->list.count, 2);
}

static void many_servers_are_read_in_time(void **state)
{
	enum { SERVERS = 50000 };
	struct fixture *f = *state;
	char *text = malloc(SERVERS * 40 + 20), *p = text;

	p += sprintf(p, "servers:\n");
	for (unsigned i = 0; i < SERVERS; i++)
		p += sprintf(p, "- {address: 10.1.%u.%u}\n", i / 250, i % 250 + 1);
	assert_true(parse(f, text));
	assert_int_equal(f->list.count, SERVERS);
	free(text);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(yaml_is_read, setup, teardown),
		cmocka_unit_test_setup_teardown(json_is_read, setup, teardown),
		cmocka_unit_test_setup_teardown(no_servers_must_be_said, setup, teardown),
		cmocka_unit_test_setup_teardown(all_that_is_wrong_is_told, setup, teardown),
		cmocka_unit_test_setup_teardown(broken_text_is_refused_with_its_place, setup, teardown),
		cmocka_unit_test_setup_teardown(a_json_file_cut_anywhere_is_refused, setup, teardown),
		cmocka_unit_test_setup_teardown(many_servers_are_read_in_time, setup, teardown),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
