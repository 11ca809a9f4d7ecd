#include "kube/private.h"

#include "base/log.h"
#include "base/mem.h"

#include <stdlib.h>
#include <string.h>

/* --- where the API is --- */

static void answered(void *user, const struct ip_addr *list, size_t count, const char *why)
{
	struct kube *k = user;

	k->question = NULL;
	k->address_stale = false;
	/* A resolver that is away takes nothing from what is known. */
	if (count) {
		k->address_count = count < KUBE_ADDRESSES_MAX ? count : KUBE_ADDRESSES_MAX;
		memcpy(k->address, list, k->address_count * sizeof(*list));
		k->address_next = 0;
	}
	LIST_FOREACH (link, &k->watches) {
		struct kube_watch *w = LIST_ENTRY(link, struct kube_watch, link);

		if (w->stuck)
			kube_watch_unstick(w, k->address_count ? NULL : why);
	}
}

static bool is_known(const struct kube *k)
{
	return k->address_count && !k->address_stale;
}

static void forget_address(struct kube *k)
{
	io_resolve_cancel(k->question);
	k->question = NULL;
	k->address_count = k->address_next = 0;
	k->host[0] = '\0';
}

enum kube_address kube_address(struct kube *k, struct ip_addr *address, uint16_t *port, struct text *why)
{
	char host[KUBE_HOST_MAX];

	if (!kube_access_server(&k->cfg, host, port, why))
		return KUBE_ADDRESS_NONE;
	if (strcmp(host, k->host) != 0) {
		forget_address(k);
		memcpy(k->host, host, sizeof(host));
	}
	if (ip_addr_parse(host, address))
		return KUBE_ADDRESS_KNOWN;
	if (is_known(k)) {
		*address = k->address[k->address_next % k->address_count];
		return KUBE_ADDRESS_KNOWN;
	}
	if (!k->question)
		k->question = io_resolve_start(k->resolver, host, answered, k);
	return KUBE_ADDRESS_ASKED;
}

void kube_address_failed(struct kube *k)
{
	k->address_next++;
	k->address_stale = true;
}

/* --- settings --- */

static void cfg_fini(struct config_kubernetes *c)
{
	free((char *)(uintptr_t)c->server.host);
	free((char *)(uintptr_t)c->tls_name);
	free((char *)(uintptr_t)c->ca_file);
	free((char *)(uintptr_t)c->token_file);
}

static const char *copy(const char *text)
{
	return text ? mem_strdup(text) : NULL;
}

static struct config_kubernetes cfg_copy(const struct config_kubernetes *c)
{
	struct config_kubernetes out = *c;

	out.server.host = copy(c->server.host);
	out.tls_name = copy(c->tls_name);
	out.ca_file = copy(c->ca_file);
	out.token_file = copy(c->token_file);
	return out;
}

static bool same_text(const char *a, const char *b)
{
	return a && b ? strcmp(a, b) == 0 : a == b;
}

static bool same_cfg(const struct config_kubernetes *a, const struct config_kubernetes *b)
{
	return same_text(a->server.host, b->server.host) && a->server.port == b->server.port &&
	       same_text(a->tls_name, b->tls_name) && same_text(a->ca_file, b->ca_file) &&
	       same_text(a->token_file, b->token_file) && a->watch_s == b->watch_s &&
	       a->silence_s == b->silence_s;
}

void kube_configure(struct kube *k, const struct config_kubernetes *cfg)
{
	struct config_kubernetes old = k->cfg;

	if (same_cfg(&k->cfg, cfg))
		return;
	k->cfg = cfg_copy(cfg);
	cfg_fini(&old);
	LIST_FOREACH (link, &k->watches)
		kube_watch_restart(LIST_ENTRY(link, struct kube_watch, link));
}

/* --- watches and who follows them --- */

static void sweep(void *user)
{
	struct kube *k = user;

	LIST_FOREACH (link, &k->watches) {
		struct kube_watch *w = LIST_ENTRY(link, struct kube_watch, link);

		if (list_empty(&w->followers))
			kube_watch_free(w);
	}
}

struct kube *kube_new(struct io_loop *loop, struct io_worker *resolver, const struct config_kubernetes *cfg)
{
	struct kube *k = mem_calloc(1, sizeof(*k));

	k->loop = loop;
	k->resolver = resolver;
	k->cfg = cfg_copy(cfg);
	list_init(&k->watches);
	k->sweep = io_job_new(loop, sweep, k);
	return k;
}

void kube_free(struct kube *k)
{
	if (!k)
		return;
	LIST_FOREACH (link, &k->watches)
		kube_watch_free(LIST_ENTRY(link, struct kube_watch, link));
	forget_address(k);
	io_http_free(k->http);
	io_job_free(k->sweep);
	cfg_fini(&k->cfg);
	free(k);
}

static struct kube_watch *find(struct kube *k, const char *space, const char *service)
{
	LIST_FOREACH (link, &k->watches) {
		struct kube_watch *w = LIST_ENTRY(link, struct kube_watch, link);

		if (same_text(w->space, space) && strcmp(w->service, service) == 0)
			return w;
	}
	return NULL;
}

struct kube_follower *kube_follow(
	struct kube *k, const char *space, const char *service, const struct kube_ops *ops, void *user)
{
	struct kube_follower *f = mem_calloc(1, sizeof(*f));

	if (!k->http)
		k->http = io_http_new(k->loop);
	f->watch = find(k, space, service);
	if (!f->watch)
		f->watch = kube_watch_new(k, space, service);
	f->ops = ops;
	f->user = user;
	f->fresh = true;
	list_add_tail(&f->watch->followers, &f->link);
	io_job_post(f->watch->tell);
	return f;
}

void kube_unfollow(struct kube_follower *f)
{
	if (!f)
		return;
	list_del(&f->link);
	io_job_post(f->watch->kube->sweep);
	free(f);
}

void kube_view(const struct kube_follower *f, struct kube_view *out)
{
	const struct kube_watch *w = f->watch;
	bool waits = w->course.state == KUBE_LIST_LATER || w->course.state == KUBE_WATCH_LATER;

	*out = (struct kube_view){ .state = w->course.state,
		.listed = w->listed,
		.heard_us = w->heard_us,
		.retry_us = waits ? io_timer_left_us(w->timer) : 0,
		.lists = w->course.lists,
		.events = w->events };
	memcpy(out->troubles, w->troubles, sizeof(out->troubles));
	kube_cache_size(w->cache, &out->size);
}

const char *kube_trouble_text(enum kube_trouble t)
{
	static const char *const text[KUBE_TROUBLES] = { "local", "connection", "tls", "denied", "busy",
		"status", "gone", "broken", "silent" };

	return text[t];
}
