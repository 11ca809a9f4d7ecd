/* Slices listed and changed, and the servers that follow: every condition, port, family and contradiction. */
#include "kube/cache.h"

#include <netinet/in.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

enum { WHY_MAX = 400, TEXT_MAX = 4000, MUCH = 1 << 22 };

#define META(name)                                                                                           \
	"\"metadata\":{\"name\":\"" name "\",\"resourceVersion\":\"7\",\"labels\":{\"kubernetes.io/"         \
	"service-name\":\"web\"}}"
#define SLICE(name, ports, endpoints)                                                                        \
	"{\"kind\":\"EndpointSlice\"," META(name) ",\"addressType\":\"IPv4\",\"ports\":[" ports              \
						  "],\"endpoints\":[" endpoints "]}"
#define HTTP		     "{\"name\":\"http\",\"port\":8080}"
#define AT(addr)	     "{\"addresses\":[\"" addr "\"]}"
#define IN(addr, conditions) "{\"addresses\":[\"" addr "\",\"172.16.9.9\"],\"conditions\":{" conditions "}}"

static char why_text[WHY_MAX];

static struct text why(void)
{
	return text_init(why_text, sizeof(why_text));
}

static bool apply(struct kube_cache *c, const char *type, const char *object)
{
	struct text t = why();
	struct kube_event e;
	char *line;
	bool good;

	assert_true(asprintf(&line, "{\"type\":\"%s\",\"object\":%s}", type, object) > 0);
	good = kube_event_parse(line, strlen(line), &e, &t);
	if (good) {
		good = kube_cache_apply(c, &e, &t);
		kube_event_fini(&e);
	}
	free(line);
	return good;
}

static void good(struct kube_cache *c, const char *type, const char *object)
{
	if (!apply(c, type, object))
		fail_msg("%s", why_text);
}

/* Refused, with these words, and nothing of it has an effect. */
static void bad(const char *object, const char *words)
{
	struct kube_cache *c = kube_cache_new("web");
	struct kube_cache_size size;

	good(c, "ADDED", SLICE("a", HTTP, AT("172.16.1.1")));
	if (apply(c, "MODIFIED", object) || !strstr(why_text, words))
		fail_msg("said: \"%s\"; expected: \"%s\"", why_text, words);
	kube_cache_size(c, &size);
	assert_int_equal(size.slices, 1);
	assert_int_equal(size.endpoints, 1);
	kube_cache_free(c);
}

static const struct kube_want tcp = { .protocol = IPPROTO_TCP };

/* "172.16.1.1:8080 172.16.1.2:8080! 172.16.1.3:8080-": terminating, unready; or why not. */
static const char *servers(const struct kube_cache *c, const struct kube_want *want)
{
	static char out[TEXT_MAX];
	struct text t = text_init(out, sizeof(out)), reason = why();
	struct endpoint_list list;
	char buf[PREFIX_TEXT_MAX];

	if (!kube_cache_servers(c, want, &list, &reason))
		return why_text;
	for (size_t i = 0; i < list.count; i++) {
		const struct endpoint *e = &list.list[i];

		assert_int_equal(e->weight, -1);
		text_add(&t, "%s%s:%u%s%s%s", i ? " " : "", ip_addr_format(&e->addr, buf), e->port,
			e->state == ENDPOINT_READY     ? ""
			: ENDPOINT_UNREADY == e->state ? "-"
						       : "!",
			e->name ? "=" : "", e->name ? e->name : "");
	}
	free((void *)(uintptr_t)list.list);
	return out;
}

static void list_begin(struct kube_cache *c)
{
	kube_cache_list_begin(c);
}

static bool list_add(struct kube_cache *c, const char *items)
{
	struct text t = why();
	struct kube_page page;
	bool added;
	char *body;

	assert_true(asprintf(&body,
			    "{\"kind\":\"EndpointSliceList\",\"metadata\":{\"resourceVersion\":\"9\"},"
			    "\"items\":[%s]}",
			    items) > 0);
	if (!kube_page_parse(body, strlen(body), &page, &t))
		fail_msg("%s", why_text);
	added = kube_cache_list_add(c, &page, &t);
	kube_page_fini(&page);
	free(body);
	return added;
}

