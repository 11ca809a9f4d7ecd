/* Servers from the configuration, from a file and from a directory: real files, changed in every way that editors,
 * programs and Kubernetes change them. */
#include "source_bench.h"

#include <errno.h>
#include <fcntl.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include <cmocka.h>

#define ONE   "servers: [{address: 172.16.1.1}]\n"
#define TWO   "servers: [{address: 172.16.1.2}]\n"
#define THREE "servers: [{address: 172.16.1.3}]\n"

enum { PATH_SIZE = 200 };

struct place {
	char top[PATH_SIZE], dir[PATH_SIZE];
	struct bench *b;
	struct config_source cfg;
};

static int setup(void **state)
{
	struct place *p = calloc(1, sizeof(*p));
	const char *tmp = getenv("TMPDIR");

	snprintf(p->top, sizeof(p->top), "%s/source-XXXXXX", tmp ? tmp : "/tmp");
	assert_non_null(mkdtemp(p->top));
	snprintf(p->dir, sizeof(p->dir), "%.180s/d", p->top);
	assert_int_equal(mkdir(p->dir, 0755), 0);
	p->b = bench_new();
	*state = p;
	return 0;
}

static int teardown(void **state)
{
	struct place *p = *state;
	char command[PATH_SIZE + 20];

	bench_free(p->b);
	snprintf(command, sizeof(command), "rm -rf '%s'", p->top);
	assert_int_equal(system(command), 0);
	free(p);
	return 0;
}

static const char *path(const struct place *p, const char *name)
{
	static char buf[4][2 * PATH_SIZE];
	static unsigned turn;
	char *at = buf[turn++ % 4];

	snprintf(at, sizeof(buf[0]), "%s/%s", p->dir, name);
	return at;
}

static void put(const struct place *p, const char *name, const char *text)
{
	FILE *f = fopen(path(p, name), "w");

	assert_non_null(f);
	fputs(text, f);
	fclose(f);
}

/* As it should be done: written beside, then renamed. */
static void put_atomic(const struct place *p, const char *name, const char *text)
{
	put(p, ".new", text);
	assert_int_equal(rename(path(p, ".new"), path(p, name)), 0);
}

static void start(struct place *p, const char *file)
{
	static char name[2 * PATH_SIZE];

	strcpy(name, file ? path(p, file) : p->dir);
	p->cfg = (struct config_source){ .kind = file ? CONFIG_SOURCE_FILE : CONFIG_SOURCE_DIRECTORY };
	if (file)
		p->cfg.file = name;
	else
		p->cfg.directory = name;
	bench_source(p->b, &p->cfg);
}

static struct source_status status(const struct place *p)
{
	struct source_status s;

	source_status(p->b->source, &s);
	return s;
}

/* --- static --- */

static void servers_of_the_configuration_are_told_once(void **state)
{
	struct place *p = *state;
	struct config_static_server servers[2] = { 0 };

	assert_true(ip_addr_parse("172.16.1.1", &servers[0].endpoint.addr));
	assert_true(ip_addr_parse("fd00::2", &servers[1].endpoint.addr));
	servers[0].endpoint.weight = -1;
	servers[1].endpoint.weight = 3;
	servers[1].endpoint.name = "two";
	p->cfg = (struct config_source){
		.kind = CONFIG_SOURCE_STATIC, .servers = servers, .server_count = 2
	};
	bench_source(p->b, &p->cfg);
	assert_int_equal(p->b->told, 0);
	bench_expect(p->b, "172.16.1.1 fd00::2*3=two ");
	bench_expect_nothing(p->b);
	assert_true(status(p).told);
	assert_int_equal(status(p).changes, 0);
	assert_string_equal(source_name(p->b->source), "static");
}

static void no_servers_are_told_too(void **state)
{
	struct place *p = *state;

	p->cfg = (struct config_source){ .kind = CONFIG_SOURCE_STATIC };
	bench_source(p->b, &p->cfg);
	bench_expect(p->b, "");
}

/* --- one file --- */

