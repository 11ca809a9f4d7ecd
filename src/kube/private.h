/* What kube.c (the API, who follows what) and watch.c (the course of one service) share. Included by nobody else. */
#pragma once

#include "base/list.h"
#include "io/http.h"
#include "io/resolve.h"
#include "kube/access.h"
#include "kube/kube.h"
#include "kube/lines.h"

enum { KUBE_ADDRESSES_MAX = 16, KUBE_WHY_MAX = 600, KUBE_REFUSAL_MAX = 2048 };

struct kube {
	struct io_loop *loop;
	struct io_worker *resolver;
	struct io_http *http; /* NULL: nobody followed anything yet */
	struct config_kubernetes cfg;
	struct list watches;
	struct io_job *sweep; /* watches that nobody follows */
	/* Where the API is. */
	char host[KUBE_HOST_MAX];
	struct io_resolve *question;
	struct ip_addr address[KUBE_ADDRESSES_MAX];
	size_t address_count, address_next;
	bool address_stale; /* it led to nothing: ask for the name again */
};

struct kube_watch {
	struct list link; /* in kube->watches */
	struct kube *kube;
	char *space; /* NULL: the pod's own */
	char *service;
	char *name; /* both, for people */
	struct list followers;
	struct kube_course course;
	struct kube_cache *cache;
	bool listed;
	bool stuck; /* waits for the API's address */
	/* What is under way. */
	struct io_http_call *call;
	char *token, *path;
	const char *headers[4];
	bool answered; /* the head has come */
	struct kube_lines lines;
	char refusal[KUBE_REFUSAL_MAX]; /* the beginning of a body with another status than 200 */
	size_t refusal_len;
	struct io_timer *timer; /* a wait, or silence */
	/* What followers are to be told. */
	struct io_job *tell;
	struct io_timer *tell_later;
	uint64_t told_us;
	bool changed; /* the slices have */
	char *error;  /* NULL: none */
	/* Counted. */
	uint64_t heard_us, events, troubles[KUBE_TROUBLES];
};

struct kube_follower {
	struct list link;
	struct kube_watch *watch;
	const struct kube_ops *ops;
	void *user;
	bool fresh; /* has been told nothing yet */
};

/* --- kube.c --- */
enum kube_address { KUBE_ADDRESS_KNOWN, KUBE_ADDRESS_ASKED, KUBE_ADDRESS_NONE };
/* Where to connect to. ASKED: kube_watch_unstick() comes when the answer is there. NONE: why says why. */
enum kube_address kube_address(struct kube *k, struct ip_addr *address, uint16_t *port, struct text *why);
/* A connection to it failed. */
void kube_address_failed(struct kube *k);

/* --- watch.c --- */
struct kube_watch *kube_watch_new(struct kube *k, const char *space, const char *service);
void kube_watch_free(struct kube_watch *w);
/* Lists all again by the configuration of now. */
void kube_watch_restart(struct kube_watch *w);
/* The API's address is known, or (why) is not. */
void kube_watch_unstick(struct kube_watch *w, const char *why);
