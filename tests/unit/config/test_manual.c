/* Every key of a schema stands in its manual page with type, default and what a change touches, and nothing else does. */
#include "config/agent.h"
#include "config/announcer.h"
#include "config/node_routes.h"
#include "config/rrd.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

static char *read_page(const char *name)
{
	const char *src = getenv("srcdir");
	char *path = NULL, *text = NULL;
	size_t size = 0;
	FILE *f;

	assert_true(asprintf(&path, "%s/man/%s", src ? src : ".", name) > 0);
	f = fopen(path, "r");
	if (!f)
		fail_msg("cannot open %s", path);
	assert_true(getdelim(&text, &size, 0, f) > 0);
	fclose(f);
	free(path);
	return text;
}

/* Text as roff writes it. */
static void add_roff(struct text *t, const char *s, size_t len)
{
	for (size_t i = 0; i < len; i++) {
		if (s[i] == '-')
			text_add(t, "\\-");
		else if (s[i] == '"')
			text_add(t, "\\(dq");
		else if (s[i] == '\\')
			text_add(t, "\\e");
		else
			text_add(t, "%c", s[i]);
	}
}

static size_t count(const char *text, const char *what)
{
	size_t n = 0;

	for (const char *p = text; (p = strstr(p, what)); p += strlen(what))
		n++;
	return n;
}

static void page_has_keys(const char *page_name, const struct config_schema *schema)
{
	char *page = read_page(page_name), *lines = config_schema_print(schema), *line, *save = NULL;
	size_t keys = 0, missing = 0;

	for (line = strtok_r(lines, "\n", &save); line; line = strtok_r(NULL, "\n", &save)) {
		char want[2048];
		struct text t = text_init(want, sizeof(want));
		size_t path = strcspn(line, "\t"), type = strcspn(line + path + 1, "\t");

		text_add(&t, "\n.TP\n.B ");
		add_roff(&t, line, path);
		text_add(&t, "\n.I ");
		add_roff(&t, line + path + 1, type);
		text_add(&t, "\n.br\n");
		keys++;
		if (count(page, want) == 1)
			continue;
		print_error("%s lacks:%s", page_name, want);
		missing++;
	}
	assert_int_equal(missing, 0);
	assert_true(keys > 20);
	assert_int_equal(count(page, "\n.br\n"), keys);
	free(lines);
	free(page);
}

static void rrd_conf_5_tells_every_key(void **state)
{
	(void)state;
	page_has_keys("rrd.conf.5", &config_rrd_schema);
}

static void lb_announcer_conf_5_tells_every_key(void **state)
{
	(void)state;
	page_has_keys("lb-announcer.conf.5", &config_announcer_schema);
}

static void lb_announcer_node_conf_5_tells_every_key(void **state)
{
	(void)state;
	page_has_keys("lb-announcer-node.conf.5", &config_node_routes_schema);
}

static void lb_ipvs_agent_conf_5_tells_every_key(void **state)
{
	(void)state;
	page_has_keys("lb-ipvs-agent.conf.5", &config_agent_schema);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(rrd_conf_5_tells_every_key),
		cmocka_unit_test(lb_announcer_conf_5_tells_every_key),
		cmocka_unit_test(lb_announcer_node_conf_5_tells_every_key),
		cmocka_unit_test(lb_ipvs_agent_conf_5_tells_every_key),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
