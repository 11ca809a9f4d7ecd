/*
 * The watch of one service: asks what the course says, and tells it what came.
 *
 * One request is under way at a time. Whatever ends it becomes one happening (kube/course.h), counted by its kind, and the
 * course says whether to ask at once or to wait. What changes in the slices only marks the watch; its followers are told at
 * the end of the turn, and in a storm not more often than each GAP_US: what they make of it costs more than an event.
 */
#include "kube/private.h"

#include "base/log.h"
#include "base/mem.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/random.h>

enum {
	CONNECT_US = 10000000,
	ANSWER_US = 15000000, /* until a watch's head has come */
	LIST_US = 60000000,
	WATCH_MORE_US = 60000000, /* after a watch should have ended by itself */
	WINDOW = 65536,		  /* octets of a watch that may wait for us */
	GAP_US = 10000,
};

static void ask(struct kube_watch *w);

/* --- what followers are told --- */

static void tell(void *user)
{
	struct kube_watch *w = user;
	uint64_t now_us = io_loop_now_us(w->kube->loop);

	if (w->changed && w->told_us && now_us < w->told_us + GAP_US) {
		if (!io_timer_pending(w->tell_later))
			io_timer_set(w->tell_later, w->told_us + GAP_US - now_us);
		return;
	}
	LIST_FOREACH (link, &w->followers) {
		struct kube_follower *f = LIST_ENTRY(link, struct kube_follower, link);

		if (w->listed && (w->changed || f->fresh))
			f->ops->told(f->user, w->cache);
		f->ops->failed(f->user, w->error);
		f->fresh = false;
	}
	if (w->changed)
		w->told_us = now_us;
	w->changed = false;
}

static void slices_changed(struct kube_watch *w)
{
	w->changed = true;
	io_job_post(w->tell);
}

static void set_error(struct kube_watch *w, const char *why)
{
	if (!why && !w->error)
		return;
	free(w->error);
	w->error = why ? mem_strdup(why) : NULL;
	io_job_post(w->tell);
}

/* --- the end of a request --- */

static void request_fini(struct kube_watch *w)
{
	io_http_cancel(w->call);
	w->call = NULL;
	kube_access_forget(w->token);
	w->token = NULL;
	free(w->path);
	w->path = NULL;
	kube_lines_fini(&w->lines);
	w->refusal_len = 0;
	w->answered = w->stuck = false;
	io_timer_cancel(w->timer);
}

static void happen(struct kube_watch *w, enum kube_happening h, uint64_t retry_after_s)
{
	uint64_t wait_us = 0;

	switch (kube_course_step(&w->course, h, retry_after_s, io_loop_now_us(w->kube->loop), &wait_us)) {
	case KUBE_GO_ON:
		return;
	case KUBE_ASK:
		request_fini(w);
		ask(w);
		return;
	case KUBE_WAIT:
		request_fini(w);
		log_debug("kubernetes %s: asks again in %llu ms", w->name,
			(unsigned long long)(wait_us / 1000));
		io_timer_set(w->timer, wait_us);
		return;
	}
}

/* why is told to those who follow. */
static void trouble(struct kube_watch *w, enum kube_trouble kind, enum kube_happening h,
	uint64_t retry_after_s, const char *why)
{
	w->troubles[kind]++;
	set_error(w, why);
	happen(w, h, retry_after_s);
}

/* What is mended by asking again is nobody's affair but the log's. */
static void quiet_trouble(
	struct kube_watch *w, enum kube_trouble kind, enum kube_happening h, const char *why)
{
	w->troubles[kind]++;
	log_debug("kubernetes %s: %s", w->name, why);
	happen(w, h, 0);
}

static void broken(struct kube_watch *w, const char *why)
{
	trouble(w, KUBE_TROUBLE_BROKEN, KUBE_BROKEN, 0, why);
}

/* --- no --- */

static void connection_failed(struct kube_watch *w, const struct io_http_answer *a)
{
	bool tls = a->error == IO_HTTP_TLS;
	char buf[KUBE_WHY_MAX];
	struct text why = text_init(buf, sizeof(buf));
	struct ip_addr address;

	text_add(&why, "the API at %s: %s", w->kube->host, a->why);
	if (tls && !ip_addr_parse(w->kube->host, &address) && !a->status)
		text_add(&why, "; see kubernetes.ca-file and kubernetes.tls-name");
	else if (tls)
		text_add(&why,
			"; see kubernetes.ca-file, and kubernetes.tls-name where the certificate names "
			"another server");
	kube_address_failed(w->kube);
	trouble(w, tls ? KUBE_TROUBLE_TLS : KUBE_TROUBLE_CONNECTION, KUBE_FAILED, 0, buf);
}

