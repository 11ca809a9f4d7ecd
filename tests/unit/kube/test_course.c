/* The course of a list and watch: every cell of its table, the waits, what is asked. */
#include "kube/course.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

enum { S = 1000000 };

static struct kube_course course;
static uint64_t now_us, wait_us;

static enum kube_todo step(enum kube_happening h)
{
	wait_us = 0;
	return kube_course_step(&course, h, 0, now_us, &wait_us);
}

static void expect(enum kube_happening h, enum kube_todo todo, enum kube_state state)
{
	enum kube_todo got = step(h);

	if (got != todo || course.state != state)
		fail_msg("happening %d: todo %d, %s; expected %d, %s", h, got, kube_state_text(course.state),
			todo, kube_state_text(state));
}

static void begin(void)
{
	now_us = 1000 * (uint64_t)S;
	kube_course_init(&course, 42, now_us);
	assert_int_equal(course.state, KUBE_LIST);
}

static void begin_watch(void)
{
	begin();
	kube_course_known(&course, "100", NULL);
	expect(KUBE_LISTED, KUBE_ASK, KUBE_WATCH);
}

/* --- the table --- */

static void enter(enum kube_state state)
{
	begin();
	switch (state) {
	case KUBE_LIST:
		break;
	case KUBE_LIST_LATER:
		expect(KUBE_FAILED, KUBE_WAIT, KUBE_LIST_LATER);
		break;
	case KUBE_WATCH:
	case KUBE_WATCH_LATER:
		begin_watch();
		if (state == KUBE_WATCH_LATER)
			expect(KUBE_FAILED, KUBE_WAIT, KUBE_WATCH_LATER);
		break;
	case KUBE_STATES:
		fail();
	}
	assert_int_equal(course.state, state);
}

/* What follows when there was no failure before; '.': nothing, and the state stays. */
static void every_cell(void **state)
{
	static const struct {
		enum kube_happening h;
		const char *in[KUBE_STATES]; /* ask or wait, and the state after it: L l W w */
	} rows[] = {
		{ KUBE_PAGE_CAME, { "ask L", ".", ".", "." } },
		{ KUBE_LISTED, { "ask W", ".", ".", "." } },
		{ KUBE_TOLD, { ".", ".", ".", "." } },
		{ KUBE_ENDED, { ".", ".", "ask W", "." } },
		{ KUBE_SILENT, { ".", ".", "ask W", "." } },
		{ KUBE_GONE, { "ask L", ".", "ask L", "." } },
		{ KUBE_FAILED, { "wait l", ".", "wait w", "." } },
		{ KUBE_BROKEN, { "wait l", ".", "wait l", "." } },
		{ KUBE_TOO_MUCH, { "ask L", ".", ".", "." } },
		{ KUBE_NEW_TOKEN, { "ask L", ".", "ask W", "." } },
		{ KUBE_DUE, { ".", "ask L", ".", "ask W" } },
	};
	static const char letters[] = "LlWw";

	(void)state;
	assert_int_equal(sizeof(rows) / sizeof(*rows), KUBE_HAPPENINGS);
	for (int i = 0; i < KUBE_HAPPENINGS; i++)
		for (int s = 0; s < KUBE_STATES; s++) {
			char got[16] = ".";
			enum kube_todo todo;

			enter((enum kube_state)s);
			todo = step(rows[i].h);
			if (todo != KUBE_GO_ON)
				snprintf(got, sizeof(got), "%s %c", todo == KUBE_ASK ? "ask" : "wait",
					letters[course.state]);
			else
				assert_int_equal(course.state, s);
			if (strcmp(got, rows[i].in[s]) != 0)
				fail_msg("happening %d in state %d: %s; expected %s", rows[i].h, s, got,
					rows[i].in[s]);
		}
}

/* --- waits --- */

static void waits_grow_up_to_a_bound_and_are_cut_by_chance(void **state)
{
	uint64_t full_us = KUBE_WAIT_MIN_MS * 1000, last_us = 0;
	unsigned equal = 0;

	(void)state;
	begin();
	for (int i = 0; i < 100; i++) {
		expect(KUBE_FAILED, KUBE_WAIT, KUBE_LIST_LATER);
		assert_in_range(wait_us, full_us / 2, full_us);
		equal += wait_us == last_us;
		last_us = wait_us;
		full_us = full_us * 2 < KUBE_WAIT_MAX_MS * UINT64_C(1000) ? full_us * 2
									  : KUBE_WAIT_MAX_MS * UINT64_C(1000);
		now_us += wait_us;
		expect(KUBE_DUE, KUBE_ASK, KUBE_LIST);
	}
	assert_in_range(equal, 0, 2);
}

