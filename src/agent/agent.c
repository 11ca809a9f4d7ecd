#include "agent/agent.h"

#include "agent/preflight.h"
#include "agent/wish.h"
#include "base/log.h"
#include "base/mem.h"
#include "control/feed.h"
#include "config.h"
#include "daemon/group.h"
#include "daemon/notify.h"

#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum {
	TICK_US = 250000,
	LOOK_US = 2000000,
	ADVICE_MAX = 8192,
	LINGER_US = 1000000,	 /* packets on their way to a route that has just gone */
	REMOVE_MAX_US = 3000000, /* for the rules to go */
};

uint64_t agent_now_us(const struct agent *a)
{
	return io_loop_now_us(a->loop);
}

bool agent_settled(const struct agent *a)
{
	return ipvs_settled(a->ipvs) && masquerade_settled(a->masquerade);
}

void agent_touch(struct agent *a)
{
	io_job_post(a->apply);
}

struct service *agent_service(const struct agent *a, const char *name)
{
	char key[IPVS_KEY_TEXT_MAX];

	LIST_FOREACH (link, &a->services) {
		struct service *s = LIST_ENTRY(link, struct service, link);

		if (strcmp(s->name, name) == 0 || strcmp(ipvs_key_format(&s->wish.key, key), name) == 0)
			return s;
	}
	return NULL;
}

/* --- wishes --- */

/* What we made once and nobody wishes any more goes only when all have had their say: a source may be slow. */
static void complete(struct agent *a)
{
	LIST_FOREACH (link, &a->services)
		if (!LIST_ENTRY(link, struct service, link)->told)
			return;
	if (a->ready && !a->complete)
		ipvs_wishes_complete(a->ipvs);
	a->complete = a->ready;
}

static void apply(void *user)
{
	struct agent *a = user;

	LIST_FOREACH (link, &a->services) {
		struct service *s = LIST_ENTRY(link, struct service, link);

		if (!s->touched)
			continue;
		if (service_apply(s)) {
			report_service(s);
		} else {
			report_service_gone(s);
			service_free(s);
		}
	}
	complete(a);
	if (!io_timer_pending(a->tick))
		io_timer_set(a->tick, TICK_US);
}

static void tick(void *user)
{
	struct agent *a = user;
	bool draining = false;

	LIST_FOREACH (link, &a->services)
		draining |= service_tick(LIST_ENTRY(link, struct service, link));
	if (draining)
		io_timer_set(a->tick, TICK_US);
}

/* Nothing of ours is in the kernel any more. */
static void end_if_gone(struct agent *a)
{
	if (a->removing && a->unmasked && ipvs_settled(a->ipvs))
		io_loop_stop(a->loop);
}

/* --- what the kernel tells --- */

static void seen(void *user, const struct ipvs_key *key)
{
	struct agent *a = user;
	bool settled;

	LIST_FOREACH (link, &a->services) {
		struct service *s = LIST_ENTRY(link, struct service, link);

		if (!ipvs_key_equal(&s->wish.key, key))
			continue;
		service_seen(s);
		report_service_seen(s);
	}
	settled = ipvs_settled(a->ipvs);
	if (settled && !a->settled)
		event_settled(a);
	a->settled = settled;
	end_if_gone(a);
}

/* A service without its rules would send servers connections that they cannot answer. */
static bool masquerade_has_spoken(const struct agent *a)
{
	return masquerade_settled(a->masquerade) || *masquerade_error(a->masquerade);
}

static void begin(struct agent *a)
{
	if (a->ready || !a->listed || !masquerade_has_spoken(a))
		return;
	a->ready = true;
	for (size_t i = 0; i < a->cfg->service_count; i++)
		list_add_tail(&a->services, &service_new(a, &a->cfg->services[i])->link);
	agent_touch(a);
	report_beat(a);
	a->reload.starting = false;
	daemon_notify(DAEMON_READY, NULL);
}

static void listed(void *user)
{
	struct agent *a = user;

	a->listed = true;
	begin(a);
}

static void kernel_failed(void *user, const char *why)
{
	(void)user;
	log_error("IPVS: %s", why);
}

/* The last word of rules that go: without them being ours in the file any more. */
static void written(void *user)
{
	end_if_gone(user);
}

static const struct ipvs_ops ipvs_ops = {
	.ready = listed, .changed = seen, .failed = kernel_failed, .written = written
};

/* --- end --- */

static void end_now(void *user)
{
	io_loop_stop(((struct agent *)user)->loop);
}

static void give_up(void *user)
{
	log_warning("ending: not all rules have gone within %d s", REMOVE_MAX_US / 1000000);
	end_now(user);
}

static void unmasked(void *user)
{
	struct agent *a = user;

	a->unmasked = true;
	end_if_gone(a);
}