static void a_file_is_read_and_followed(void **state)
{
	struct place *p = *state;

	put(p, "web.yaml",
		"servers: [{address: 172.16.1.1, port: 80, weight: 3, name: x, terminating: true}]\n");
	start(p, "web.yaml");
	assert_int_equal(p->b->told, 0);
	bench_expect(p->b, "172.16.1.1:80*3!=x ");
	put_atomic(p, "web.yaml", TWO);
	bench_expect(p->b, "172.16.1.2 ");
	put(p, "web.yaml", THREE);
	bench_expect(p->b, "172.16.1.3 ");
	put_atomic(p, "web.yaml", "{\"servers\": []}");
	bench_expect(p->b, "");
	assert_int_equal(status(p).changes, 3);
	assert_int_equal(status(p).failures, 0);
}

static uint64_t now_us(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return (uint64_t)t.tv_sec * 1000000 + (uint64_t)t.tv_nsec / 1000;
}

static void a_change_is_told_at_once(void **state)
{
	struct place *p = *state;
	uint64_t best = UINT64_MAX;

	put(p, "web.yaml", ONE);
	start(p, "web.yaml");
	bench_expect(p->b, "172.16.1.1 ");
	/* The best of some: the machine may be busy with other tests. */
	for (unsigned i = 0; i < 10; i++) {
		uint64_t begin = now_us(), took;

		put_atomic(p, "web.yaml", i % 2 ? ONE : TWO);
		bench_expect(p->b, i % 2 ? "172.16.1.1 " : "172.16.1.2 ");
		took = now_us() - begin;
		best = took < best ? took : best;
	}
	assert_in_range(best, 0, 5000);
}

static void a_file_that_says_the_same_is_not_told_again(void **state)
{
	struct place *p = *state;

	put(p, "web.yaml", ONE);
	start(p, "web.yaml");
	bench_expect(p->b, "172.16.1.1 ");
	put_atomic(p, "web.yaml", "# the same\n" ONE);
	bench_expect_nothing(p->b);
	assert_int_equal(status(p).changes, 0);
}

static void a_file_is_not_read_while_it_is_written(void **state)
{
	struct place *p = *state;
	int fd;

	put(p, "web.yaml", ONE);
	start(p, "web.yaml");
	bench_expect(p->b, "172.16.1.1 ");
	fd = open(path(p, "web.yaml"), O_WRONLY | O_TRUNC);
	/* Half of it would be a list by itself. */
	assert_int_equal(write(fd, "servers:\n- {address: 172.16.1.2}\n", 33), 33);
	put(p, "other", "an event of another file");
	bench_expect_nothing(p->b);
	assert_int_equal(write(fd, "- {address: 172.16.1.3}\n", 24), 24);
	close(fd);
	bench_expect(p->b, "172.16.1.2 172.16.1.3 ");
	assert_int_equal(status(p).failures, 0);
}

static void a_broken_file_keeps_the_last_good_list(void **state)
{
	struct place *p = *state;

	put(p, "web.yaml", ONE);
	start(p, "web.yaml");
	bench_expect(p->b, "172.16.1.1 ");
	put_atomic(p, "web.yaml", "servers:\n  - {address: 172.16.1}\n  - {port: 1}\n");
	bench_expect_error(
		p->b, "/web.yaml:2:15: servers[0].address: \"172.16.1\" is not an IP address (and 1 more)");
	assert_int_equal(p->b->told, 1);
	assert_int_equal(status(p).failures, 1);
	put(p, "web.yaml", "");
	bench_expect_error(p->b, "servers: is missing");
	put_atomic(p, "web.yaml", TWO);
	bench_expect(p->b, "172.16.1.2 ");
	assert_string_equal(status(p).error, "");
	assert_int_equal(status(p).failures, 2);
}