/* --- events and lists --- */

static void events_add_change_and_delete(void **state)
{
	struct kube_cache *c = kube_cache_new("web");

	(void)state;
	assert_string_equal(servers(c, &tcp), "");
	good(c, "ADDED", SLICE("a", HTTP, AT("172.16.1.2") "," AT("172.16.1.1")));
	assert_string_equal(servers(c, &tcp), "172.16.1.1:8080 172.16.1.2:8080");
	good(c, "MODIFIED", SLICE("a", HTTP, AT("172.16.1.3")));
	good(c, "ADDED", SLICE("b", HTTP, AT("172.16.1.1")));
	assert_string_equal(servers(c, &tcp), "172.16.1.1:8080 172.16.1.3:8080");
	/* Said twice, or of what was never there: as after a watch that began again. */
	good(c, "ADDED", SLICE("b", HTTP, AT("172.16.1.1")));
	good(c, "DELETED", SLICE("a", HTTP, AT("172.16.1.3")));
	good(c, "DELETED", SLICE("a", HTTP, AT("172.16.1.3")));
	good(c, "MODIFIED", SLICE("n", HTTP, AT("172.16.1.9")));
	good(c, "BOOKMARK", "{\"kind\":\"EndpointSlice\",\"metadata\":{\"resourceVersion\":\"12\"}}");
	assert_string_equal(servers(c, &tcp), "172.16.1.1:8080 172.16.1.9:8080");
	kube_cache_free(c);
}

static void a_list_counts_when_it_is_whole(void **state)
{
	struct kube_cache *c = kube_cache_new("web");
	struct kube_cache_size size;

	(void)state;
	good(c, "ADDED", SLICE("old", HTTP, AT("172.16.1.1")));
	list_begin(c);
	assert_true(list_add(c, SLICE("a", HTTP, AT("172.16.1.2"))));
	assert_string_equal(servers(c, &tcp), "172.16.1.1:8080");
	/* It broke off, and another begins. */
	list_begin(c);
	assert_true(list_add(c, SLICE("b", HTTP, AT("172.16.1.3")) "," SLICE("b", HTTP, AT("172.16.1.4"))));
	assert_true(list_add(c, SLICE("c", HTTP, AT("172.16.1.5"))));
	assert_string_equal(servers(c, &tcp), "172.16.1.1:8080");
	kube_cache_list_end(c);
	assert_string_equal(servers(c, &tcp), "172.16.1.4:8080 172.16.1.5:8080");
	kube_cache_size(c, &size);
	assert_int_equal(size.slices, 2);
	assert_int_equal(size.endpoints, 2);
	list_begin(c);
	assert_false(list_add(c, SLICE("b", HTTP, AT("172.16.1.300"))));
	assert_string_equal(servers(c, &tcp), "172.16.1.4:8080 172.16.1.5:8080");
	list_begin(c);
	kube_cache_list_end(c);
	assert_string_equal(servers(c, &tcp), "");
	kube_cache_size(c, &size);
	assert_int_equal(size.octets, 0);
	kube_cache_free(c);
}

/* --- conditions --- */

static const char every_condition[] = SLICE("a", HTTP,
	IN("172.16.1.1", "") "," IN("172.16.1.2", "\"ready\":null") "," IN(
		"172.16.1.3", "\"ready\":true,\"serving\":true,\"terminating\":false") "," IN("172.16.1.4",
		"\"ready\":false") "," IN("172.16.1.5",
		"\"ready\":false,\"serving\":false,\"terminating\":false") "," IN("172.16.1.6",
		"\"ready\":false,\"serving\":true,\"terminating\":true") "," IN("172.16.1.7",
		"\"ready\":false,\"serving\":false,\"terminating\":true") "," IN("172.16.1.8",
		"\"ready\":true,\"terminating\":true"));

