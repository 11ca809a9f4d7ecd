/* The command of a service, run for real; and the drain file, which is watched for real. */
#include "announcer/drain_file.h"
#include "announcer/on_change.h"

#include <fcntl.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cmocka.h>

enum { PATIENCE_US = 10000000 };

struct bench {
	struct io_loop *loop;
	struct config_service service;
	struct ip_addr next_hop, pod;
	struct on_change *o;
	char dir[32], out[64], inner[64], file[96];
	unsigned ended, changes;
	bool there, late;
};

static void ended(void *user)
{
	struct bench *b = user;

	b->ended++;
	io_loop_stop(b->loop);
}

static void too_late(void *user)
{
	struct bench *b = user;

	b->late = true;
	io_loop_stop(b->loop);
}

static void run_for(struct bench *b, uint64_t us)
{
	struct io_timer *t = io_timer_new(b->loop, too_late, b);

	b->late = false;
	io_timer_set(t, us);
	io_loop_run(b->loop);
	io_timer_free(t);
}

static void run_until_ended(struct bench *b, unsigned times)
{
	while (b->ended < times) {
		run_for(b, PATIENCE_US);
		if (b->late)
			fail_msg("only %u of %u runs ended", b->ended, times);
	}
}

/* A shell that has the output file as $0. */
static void start(struct bench *b, const char *script)
{
	static const char *argv[5];
	const struct on_change_of of = { .service = &b->service, .next_hop = &b->next_hop, .pod = &b->pod };

	memcpy(argv, (const char *const[]){ "/bin/sh", "-c", script, b->out, NULL }, sizeof(argv));
	b->service.on_change.command = argv;
	b->o = on_change_new(b->loop, &of, ended, b);
}

static void assert_written(const struct bench *b, const char *want)
{
	char text[1000];
	FILE *f = fopen(b->out, "r");
	size_t n;

	assert_non_null(f);
	n = fread(text, 1, sizeof(text) - 1, f);
	text[n] = '\0';
	fclose(f);
	assert_string_equal(text, want);
}

static void it_learns_all_by_its_environment(void **state)
{
	struct bench *b = *state;

	start(b, "echo $RRD_SERVICE $RRD_STATE $RRD_REASON $RRD_NEXT_HOP $RRD_POD_ADDRESS "
		 "\"'$RRD_NODE_ADDRESS'\" >> $0");
	assert_null(on_change_reason(b->o));
	on_change_set(b->o, true, "start");
	run_until_ended(b, 1);
	on_change_set(b->o, true, "health");
	on_change_set(b->o, false, "end");
	run_until_ended(b, 2);
	assert_string_equal(on_change_reason(b->o), "end");
	assert_written(b, "10.1.1.1/32 active start 10.0.0.105 172.16.1.2 ''\n"
			  "10.1.1.1/32 inactive end 10.0.0.105 172.16.1.2 ''\n");
	assert_true(hook_settled(on_change_hook(b->o)));
	assert_string_equal(on_change_why(b->o), "");
}

static void one_at_a_time_and_only_the_newest(void **state)
{
	struct bench *b = *state;

	/* Two at once would find the directory there. */
	start(b, "mkdir $0.lock || exit 1; echo $RRD_STATE >> $0; sleep 0.05; rmdir $0.lock");
	on_change_set(b->o, true, "start");
	on_change_set(b->o, false, "health");
	on_change_set(b->o, true, "health");
	on_change_set(b->o, false, "health");
	run_until_ended(b, 2);
	assert_written(b, "active\ninactive\n");
	assert_true(hook_settled(on_change_hook(b->o)));
}

static void it_is_run_again_until_it_succeeds(void **state)
{
	struct bench *b = *state;

	/* seconds cannot be made shorter here: one failure, one wait of a second */
	start(b, "echo $RRD_STATE >> $0; test $(wc -l < $0) = 2 || { echo quota; exit 4; }");
	on_change_set(b->o, true, "start");
	run_until_ended(b, 1);
	assert_string_equal(on_change_why(b->o), "exit status 4");
	assert_false(hook_settled(on_change_hook(b->o)));
	on_change_hurry(b->o);
	run_until_ended(b, 2);
	assert_true(hook_settled(on_change_hook(b->o)));
	assert_written(b, "active\nactive\n");
	assert_int_equal(on_change_hook(b->o)->failed, 1);
}

static void one_that_hangs_is_ended(void **state)
{
	struct bench *b = *state;

	b->service.on_change.timeout_s = 1;
	start(b, "sleep 100");
	on_change_set(b->o, true, "start");
	run_until_ended(b, 1);
	assert_string_equal(on_change_why(b->o), "no end after 1 s, killed");
	assert_in_range(hook_wait_ms(on_change_hook(b->o), io_loop_now_us(b->loop) / 1000), 1, 1000);
}

static void one_that_is_not_there_is_a_failure(void **state)
{
	struct bench *b = *state;
	static const char *argv[] = { "/no/such/command", NULL };
	const struct on_change_of of = { .service = &b->service, .next_hop = &b->next_hop, .pod = &b->pod };

	b->service.on_change.command = argv;
	b->o = on_change_new(b->loop, &of, ended, b);
	on_change_set(b->o, true, "start");
	run_until_ended(b, 1);
	assert_non_null(strstr(on_change_why(b->o), "cannot run /no/such/command"));
}