static void a_file_that_is_gone_keeps_the_last_list_until_it_is_back(void **state)
{
	struct place *p = *state;

	put(p, "web.yaml", ONE);
	start(p, "web.yaml");
	bench_expect(p->b, "172.16.1.1 ");
	assert_int_equal(unlink(path(p, "web.yaml")), 0);
	bench_expect_error(p->b, "/web.yaml: cannot be opened: No such file or directory");
	put(p, "other", "an event");
	bench_expect_nothing(p->b);
	assert_int_equal(status(p).failures, 1);
	put(p, "web.yaml", TWO);
	bench_expect(p->b, "172.16.1.2 ");
	assert_int_equal(rename(path(p, "web.yaml"), path(p, "gone")), 0);
	bench_expect_error(p->b, "cannot be opened");
	assert_int_equal(rename(path(p, "gone"), path(p, "web.yaml")), 0);
	bench_expect_error(p->b, "");
	assert_int_equal(p->b->told, 2);
}

static void a_file_that_is_not_there_yet_is_waited_for(void **state)
{
	struct place *p = *state;

	start(p, "web.yaml");
	bench_expect_error(p->b, "cannot be opened");
	bench_expect_nothing(p->b);
	assert_false(status(p).told);
	put(p, "web.yaml", ONE);
	bench_expect(p->b, "172.16.1.1 ");
	assert_string_equal(status(p).error, "");
}

static void a_directory_that_is_not_there_yet_is_waited_for(void **state)
{
	struct place *p = *state;

	assert_int_equal(rmdir(p->dir), 0);
	start(p, "web.yaml");
	bench_expect_error(p->b, "cannot be opened");
	assert_int_equal(mkdir(p->dir, 0755), 0);
	put(p, "web.yaml", ONE);
	bench_expect(p->b, "172.16.1.1 ");
	put_atomic(p, "web.yaml", TWO);
	bench_expect(p->b, "172.16.1.2 ");
}

static void a_directory_that_was_replaced_is_followed(void **state)
{
	struct place *p = *state;
	char other[2 * PATH_SIZE];

	put(p, "web.yaml", ONE);
	start(p, "web.yaml");
	bench_expect(p->b, "172.16.1.1 ");
	snprintf(other, sizeof(other), "%s.old", p->dir);
	assert_int_equal(rename(p->dir, other), 0);
	bench_expect_error(p->b, "cannot be opened");
	assert_int_equal(mkdir(p->dir, 0755), 0);
	put(p, "web.yaml", TWO);
	bench_expect(p->b, "172.16.1.2 ");
	put_atomic(p, "web.yaml", THREE);
	bench_expect(p->b, "172.16.1.3 ");
}

static void a_link_is_read_as_soon_as_it_is_made(void **state)
{
	struct place *p = *state;
	uint64_t begin;

	put(p, "real", ONE);
	start(p, "web.yaml");
	bench_expect_error(p->b, "cannot be opened");
	begin = now_us();
	assert_int_equal(symlink("real", path(p, "web.yaml")), 0);
	bench_expect(p->b, "172.16.1.1 ");
	put_atomic(p, "real", TWO);
	bench_expect(p->b, "172.16.1.2 ");
	assert_int_equal(unlink(path(p, "web.yaml")), 0);
	bench_expect_error(p->b, "cannot be opened");
	put(p, "third", THREE);
	assert_int_equal(link(path(p, "third"), path(p, "web.yaml")), 0);
	bench_expect(p->b, "172.16.1.3 ");
	assert_in_range(now_us() - begin, 0, 900000);
}

/* open(), write() by a program that stays: there is no close to wait for. */
static void a_new_file_that_is_never_closed_is_read_after_a_while(void **state)
{
	struct place *p = *state;
	int fd;

	start(p, "web.yaml");
	bench_expect_error(p->b, "cannot be opened");
	fd = open(path(p, "web.yaml"), O_WRONLY | O_CREAT, 0644);
	assert_int_equal(write(fd, ONE, sizeof(ONE) - 1), sizeof(ONE) - 1);
	bench_expect_nothing(p->b);
	bench_expect(p->b, "172.16.1.1 ");
	close(fd);
}

static void what_is_no_file_is_refused_and_does_not_hold(void **state)
{
	struct place *p = *state;

	assert_int_equal(mkfifo(path(p, "web.yaml"), 0644), 0);
	start(p, "web.yaml");
	bench_expect_error(p->b, "web.yaml: is not a file");
	put_atomic(p, "web.yaml", ONE);
	bench_expect(p->b, "172.16.1.1 ");
}

