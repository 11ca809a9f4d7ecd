/* Passwords: where they come from, which of several counts, and that no message tells how one goes. */
#include "config/announcer.h"
#include "config/rrd.h"

#include <errno.h>
#include <netinet/in.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cmocka.h>

#define ROUTER "router: {as: 65021, router-id: 10.0.0.109}\n"

static char dir[] = "/tmp/rrd-secret-XXXXXX";

/* A file in the directory; mode 0: none. Its path lives until the next call. */
static const char *file(const void *octets, size_t len, mode_t mode)
{
	static char path[64];
	FILE *f;

	snprintf(path, sizeof(path), "%s/key", dir);
	unlink(path);
	if (mode == 0)
		return path;
	f = fopen(path, "w");
	assert_non_null(f);
	assert_int_equal(fwrite(octets, 1, len, f), len);
	fclose(f);
	assert_int_equal(chmod(path, mode), 0);
	return path;
}

static int make_dir(void **state)
{
	(void)state;
	return mkdtemp(dir) ? 0 : -1;
}

static int remove_dir(void **state)
{
	(void)state;
	file("", 0, 0);
	return rmdir(dir);
}

/* With %s for a path; NULL, and the messages in *errors, when something is wrong. */
static struct config_rrd *try(const char *format, const char *path, char **errors)
{
	struct config_errors *errs = config_errors_new();
	struct config_rrd *c;
	char text[2048];
	int len = snprintf(text, sizeof(text), format, path);

	c = config_rrd_parse(text, (size_t)len, "t", errs);
	*errors = config_errors_format(errs);
	config_errors_free(errs);
	return c;
}

static struct config_rrd *load(const char *format, const char *path)
{
	char *errors;
	struct config_rrd *c = try(format, path, &errors);

	if (!c)
		fail_msg("%s", errors);
	free(errors);
	return c;
}

static void assert_error(const char *format, const char *path, const char *wanted)
{
	char *errors;

	assert_null(try(format, path, &errors));
	if (!strstr(errors, wanted))
		fail_msg("%s\nis not in\n%s", wanted, errors);
	assert_null(strstr(errors, "xyzzy"));
	free(errors);
}

static void assert_secret(const struct config_secret *s, const char *text)
{
	assert_int_equal(s->len, strlen(text));
	assert_memory_equal(s->octets, text, s->len);
}

#define ONE ROUTER "neighbors: [{address: 10.0.0.110, password-file: %s}]\n"

static void a_file_holds_a_password_and_perhaps_a_newline(void **state)
{
	static const struct {
		const char *octets, *password;
	} cases[] = { { "xyzzy", "xyzzy" }, { "xyzzy\n", "xyzzy" }, { " x y ", " x y " },
		{ "\xc3\xa4", "\xc3\xa4" } };

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		struct config_rrd *c = load(ONE, file(cases[i].octets, strlen(cases[i].octets), 0400));

		assert_secret(&c->neighbors[0].peer.password, cases[i].password);
		config_rrd_free(c);
	}
}

static void the_length_is_bounded_and_counted_without_the_newline(void **state)
{
	char long_one[83];
	struct config_rrd *c;

	(void)state;
	memset(long_one, 'k', sizeof(long_one));
	long_one[80] = '\n';
	c = load(ONE, file(long_one, 81, 0400));
	assert_int_equal(c->neighbors[0].peer.password.len, 80);
	config_rrd_free(c);
	long_one[80] = 'k';
	assert_error(ONE, file(long_one, 81, 0400), "has more than 80 octets");
	assert_error(ONE, file(long_one, 83, 0400), "has more than 80 octets");
}

static void a_file_that_is_no_secret_is_refused(void **state)
{
	(void)state;
	assert_error(ONE, file("xyzzy", 5, 0604), "can be read by everybody (mode 0604); chmod o-rwx it");
	assert_error(ONE, file("xyzzy", 5, 0602), "can be written by everybody (mode 0602)");
	assert_error(ONE, file("xyzzy", 5, 0), "cannot be opened: No such file");
	assert_error(ONE, dir, "is no ordinary file");
	assert_error(ONE, "xyzzy", "is not an absolute path");
	assert_error(ONE, file("", 0, 0400), "has 0 octets; expected 1..80");
	assert_error(ONE, file("\n", 1, 0400), "has 0 octets; expected 1..80");
	assert_error(ONE, file("xyzzy\n\n", 7, 0400), "has a control character");
	assert_error(ONE, file("xyzzy\r\n", 7, 0400), "has a control character");
	assert_error(ONE, file("xyzzy\0xyzzy", 11, 0400), "has a control character");
}

static void no_message_tells_how_a_password_goes(void **state)
{
	(void)state;
	assert_error(ROUTER "neighbors: [{address: 10.0.0.110, password: {xyzzy: xyzzy}%s}]\n", "",
		"expects a text");
	assert_error(
		ROUTER "neighbors: [{address: 10.0.0.110, password: [xyzzy]%s}]\n", "", "expects a text");
	assert_error(ROUTER "neighbors: [{address: 10.0.0.110, password: \"xyzzy\\0\"%s}]\n", "", "");
	assert_error(ROUTER "neighbors: [{address: 10.0.0.110, passwrod: xyzzy%s}]\n", "",
		"did you mean \"password\"?");
	assert_error(ROUTER "neighbors: [{address: 10.0.0.110, password: xyzzy, password: xyzzy%s}]\n", "",
		"password");
}

