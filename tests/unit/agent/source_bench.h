/* A source under test: the loop runs until it tells a list, or is seen not to. */
#pragma once

#include "agent/source.h"

enum { GUARD_US = 10000000, QUIET_US = 60000, LIST_TEXT_MAX = 4000 };

struct bench {
	struct io_loop *loop;
	struct io_timer *guard;
	struct source_env env;
	struct source *source;
	unsigned told;
	unsigned failed;  /* times it said so before the first list */
	unsigned awaited; /* the loop stops when this many lists were told */
	uint64_t told_us;
	char list[LIST_TEXT_MAX]; /* the last one: "172.16.1.5:80*3 [fd00::5] 172.16.1.6! " */
};

struct bench *bench_new(void);
void bench_free(struct bench *b);
/* Starts the source. */
void bench_source(struct bench *b, const struct config_source *cfg);
/* Runs the loop until one more list was told, and compares it. */
void bench_expect(struct bench *b, const char *list);
/* Runs the loop for a while in which nothing may be told. */
void bench_expect_nothing(struct bench *b);
/* Runs the loop for a while. */
void bench_run(struct bench *b, uint64_t us);
/* Runs the loop until the source's error contains the text; "" waits for no error. */
void bench_expect_error(struct bench *b, const char *text);