/* --- a directory --- */

static void all_files_of_a_directory_are_one_list(void **state)
{
	struct place *p = *state;

	put(p, "b.yml", TWO);
	put(p, "a.json", "{\"servers\": [{\"address\": \"172.16.1.9\"}]}");
	put(p, "c.yaml", ONE);
	put(p, ".hidden.yaml", THREE);
	put(p, ".yaml", THREE);
	put(p, "#c.yaml#", THREE);
	put(p, "c.yaml~", THREE);
	put(p, "c.yaml.swp", THREE);
	put(p, "README", "no endpoints");
	start(p, NULL);
	bench_expect(p->b, "172.16.1.9 172.16.1.2 172.16.1.1 ");
	put(p, "bb.yaml", THREE);
	bench_expect(p->b, "172.16.1.9 172.16.1.2 172.16.1.3 172.16.1.1 ");
	assert_int_equal(unlink(path(p, "a.json")), 0);
	bench_expect(p->b, "172.16.1.2 172.16.1.3 172.16.1.1 ");
	assert_int_equal(rename(path(p, "c.yaml"), path(p, "c.bak")), 0);
	bench_expect(p->b, "172.16.1.2 172.16.1.3 ");
	put_atomic(p, "b.yml", "servers: []\n");
	bench_expect(p->b, "172.16.1.3 ");
	put(p, "c.yaml.new", ONE);
	bench_expect_nothing(p->b);
	assert_string_equal(status(p).error, "");
}

static void an_empty_directory_is_an_empty_list(void **state)
{
	struct place *p = *state;

	start(p, NULL);
	bench_expect(p->b, "");
	put(p, "a.yaml", ONE);
	bench_expect(p->b, "172.16.1.1 ");
}

static void a_broken_file_keeps_its_part_only(void **state)
{
	struct place *p = *state;

	put(p, "a.yaml", ONE);
	put(p, "b.yaml", TWO);
	start(p, NULL);
	bench_expect(p->b, "172.16.1.1 172.16.1.2 ");
	put_atomic(p, "a.yaml", "servers: x\n");
	bench_expect_error(p->b, "/a.yaml:1:10: servers: expects a list");
	put_atomic(p, "b.yaml", THREE);
	bench_expect(p->b, "172.16.1.1 172.16.1.3 ");
	put_atomic(p, "b.yaml", "]");
	bench_expect_error(p->b, "; and 1 more files are wrong");
	/* A broken file that goes takes its part and its complaint away. */
	assert_int_equal(unlink(path(p, "a.yaml")), 0);
	bench_expect(p->b, "172.16.1.3 ");
	bench_expect_error(p->b, "/b.yaml:1:1: not valid YAML");
	put_atomic(p, "b.yaml", TWO);
	bench_expect(p->b, "172.16.1.2 ");
	assert_string_equal(status(p).error, "");
}

static void a_server_in_two_files_is_one(void **state)
{
	struct place *p = *state;

	put(p, "b.yaml", "servers: [{address: 172.16.1.1, weight: 2}, {address: 172.16.1.1, port: 81}]\n");
	put(p, "a.yaml", "servers: [{address: 172.16.1.1, weight: 1}]\n");
	start(p, NULL);
	bench_expect(p->b, "172.16.1.1*1 172.16.1.1:81 ");
	assert_int_equal(unlink(path(p, "a.yaml")), 0);
	bench_expect(p->b, "172.16.1.1*2 172.16.1.1:81 ");
}

/* As the kubelet does it: files are links into ..data, which is a link that is swapped. */
static void put_volume(const struct place *p, const char *version, const char *text)
{
	char name[100];

	assert_int_equal(mkdir(path(p, version), 0755), 0);
	snprintf(name, sizeof(name), "%s/web.yaml", version);
	put(p, name, text);
	assert_int_equal(symlink(version, path(p, "..data_tmp")), 0);
	assert_int_equal(rename(path(p, "..data_tmp"), path(p, "..data")), 0);
}