static bool has_new_token(const struct kube_watch *w)
{
	struct text ignored = text_init((char[2]){ 0 }, 2);
	char *now = kube_access_token(&w->kube->cfg, &ignored);
	bool other = now && w->token && strcmp(now, w->token) != 0;

	kube_access_forget(now);
	return other;
}

static const char *advice(int status)
{
	switch (status) {
	case 401:
		return " (is the token of kubernetes.token-file valid for this API?)";
	case 403:
		return " (the service account needs a role with list and watch of endpointslices, in "
		       "discovery.k8s.io, in this namespace)";
	case 404:
		return " (does the API have discovery.k8s.io/v1, as from Kubernetes 1.21 on?)";
	default:
		return status / 100 == 3 ? " (redirects are not followed: kubernetes.server must name the "
					   "API itself)"
					 : "";
	}
}

static enum kube_trouble kind_of(int status)
{
	switch (status) {
	case 401:
	case 403:
		return KUBE_TROUBLE_DENIED;
	case 429:
	case 503:
	case 504:
		return KUBE_TROUBLE_BUSY;
	case 410:
		return KUBE_TROUBLE_GONE;
	default:
		return KUBE_TROUBLE_STATUS;
	}
}

/* said: what stands in the body, in words. */
static void refused(struct kube_watch *w, int status, uint64_t retry_after_s, const char *said)
{
	enum kube_trouble kind = kind_of(status);
	char buf[KUBE_WHY_MAX];
	struct text why = text_init(buf, sizeof(buf));

	text_add(&why, "the API answers %d%s%s%s", status, *said ? ": " : "", said, advice(status));
	if (kind == KUBE_TROUBLE_GONE)
		quiet_trouble(w, kind, KUBE_GONE, buf);
	else if (status == 401 && has_new_token(w))
		quiet_trouble(w, kind, KUBE_NEW_TOKEN, buf);
	else
		trouble(w, kind, KUBE_FAILED, retry_after_s, buf);
}

static void refused_by_answer(
	struct kube_watch *w, const struct io_http_answer *a, const char *body, size_t len)
{
	char said[KUBE_WHY_MAX / 2];
	struct text t = text_init(said, sizeof(said));

	kube_refusal_text(body, len, &t);
	refused(w, a->status, a->retry_after_s, said);
}

/* --- a list --- */

static void list_whole(struct kube_watch *w)
{
	struct kube_cache_size size, before;

	kube_cache_size(w->cache, &before);
	kube_cache_list_end(w->cache);
	kube_cache_size(w->cache, &size);
	if (!size.slices && (before.slices || !w->listed))
		log_warning(
			"kubernetes %s: there is no EndpointSlice of it: is there such a service?", w->name);
	else if (!w->listed)
		log_info("kubernetes %s: %zu endpoints in %zu slices", w->name, size.endpoints, size.slices);
	w->listed = true;
	set_error(w, NULL);
	slices_changed(w);
	happen(w, KUBE_LISTED, 0);
}

static void page_came(struct kube_watch *w, const struct io_http_answer *a)
{
	char buf[KUBE_WHY_MAX];
	struct text why = text_init(buf, sizeof(buf));
	struct kube_page page;
	bool more;

	text_add(&why, "the list of the API cannot be used: ");
	if (!kube_page_parse(a->body, a->body_len, &page, &why)) {
		broken(w, buf);
		return;
	}
	more = page.more != NULL;
	if (!kube_cache_list_add(w->cache, &page, &why)) {
		kube_page_fini(&page);
		broken(w, buf);
		return;
	}
	kube_course_known(&w->course, page.version, page.more);
	kube_page_fini(&page);
	if (more)
		happen(w, KUBE_PAGE_CAME, 0);
	else
		list_whole(w);
}

static void list_done(void *user, const struct io_http_answer *a)
{
	struct kube_watch *w = user;

	w->call = NULL;
	if (a->error != IO_HTTP_OK) {
		connection_failed(w, a);
		return;
	}
	w->heard_us = io_loop_now_us(w->kube->loop);
	if (a->status != 200)
		refused_by_answer(w, a, a->body, a->body_len);
	else if (a->body_cut && w->course.limit > 1)
		quiet_trouble(w, KUBE_TROUBLE_BROKEN, KUBE_TOO_MUCH, "a page of the list is too large");
	else if (a->body_cut)
		broken(w, "a page with one slice is above 8 MiB: no API says so much of one");
	else
		page_came(w, a);
}