static void conditions_tell_servers_apart(void **state)
{
	static const struct {
		enum config_conditions conditions;
		const char *states; /* of 172.16.1.1 and on */
	} cases[] = { { CONFIG_READY, "   --!! " }, { CONFIG_READY_ONLY, "   --!! " },
		{ CONFIG_SERVING, "   -- ! " }, { CONFIG_ANY, "     !! " } };
	struct kube_cache *c = kube_cache_new("web");

	(void)state;
	good(c, "ADDED", every_condition);
	for (int i = 0; i < 4; i++) {
		struct kube_want want = { .protocol = IPPROTO_TCP, .conditions = cases[i].conditions };
		char wanted[TEXT_MAX] = "";

		for (int n = 0; n < 8; n++) {
			char state_char = cases[i].states[n];

			sprintf(wanted + strlen(wanted), "%s172.16.1.%d:8080%.*s", n ? " " : "", n + 1,
				state_char != ' ', &state_char);
		}
		assert_string_equal(servers(c, &want), wanted);
	}
	kube_cache_free(c);
}

#define ENDS	"\"ready\":false,\"serving\":true,\"terminating\":true"
#define ENDED	"\"ready\":false,\"serving\":false,\"terminating\":true"
#define NOT_YET "\"ready\":false"

static void where_none_is_ready_those_that_serve_do(void **state)
{
	struct kube_want only = { .protocol = IPPROTO_TCP, .conditions = CONFIG_READY_ONLY };
	struct kube_cache *c = kube_cache_new("web");

	(void)state;
	good(c, "ADDED",
		SLICE("a", HTTP,
			IN("172.16.1.1", ENDS) "," IN("172.16.1.2", ENDED) "," IN("172.16.1.3", NOT_YET)));
	assert_string_equal(servers(c, &tcp), "172.16.1.1:8080 172.16.1.2:8080! 172.16.1.3:8080-");
	assert_string_equal(servers(c, &only), "172.16.1.1:8080! 172.16.1.2:8080! 172.16.1.3:8080-");
	/* One that is ready, in any slice, ends it. */
	good(c, "ADDED", SLICE("b", HTTP, AT("172.16.2.1")));
	assert_string_equal(
		servers(c, &tcp), "172.16.1.1:8080! 172.16.1.2:8080! 172.16.1.3:8080- 172.16.2.1:8080");
	/* But not one of the other family, which is no server here. */
	good(c, "DELETED", SLICE("b", HTTP, ""));
	good(c, "ADDED",
		"{\"kind\":\"EndpointSlice\"," META("6") ",\"addressType\":\"IPv6\",\"ports\":[" HTTP
							 "],\"endpoints\":[" AT("fd00::1") "]}");
	only = (struct kube_want){ .protocol = IPPROTO_TCP, .family = IP_V4 };
	assert_string_equal(servers(c, &only), "172.16.1.1:8080 172.16.1.2:8080! 172.16.1.3:8080-");
	kube_cache_free(c);
}

static void of_the_same_server_the_best_state_counts(void **state)
{
	struct kube_cache *c = kube_cache_new("web");

	(void)state;
	good(c, "ADDED",
		SLICE("a", HTTP, IN("172.16.1.1", NOT_YET) "," IN("172.16.1.2", ENDS) "," AT("172.16.1.3")));
	good(c, "ADDED", SLICE("b", HTTP, AT("172.16.1.1") "," AT("172.16.1.2") "," IN("172.16.1.3", ENDED)));
	assert_string_equal(servers(c, &tcp), "172.16.1.1:8080 172.16.1.2:8080 172.16.1.3:8080");
	kube_cache_free(c);
}