static void a_volume_of_kubernetes_is_followed(void **state)
{
	struct place *p = *state;

	put_volume(p, "..2024_1", ONE);
	assert_int_equal(symlink("..data/web.yaml", path(p, "web.yaml")), 0);
	start(p, NULL);
	bench_expect(p->b, "172.16.1.1 ");
	put_volume(p, "..2024_2", TWO);
	bench_expect(p->b, "172.16.1.2 ");
	assert_int_equal(unlink(path(p, "..2024_1/web.yaml")), 0);
	bench_expect_nothing(p->b);
	source_free(p->b->source);
	start(p, "web.yaml");
	bench_expect(p->b, "172.16.1.2 ");
	put_volume(p, "..2024_3", THREE);
	bench_expect(p->b, "172.16.1.3 ");
}

static void a_directory_that_is_gone_keeps_the_list(void **state)
{
	struct place *p = *state;
	char other[2 * PATH_SIZE];

	put(p, "a.yaml", ONE);
	start(p, NULL);
	bench_expect(p->b, "172.16.1.1 ");
	snprintf(other, sizeof(other), "%s.old", p->dir);
	assert_int_equal(rename(p->dir, other), 0);
	bench_expect_error(p->b, "/d: cannot be read: No such file or directory");
	assert_int_equal(p->b->told, 1);
	assert_int_equal(rename(other, p->dir), 0);
	bench_expect_error(p->b, "");
	put_atomic(p, "a.yaml", TWO);
	bench_expect(p->b, "172.16.1.2 ");
}

static void a_directory_that_comes_later_is_read(void **state)
{
	struct place *p = *state;

	assert_int_equal(rmdir(p->dir), 0);
	start(p, NULL);
	bench_expect_error(p->b, "cannot be read");
	assert_false(status(p).told);
	assert_int_equal(mkdir(p->dir, 0755), 0);
	put(p, "a.yaml", ONE);
	bench_expect(p->b, "172.16.1.1 ");
}

/* --- what inotify does not tell --- */

static void ignore(void *user, enum io_file_watch_event event, const char *name)
{
	(void)event;
	*(unsigned *)user += name != NULL;
}

/* More events than the kernel keeps, all of them in a directory that is none of the source's. */
static void flood(const struct place *p)
{
	unsigned events = 16384;
	FILE *f = fopen("/proc/sys/fs/inotify/max_queued_events", "r");

	if (f) {
		assert_int_equal(fscanf(f, "%u", &events), 1);
		fclose(f);
	}
	for (unsigned i = 0; i <= events / 4; i++) {
		assert_int_equal(rename(path(p, "noise/x"), path(p, "noise/y")), 0);
		assert_int_equal(rename(path(p, "noise/y"), path(p, "noise/x")), 0);
	}
}

/* What comes behind them is lost, and everything is looked at again. */
static void nothing_is_lost_when_events_overflow(void **state)
{
	struct place *p = *state;
	struct io_file_watch_dir *noise;
	unsigned noises = 0;

	put(p, "a.yaml", ONE);
	put(p, "b.yaml", TWO);
	assert_int_equal(mkdir(path(p, "noise"), 0755), 0);
	put(p, "noise/x", "");
	start(p, NULL);
	bench_expect(p->b, "172.16.1.1 172.16.1.2 ");
	noise = io_file_watch_dir_new(p->b->env.files, path(p, "noise"), ignore, &noises);
	flood(p);
	put_atomic(p, "a.yaml", THREE);
	assert_int_equal(unlink(path(p, "b.yaml")), 0);
	bench_expect(p->b, "172.16.1.3 ");
	/* Written in place, it is read when it has been left alone. */
	flood(p);
	put(p, "a.yaml", "servers: [{address: 172.16.1.77}]\n");
	bench_expect(p->b, "172.16.1.77 ");
	assert_true(noises > 1000);
	io_file_watch_dir_free(noise);
}

