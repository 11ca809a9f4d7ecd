#include "agent/source_private.h"

#include "base/mem.h"

#include <stdlib.h>

/* The servers that stand in the configuration: told once. */

struct fixed {
	struct source *source;
	struct io_job *job;
};

static void tell(void *user)
{
	struct source *s = ((struct fixed *)user)->source;
	size_t count = s->cfg->server_count;
	struct endpoint *list = mem_calloc(count + 1, sizeof(*list));

	for (size_t i = 0; i < count; i++)
		list[i] = s->cfg->servers[i].endpoint;
	source_tell(s, &(struct endpoint_list){ list, count });
	free(list);
}

static void *start(struct source *s)
{
	struct fixed *f = mem_calloc(1, sizeof(*f));

	f->source = s;
	f->job = io_job_new(s->env.loop, tell, f);
	io_job_post(f->job);
	return f;
}

static void stop(void *state)
{
	struct fixed *f = state;

	io_job_free(f->job);
	free(f);
}

const struct source_kind source_static = { "static", false, start, stop };