static void freed_in_mid_run_it_is_killed(void **state)
{
	struct bench *b = *state;

	start(b, "sleep 0.2; echo late >> $0");
	on_change_set(b->o, true, "start");
	run_for(b, 20000);
	on_change_free(b->o);
	b->o = NULL;
	run_for(b, 300000);
	assert_int_equal(access(b->out, F_OK), -1);
	assert_int_equal(b->ended, 0);
}

/* --- the drain file --- */

static void changed(void *user, bool there)
{
	struct bench *b = user;

	b->changes++;
	b->there = there;
	io_loop_stop(b->loop);
}

static void run_until_changed(struct bench *b, unsigned times)
{
	while (b->changes < times) {
		run_for(b, PATIENCE_US);
		if (b->late)
			fail_msg("only %u of %u changes", b->changes, times);
	}
	assert_int_equal(b->changes, times);
}

static void touch(const char *path)
{
	int fd = open(path, O_WRONLY | O_CREAT | O_CLOEXEC, 0600);

	assert_true(fd >= 0);
	close(fd);
}

static void a_drain_file_comes_and_goes(void **state)
{
	struct bench *b = *state;
	struct drain_file *f;

	assert_int_equal(mkdir(b->inner, 0700), 0);
	f = drain_file_new(b->loop, b->file, changed, b);
	assert_false(drain_file_there(f));
	touch(b->file);
	run_until_changed(b, 1);
	assert_true(b->there && drain_file_there(f));
	assert_int_equal(unlink(b->file), 0);
	run_until_changed(b, 2);
	assert_false(b->there || drain_file_there(f));
	/* Something else in its directory says nothing. */
	touch(b->out);
	assert_int_equal(rename(b->out, b->file), 0);
	run_until_changed(b, 3);
	assert_true(b->there);
	/* Gone for less than a turn of the loop is gone, too. */
	assert_int_equal(unlink(b->file), 0);
	touch(b->file);
	run_until_changed(b, 5);
	assert_true(b->there);
	drain_file_free(f);
}

/* And the file in it, all at once; then without a word. */
static void its_directory_may_come_later_and_go(void **state)
{
	struct bench *b = *state;
	struct drain_file *f = drain_file_new(b->loop, b->file, changed, b);

	assert_false(drain_file_there(f));
	assert_int_equal(mkdir(b->inner, 0700), 0);
	touch(b->file);
	run_until_changed(b, 1);
	assert_true(b->there);
	assert_int_equal(unlink(b->file), 0);
	assert_int_equal(rmdir(b->inner), 0);
	run_until_changed(b, 2);
	assert_false(b->there);
	drain_file_free(f);
}

static void one_that_is_there_at_the_start_is_seen(void **state)
{
	struct bench *b = *state;
	struct drain_file *f;

	assert_int_equal(mkdir(b->inner, 0700), 0);
	touch(b->file);
	f = drain_file_new(b->loop, b->file, changed, b);
	assert_true(drain_file_there(f));
	assert_int_equal(unlink(b->file), 0);
	run_until_changed(b, 1);
	drain_file_free(f);
	f = drain_file_new(b->loop, "/etc", changed, b); /* right below the root */
	assert_true(drain_file_there(f));
	drain_file_free(f);
}

static int set_up(void **state)
{
	struct bench *b = calloc(1, sizeof(*b));

	b->loop = io_loop_new();
	strcpy(b->dir, "/tmp/rrd-on-change-XXXXXX");
	assert_non_null(mkdtemp(b->dir));
	snprintf(b->out, sizeof(b->out), "%s/out", b->dir);
	snprintf(b->inner, sizeof(b->inner), "%s/inner", b->dir);
	snprintf(b->file, sizeof(b->file), "%s/drain", b->inner);
	assert_true(prefix_parse("10.1.1.1/32", &b->service.prefix, NULL));
	assert_true(ip_addr_parse("10.0.0.105", &b->next_hop));
	assert_true(ip_addr_parse("172.16.1.2", &b->pod));
	b->service.on_change = (struct config_on_change){
		.command_count = 1, .timeout_s = 30, .retry_s = 1, .retry_max_s = 60
	};
	*state = b;
	return 0;
}

static int tear_down(void **state)
{
	struct bench *b = *state;
	char command[64];

	on_change_free(b->o);
	io_loop_free(b->loop);
	snprintf(command, sizeof(command), "rm -r %s", b->dir);
	assert_int_equal(system(command), 0);
	free(b);
	return 0;
}

#define TEST(f) cmocka_unit_test_setup_teardown(f, set_up, tear_down)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(it_learns_all_by_its_environment),
		TEST(one_at_a_time_and_only_the_newest),
		TEST(it_is_run_again_until_it_succeeds),
		TEST(one_that_hangs_is_ended),
		TEST(one_that_is_not_there_is_a_failure),
		TEST(freed_in_mid_run_it_is_killed),
		TEST(a_drain_file_comes_and_goes),
		TEST(its_directory_may_come_later_and_go),
		TEST(one_that_is_there_at_the_start_is_seen),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