static void two_load_balancers_wait_differently(void **state)
{
	struct kube_course other;
	uint64_t other_us = 0;
	unsigned equal = 0;

	(void)state;
	begin();
	kube_course_init(&other, 43, now_us);
	for (int i = 0; i < 20; i++) {
		step(KUBE_FAILED);
		kube_course_step(&other, KUBE_FAILED, 0, now_us, &other_us);
		equal += wait_us == other_us;
		step(KUBE_DUE);
		kube_course_step(&other, KUBE_DUE, 0, now_us, &other_us);
	}
	assert_int_equal(equal, 0);
}

static void what_the_server_asks_for_is_waited_but_not_for_ever(void **state)
{
	(void)state;
	begin();
	assert_int_equal(kube_course_step(&course, KUBE_FAILED, 7, now_us, &wait_us), KUBE_WAIT);
	assert_in_range(wait_us, 7 * S, 7 * S + 7 * S / 4);
	step(KUBE_DUE);
	assert_int_equal(kube_course_step(&course, KUBE_FAILED, 1000000, now_us, &wait_us), KUBE_WAIT);
	assert_in_range(
		wait_us, KUBE_RETRY_AFTER_MAX_S * (uint64_t)S, KUBE_RETRY_AFTER_MAX_S * (uint64_t)S * 5 / 4);
	/* It never shortens a wait. */
	for (int i = 0; i < 10; i++) {
		step(KUBE_DUE);
		kube_course_step(&course, KUBE_FAILED, 1, now_us, &wait_us);
	}
	assert_in_range(wait_us, KUBE_WAIT_MAX_MS * UINT64_C(500), KUBE_WAIT_MAX_MS * UINT64_C(1000));
}

static void failures_are_forgotten_when_a_watch_tells_something_new(void **state)
{
	(void)state;
	begin_watch();
	for (int i = 0; i < 3; i++) {
		expect(KUBE_FAILED, KUBE_WAIT, KUBE_WATCH_LATER);
		expect(KUBE_DUE, KUBE_ASK, KUBE_WATCH);
	}
	assert_int_equal(course.failures, 3);
	kube_course_known(&course, "100", NULL);
	expect(KUBE_TOLD, KUBE_GO_ON, KUBE_WATCH);
	assert_int_equal(course.failures, 3);
	kube_course_known(&course, "101", NULL);
	expect(KUBE_TOLD, KUBE_GO_ON, KUBE_WATCH);
	assert_int_equal(course.failures, 0);
}

static void a_watch_that_ends_at_once_is_not_asked_for_in_a_circle(void **state)
{
	unsigned asked = 0;

	(void)state;
	begin_watch();
	for (int i = 0; i < 20; i++) {
		if (step(KUBE_ENDED) == KUBE_ASK)
			asked++;
		else
			now_us += wait_us;
		step(KUBE_DUE);
		assert_int_equal(course.state, KUBE_WATCH);
	}
	assert_int_equal(asked, 1);
	/* One that stood for a while may end as often as it likes. */
	for (int i = 0; i < 20; i++) {
		now_us += KUBE_STEADY_US;
		expect(KUBE_ENDED, KUBE_ASK, KUBE_WATCH);
	}
	assert_int_equal(course.failures, 0);
}

static void gone_again_and_again_is_not_listed_in_a_circle(void **state)
{
	(void)state;
	begin_watch();
	expect(KUBE_GONE, KUBE_ASK, KUBE_LIST);
	kube_course_known(&course, "200", NULL);
	expect(KUBE_LISTED, KUBE_ASK, KUBE_WATCH);
	for (int i = 0; i < 5; i++) {
		expect(KUBE_GONE, KUBE_WAIT, KUBE_LIST_LATER);
		assert_true(wait_us >= KUBE_WAIT_MIN_MS * UINT64_C(1000) << i);
		expect(KUBE_DUE, KUBE_ASK, KUBE_LIST);
		expect(KUBE_LISTED, KUBE_ASK, KUBE_WATCH);
	}
}

static void a_watch_that_fails_for_long_is_listed(void **state)
{
	(void)state;
	begin_watch();
	for (int i = 1; i < KUBE_WATCH_TRIES; i++) {
		expect(KUBE_FAILED, KUBE_WAIT, KUBE_WATCH_LATER);
		expect(KUBE_DUE, KUBE_ASK, KUBE_WATCH);
	}
	expect(KUBE_FAILED, KUBE_WAIT, KUBE_LIST_LATER);
	expect(KUBE_DUE, KUBE_ASK, KUBE_LIST);
}

