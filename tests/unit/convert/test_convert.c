/* Whole files of other programs: each gives exactly the file and the messages that stand beside it, and no octet of any of
 * them can be changed or cut off so that the readers do more than say what is wrong, or write what our daemons refuse. */
#include "base/mem.h"
#include "config/announcer.h"
#include "config/rrd.h"
#include "config/yaml.h"
#include "convert/convert.h"

#include <dirent.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cmocka.h>

static char *path_of(const char *name)
{
	const char *src = getenv("srcdir");

	return mem_printf("%s/tests/convert/%s", src ? src : ".", name);
}

static char *slurp(const char *path, size_t *len)
{
	struct config_errors *errs = config_errors_new();
	char *text = config_file_read(path, len, errs);

	if (!text)
		fail_msg("%s", path);
	text = mem_realloc(text, *len + 1);
	text[*len] = 0;
	config_errors_free(errs);
	return text;
}

struct outcome {
	enum convert_result result;
	char *text, *said;
};

/* A copy of just this size lets AddressSanitizer see a read beyond the end. */
static struct outcome convert_with(
	const struct convert_opts *opts, const char *name, const char *text, size_t len)
{
	struct outcome o;
	size_t said_len;
	FILE *err = open_memstream(&o.said, &said_len);
	char *copy = mem_alloc(len ? len : 1);
	struct convert_file file = { name, copy, len };

	memcpy(copy, text, len);
	o.result = convert_run(opts, &file, 1, err, &o.text);
	fclose(err);
	free(copy);
	assert_int_equal(o.text == NULL, o.result == CONVERT_REFUSED);
	if (o.result == CONVERT_REFUSED)
		assert_true(*o.said);
	assert_int_equal(strstr(o.said, "not carried over: ") != NULL && o.text, o.result == CONVERT_PARTLY);
	return o;
}

static struct outcome convert_text(enum convert_format from, const char *text)
{
	const struct convert_opts opts = { .from = from };

	return convert_with(&opts, "file", text, strlen(text));
}

static void free_outcome(struct outcome *o)
{
	free(o->text);
	free(o->said);
}

static bool is_announcer(const char *name)
{
	return strncmp(name, "exabgp", 6) == 0 || strcmp(name, "paper-announcer.conf") == 0;
}

static void is_taken(const char *name, const char *text)
{
	struct config_errors *errs = config_errors_new();

	if (is_announcer(name))
		config_announcer_free(config_announcer_parse(text, strlen(text), "out", errs));
	else
		config_rrd_free(config_rrd_parse(text, strlen(text), "out", errs));
	assert_int_equal(config_errors_count(errs), 0);
	config_errors_free(errs);
}

static int is_input(const struct dirent *d)
{
	const char *dot = strrchr(d->d_name, '.');

	return dot && d->d_name[0] != '.' && strcmp(dot, ".out") != 0 && strcmp(dot, ".notes") != 0;
}

static void each_file(void (*fn)(const char *name, const char *text, size_t len))
{
	char *dir = path_of("");
	struct dirent **list;
	int n = scandir(dir, &list, is_input, alphasort);

	assert_true(n >= 9);
	for (int i = 0; i < n; i++) {
		char *path = path_of(list[i]->d_name);
		size_t len;
		char *text = slurp(path, &len);

		fn(list[i]->d_name, text, len);
		free(text);
		free(path);
		free(list[i]);
	}
	free(list);
	free(dir);
}

static void is_as_beside(const char *name, const char *suffix, const char *is)
{
	char *beside = mem_printf("%s.%s", name, suffix), *path = path_of(beside);
	size_t len;
	char *expected = access(path, F_OK) == 0 ? slurp(path, &len) : mem_strdup("");

	if (strcmp(expected, is) != 0)
		print_message("%s\n", beside);
	assert_string_equal(is, expected);
	free(expected);
	free(path);
	free(beside);
}

static void gives_what_stands_beside(const char *name, const char *text, size_t len)
{
	struct outcome o = convert_with(&(struct convert_opts){ 0 }, name, text, len);

	is_as_beside(name, "notes", o.said);
	is_as_beside(name, "out", o.text ? o.text : "");
	if (o.text)
		is_taken(name, o.text);
	free_outcome(&o);
}

static void files_give_what_stands_beside_them(void **state)
{
	(void)state;
	each_file(gives_what_stands_beside);
}

static enum convert_format format_of(const char *name)
{
	static const char *const words[] = { "gobgp", "exabgp", "bird", "frr" };

	if (is_announcer(name))
		return CONVERT_EXABGP;
	for (size_t i = 0; i < sizeof(words) / sizeof(words[0]); i++)
		if (strncmp(name, words[i], strlen(words[i])) == 0)
			return convert_format_parse(words[i]);
	return CONVERT_GOBGP;
}