/* --- a watch --- */

static void error_event(struct kube_watch *w, const struct kube_event *e)
{
	char said[KUBE_WHY_MAX / 2];
	struct text t = text_init(said, sizeof(said));
	int code = e->code;

	kube_status_text(e->object, &t);
	/* Whatever it is, what follows would be nothing to go on from. */
	if (code == 410)
		refused(w, code, 0, said);
	else
		trouble(w, kind_of(code), KUBE_BROKEN, 0, said);
}

/* False when the watch has ended by it, and with it all that is under way. */
static bool take_line(struct kube_watch *w, const char *line, size_t len)
{
	char buf[KUBE_WHY_MAX];
	struct text why = text_init(buf, sizeof(buf));
	struct kube_event e;
	bool good;

	text_add(&why, "the watch of the API cannot be used: ");
	if (!kube_event_parse(line, len, &e, &why)) {
		broken(w, buf);
		return false;
	}
	w->events++;
	if (e.type == KUBE_ERROR) {
		error_event(w, &e);
		kube_event_fini(&e);
		return false;
	}
	good = kube_cache_apply(w->cache, &e, &why);
	if (good) {
		kube_course_known(&w->course, e.version, NULL);
		if (e.type != KUBE_BOOKMARK)
			slices_changed(w);
		happen(w, KUBE_TOLD, 0);
	} else {
		broken(w, buf);
	}
	kube_event_fini(&e);
	return good;
}

static void take_lines(struct kube_watch *w, const char *data, size_t len)
{
	const char *line;
	size_t line_len;

	for (;;) {
		switch (kube_lines_next(&w->lines, &data, &len, &line, &line_len)) {
		case KUBE_LINE_MORE:
			return;
		case KUBE_LINE_LONG:
			broken(w, "the watch of the API cannot be used: a line is above 4 MiB, and no object "
				  "is so large");
			return;
		case KUBE_LINE_WHOLE:
			if (!take_line(w, line, line_len))
				return;
		}
	}
}

static void take_refusal(struct kube_watch *w, const char *data, size_t len)
{
	size_t left = sizeof(w->refusal) - w->refusal_len, take = len < left ? len : left;

	memcpy(w->refusal + w->refusal_len, data, take);
	w->refusal_len += take;
}

static void piece_came(void *user, int status, const char *data, size_t len)
{
	struct kube_watch *w = user;

	w->answered = true;
	w->heard_us = io_loop_now_us(w->kube->loop);
	io_timer_set(w->timer, w->kube->cfg.silence_s * UINT64_C(1000000));
	if (status != 200) {
		take_refusal(w, data, len);
		return;
	}
	set_error(w, NULL);
	take_lines(w, data, len);
}

static void watch_done(void *user, const struct io_http_answer *a)
{
	struct kube_watch *w = user;

	w->call = NULL;
	if (a->status && a->status != 200)
		refused_by_answer(w, a, w->refusal, w->refusal_len);
	else if (a->error == IO_HTTP_OK)
		happen(w, KUBE_ENDED, 0);
	else if (w->answered)
		quiet_trouble(w, KUBE_TROUBLE_CONNECTION, KUBE_ENDED, a->why);
	else
		connection_failed(w, a);
}

/* --- asking --- */

static void time_is_up(void *user)
{
	struct kube_watch *w = user;

	if (!w->call)
		happen(w, KUBE_DUE, 0);
	else if (w->answered)
		quiet_trouble(w, KUBE_TROUBLE_SILENT, KUBE_SILENT, "the watch is silent, and renewed");
	else
		trouble(w, KUBE_TROUBLE_CONNECTION, KUBE_FAILED, 0, "the API gives no answer to a watch");
}

static bool prepare(struct kube_watch *w, char space[KUBE_SPACE_MAX], struct text *why)
{
	const struct config_kubernetes *cfg = &w->kube->cfg;

	if (!w->kube->http || !io_http_can_tls() || !io_http_can_stream()) {
		text_add(why, "no HTTPS: this build or its libcurl has no TLS");
		return false;
	}
	if (w->space)
		snprintf(space, KUBE_SPACE_MAX, "%s", w->space);
	else if (!kube_access_space(cfg, space, why))
		return false;
	w->token = kube_access_token(cfg, why);
	return w->token && kube_access_ca(cfg, why);
}