static void a_page_that_is_too_large_is_cut_until_one_slice_is(void **state)
{
	unsigned limit = KUBE_PAGE_SLICES;

	(void)state;
	begin();
	while (limit > 1) {
		expect(KUBE_TOO_MUCH, KUBE_ASK, KUBE_LIST);
		assert_true(course.limit < limit && course.limit >= 1);
		assert_true(course.first_page);
		limit = course.limit;
	}
	expect(KUBE_TOO_MUCH, KUBE_WAIT, KUBE_LIST_LATER);
}

/* --- what is asked --- */

#define SLICES                                                                                               \
	"/apis/discovery.k8s.io/v1/namespaces/shop/"                                                         \
	"endpointslices?labelSelector=kubernetes.io%2Fservice-name%3Dweb"

static void a_list_in_pages(void **state)
{
	char path[KUBE_PATH_MAX];

	(void)state;
	begin();
	assert_true(course.first_page);
	assert_string_equal(kube_course_path(&course, "shop", "web", 300, path), SLICES "&limit=10");
	kube_course_known(&course, "7", "e+/=&x ~");
	expect(KUBE_PAGE_CAME, KUBE_ASK, KUBE_LIST);
	assert_false(course.first_page);
	assert_string_equal(kube_course_path(&course, "shop", "web", 300, path),
		SLICES "&limit=10&continue=e%2B%2F%3D%26x%20~");
	/* The same page with another token. */
	expect(KUBE_NEW_TOKEN, KUBE_ASK, KUBE_LIST);
	assert_false(course.first_page);
	/* It broke off: from the beginning. */
	expect(KUBE_FAILED, KUBE_WAIT, KUBE_LIST_LATER);
	expect(KUBE_DUE, KUBE_ASK, KUBE_LIST);
	assert_true(course.first_page);
	assert_string_equal(kube_course_path(&course, "shop", "web", 300, path), SLICES "&limit=10");
	assert_int_equal(course.lists, 0);
	kube_course_known(&course, "8", NULL);
	expect(KUBE_LISTED, KUBE_ASK, KUBE_WATCH);
	assert_int_equal(course.lists, 1);
}

static void a_watch_from_the_last_version(void **state)
{
	static const char before[] = SLICES "&watch=1&allowWatchBookmarks=true&timeoutSeconds=";
	unsigned least = 10000, most = 0;
	char path[KUBE_PATH_MAX], *end;

	(void)state;
	begin_watch();
	kube_course_known(&course, "12:34/x", NULL);
	for (int i = 0; i < 100; i++) {
		unsigned seconds;

		kube_course_path(&course, "shop", "web", 300, path);
		assert_memory_equal(path, before, strlen(before));
		seconds = (unsigned)strtoul(path + strlen(before), &end, 10);
		assert_string_equal(end, "&resourceVersion=12%3A34%2Fx");
		least = seconds < least ? seconds : least;
		most = seconds > most ? seconds : most;
	}
	assert_in_range(least, 300, 350);
	assert_in_range(most, 550, 600);
}

static void the_longest_of_all_fits(void **state)
{
	char *path = malloc(KUBE_PATH_MAX), *more = malloc(KUBE_CONTINUE_MAX), space[64], service[64];

	(void)state;
	begin();
	memset(more, '%', KUBE_CONTINUE_MAX - 1);
	more[KUBE_CONTINUE_MAX - 1] = '\0';
	memset(space, 'a', 63);
	memset(service, 'b', 63);
	space[63] = service[63] = '\0';
	kube_course_known(&course, "7", more);
	expect(KUBE_PAGE_CAME, KUBE_ASK, KUBE_LIST);
	assert_true(
		strlen(kube_course_path(&course, space, service, 3600, path)) > 3 * (KUBE_CONTINUE_MAX - 1));
	free(path);
	free(more);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(every_cell),
		cmocka_unit_test(waits_grow_up_to_a_bound_and_are_cut_by_chance),
		cmocka_unit_test(two_load_balancers_wait_differently),
		cmocka_unit_test(what_the_server_asks_for_is_waited_but_not_for_ever),
		cmocka_unit_test(failures_are_forgotten_when_a_watch_tells_something_new),
		cmocka_unit_test(a_watch_that_ends_at_once_is_not_asked_for_in_a_circle),
		cmocka_unit_test(gone_again_and_again_is_not_listed_in_a_circle),
		cmocka_unit_test(a_watch_that_fails_for_long_is_listed),
		cmocka_unit_test(a_page_that_is_too_large_is_cut_until_one_slice_is),
		cmocka_unit_test(a_list_in_pages),
		cmocka_unit_test(a_watch_from_the_last_version),
		cmocka_unit_test(the_longest_of_all_fits),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