static void survives(const char *name, const char *text, size_t len)
{
	struct outcome o = convert_with(&(struct convert_opts){ .from = format_of(name) }, name, text, len);

	if (o.text)
		is_taken(name, o.text);
	free_outcome(&o);
}

static void survives_cuts(const char *name, const char *text, size_t len)
{
	for (size_t cut = 0; cut < len; cut += 3)
		survives(name, text, cut);
}

static void cut_files_are_no_harm(void **state)
{
	(void)state;
	each_file(survives_cuts);
}

static void survives_changes(const char *name, const char *text, size_t len)
{
	static const char octets[] = { 0, '\n', '{', '}', ';', '"', '[', '.', '9', '\xff', '#', ' ' };
	uint32_t random = 7;
	char *copy = mem_alloc(len);

	for (int i = 0; i < 400; i++) {
		memcpy(copy, text, len);
		for (int change = 0; change < 3; change++) {
			random = random * 1103515245u + 12345u;
			copy[(random >> 8) % len] = octets[(random >> 4) % sizeof(octets)];
		}
		survives(name, copy, len);
	}
	free(copy);
}

static void changed_octets_are_no_harm(void **state)
{
	(void)state;
	each_file(survives_changes);
}

/* Each file, read as the configuration of the others. */
static void survives_as_others(const char *name, const char *text, size_t len)
{
	(void)name;
	for (int from = CONVERT_GOBGP; from <= CONVERT_FRR; from++) {
		struct outcome o = convert_with(
			&(struct convert_opts){ .from = (enum convert_format)from }, "x", text, len);

		free_outcome(&o);
	}
}

static void a_file_read_as_another_programs_is_no_harm(void **state)
{
	(void)state;
	each_file(survives_as_others);
}

static void deep_and_long_files_are_refused_or_read(void **state)
{
	static const char *const pieces[] = { "{", "[", "a {", "a = {b = ", "a = [", "[a.", "((",
		"neighbor 10.0.0.1 { ", "\"", "a.b.", "a ", "[[a]]\n", "- " };
	char *text = mem_alloc(200001);

	(void)state;
	for (size_t i = 0; i < sizeof(pieces) / sizeof(pieces[0]); i++) {
		size_t n = strlen(pieces[i]), len = 0;

		for (; len + n <= 200000; len += n)
			memcpy(text + len, pieces[i], n);
		survives_as_others("x", text, len);
	}
	free(text);
}

/* --- what is said --- */

static void says(enum convert_format from, const char *text, const char *part)
{
	struct outcome o = convert_text(from, text);

	if (!strstr(o.said, part))
		print_message("said: %s", o.said);
	assert_non_null(strstr(o.said, part));
	free_outcome(&o);
}

static void holds(enum convert_format from, const char *text, const char *part)
{
	struct outcome o = convert_text(from, text);

	if (!o.text || !strstr(o.text, part))
		print_message("said: %s\ntext: %s\n", o.said, o.text ? o.text : "");
	assert_non_null(o.text);
	assert_non_null(strstr(o.text, part));
	free_outcome(&o);
}

static void what_is_refused_names_the_line_of_the_input(void **state)
{
	(void)state;
	/* A value that the schema refuses is left out. */
	says(CONVERT_GOBGP,
		"global: {config: {as: 1, router-id: 1.1.1.1}}\nneighbors:\n- config:\n    neighbor-address: "
		"x\n",
		"file:4: not carried over: neighbors[0].config.neighbor-address: as address: ");
	/* Without it the neighbor is none. */
	says(CONVERT_GOBGP,
		"global: {config: {as: 1, router-id: 1.1.1.1}}\nneighbors:\n- config:\n    peer-as: 1\n",
		"file:4: cannot be converted: neighbors[0].address: ");
	says(CONVERT_BIRD,
		"protocol bgp a { local as 65021; neighbor 10.0.0.1 as 65021; ipv4 { export all; }; }",
		"router.router-id");
	/* Two that contradict each other. */
	says(CONVERT_FRR,
		"router bgp 65021\n bgp router-id 1.1.1.1\n neighbor 10.0.0.1 remote-as 65021\n"
		" neighbor 10.0.0.1 ttl-security hops 1\n neighbor 10.0.0.1 ebgp-multihop 3\n",
		"file:4: cannot be converted: neighbors[0].ttl-security-hops: ");
	says(CONVERT_EXABGP, "neighbor 10.0.0.1 {\n local-as 65021;\n",
		"file:1:1: a block begins here that has no end");
}

