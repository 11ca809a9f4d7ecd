/*
 * Where a service's servers come from.
 *
 * A source tells the whole list each time it may have changed, never differences, so that nothing can be lost; what changed is
 * found by whoever takes it. While it cannot tell (a broken file, a silent resolver) the last list stays, and
 * source_status() says why. The first list may come at once or much later: until then what the kernel has is left alone, or,
 * when the source has said that it fails, taken for the list (service.c).
 */
#pragma once

#include "io/file_watch.h"
#include "config/agent.h"
#include "config/endpoints.h"
#include "io/loop.h"
#include "io/worker.h"

#include <stdint.h>

struct source;
struct kube;
struct kube_view;

/* What source_new needs besides the configuration. */
struct source_env {
	struct io_loop *loop;
	struct io_worker
		*resolver; /* a thread for names; shared; freed after all sources, with source_drop_work */
	struct io_file_watch *files; /* shared, since a user has few inotify instances */
	struct kube *kube;	     /* shared: the API; freed after all sources */
	/* Of the service that the servers are for: */
	uint8_t protocol; /* IPPROTO_*; 0: any */
	bool own_port;	  /* they are reached by its port, whatever is said of theirs */
};

/* list and all it points to are valid during the call. NULL: it failed before it could tell a first one; said at each failure
 * until there is one. It must not free the source. */
typedef void source_changed_fn(void *user, const struct endpoint_list *list);

struct source_status {
	bool told;	   /* a list has come */
	uint64_t changes;  /* lists told that differed from the one before */
	uint64_t failures; /* times it could not tell */
	const char *error; /* "" when all is well */
	uint64_t since_us; /* io_loop_now_us() of the last list */
};

/* cfg must live as long as the source. changed is first called in a later turn of the loop. */
struct source *source_new(const struct source_env *env, const struct config_source *cfg,
	source_changed_fn *changed, void *user);
void source_free(struct source *s);
void source_status(const struct source *s, struct source_status *out);
/* Of a source of kind kubernetes: how its watch goes; false: it is of another kind. */
bool source_kubernetes_view(const struct source *s, struct kube_view *out);
/* "file /etc/rrd/web.yaml", "dns web.default.svc", "kubernetes shop/web", "static". Valid as long as s. */
const char *source_name(const struct source *s);
/* Whether two configurations are the same source, so that one that runs may go on. */
bool source_config_equal(const struct config_source *a, const struct config_source *b);
/* For io_worker_free(): a name that was still to be resolved. */
void source_drop_work(struct io_work *w);
