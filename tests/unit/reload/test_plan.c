/* What a difference becomes as a plan: what each line is about, their order, and what refuses the whole. */
#include "reload/plan.h"

#include "base/mem.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

static const struct reload_noun nouns[] = { { "neighbors", "neighbor" }, { "services", "service" },
	{ NULL, NULL } };

/* What the callback was asked about last. */
static char asked[256];

static char *effect(
	void *user, const struct config_change *c, const struct reload_element *e, enum config_apply *apply)
{
	struct text t = text_init(asked, sizeof(asked));

	(void)user;
	text_add(&t, "%s|%s|%s", e ? e->list : "-", e ? e->name : "-", e ? e->rest : c->path);
	if (strcmp(c->words, "removed") == 0)
		*apply = CONFIG_RESET_SESSION;
	return strcmp(c->words, "removed") == 0 ? mem_strdup("ends its session") : NULL;
}

static struct reload_plan *plan_of(struct config_change *changes, size_t count)
{
	const struct config_diff d = { .item = changes, .count = count };

	return reload_plan_of(&d, nouns, effect, NULL);
}

static void expect_line(const struct reload_line *l, const char *want)
{
	char *text = reload_line_text(l);

	assert_string_equal(text, want);
	free(text);
}

static void expect_one(const char *path, const char *section, const char *want_asked, const char *want)
{
	struct config_change c = { path, section, "1 -> 2", CONFIG_LIVE };
	struct reload_plan *p = plan_of(&c, 1);

	assert_int_equal(p->count, 1);
	assert_string_equal(asked, want_asked);
	expect_line(&p->line[0], want);
	reload_plan_free(p);
}

static void an_element_is_what_a_line_is_about(void **state)
{
	(void)state;
	expect_one("drain.time", "drain", "-|-|drain.time", "drain.time 1 -> 2");
	expect_one("neighbors[10.0.0.1].hold-time", "neighbors", "neighbors|10.0.0.1|hold-time",
		"neighbor 10.0.0.1: hold-time 1 -> 2");
	expect_one("services[10.1.1.0/24].conditions[http].port", "services",
		"services|10.1.1.0/24|conditions[http].port",
		"service 10.1.1.0/24: conditions[http].port 1 -> 2");
	expect_one("services[10.1.1.0/24].conditions[http]", "services",
		"services|10.1.1.0/24|conditions[http]", "service 10.1.1.0/24: conditions[http] 1 -> 2");
	expect_one(
		"services[10.1.1.0/24]", "services", "services|10.1.1.0/24|", "service 10.1.1.0/24: 1 -> 2");
	/* A name with brackets of its own. */
	expect_one("services[[fd00::1]:80/tcp].weight", "services", "services|[fd00::1]:80/tcp|weight",
		"service [fd00::1]:80/tcp: weight 1 -> 2");
	expect_one("services[[fd00::1]:80/tcp].checks[http].port", "services",
		"services|[fd00::1]:80/tcp|checks[http].port",
		"service [fd00::1]:80/tcp: checks[http].port 1 -> 2");
	expect_one("services[[fd00::1]:80/tcp]", "services", "services|[fd00::1]:80/tcp|",
		"service [fd00::1]:80/tcp: 1 -> 2");
	/* A list of which nothing was said. */
	expect_one("listen[10.0.0.1].port", "listen", "-|-|listen[10.0.0.1].port",
		"listen[10.0.0.1].port 1 -> 2");
}

static void what_touches_least_comes_first(void **state)
{
	struct config_change c[] = { { "router.table", "router", "1 -> 2", CONFIG_RESTART },
		{ "neighbors[10.0.0.1]", "neighbors", "removed", CONFIG_LIVE },
		{ "b.x", "b", "1 -> 2", CONFIG_REEVALUATE }, { "a.x", "a", "1 -> 2", CONFIG_LIVE },
		{ "a.y", "a", "3 -> 4", CONFIG_LIVE },
		{ "router.metric", "router", "7 -> 8", CONFIG_RESTART } };
	struct reload_plan *p = plan_of(c, sizeof(c) / sizeof(c[0]));
	char *restarts;

	(void)state;
	assert_int_equal(p->count, 6);
	expect_line(&p->line[0], "a.x 1 -> 2");
	expect_line(&p->line[1], "a.y 3 -> 4");
	expect_line(&p->line[2], "b.x 1 -> 2");
	expect_line(&p->line[3], "neighbor 10.0.0.1: removed: ends its session");
	expect_line(&p->line[4], "router.table 1 -> 2: cannot change while the daemon runs: restart it");
	restarts = reload_plan_restarts(p);
	assert_string_equal(restarts, "router.table, router.metric");
	free(restarts);
	reload_plan_free(p);
}

static void nothing_needs_a_restart_where_nothing_does(void **state)
{
	struct reload_plan *p = plan_of(NULL, 0);

	(void)state;
	assert_int_equal(p->count, 0);
	assert_null(reload_plan_restarts(p));
	reload_plan_free(p);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(an_element_is_what_a_line_is_about),
		cmocka_unit_test(what_touches_least_comes_first),
		cmocka_unit_test(nothing_needs_a_restart_where_nothing_does),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