static void the_nearest_key_counts_whichever_it_is(void **state)
{
	struct config_rrd *c = load(ROUTER
		"peer-groups:\n"
		"  text: {password: of the group}\n"
		"  file: {password-file: %s}\n"
		"dynamic-neighbors:\n"
		"  - {prefix: 172.16.0.0/16, peer-group: text}\n"
		"  - {prefix: 172.17.0.0/16, peer-group: text, password: of the range}\n"
		"neighbors:\n"
		"  - {address: 10.0.0.1, peer-group: text}\n"
		"  - {address: 10.0.0.2, peer-group: file}\n"
		"  - {address: 10.0.0.3, peer-group: file, password: its own}\n"
		"  - {address: 10.0.0.4}\n",
		file("of the file", 11, 0400));

	(void)state;
	assert_secret(&c->ranges[0].peer.password, "of the group");
	assert_secret(&c->ranges[1].peer.password, "of the range");
	assert_secret(&c->neighbors[0].peer.password, "of the group");
	assert_secret(&c->neighbors[1].peer.password, "of the file");
	assert_secret(&c->neighbors[2].peer.password, "its own");
	assert_secret(&c->neighbors[3].peer.password, "");
	config_rrd_free(c);
	c = load(ROUTER "peer-groups: {text: {password: a longer one}}\n"
			"neighbors: [{address: 10.0.0.1, peer-group: text, password-file: %s}]\n",
		file("short", 5, 0400));
	assert_secret(&c->neighbors[0].peer.password, "short");
	/* equal passwords are equal octets */
	for (size_t i = 5; i < CONFIG_SECRET_MAX; i++)
		assert_int_equal(c->neighbors[0].peer.password.octets[i], 0);
	config_rrd_free(c);
}

static void the_announcer_has_them_too(void **state)
{
	const char text[] = "router: {as: 65021}\n"
			    "neighbors: [{address: 10.0.0.109, password: xyzzy, ttl-security-hops: 2}]\n"
			    "services: [{prefix: 10.1.1.0/24}]\n";
	struct config_errors *errs = config_errors_new();
	struct config_announcer *c = config_announcer_parse(text, sizeof(text) - 1, "t", errs);

	(void)state;
	assert_non_null(c);
	assert_secret(&c->neighbors[0].password, "xyzzy");
	assert_int_equal(c->neighbors[0].ttl_security_hops, 2);
	config_announcer_free(c);
	config_errors_free(errs);
}

/* What the kernel says when it is asked for a socket's keys: ENOPROTOOPT where there could be none. */
static bool kernel_knows_tcp_ao(void)
{
	char info[64];
	socklen_t len = sizeof(info);
	int fd = socket(AF_INET, SOCK_STREAM, 0), rc = getsockopt(fd, IPPROTO_TCP, 40, info, &len),
	    error = errno;

	close(fd);
	return rc == 0 || error != ENOPROTOOPT;
}

static void tcp_ao_is_refused_with_the_reason(void **state)
{
	(void)state;
	assert_int_equal(config_kernel_has_tcp_ao(), kernel_knows_tcp_ao());
	assert_error(ROUTER "neighbors: [{address: 10.0.0.110, tcp-ao: /etc/rrd/keys%s}]\n", "",
		config_kernel_has_tcp_ao() ? "this kernel has TCP-AO, but this version does not use it"
					   : "this kernel has no TCP-AO (CONFIG_TCP_AO); use password");
	assert_error(
		ROUTER "peer-groups: {a: {tcp-ao: /etc/rrd/keys%s}}\n", "", "t:2:19: peer-groups.a.tcp-ao: ");
}

static void secret_rows(const struct config_schema *s, unsigned *count)
{
	for (; s; s = s->include) {
		for (const struct config_field *f = s->fields; f->name; f++) {
			if (f->schema)
				secret_rows(f->schema, count);
			if (strncmp(f->name, "password", 8) != 0)
				continue;
			assert_true(f->secret);
			++*count;
		}
	}
}

static void every_row_of_a_password_is_marked_as_secret(void **state)
{
	unsigned count = 0;

	(void)state;
	secret_rows(&config_rrd_schema, &count);
	assert_int_equal(count, 10);
	count = 0;
	secret_rows(&config_announcer_schema, &count);
	assert_int_equal(count, 4);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_file_holds_a_password_and_perhaps_a_newline),
		cmocka_unit_test(the_length_is_bounded_and_counted_without_the_newline),
		cmocka_unit_test(a_file_that_is_no_secret_is_refused),
		cmocka_unit_test(no_message_tells_how_a_password_goes),
		cmocka_unit_test(the_nearest_key_counts_whichever_it_is),
		cmocka_unit_test(the_announcer_has_them_too),
		cmocka_unit_test(tcp_ao_is_refused_with_the_reason),
		cmocka_unit_test(every_row_of_a_password_is_marked_as_secret),
	};

	return cmocka_run_group_tests_name("config/secret", tests, make_dir, remove_dir);
}