static void names_are_those_of_the_pods(void **state)
{
	struct kube_cache *c = kube_cache_new("web");

	(void)state;
	good(c, "ADDED",
		SLICE("a", HTTP,
			"{\"addresses\":[\"172.16.1.1\"],\"targetRef\":{\"kind\":\"Pod\",\"name\":\"web-1\"}}"
			","
			"{\"addresses\":[\"172.16.1.2\"],\"targetRef\":{\"name\":7}}"));
	assert_string_equal(servers(c, &tcp), "172.16.1.1:8080=web-1 172.16.1.2:8080");
	kube_cache_free(c);
}

/* --- ports and families --- */

static void ports_go_by_name_and_protocol(void **state)
{
	static const char ports[] = HTTP ",{\"name\":\"https\",\"port\":8443,\"protocol\":\"TCP\"},"
					 "{\"name\":\"quic\",\"port\":8443,\"protocol\":\"UDP\"},{\"name\":"
					 "\"odd\",\"port\":9,\"protocol\":\"DCCP\"}";
	struct kube_want udp = { .protocol = IPPROTO_UDP },
			 https = { .protocol = IPPROTO_TCP, .port = "https" };
	struct kube_want any = { .port = "quic" }, own = { .protocol = IPPROTO_TCP, .own_port = true };
	struct kube_want named = { .protocol = IPPROTO_TCP, .own_port = true, .port = "quic" };
	struct kube_cache *c = kube_cache_new("web");
	char *object;

	(void)state;
	assert_true(
		asprintf(&object,
			"{\"kind\":\"EndpointSlice\"," META("a") ",\"addressType\":\"IPv4\",\"ports\":[%s],"
								 "\"endpoints\":[" AT("172.16.1.1") "]}",
			ports) > 0);
	good(c, "ADDED", object);
	free(object);
	assert_string_equal(servers(c, &tcp), "the service has several ports; say which is meant "
					      "(source.kubernetes.port): http, https, quic, odd");
	assert_string_equal(servers(c, &udp), "172.16.1.1:8443");
	assert_string_equal(servers(c, &https), "172.16.1.1:8443");
	assert_string_equal(servers(c, &any), "172.16.1.1:8443");
	assert_string_equal(servers(c, &own), "172.16.1.1:0");
	assert_string_equal(servers(c, &named),
		"the service has no port named quic of this protocol; it has: http, https, quic, odd");
	/* Slices of pods that lack the port do not count, as long as some have it. */
	good(c, "ADDED", SLICE("b", HTTP, AT("172.16.1.2")));
	assert_string_equal(servers(c, &https), "172.16.1.1:8443");
	/* Which of them is meant is not known because one slice leaves no choice. */
	assert_non_null(strstr(servers(c, &tcp), "the service has several ports"));
	good(c, "MODIFIED", SLICE("a", HTTP, ""));
	assert_string_equal(
		servers(c, &https), "the service has no port named https of this protocol; it has: http");
	/* None at all is no contradiction. */
	good(c, "DELETED", SLICE("b", HTTP, ""));
	assert_string_equal(servers(c, &https), "");
	kube_cache_free(c);
}

static void what_is_not_said_of_ports(void **state)
{
	struct kube_want named = { .protocol = IPPROTO_TCP, .port = "http" };
	struct kube_cache *c = kube_cache_new("web");

	(void)state;
	good(c, "ADDED", SLICE("a", "{\"port\":8080}", AT("172.16.1.1")));
	assert_string_equal(servers(c, &tcp), "172.16.1.1:8080");
	assert_string_equal(servers(c, &named),
		"the service has no port named http of this protocol; it has: one without a name");
	good(c, "MODIFIED", SLICE("a", "{\"name\":\"http\",\"port\":null}", AT("172.16.1.1")));
	assert_string_equal(servers(c, &named), "172.16.1.1:0");
	good(c, "MODIFIED", SLICE("a", "", AT("172.16.1.1")));
	assert_string_equal(servers(c, &tcp), "172.16.1.1:0");
	assert_string_equal(
		servers(c, &named), "the service has no port named http of this protocol; it has: none");
	good(c, "MODIFIED",
		"{\"kind\":\"EndpointSlice\"," META(
			"a") ",\"addressType\":\"IPv4\",\"ports\":null,\"endpoints\":null}");
	assert_string_equal(servers(c, &tcp), "");
	kube_cache_free(c);
}

