/*
 * The Kubernetes API as a source of servers: a watch for each service that somebody follows.
 *
 *	course.h: what to ask, when ---> io/http.h: list, or a stream of lines ---> message.h, cache.h: slices
 *	      ^                                                                        |
 *	      +------------------------ what came of it -------------------------------+--> followers, once in a turn
 *
 * Owns what all watches share (the API's address, the HTTP client) and the watches themselves: those who follow the same service
 * share one, and one that nobody follows any more ends with the turn, so that a reload takes it over. Each watch has a
 * connection of its own. The API is asked over TLS and nothing else, its certificate is always verified, redirects and
 * proxies are not followed. Token and certificates are read for each request, so that nobody needs to be told when they change;
 * a request that is refused (401) is made again at once when the file holds another token by then.
 *
 * What the API said last stays for as long as it cannot be asked: this says why, and takes nothing back.
 */
#pragma once

#include "io/loop.h"
#include "io/worker.h"
#include "kube/cache.h"
#include "kube/course.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum {
	KUBE_LINE_OCTETS_MAX = 4 << 20, /* of a watch; the API stores no object above 1.5 MiB */
	KUBE_PAGE_OCTETS_MAX = 8 << 20, /* of a list; one that is larger is asked for with fewer slices */
};

enum kube_trouble {
	KUBE_TROUBLE_LOCAL,	 /* no token, no certificates, no namespace, no server */
	KUBE_TROUBLE_CONNECTION, /* refused, reset, unreachable, no answer in time */
	KUBE_TROUBLE_TLS,	 /* the certificate, or the handshake */
	KUBE_TROUBLE_DENIED,	 /* 401, 403 */
	KUBE_TROUBLE_BUSY,	 /* 429, 503, 504 */
	KUBE_TROUBLE_STATUS,	 /* any other status */
	KUBE_TROUBLE_GONE,	 /* 410: a list again */
	KUBE_TROUBLE_BROKEN,	 /* what came cannot be */
	KUBE_TROUBLE_SILENT,	 /* the watch said nothing for too long */
	KUBE_TROUBLES
};

struct kube;
struct kube_follower;

struct kube_ops {
	/* The slices have been listed, or have changed since. Valid during the call. */
	void (*told)(void *user, const struct kube_cache *cache);
	/* Why they cannot be told now; NULL: all is well again. May be said again. */
	void (*failed)(void *user, const char *why);
};

struct kube_view {
	enum kube_state state;
	bool listed;	   /* whole, once */
	uint64_t heard_us; /* io_loop_now_us() of the last word of the API's; 0: never */
	uint64_t retry_us; /* until it is asked again; 0: not waiting */
	uint64_t lists;	   /* that came whole */
	uint64_t events;   /* bookmarks too */
	uint64_t troubles[KUBE_TROUBLES];
	struct kube_cache_size size;
};

/* cfg is copied. resolver: for a server by name; io_resolve_drop() is for its questions. */
struct kube *kube_new(struct io_loop *loop, struct io_worker *resolver, const struct config_kubernetes *cfg);
/* After all followers. */
void kube_free(struct kube *k);
/* From now on so. Where it is another API, or asked otherwise, all is listed again, and what is known stays meanwhile. */
void kube_configure(struct kube *k, const struct config_kubernetes *cfg);

/* space: NULL: the pod's own. ops are called in later turns and must live as long as the follower. A call must not end it. */
struct kube_follower *kube_follow(
	struct kube *k, const char *space, const char *service, const struct kube_ops *ops, void *user);
void kube_unfollow(struct kube_follower *f);
void kube_view(const struct kube_follower *f, struct kube_view *out);
const char *kube_trouble_text(enum kube_trouble t);