static void a_router_id_may_be_given(void **state)
{
	static const char text[] =
		"protocol bgp a { local as 65021; neighbor 10.0.0.1 as 65021; ipv4 { export all; }; }";
	struct outcome o = convert_with(
		&(struct convert_opts){ .router_id = "192.0.2.1" }, "a.conf", text, strlen(text));

	(void)state;
	assert_int_equal(o.result, CONVERT_ALL);
	assert_non_null(strstr(o.text, "router-id: 192.0.2.1"));
	free_outcome(&o);
	o = convert_with(&(struct convert_opts){ .router_id = "nonsense" }, "a.conf", text, strlen(text));
	assert_int_equal(o.result, CONVERT_REFUSED);
	free_outcome(&o);
}

static void unknown_words_are_told(void **state)
{
	(void)state;
	says(CONVERT_GOBGP, "global: {config: {as: 1, router-id: 1.1.1.1, novelty: 7}}",
		"global.config.novelty: ");
	says(CONVERT_GOBGP, "[global.config]\nas = 1\nrouter-id = '1.1.1.1'\n[novelty]\na = 1\n",
		"file:4: not carried over: novelty: ");
	/* A group is in no other. */
	says(CONVERT_GOBGP,
		"global: {config: {as: 1, router-id: 1.1.1.1}}\npeer-groups:\n"
		"- config: {peer-group-name: a, peer-group: b}\n- config: {peer-group-name: b}\n",
		"file:3: not carried over: peer-groups[0].config.peer-group: ");
	says(CONVERT_FRR,
		"router bgp 1\n bgp router-id 1.1.1.1\n neighbor a peer-group\n neighbor b peer-group\n"
		" neighbor a peer-group b\n",
		"file:5: not carried over: neighbor a peer-group b: ");
	says(CONVERT_BIRD, "router id 1.1.1.1; protocol bgp { novelty 7; }", "not carried over: novelty 7: ");
	says(CONVERT_BIRD, "novelty { a; }", "not carried over: novelty { }: ");
	says(CONVERT_FRR, "router bgp 1\n neighbor 10.0.0.1 novelty 7\n",
		"file:2: not carried over: neighbor 10.0.0.1 novelty 7: ");
	says(CONVERT_EXABGP, "neighbor 10.0.0.1 { novelty 7; }", "not carried over: novelty 7: ");
	/* What is off in any case needs no word. */
	struct outcome o = convert_text(
		CONVERT_GOBGP, "global: {config: {as: 1, router-id: 1.1.1.1, novelty: false}}");
	assert_int_equal(o.result, CONVERT_ALL);
	assert_string_equal(o.said, "");
	free_outcome(&o);
}

static void defaults_that_are_not_ours_are_written_out(void **state)
{
	static const char frr[] =
		"router bgp 65021\n bgp router-id 1.1.1.1\n neighbor 10.0.0.1 remote-as 65021\n";
	static const char bird[] = "router id 1.1.1.1; protocol bgp { local as 65021; neighbor 10.0.0.1 "
				   "internal; ipv4 { import all; }; }"
				   "protocol kernel { ipv4 { export all; }; }";

	(void)state;
	holds(CONVERT_FRR, frr, "hold-time: 180\n");
	holds(CONVERT_FRR, frr, "families: [ipv4-unicast]\n");
	holds(CONVERT_FRR, frr, "      receive: true\n");
	holds(CONVERT_BIRD, bird, "hold-time: 240\n");
	holds(CONVERT_BIRD, bird, "export: none\n");
	holds(CONVERT_BIRD, bird, "metric: 32\n");
	holds(CONVERT_BIRD, bird, "multipath-max: 1\n");
	holds(CONVERT_GOBGP,
		"global: {config: {as: 1, router-id: 1.1.1.1}}\nzebra: {config: {enabled: true}}",
		"multipath-max: 1\n");
	holds(CONVERT_EXABGP,
		"neighbor 10.0.0.1 { router-id 1.1.1.1; local-as 1; static { route 10.1.1.0/24 next-hop "
		"10.0.0.2; } }",
		"hold-time: 180\n");
}

static void a_json_file_is_read_as_gobgp_reads_it(void **state)
{
	(void)state;
	holds(CONVERT_UNKNOWN,
		"{\n\t\"global\": {\"config\": {\"as\": 65021, \"router-id\": \"10.0.0.109\"}},\n"
		"\t\"neighbors\": [{\"config\": {\"neighbor-address\": \"fd00::1\", \"peer-as\": "
		"65021}}]\n}\n",
		"- address: \"fd00::1\"\n    peer-as: 65021\n    families: [ipv6-unicast]\n");
}

static void one_path_of_a_service_and_no_other_is_taken_in_silence(void **state)
{
	(void)state;
	says(CONVERT_EXABGP,
		"neighbor 10.0.0.1 { router-id 1.1.1.1; local-as 1; static {\n route 10.1.1.0/24 next-hop "
		"10.0.0.2;\n"
		" route 10.1.1.0/24 next-hop 10.0.0.3;\n } }",
		"file:3: not carried over: route 10.1.1.0/24 next-hop 10.0.0.3: a service has one path");
}