static void families_and_addresses_that_are_no_servers(void **state)
{
	struct kube_want four = { .protocol = IPPROTO_TCP, .family = IP_V4 },
			 six = { .protocol = IPPROTO_TCP, .family = IP_V6 };
	struct kube_cache *c = kube_cache_new("web");
	struct kube_cache_size size;

	(void)state;
	good(c, "ADDED",
		SLICE("a", HTTP,
			AT("172.16.1.1") "," AT("127.0.0.1") "," AT("169.254.1.1") "," AT("224.0.0.1") "," AT(
				"0.0.0.0")));
	good(c, "ADDED",
		"{\"kind\":\"EndpointSlice\"," META("6") ",\"addressType\":\"IPv6\",\"ports\":[" HTTP
							 "],\"endpoints\":[" AT("fd00::1") "," AT(
								 "fe80::1") "," AT("::ffff:1.2.3.4") "]}");
	good(c, "ADDED",
		"{\"kind\":\"EndpointSlice\"," META("n") ",\"addressType\":\"FQDN\",\"ports\":[" HTTP
							 "],\"endpoints\":[" AT("www.example.com") "]}");
	assert_string_equal(servers(c, &tcp), "172.16.1.1:8080 fd00::1:8080");
	assert_string_equal(servers(c, &four), "172.16.1.1:8080");
	assert_string_equal(servers(c, &six), "fd00::1:8080");
	kube_cache_size(c, &size);
	assert_int_equal(size.slices, 3);
	assert_int_equal(size.endpoints, 2);
	/* IPv4 in IPv6's clothes is taken for IPv4 by whoever reads it, and so is refused or left out. */
	assert_in_range(size.skipped, 5, 6);
	kube_cache_free(c);
}

/* --- what cannot be --- */

static void what_cannot_be_is_refused_whole(void **state)
{
	(void)state;
	bad("{\"kind\":\"Pod\"}", "kind EndpointSlice, not \"Pod\"");
	bad("7", "kind EndpointSlice");
	bad("{\"kind\":\"EndpointSlice\",\"metadata\":{\"resourceVersion\":\"1\"}}", "another service");
	bad("{\"kind\":\"EndpointSlice\",\"metadata\":{\"name\":\"a\"}}", "resourceVersion is missing");
	bad("{\"kind\":\"EndpointSlice\"," META("") "}", "no name");
	bad("{\"kind\":\"EndpointSlice\"," META("a") "}", "addressType is missing");
	bad("{\"kind\":\"EndpointSlice\"," META("a") ",\"addressType\":\"IP\\u001b[1m\"}",
		"addressType is IP?[1m");
	bad(SLICE("a", HTTP, "{}"), "an endpoint has no address");
	bad(SLICE("a", HTTP, "{\"addresses\":[]}"), "an endpoint has no address");
	bad(SLICE("a", HTTP, "{\"addresses\":[7]}"), "an endpoint has no address");
	bad(SLICE("a", HTTP, "7"), "an endpoint has no address");
	bad(SLICE("a", HTTP, AT("172.16.1.9") "," AT("172.16.1.256")),
		"address is 172.16.1.256; expected one of IPv4");
	bad(SLICE("a", HTTP, AT("fd00::1")), "address is fd00::1; expected one of IPv4");
	bad(SLICE("a", "{\"port\":65536}", AT("172.16.1.9")), "a port is 65536");
	bad(SLICE("a", "{\"port\":-1}", AT("172.16.1.9")), "a port is -1");
	bad("{\"kind\":\"EndpointSlice\",\"metadata\":{\"name\":\"a\",\"resourceVersion\":\"1\",\"labels\":{"
	    "\"kubernetes.io/"
	    "service-name\":\"other\"}}}",
		"another service");
}