uint64_t agent_wait_us(const struct agent *a)
{
	uint64_t now_us = agent_now_us(a);

	return now_us < a->wait_until_us ? a->wait_until_us - now_us : 0;
}

/* Nothing is sent here any more. */
static void remove_rules(void *user)
{
	struct agent *a = user;

	if (a->removing)
		return;
	a->removing = true;
	a->wait_until_us = 0;
	report_beat(a);
	log_info("ending: the rules go");
	LIST_FOREACH (link, &a->services) {
		struct service *s = LIST_ENTRY(link, struct service, link);
		struct ipvs_key key = s->wish.key;

		service_free(s);
		ipvs_unset(a->ipvs, &key);
	}
	io_timer_free(a->end_timer);
	a->end_timer = io_timer_new(a->loop, give_up, a);
	io_timer_set(a->end_timer, REMOVE_MAX_US);
	masquerade_leave(a->masquerade, unmasked, a);
}

void agent_announcers_changed(struct agent *a)
{
	bool nobody = report_nobody_announces(a);
	uint64_t wait_us = agent_wait_us(a);

	if (!a->ending || a->removing || nobody == a->lingering)
		return;
	a->lingering = nobody;
	/* What an announcer says may have been on its way when the end came. */
	log_info(nobody ? "ending: nobody announces any more" : "ending: lb-announcer announces after all");
	io_timer_set(a->end_timer, nobody && wait_us > LINGER_US ? LINGER_US : wait_us);
}

static void end(void *user)
{
	struct agent *a = user;

	if (a->ending)
		return remove_rules(a);
	daemon_notify(DAEMON_STOPPING, NULL);
	/* Nobody needs to be waited for: what they announce goes on working. */
	if (a->cfg->ipvs.on_exit == CONFIG_EXIT_KEEP || !a->ready) {
		log_info("ending: the kernel keeps its rules");
		return end_now(a);
	}
	a->ending = true;
	a->wait_until_us = agent_now_us(a) + a->cfg->ipvs.exit_wait_s * UINT64_C(1000000);
	report_beat_counted(a);
	a->end_timer = io_timer_new(a->loop, remove_rules, a);
	if (list_empty(&a->announcers))
		return remove_rules(a);
	log_info("told to end: rules and checks stay until lb-announcer has withdrawn, %u s at most",
		a->cfg->ipvs.exit_wait_s);
	io_timer_set(a->end_timer, agent_wait_us(a));
	agent_announcers_changed(a);
}

/* --- start --- */

static bool start_control(struct agent *a)
{
	const struct config_control *c = &a->cfg->control;
	struct control_server_config cfg = {
		.program = "lb-ipvs-agent", .targets = OF_AGENT, .handlers = agent_handlers, .user = a
	};
	char err[256];

	cfg.full = (struct control_socket){ c->socket,
		daemon_group_of_socket("control.group", c->group, c->socket) };
	cfg.read_only = (struct control_socket){ c->read_only_socket,
		daemon_group_of_socket("control.read-only-group", c->read_only_group, c->read_only_socket) };
	a->control = control_server_new(a->loop, &cfg, err);
	if (!a->control)
		log_error("control: %s", err);
	return a->control != NULL;
}

bool agent_hold_settings(struct agent *a)
{
	char buf[ADVICE_MAX] = "";
	struct text advice = text_init(buf, sizeof(buf));

	if (needs_apply(a->cfg, &a->needs))
		return true;
	needs_advice(&a->needs, &advice);
	log_error("the kernel's settings are not what the services need");
	log_lines(LOG_LEVEL_ERROR, buf);
	return false;
}

/* Others may change settings and nobody is told; sources tell of their troubles only when they are asked. */
static void look(void *user)
{
	struct agent *a = user;
	struct ipvs_config cfg;

	needs_check(a->cfg, &a->needs);
	agent_ipvs_config(a->cfg, &cfg);
	ipvs_configure(a->ipvs, &cfg);
	LIST_FOREACH (link, &a->services)
		service_look(LIST_ENTRY(link, struct service, link));
	io_timer_set(a->look, LOOK_US);
}

static void masquerade_failed(void *user, const char *why)
{
	(void)user;
	log_error("masquerade: %s", why);
}

static void masquerade_rested(void *user)
{
	begin(user);
}

static const struct masquerade_ops masquerade_ops = { masquerade_failed, masquerade_rested };

