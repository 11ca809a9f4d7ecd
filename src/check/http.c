/* HTTP and HTTPS: the status of one answer, and a text that its body must contain. No redirect is followed. */
#include "check/kind.h"
#include "base/mem.h"
#include "base/text.h"

#include <stdlib.h>
#include <string.h>

enum { OK_FROM = 200, OK_TO = 299, WANTED_MAX = 64 };

struct http_run {
	struct io_http_call *call;
	char *host_line; /* "Host: ...", or NULL */
	const char *headers[3];
};

static void stop(struct check *c)
{
	struct http_run *run = c->run;

	c->run = NULL;
	io_http_cancel(run->call);
	free(run->host_line);
	free(run);
}

static bool status_is_wanted(const struct config_check *cfg, int status)
{
	for (size_t i = 0; i < cfg->status_count; i++)
		if (status >= cfg->status[i].from && status <= cfg->status[i].to)
			return true;
	return !cfg->status_count && status >= OK_FROM && status <= OK_TO;
}

static const char *wanted_text(const struct config_check *cfg, char buf[WANTED_MAX])
{
	const struct config_status_range ok = { OK_FROM, OK_TO };
	const struct config_status_range *range = cfg->status_count ? cfg->status : &ok;
	struct text t = text_init(buf, WANTED_MAX);

	for (size_t i = 0; i < (cfg->status_count ? cfg->status_count : 1); i++) {
		text_add(&t, "%s%u", i ? ", " : "", range[i].from);
		if (range[i].to != range[i].from)
			text_add(&t, "-%u", range[i].to);
	}
	return buf;
}

static void answered(void *user, const struct io_http_answer *a)
{
	struct check *c = user;
	const struct config_check *cfg = c->cfg;
	char wanted[WANTED_MAX];

	((struct http_run *)c->run)->call = NULL;
	if (a->error)
		check_finish(c, check_from_http(a->error), "%s", a->why);
	else if (!status_is_wanted(cfg, a->status))
		check_finish(c, CHECK_WRONG, "status %d, wanted %s", a->status, wanted_text(cfg, wanted));
	else if (cfg->body && !check_contains(a->body, a->body_len, cfg->body, strlen(cfg->body)))
		check_finish(c, CHECK_WRONG, "the answer%s does not contain \"%s\"",
			a->body_cut ? "'s first 64 KiB" : "", cfg->body);
	else
		check_finish(c, CHECK_PASSED, "%s", "");
}

static void start(struct check *c)
{
	const struct config_check *cfg = c->cfg;
	struct io_http_request r = check_http_request(c);
	struct http_run *run;
	size_t n = 0;

	if (!c->env->http) {
		check_finish_later(c, CHECK_BROKEN, "there is no HTTP client; the log says why");
		return;
	}
	c->run = run = mem_calloc(1, sizeof(*run));
	run->headers[n++] = c->env->user_agent;
	r.tls = cfg->type == CONFIG_CHECK_HTTPS;
	r.method = cfg->method ? cfg->method : "GET";
	r.path = cfg->path ? cfg->path : "/";
	r.host = r.tls && cfg->server_name ? cfg->server_name : cfg->host;
	if (cfg->host && r.host != cfg->host)
		run->headers[n++] = run->host_line = mem_printf("Host: %s", cfg->host);
	r.headers = run->headers;
	run->call = io_http_start(c->env->http, &r, answered, c);
}

const struct check_kind check_kind_http = { start, stop };
