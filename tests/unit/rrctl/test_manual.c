/* rrd-control(7) has every command of every daemon under its heading, with its arguments and the keys that rrctl shows. */
#include "control/catalog.h"
#include "rrctl/command.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

static const struct {
	unsigned targets;
	const char *title;
} headings[] = {
	{ OF_ALL, ".Ss Commands of every daemon\n" },
	{ OF_ALL | OF_REGISTRY, ".Ss Commands of every daemon\n" },
	{ OF_SPEAKERS, ".Ss Commands of rrd and lb-announcer\n" },
	{ OF_ANNOUNCER | OF_AGENT, ".Ss Commands of lb-announcer and lb-ipvs-agent\n" },
	{ OF_RRD, ".Ss Commands of rrd\n" },
	{ OF_ANNOUNCER, ".Ss Commands of lb-announcer\n" },
	{ OF_AGENT, ".Ss Commands of lb-ipvs-agent\n" },
	{ OF_NODE, ".Ss Commands of lb-announcer --node\n" },
};
static const char between[] = ".Ss Commands between the daemons\n";

static char *read_page(void)
{
	const char *src = getenv("srcdir");
	char *path = NULL, *text = NULL;
	size_t size = 0;
	FILE *f;

	assert_true(asprintf(&path, "%s/man/rrd-control.7", src ? src : ".") > 0);
	f = fopen(path, "r");
	if (!f)
		fail_msg("cannot open %s", path);
	assert_true(getdelim(&text, &size, 0, f) > 0);
	fclose(f);
	free(path);
	return text;
}

static const char *heading_of(const struct control_command *k)
{
	if (!command_view(k) && strcmp(k->name, "help") != 0)
		return between;
	for (size_t i = 0; i < sizeof(headings) / sizeof(headings[0]); i++)
		if (headings[i].targets == k->targets)
			return headings[i].title;
	fail_msg("no heading for the daemons of \"%s\": give the page and this test one", k->name);
	return NULL;
}

/* The line at which the page begins to tell of it. */
static void item_of(const struct control_command *k, struct text *t)
{
	text_add(t, ".It Cm %s", k->name);
	for (const struct control_argument *a = k->arguments; a && a->key; a++) {
		text_add(t, "%s %s : ", a->required ? "" : " Oo", a->key);
		if (a->type != CONTROL_WORD)
			text_add(t, "%s", control_type_text(a->type));
		for (const char *w = a->words; w; w = strchr(w, '|') ? strchr(w, '|') + 1 : NULL)
			text_add(t, "%s%.*s", w == a->words ? "" : " | ", (int)strcspn(w, "|"), w);
		text_add(t, "%s", a->required ? "" : " Oc");
	}
	text_add(t, "%s\n", k->changes ? " Pq changes" : "");
}

static bool has_key(const char *from, const char *to, const char *key)
{
	size_t len = strlen(key);

	for (const char *p = from; (p = strstr(p, key)) && p < to; p += len)
		if (p[-1] == ' ' && strchr(" \n", p[len]))
			return true;
	return false;
}

static size_t missing_keys(
	const struct control_command *k, const struct column *c, const char *from, const char *to)
{
	size_t missing = 0;

	for (; c && c->key; c++) {
		const char *keys[] = { c->key, c->other };

		for (size_t i = 0; i < 2; i++)
			if (keys[i] && !has_key(from, to, keys[i])) {
				print_error("\"%s\" of \"%s\" is not told\n", keys[i], k->name);
				missing++;
			}
	}
	return missing;
}

static size_t missing_of(const struct control_command *k, const char *page)
{
	const char *title = heading_of(k), *section = strstr(page, title), *end, *item, *item_end;
	const struct view *view = command_view(k);
	char buf[512];
	struct text t = text_init(buf, sizeof(buf));

	if (!section)
		fail_msg("no section: %s", title);
	end = strstr(section, "\n.El\n");
	item_of(k, &t);
	item = strstr(section, buf);
	if (!item || !end || item > end) {
		print_error("under %sthere must be the line\n%s", title, buf);
		return 1;
	}
	item_end = strstr(item + 1, "\n.It ");
	if (!item_end || item_end > end)
		item_end = end;
	return view ? missing_keys(k, view->columns, item, item_end) +
			       missing_keys(k, view->more, item, item_end)
		    : 0;
}

static void rrd_control_7_tells_every_command(void **state)
{
	char *page = read_page();
	size_t missing = 0, commands = 0, told = 0;

	(void)state;
	for (const struct control_command *k = control_catalog; k->targets; k++, commands++)
		missing += missing_of(k, page);
	for (const char *p = page; (p = strstr(p, "\n.It Cm ")); p++)
		told++;
	assert_int_equal(missing, 0);
	assert_int_equal(told, commands);
	free(page);
}

int main(void)
{
	const struct CMUnitTest tests[] = { cmocka_unit_test(rrd_control_7_tells_every_command) };

	return cmocka_run_group_tests(tests, NULL, NULL);
}