static bool start_ipvs(struct agent *a)
{
	const struct config_ipvs_timeouts *t = &a->cfg->timeouts;
	struct ipvs_config cfg;
	char err[512];
	int error;

	agent_ipvs_config(a->cfg, &cfg);
	a->ipvs = ipvs_new(a->loop, &cfg, &ipvs_ops, a, err, sizeof(err));
	if (!a->ipvs) {
		log_error("IPVS: %s", err);
		return false;
	}
	if (!agent_hold_settings(a) || !preflight_start(a->cfg))
		return false;
	a->masquerade = masquerade_new(a->loop, a->cfg, &masquerade_ops, a);
	agent_ipvs_config(a->cfg, &cfg);
	ipvs_configure(a->ipvs, &cfg);
	error = ipvs_set_timeouts(a->ipvs, t->tcp_s, t->tcp_fin_s, t->udp_s);
	if (error)
		log_error("timeouts: the kernel refuses them: %s", strerror(-error));
	return error == 0;
}

static bool needs_http(const struct config_agent *cfg)
{
	for (size_t i = 0; i < cfg->service_count; i++)
		for (size_t k = 0; k < cfg->services[i].check_count; k++) {
			unsigned type = cfg->services[i].checks[k].type;

			if (type == CONFIG_CHECK_HTTP || type == CONFIG_CHECK_HTTPS ||
				type == CONFIG_CHECK_GRPC)
				return true;
		}
	return false;
}

bool agent_prepare_checks(struct agent *a, const struct config_agent *cfg)
{
	a->checks.loop = a->loop;
	a->checks.user_agent = "User-Agent: lb-ipvs-agent";
	if (!a->checks.http && needs_http(cfg))
		a->checks.http = io_http_new(a->loop);
	return a->checks.http || !needs_http(cfg);
}

/* For the service manager. */
static void status_line(void *user, struct text *out)
{
	const struct agent *a = user;
	size_t services = 0, servers = 0, up = 0;
	struct service_sum sum;

	LIST_FOREACH (link, &a->services) {
		service_sum(LIST_ENTRY(link, struct service, link), &sum);
		services++;
		servers += sum.members;
		up += sum.state[SERVER_UP];
	}
	text_add(out, "%zu services; %zu of %zu servers up%s", services, up, servers,
		a->ending    ? "; waiting for the end"
		: a->settled ? ""
			     : "; the kernel is not yet as wished");
	reload_status_text(&a->reload, out);
}

struct agent *agent_new(struct config_agent *cfg, const char *path)
{
	struct agent *a = mem_calloc(1, sizeof(*a));

	signal(SIGPIPE, SIG_IGN);
	a->cfg = cfg;
	reload_init(&a->reload, &agent_reload_ops, path, a);
	a->reload.starting = true;
	list_init(&a->services);
	list_init(&a->announcers);
	a->marks = (struct marks){ .first = cfg->ipvs.check_mark, .limit = CONFIG_CHECK_MARKS };
	a->loop = io_loop_new();
	a->feed = control_feed_new(0);
	a->pulse = daemon_pulse_new(a->loop, status_line, a);
	report_start(a);
	a->started_us = agent_now_us(a);
	a->on_term = io_signal_new(a->loop, SIGTERM, end, a);
	a->on_int = io_signal_new(a->loop, SIGINT, end, a);
	a->on_hup = io_signal_new(a->loop, SIGHUP, reload_signal, &a->reload);
	a->apply = io_job_new(a->loop, apply, a);
	a->tick = io_timer_new(a->loop, tick, a);
	a->look = io_timer_new(a->loop, look, a);
	io_timer_set(a->look, LOOK_US);
	a->resolver = io_worker_new(a->loop, "resolver");
	a->files = io_file_watch_new(a->loop);
	a->kube = kube_new(a->loop, a->resolver, &cfg->kubernetes);
	if (!a->resolver || !agent_prepare_checks(a, cfg) || !start_ipvs(a) || !start_control(a)) {
		agent_free(a);
		return NULL;
	}
	log_info("lb-ipvs-agent %s: %zu services", PACKAGE_VERSION, cfg->service_count);
	return a;
}

void agent_run(struct agent *a)
{
	io_loop_run(a->loop);
}

void agent_free(struct agent *a)
{
	daemon_pulse_free(a->pulse);
	control_server_free(a->control);
	control_feed_free(a->feed);
	report_stop(a);
	LIST_FOREACH (link, &a->services)
		service_free(LIST_ENTRY(link, struct service, link));
	masquerade_free(a->masquerade);
	ipvs_free(a->ipvs);
	io_http_free(a->checks.http);
	kube_free(a->kube);
	if (a->resolver)
		io_worker_free(a->resolver, source_drop_work);
	io_file_watch_free(a->files);
	marks_fini(&a->marks);
	io_job_free(a->apply);
	io_timer_free(a->tick);
	io_timer_free(a->look);
	io_timer_free(a->end_timer);
	io_signal_free(a->on_term);
	io_signal_free(a->on_int);
	io_signal_free(a->on_hup);
	io_loop_free(a->loop);
	reload_fini(&a->reload);
	config_agent_free(a->cfg);
	free(a);
}