/* Adds a slice of so many endpoints. */
static bool add_many(struct kube_cache *c, const char *type, unsigned number, unsigned count)
{
	char *object = malloc(MUCH);
	struct text t = text_init(object, MUCH);
	bool added;

	text_add(&t,
		"{\"kind\":\"EndpointSlice\",\"metadata\":{\"name\":\"s%u\",\"resourceVersion\":\"7\","
		"\"labels\":"
		"{\"kubernetes.io/service-name\":\"web\"}},\"addressType\":\"IPv4\",\"ports\":[" HTTP
		"],\"endpoints\":[",
		number);
	for (unsigned i = 0; i < count; i++)
		text_add(&t, "%s{\"addresses\":[\"172.%u.%u.%u\"]}", i ? "," : "", number / 60 + 16,
			number % 60 * 4 + i / 250, i % 250 + 1);
	text_add(&t, "]}");
	assert_false(text_cut(&t));
	added = apply(c, type, object);
	free(object);
	return added;
}

static void numbers_are_bounded(void **state)
{
	struct kube_cache *c = kube_cache_new("web");
	struct kube_cache_size size;
	unsigned n;

	(void)state;
	assert_false(add_many(c, "ADDED", 0, KUBE_SLICE_ENDPOINTS_MAX + 1));
	assert_non_null(strstr(why_text, "1001 endpoints in one slice; at most 1000"));
	for (n = 0; n < KUBE_ENDPOINTS_MAX / KUBE_SLICE_ENDPOINTS_MAX; n++)
		assert_true(add_many(c, "ADDED", n, KUBE_SLICE_ENDPOINTS_MAX));
	assert_false(add_many(c, "ADDED", n, KUBE_SLICE_ENDPOINTS_MAX));
	assert_non_null(strstr(why_text, "more than 65536 endpoints"));
	/* One in the place of another has its room. */
	assert_true(add_many(c, "MODIFIED", 0, KUBE_SLICE_ENDPOINTS_MAX));
	kube_cache_size(c, &size);
	assert_int_equal(size.endpoints, n * KUBE_SLICE_ENDPOINTS_MAX);
	assert_true(size.octets < 100 * size.endpoints);
	for (; n < KUBE_SLICES_MAX; n++)
		assert_true(add_many(c, "ADDED", n, 0));
	assert_false(add_many(c, "ADDED", n, 0));
	assert_non_null(strstr(why_text, "more than 4096 slices"));
	assert_true(add_many(c, "DELETED", 7, 0));
	assert_true(add_many(c, "ADDED", n, 0));
	kube_cache_free(c);
}

/* The order in which slices came says nothing. */
static void the_order_is_the_servers(void **state)
{
	struct kube_cache *a = kube_cache_new("web"), *b = kube_cache_new("web");
	char first[TEXT_MAX];

	(void)state;
	for (unsigned n = 0; n < 20; n++) {
		assert_true(add_many(a, "ADDED", n, 5));
		assert_true(add_many(b, "ADDED", 19 - n, 5));
	}
	snprintf(first, sizeof(first), "%s", servers(a, &tcp));
	assert_string_equal(servers(b, &tcp), first);
	kube_cache_free(a);
	kube_cache_free(b);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(events_add_change_and_delete),
		cmocka_unit_test(a_list_counts_when_it_is_whole),
		cmocka_unit_test(conditions_tell_servers_apart),
		cmocka_unit_test(where_none_is_ready_those_that_serve_do),
		cmocka_unit_test(of_the_same_server_the_best_state_counts),
		cmocka_unit_test(names_are_those_of_the_pods),
		cmocka_unit_test(ports_go_by_name_and_protocol),
		cmocka_unit_test(what_is_not_said_of_ports),
		cmocka_unit_test(families_and_addresses_that_are_no_servers),
		cmocka_unit_test(what_cannot_be_is_refused_whole),
		cmocka_unit_test(numbers_are_bounded),
		cmocka_unit_test(the_order_is_the_servers),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