static void send_request(
	struct kube_watch *w, const struct ip_addr *address, uint16_t port, const char *space)
{
	const struct config_kubernetes *cfg = &w->kube->cfg;
	bool watches = w->course.state == KUBE_WATCH;
	struct io_http_request r = { .tls = true,
		.address = *address,
		.port = port,
		.method = "GET",
		.headers = w->headers,
		.verify = true,
		.ca_file = cfg->ca_file,
		.ca_fresh = true,
		.connect_timeout_us = CONNECT_US,
		.reuse = true };
	struct ip_addr ignored;

	w->path = mem_alloc(KUBE_PATH_MAX);
	r.path = kube_course_path(&w->course, space, w->service, cfg->watch_s, w->path);
	w->headers[0] = w->token;
	w->headers[1] = "Accept: application/json";
	w->headers[2] = "User-Agent: lb-ipvs-agent";
	if (cfg->tls_name)
		r.host = cfg->tls_name;
	else if (!ip_addr_parse(w->kube->host, &ignored))
		r.host = w->kube->host;
	r.timeout_us = watches ? cfg->watch_s * UINT64_C(2000000) + WATCH_MORE_US : LIST_US;
	r.keep = watches ? WINDOW : KUBE_PAGE_OCTETS_MAX;
	r.piece = watches ? piece_came : NULL;
	kube_lines_init(&w->lines, KUBE_LINE_OCTETS_MAX);
	w->call = io_http_start(w->kube->http, &r, watches ? watch_done : list_done, w);
	if (watches)
		io_timer_set(w->timer, ANSWER_US);
}

static void ask(struct kube_watch *w)
{
	char buf[KUBE_WHY_MAX], space[KUBE_SPACE_MAX];
	struct text why = text_init(buf, sizeof(buf));
	struct ip_addr address;
	uint16_t port;

	if (w->course.state == KUBE_LIST && w->course.first_page)
		kube_cache_list_begin(w->cache);
	switch (kube_address(w->kube, &address, &port, &why)) {
	case KUBE_ADDRESS_ASKED:
		w->stuck = true;
		return;
	case KUBE_ADDRESS_NONE:
		trouble(w, KUBE_TROUBLE_LOCAL, KUBE_FAILED, 0, buf);
		return;
	case KUBE_ADDRESS_KNOWN:
		break;
	}
	if (prepare(w, space, &why))
		send_request(w, &address, port, space);
	else
		trouble(w, KUBE_TROUBLE_LOCAL, KUBE_FAILED, 0, buf);
}

void kube_watch_unstick(struct kube_watch *w, const char *why)
{
	char buf[KUBE_WHY_MAX];
	struct text t = text_init(buf, sizeof(buf));

	w->stuck = false;
	if (!why) {
		ask(w);
		return;
	}
	text_add(&t, "the API's name %s: %s", w->kube->host, why);
	trouble(w, KUBE_TROUBLE_LOCAL, KUBE_FAILED, 0, buf);
}

/* --- its life --- */

static uint64_t seed(const struct kube_watch *w)
{
	uint64_t value;

	if (getrandom(&value, sizeof(value), GRND_NONBLOCK) != (ssize_t)sizeof(value))
		value = io_loop_now_us(w->kube->loop) ^ (uintptr_t)w;
	return value;
}

struct kube_watch *kube_watch_new(struct kube *k, const char *space, const char *service)
{
	struct kube_watch *w = mem_calloc(1, sizeof(*w));

	w->kube = k;
	w->space = space ? mem_strdup(space) : NULL;
	w->service = mem_strdup(service);
	w->name = space ? mem_printf("%s/%s", space, service) : mem_strdup(service);
	list_init(&w->followers);
	w->cache = kube_cache_new(w->service);
	w->timer = io_timer_new(k->loop, time_is_up, w);
	w->tell = io_job_new(k->loop, tell, w);
	w->tell_later = io_timer_new(k->loop, tell, w);
	list_add_tail(&k->watches, &w->link);
	kube_watch_restart(w);
	return w;
}

void kube_watch_restart(struct kube_watch *w)
{
	request_fini(w);
	kube_course_init(&w->course, seed(w), io_loop_now_us(w->kube->loop));
	ask(w);
}

void kube_watch_free(struct kube_watch *w)
{
	request_fini(w);
	list_del(&w->link);
	io_timer_free(w->timer);
	io_timer_free(w->tell_later);
	io_job_free(w->tell);
	kube_cache_free(w->cache);
	free(w->error);
	free(w->space);
	free(w->service);
	free(w->name);
	free(w);
}
