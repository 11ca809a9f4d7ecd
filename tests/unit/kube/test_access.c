/* Where the API is and what it is spoken to with: from files and from a pod's environment. */
#include "kube/access.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cmocka.h>

static char dir[32], buf[600], token[64], ca[64], space_file[64];
static struct config_kubernetes cfg = { .token_file = token, .ca_file = ca };

static struct text why(void)
{
	return text_init(buf, sizeof(buf));
}

static void write_file(const char *path, const char *text)
{
	FILE *f = fopen(path, "w");

	assert_non_null(f);
	fputs(text, f);
	fclose(f);
}

static void said(const char *words)
{
	if (!strstr(buf, words))
		fail_msg("said: \"%s\"; expected: \"%s\"", buf, words);
}

static void expect_token(const char *header)
{
	struct text t = why();
	char *got = kube_access_token(&cfg, &t);

	assert_non_null(got);
	assert_string_equal(got, header);
	kube_access_forget(got);
}

static void no_token(const char *words)
{
	struct text t = why();

	assert_null(kube_access_token(&cfg, &t));
	said(words);
	said(token);
}

static void a_token_is_one_word(void **state)
{
	char *large = calloc(1, KUBE_TOKEN_MAX + 2);

	(void)state;
	no_token("No such file");
	write_file(token, "eyJh.b-c_d~e+f/g==");
	expect_token("Authorization: Bearer eyJh.b-c_d~e+f/g==");
	write_file(token, "another \r\n\n");
	expect_token("Authorization: Bearer another");
	write_file(token, "");
	no_token("is empty");
	write_file(token, " \n");
	no_token("is empty");
	/* Another header, or what a log should not show. */
	write_file(token, "secret\r\nHost: evil");
	no_token("something else than a token");
	assert_null(strstr(buf, "secret"));
	write_file(token, "two words");
	no_token("something else than a token");
	memset(large, 'a', KUBE_TOKEN_MAX - 1);
	write_file(token, large);
	{
		struct text t = why();
		char *got = kube_access_token(&cfg, &t);

		assert_non_null(got);
		assert_int_equal(strlen(got), strlen("Authorization: Bearer ") + KUBE_TOKEN_MAX - 1);
		kube_access_forget(got);
	}
	memset(large, 'a', KUBE_TOKEN_MAX + 1);
	write_file(token, large);
	no_token("too large");
	kube_access_forget(NULL);
	free(large);
}

static void what_would_hold_us_is_no_file(void **state)
{
	struct text t = why();

	(void)state;
	unlink(token);
	assert_int_equal(mkfifo(token, 0600), 0);
	no_token("is not a file");
	unlink(token);
	assert_false(kube_access_ca(&cfg, &t));
	said("No such file");
	write_file(ca, "x");
	assert_true(kube_access_ca(&cfg, &t));
	unlink(ca);
}

static void the_namespace_stands_beside_the_token(void **state)
{
	char space[KUBE_SPACE_MAX];
	struct text t = why();

	(void)state;
	assert_false(kube_access_space(&cfg, space, &t));
	said("give source.kubernetes.namespace");
	said(space_file);
	write_file(space_file, "shop\n");
	assert_true(kube_access_space(&cfg, space, &t));
	assert_string_equal(space, "shop");
	write_file(space_file, "../secrets?x=");
	assert_false(kube_access_space(&cfg, space, &t));
	write_file(space_file, "");
	assert_false(kube_access_space(&cfg, space, &t));
	unlink(space_file);
}

static void expect_server(const char *env_host, const char *env_port, const char *host, unsigned port)
{
	char got[KUBE_HOST_MAX];
	struct text t = why();
	uint16_t got_port = 0;

	setenv("KUBERNETES_SERVICE_HOST", env_host, 1);
	setenv("KUBERNETES_SERVICE_PORT", env_port, 1);
	assert_int_equal(kube_access_server(&cfg, got, &got_port, &t), host != NULL);
	if (!host) {
		said("give kubernetes.server");
		return;
	}
	assert_string_equal(got, host);
	assert_int_equal(got_port, port);
}

static void the_server_of_the_configuration_or_of_the_pod(void **state)
{
	(void)state;
	expect_server("10.96.0.1", "443", "10.96.0.1", 443);
	expect_server("fd00::1", "6443", "fd00::1", 6443);
	expect_server("", "443", NULL, 0);
	expect_server("10.96.0.1", "", NULL, 0);
	expect_server("10.96.0.1", "0", NULL, 0);
	expect_server("10.96.0.1", "65536", NULL, 0);
	expect_server("10.96.0.1", "123456789012345678901234", NULL, 0);
	expect_server("10.96.0.1", "44x", NULL, 0);
	cfg.server = (struct config_server){ "api.example.com", 6443 };
	expect_server("10.96.0.1", "443", "api.example.com", 6443);
	cfg.server = (struct config_server){ 0 };
	unsetenv("KUBERNETES_SERVICE_HOST");
}

static int set_up(void **state)
{
	(void)state;
	strcpy(dir, "/tmp/rrd-access-XXXXXX");
	assert_non_null(mkdtemp(dir));
	snprintf(token, sizeof(token), "%s/token", dir);
	snprintf(ca, sizeof(ca), "%s/ca.crt", dir);
	snprintf(space_file, sizeof(space_file), "%s/namespace", dir);
	return 0;
}

static int tear_down(void **state)
{
	(void)state;
	unlink(token);
	unlink(ca);
	unlink(space_file);
	return rmdir(dir);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_token_is_one_word),
		cmocka_unit_test(what_would_hold_us_is_no_file),
		cmocka_unit_test(the_namespace_stands_beside_the_token),
		cmocka_unit_test(the_server_of_the_configuration_or_of_the_pod),
	};

	return cmocka_run_group_tests(tests, set_up, tear_down);
}
