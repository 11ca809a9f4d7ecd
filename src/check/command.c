/*
 * A command: exit status 0 passes.
 *
 * It learns by its environment what to check: LB_SERVICE, LB_SERVER_ADDRESS, LB_SERVER_PORT, LB_SERVER_NAME (empty when it
 * has none). What it prints first is told when it fails.
 */
#include "check/kind.h"
#include "base/mem.h"

#include <stdlib.h>
#include <string.h>

enum { OUTPUT_KEEP = 1024, VARIABLES = 4 };

struct command_run {
	struct io_child *child;
	char *variable[VARIABLES + 1];
};

static void stop(struct check *c)
{
	struct command_run *run = c->run;

	c->run = NULL;
	io_child_kill(run->child);
	for (int i = 0; i < VARIABLES; i++)
		free(run->variable[i]);
	free(run);
}

static void ended(void *user, const struct io_child_result *r)
{
	struct check *c = user;
	int line = (int)strcspn(r->output, "\n");

	((struct command_run *)c->run)->child = NULL;
	if (!r->started)
		check_finish(c, CHECK_BROKEN, "%s", r->why);
	else if (r->timed_out)
		check_finish(c, CHECK_TIMEOUT, "%s", r->why);
	else if (r->status)
		check_finish(c, CHECK_WRONG, "%s%s%.*s", r->why, line ? ": " : "", line, r->output);
	else
		check_finish(c, CHECK_PASSED, "%s", "");
}

static void start(struct check *c)
{
	const struct check_target *t = &c->target;
	struct command_run *run = mem_calloc(1, sizeof(*run));
	char address[PREFIX_TEXT_MAX];

	run->variable[0] = mem_printf("LB_SERVICE=%s", t->service ? t->service : "");
	run->variable[1] = mem_printf("LB_SERVER_ADDRESS=%s", ip_addr_format(&t->server, address));
	run->variable[2] = mem_printf("LB_SERVER_PORT=%u", t->server_port);
	run->variable[3] = mem_printf("LB_SERVER_NAME=%s", t->server_name ? t->server_name : "");
	c->run = run;
	run->child = io_child_start(c->env->loop, c->cfg->command, (const char *const *)run->variable,
		check_timeout_us(c), OUTPUT_KEEP, ended, c);
}

const struct check_kind check_kind_command = { start, stop };
