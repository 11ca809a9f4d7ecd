/* What the API says, and what stands in its place. */
#include "kube/message.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

enum { WHY_MAX = 400 };

static char buf[WHY_MAX];

static void no_page(const char *body, const char *words)
{
	struct text why = text_init(buf, sizeof(buf));
	struct kube_page p;

	assert_false(kube_page_parse(body, strlen(body), &p, &why));
	assert_null(p.row);
	if (!strstr(buf, words))
		fail_msg("said: \"%s\"; expected: \"%s\"", buf, words);
}

static void a_page_and_the_way_to_the_next(void **state)
{
	static const char last[] = "{\"kind\":\"EndpointSliceList\",\"metadata\":{\"resourceVersion\":\"12\","
				   "\"continue\":\"\"},\"items\":null}";
	static const char first[] = "{\"kind\":\"EndpointSliceList\",\"metadata\":{\"resourceVersion\":"
				    "\"12\",\"continue\":\"eyJ2\"},\"items\":[{},{}]}";
	struct text why = text_init(buf, sizeof(buf));
	struct kube_page p;

	(void)state;
	assert_true(kube_page_parse(last, strlen(last), &p, &why));
	assert_string_equal(p.version, "12");
	assert_null(p.more);
	assert_int_equal(row_list_size(p.items), 0);
	kube_page_fini(&p);
	assert_true(kube_page_parse(first, strlen(first), &p, &why));
	assert_string_equal(p.more, "eyJ2");
	assert_int_equal(row_list_size(p.items), 2);
	kube_page_fini(&p);
}

static void what_is_no_page(void **state)
{
	char *many = malloc(KUBE_CONTINUE_MAX + 200);

	(void)state;
	no_page("", "not JSON");
	no_page("<html><head>\n<title>301 Moved</title>",
		"it begins with \"<html><head>?<title>301 Moved</title>\"");
	no_page("[1]", "not a JSON object");
	no_page("{\"kind\":\"Status\",\"code\":200}",
		"expected an object of kind EndpointSliceList, not \"Status\"");
	no_page("{\"kind\":\"EndpointSliceList\",\"metadata\":{}}", "metadata.resourceVersion is missing");
	no_page("{\"kind\":\"EndpointSliceList\",\"metadata\":{\"resourceVersion\":12}}",
		"metadata.resourceVersion is missing");
	sprintf(many, "{\"kind\":\"EndpointSliceList\",\"metadata\":{\"resourceVersion\":\"%0*d\"}}",
		KUBE_VERSION_MAX, 1);
	no_page(many, "metadata.resourceVersion is too long");
	sprintf(many,
		"{\"kind\":\"EndpointSliceList\",\"metadata\":{\"resourceVersion\":\"1\",\"continue\":\"%0*"
		"d\"}}",
		KUBE_CONTINUE_MAX, 1);
	no_page(many, "metadata.continue is too long");
	/* Nothing of a terminal's controls reaches the log. */
	no_page("\x1b[31mred\x07 and \xff", "\"?[31mred? and ?\"");
	free(many);
}

static void expect_event(const char *line, enum kube_event_type type, const char *version)
{
	struct text why = text_init(buf, sizeof(buf));
	struct kube_event e;

	if (!kube_event_parse(line, strlen(line), &e, &why))
		fail_msg("%s", buf);
	assert_int_equal(e.type, type);
	assert_string_equal(e.version ? e.version : "", version);
	kube_event_fini(&e);
}

static void events_of_every_type(void **state)
{
#define OBJECT ",\"object\":{\"kind\":\"EndpointSlice\",\"metadata\":{\"resourceVersion\":\"77\"}}}"
	struct text why = text_init(buf, sizeof(buf));
	struct kube_event e;
	static const char gone[] =
		"{\"type\":\"ERROR\",\"object\":{\"kind\":\"Status\",\"code\":410,\"reason\":\"Expired\","
		"\"message\":\"too old resource version: 1 (2)\"}}";

	(void)state;
	expect_event("{\"type\":\"ADDED\"" OBJECT, KUBE_ADDED, "77");
	expect_event("{\"type\":\"MODIFIED\"" OBJECT, KUBE_MODIFIED, "77");
	expect_event("{\"type\":\"DELETED\"" OBJECT, KUBE_DELETED, "77");
	expect_event(" {\"type\":\"BOOKMARK\"" OBJECT "\r", KUBE_BOOKMARK, "77");
	expect_event("{\"type\":\"ERROR\"}", KUBE_ERROR, "");
	assert_true(kube_event_parse(gone, strlen(gone), &e, &why));
	assert_int_equal(e.code, 410);
	kube_status_text(e.object, &why);
	assert_string_equal(buf, "Expired: too old resource version: 1 (2)");
	kube_event_fini(&e);
}

static void what_is_no_event(void **state)
{
	static const char *const lines[] = { "", "{}", "{\"type\":\"ADDED\"}", "{\"type\":1}",
		"{\"type\":\"added\"" OBJECT, "{\"type\":\"ADDED\",\"object\":[]}",
		"{\"type\":\"ADDED\"" OBJECT "x",
		"{\"type\":\"BOOKMARK\",\"object\":{\"kind\":\"EndpointSlice\"}}",
		"{\"type\":\"ADDED\",\"type\":\"ADDED\"" OBJECT };

	(void)state;
	for (size_t i = 0; i < sizeof(lines) / sizeof(*lines); i++) {
		struct text why = text_init(buf, sizeof(buf));
		struct kube_event e;

		assert_false(kube_event_parse(lines[i], strlen(lines[i]), &e, &why));
		assert_null(e.row);
		assert_true(buf[0]);
	}
}

static void refused(const char *body, const char *words)
{
	struct text t = text_init(buf, sizeof(buf));

	kube_refusal_text(body, strlen(body), &t);
	assert_string_equal(buf, words);
}

static void why_it_is_refused(void **state)
{
	(void)state;
	refused("", "");
	refused(" \r\n", "");
	refused("{\"kind\":\"Status\",\"reason\":\"Forbidden\",\"message\":\"no \\u001b list\",\"code\":403}",
		"Forbidden: no ? list");
	refused("{\"message\":\"slow down\"}", "slow down");
	refused("{\"error\":1}", "\"{\"error\":1}\"");
	refused("\n<html>\n<body>502 Bad Gateway</body></html>",
		"\"<html>?<body>502 Bad Gateway</body></html>\"");
	refused("0123456789012345678901234567890123456789012345678901234567890123456789",
		"\"012345678901234567890123456789012345678901234567890123456789012\"...");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_page_and_the_way_to_the_next),
		cmocka_unit_test(what_is_no_page),
		cmocka_unit_test(events_of_every_type),
		cmocka_unit_test(what_is_no_event),
		cmocka_unit_test(why_it_is_refused),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
