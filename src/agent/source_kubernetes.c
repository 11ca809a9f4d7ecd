/*
 * The endpoints of a service of Kubernetes, as the API tells them (kube/kube.h).
 *
 * The slices are the whole service's; here is chosen what of them are this virtual service's servers. That may fail where the
 * slices themselves are well (no port of the configured name): the last list stays then, as it does while the API is away.
 */
#include "agent/source_private.h"

#include "base/mem.h"
#include "base/text.h"
#include "kube/kube.h"

#include <stdlib.h>

enum { WHY_MAX = 400 };

struct slices {
	struct source *source;
	struct kube_follower *follower;
	struct kube_want want;
	char *error; /* of the choice; NULL: none */
};

static void set_error(struct slices *k, const char *why)
{
	free(k->error);
	k->error = why ? mem_strdup(why) : NULL;
}

static void told(void *user, const struct kube_cache *cache)
{
	struct slices *k = user;
	char buf[WHY_MAX];
	struct text why = text_init(buf, sizeof(buf));
	struct endpoint_list list;

	if (!kube_cache_servers(cache, &k->want, &list, &why)) {
		set_error(k, buf);
		return;
	}
	set_error(k, NULL);
	source_tell(k->source, &list);
	free((void *)(uintptr_t)list.list);
}

static void failed(void *user, const char *why)
{
	struct slices *k = user;

	source_set_error(k->source, why ? why : k->error);
}

static const struct kube_ops ops = { told, failed };

static void *start(struct source *s)
{
	const struct config_source_kubernetes *cfg = &s->cfg->kubernetes;
	struct slices *k = mem_calloc(1, sizeof(*k));

	k->source = s;
	k->want = (struct kube_want){ .port = cfg->port,
		.protocol = s->env.protocol,
		.own_port = s->env.own_port,
		.family = (uint8_t)cfg->family,
		.conditions = cfg->conditions };
	k->follower = kube_follow(s->env.kube, cfg->space, cfg->service, &ops, k);
	return k;
}

static void stop(void *state)
{
	struct slices *k = state;

	kube_unfollow(k->follower);
	free(k->error);
	free(k);
}

bool source_kubernetes_view(const struct source *s, struct kube_view *out)
{
	if (s->kind != &source_kubernetes)
		return false;
	kube_view(((const struct slices *)s->state)->follower, out);
	return true;
}

const struct source_kind source_kubernetes = { "kubernetes", false, start, stop };
