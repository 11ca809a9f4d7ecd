/*
 * The EndpointSlices of one service, as they were listed and have changed since, and the servers that follow. Pure.
 *
 * A list comes in pages and counts when it is whole: until then what was known stays, and nothing is lost when it breaks off.
 * A watch's events are applied one by one. What an event or a page says that cannot be is refused, the cache stays as it
 * was, and whoever feeds it lists again.
 *
 * The servers of a service are the endpoints of all its slices. One that stands in several (it is on its way from one to another,
 * or two controllers say the same) is one server, in the best of its states. An endpoint's conditions become what a server is:
 *
 *	conditions:	ready		ready-only	serving			any
 *	ready		takes		takes		takes			takes
 *	serving, ends	drains (1)	drains		takes			drains
 *	not ready	down		down		down			takes
 *	ends		drains		drains		drains			drains
 *
 * (1) takes connections where no endpoint is ready, as kube-proxy has it: better one that ends than none. "down" is a server
 * that keeps its place and gets nothing, as one whose check failed.
 */
#pragma once

#include "config/endpoints.h"
#include "config/kubernetes.h"
#include "kube/message.h"
#include "kube/slice.h"

enum { KUBE_SLICES_MAX = 4096, KUBE_ENDPOINTS_MAX = 65536 };

struct kube_cache;

struct kube_cache_size {
	size_t slices, endpoints, octets;
	size_t skipped; /* addresses that are no server's */
};

/* service: whose slices are expected; lives as long as the cache. */
struct kube_cache *kube_cache_new(const char *service);
void kube_cache_free(struct kube_cache *c);
void kube_cache_size(const struct kube_cache *c, struct kube_cache_size *out);

/* A list begins: what was gathered for one that was not finished is forgotten. */
void kube_cache_list_begin(struct kube_cache *c);
/* One page of it. False, with the reason in why: this list will not do. */
bool kube_cache_list_add(struct kube_cache *c, const struct kube_page *page, struct text *why);
/* It is whole, and counts from now on. */
void kube_cache_list_end(struct kube_cache *c);
/* An ADDED, MODIFIED or DELETED; a BOOKMARK changes nothing. False, with the reason in why, when it cannot be. */
bool kube_cache_apply(struct kube_cache *c, const struct kube_event *e, struct text *why);

/* Which of the endpoints are a virtual service's servers. */
struct kube_want {
	const char *port; /* its name in the slices; NULL: the only one */
	uint8_t protocol; /* IPPROTO_*; 0: any */
	bool own_port;	  /* servers are reached by the virtual service's own port, whatever the slices say */
	uint8_t family;	  /* enum ip_family; IP_NONE: both */
	enum config_conditions conditions;
};

/* The servers in the order of addresses and ports; the caller frees out->list, whose names live until the cache changes. False,
 * with the reason in why, when the slices do not tell: they have endpoints, but not under the port that is wanted. */
bool kube_cache_servers(const struct kube_cache *c, const struct kube_want *want, struct endpoint_list *out,
	struct text *why);
