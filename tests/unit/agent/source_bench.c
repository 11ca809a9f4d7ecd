#include "source_bench.h"

#include "base/text.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

static void stop(void *user)
{
	io_loop_stop(((struct bench *)user)->loop);
}

struct bench *bench_new(void)
{
	struct bench *b = calloc(1, sizeof(*b));

	b->loop = io_loop_new();
	b->guard = io_timer_new(b->loop, stop, b);
	b->env.loop = b->loop;
	b->env.files = io_file_watch_new(b->loop);
	assert_non_null(b->env.files);
	return b;
}

void bench_free(struct bench *b)
{
	source_free(b->source);
	io_file_watch_free(b->env.files);
	io_worker_free(b->env.resolver, source_drop_work);
	io_timer_free(b->guard);
	io_loop_free(b->loop);
	free(b);
}

static void changed(void *user, const struct endpoint_list *list)
{
	struct bench *b = user;
	struct text t = text_init(b->list, sizeof(b->list));
	char buf[PREFIX_TEXT_MAX];

	b->failed += !list;
	if (!list)
		return;
	for (size_t i = 0; i < list->count; i++) {
		const struct endpoint *e = &list->list[i];

		text_add(&t, "%s", ip_addr_format(&e->addr, buf));
		if (e->port)
			text_add(&t, ":%u", e->port);
		if (e->weight >= 0)
			text_add(&t, "*%d", e->weight);
		text_add(&t, "%s%s%s ", e->state == ENDPOINT_TERMINATING ? "!" : "", e->name ? "=" : "",
			e->name ? e->name : "");
	}
	assert_false(text_cut(&t));
	b->told_us = io_loop_now_us(b->loop);
	if (++b->told == b->awaited)
		io_loop_stop(b->loop);
}

void bench_source(struct bench *b, const struct config_source *cfg)
{
	b->source = source_new(&b->env, cfg, changed, b);
}

void bench_run(struct bench *b, uint64_t us)
{
	io_timer_set(b->guard, us);
	io_loop_run(b->loop);
	io_timer_cancel(b->guard);
}

void bench_expect(struct bench *b, const char *list)
{
	b->awaited = b->told + 1;
	bench_run(b, GUARD_US);
	if (b->told != b->awaited) {
		struct source_status status;

		source_status(b->source, &status);
		fail_msg("nothing was told; the source says: %s", status.error);
	}
	b->awaited = 0;
	assert_string_equal(b->list, list);
}

void bench_expect_nothing(struct bench *b)
{
	unsigned before = b->told;

	bench_run(b, QUIET_US);
	if (b->told != before)
		fail_msg("told without need: %s", b->list);
}

void bench_expect_error(struct bench *b, const char *text)
{
	struct source_status status;

	for (unsigned i = 0; i < GUARD_US / 10000; i++) {
		source_status(b->source, &status);
		if (*text ? strstr(status.error, text) != NULL : *status.error == 0)
			return;
		bench_run(b, 10000);
	}
	fail_msg("the source says \"%s\"; expected \"%s\"", status.error, text);
}