static void the_far_end_of_a_link_is_found_by_looking(void **state)
{
	struct place *p = *state;

	put(p, "../far.yaml", ONE);
	assert_int_equal(symlink("../far.yaml", path(p, "web.yaml")), 0);
	start(p, "web.yaml");
	bench_expect(p->b, "172.16.1.1 ");
	put(p, "../new.yaml", TWO);
	assert_int_equal(rename(path(p, "../new.yaml"), path(p, "../far.yaml")), 0);
	bench_expect_nothing(p->b);
	put(p, "other", "any event makes it look");
	bench_expect(p->b, "172.16.1.2 ");
}

static void sources_share_a_directory(void **state)
{
	struct place *p = *state;
	struct config_source cfg = { .kind = CONFIG_SOURCE_DIRECTORY, .directory = p->dir };
	struct bench *b = p->b;
	struct source *first;

	put(p, "web.yaml", ONE);
	start(p, "web.yaml");
	first = b->source;
	bench_expect(b, "172.16.1.1 ");
	bench_source(b, &cfg);
	bench_expect(b, "172.16.1.1 ");
	put_atomic(p, "web.yaml", TWO);
	b->awaited = b->told + 2;
	bench_run(b, GUARD_US);
	assert_int_equal(b->told, 4);
	/* The one that stays is still told when the other goes. */
	source_free(b->source);
	b->source = first;
	put_atomic(p, "web.yaml", THREE);
	bench_expect(b, "172.16.1.3 ");
}

static void equal_configurations_are_found_equal(void **state)
{
	struct config_static_server s[2] = { 0 }, t[2] = { 0 };
	struct config_source a = { .kind = CONFIG_SOURCE_STATIC, .servers = s, .server_count = 2 }, b = a,
			     f = { .kind = CONFIG_SOURCE_FILE, .file = "/a" },
			     g = { .kind = CONFIG_SOURCE_FILE, .file = "/b" },
			     d = { .kind = CONFIG_SOURCE_DIRECTORY, .directory = "/a" },
			     n = { .kind = CONFIG_SOURCE_DNS, .dns = { "web", 5, IP_V4 } }, m = n;

	(void)state;
	b.servers = t;
	assert_true(source_config_equal(&a, &b));
	t[1].endpoint.name = "x";
	assert_false(source_config_equal(&a, &b));
	s[1].endpoint.name = "x";
	assert_true(source_config_equal(&a, &b));
	b.server_count = 1;
	assert_false(source_config_equal(&a, &b));
	assert_true(source_config_equal(&f, &f));
	assert_false(source_config_equal(&f, &g));
	assert_false(source_config_equal(&f, &d));
	assert_true(source_config_equal(&n, &m));
	m.dns.interval_s = 6;
	assert_false(source_config_equal(&n, &m));
	m = n;
	m.dns.family = IP_V6;
	assert_false(source_config_equal(&n, &m));
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(servers_of_the_configuration_are_told_once),
		TEST(no_servers_are_told_too),
		TEST(a_file_is_read_and_followed),
		TEST(a_change_is_told_at_once),
		TEST(a_file_that_says_the_same_is_not_told_again),
		TEST(a_file_is_not_read_while_it_is_written),
		TEST(a_broken_file_keeps_the_last_good_list),
		TEST(a_file_that_is_gone_keeps_the_last_list_until_it_is_back),
		TEST(a_file_that_is_not_there_yet_is_waited_for),
		TEST(a_directory_that_is_not_there_yet_is_waited_for),
		TEST(a_directory_that_was_replaced_is_followed),
		TEST(a_link_is_read_as_soon_as_it_is_made),
		TEST(a_new_file_that_is_never_closed_is_read_after_a_while),
		TEST(what_is_no_file_is_refused_and_does_not_hold),
		TEST(all_files_of_a_directory_are_one_list),
		TEST(an_empty_directory_is_an_empty_list),
		TEST(a_broken_file_keeps_its_part_only),
		TEST(a_server_in_two_files_is_one),
		TEST(a_volume_of_kubernetes_is_followed),
		TEST(a_directory_that_is_gone_keeps_the_list),
		TEST(a_directory_that_comes_later_is_read),
		TEST(nothing_is_lost_when_events_overflow),
		TEST(the_far_end_of_a_link_is_found_by_looking),
		TEST(sources_share_a_directory),
		cmocka_unit_test(equal_configurations_are_found_equal),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