/* --- secrets --- */

static const char with_password[] = "router bgp 65021\n bgp router-id 1.1.1.1\n neighbor 10.0.0.1 remote-as "
				    "65021\n neighbor 10.0.0.1 password hunter2\n"
				    " neighbor fd00::1 remote-as 65021\n neighbor fd00::1 password x:y\n";

static const struct {
	enum convert_format from;
	const char *text;
} odd_passwords[] = {
	{ CONVERT_FRR, "password hunter2\nenable password hunter2\nrouter bgp 1\n neighbor 10.0.0.1 password "
		       "7 hunter2\n" },
	{ CONVERT_BIRD, "protocol bgp { password \"hunter2\" accept; authentication ao hunter2; }" },
	{ CONVERT_EXABGP, "neighbor 10.0.0.1 { md5-base64 true hunter2; md5-password a hunter2; }" },
	{ CONVERT_GOBGP, "neighbors: [{config: {auth-password: [hunter2], auth-passwort: hunter2}}]" },
	{ CONVERT_GOBGP, "[[neighbors]]\nconfig.auth-password = \"hunter2\" 7" },
};

static void passwords_are_never_told(void **state)
{
	struct outcome o = convert_text(CONVERT_FRR, with_password);

	(void)state;
	assert_non_null(strstr(o.text, "password: hunter2"));
	assert_non_null(strstr(o.said, "passwords stand in what was written"));
	assert_null(strstr(o.said, "hunter2"));
	free_outcome(&o);
	/* Nor where the schema refuses them. */
	o = convert_text(CONVERT_EXABGP,
		"neighbor 10.0.0.1 { md5-password hunter2hunter2hunter2hunter2hunter2hunter2"
		"hunter2hunter2hunter2hunter2hunter2hunter2hunter2hunter2; }");
	assert_null(strstr(o.said, "hunter2"));
	free_outcome(&o);
	/* Nor where the words around them are not understood. */
	for (size_t i = 0; i < sizeof(odd_passwords) / sizeof(odd_passwords[0]); i++) {
		o = convert_text(odd_passwords[i].from, odd_passwords[i].text);
		assert_null(strstr(o.said, "hunter2"));
		free_outcome(&o);
	}
}

static void passwords_go_into_files_where_that_is_asked(void **state)
{
	char dir[] = "/tmp/convert-XXXXXX";
	struct outcome o;
	struct stat st;
	size_t len;
	char *path, *text;

	(void)state;
	assert_non_null(mkdtemp(dir));
	o = convert_with(&(struct convert_opts){ .from = CONVERT_FRR, .keys = dir }, "f", with_password,
		strlen(with_password));
	assert_non_null(o.text);
	assert_null(strstr(o.text, "hunter2"));
	path = mem_printf("%s/10.0.0.1.key", dir);
	assert_non_null(strstr(o.text, path));
	assert_int_equal(stat(path, &st), 0);
	assert_int_equal(st.st_mode & 0777, 0600);
	text = slurp(path, &len);
	assert_string_equal(text, "hunter2");
	free(text);
	free_outcome(&o);
	/* A file that is there is nobody's to overwrite, and the others are not left behind. */
	unlink(path);
	free(path);
	path = mem_printf("%s/fd00::1.key", dir);
	o = convert_with(&(struct convert_opts){ .from = CONVERT_FRR, .keys = dir }, "f", with_password,
		strlen(with_password));
	assert_int_equal(o.result, CONVERT_REFUSED);
	assert_non_null(strstr(o.said, "File exists"));
	unlink(path);
	assert_int_equal(rmdir(dir), 0);
	free(path);
	free_outcome(&o);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(files_give_what_stands_beside_them),
		cmocka_unit_test(cut_files_are_no_harm),
		cmocka_unit_test(changed_octets_are_no_harm),
		cmocka_unit_test(a_file_read_as_another_programs_is_no_harm),
		cmocka_unit_test(deep_and_long_files_are_refused_or_read),
		cmocka_unit_test(what_is_refused_names_the_line_of_the_input),
		cmocka_unit_test(a_router_id_may_be_given),
		cmocka_unit_test(unknown_words_are_told),
		cmocka_unit_test(defaults_that_are_not_ours_are_written_out),
		cmocka_unit_test(a_json_file_is_read_as_gobgp_reads_it),
		cmocka_unit_test(one_path_of_a_service_and_no_other_is_taken_in_silence),
		cmocka_unit_test(passwords_are_never_told),
		cmocka_unit_test(passwords_go_into_files_where_that_is_asked),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
