/* Another configuration for a running agent (reload/reload.h has the course): services are told apart by what they are in the
 * kernel, and everything that is known of them stays. */
#include "agent/agent.h"
#include "agent/preflight.h"

#include "agent/wish.h"
#include "base/log.h"
#include "base/mem.h"
#include "config/diff.h"
#include "config/errors.h"
#include "kernel/sysctl.h"

#include <stdlib.h>
#include <string.h>

enum { ADVICE_MAX = 4096 };

void agent_ipvs_config(const struct config_agent *cfg, struct ipvs_config *out)
{
	long expire;

	*out = (struct ipvs_config){ .state_path = cfg->ipvs.state_file,
		.compare_s = cfg->ipvs.compare_s,
		.mh_table_size = cfg->ipvs.mh_table_size,
		.expire_nodest = kernel_sysctl_read("net.ipv4.vs.expire_nodest_conn", &expire) && expire };
}

static struct service *take_by_key(struct list *from, const struct ipvs_key *key)
{
	LIST_FOREACH (link, from) {
		struct service *s = LIST_ENTRY(link, struct service, link);

		if (!ipvs_key_equal(&s->wish.key, key))
			continue;
		list_del(&s->link);
		return s;
	}
	return NULL;
}

static void move_all(struct list *from, struct list *to)
{
	LIST_FOREACH (link, from) {
		list_del(link);
		list_add_tail(to, link);
	}
}

static void switch_services(struct agent *a)
{
	struct list old;

	list_init(&old);
	move_all(&a->services, &old);
	for (size_t i = 0; i < a->cfg->service_count; i++) {
		const struct config_virtual *cfg = &a->cfg->services[i];
		struct ipvs_key key;
		struct service *s;

		wish_key(cfg, &key);
		s = take_by_key(&old, &key);
		if (s)
			service_configure(s, cfg);
		else
			s = service_new(a, cfg);
		list_add_tail(&a->services, &s->link);
	}
	LIST_FOREACH (link, &old) {
		struct service *s = LIST_ENTRY(link, struct service, link);

		list_del(link);
		list_add_tail(&a->services, link);
		service_leave(s);
	}
}

/* --- what can fail --- */

static bool check(void *user, const void *cfg, char **why)
{
	const struct agent *a = user;
	const struct config_agent *to = cfg;
	struct preflight_finding problem;

	if (preflight_again(to, &problem))
		return reload_try_socket(a->control, "control", &a->cfg->control, &to->control, why);
	*why = mem_printf("%s%s%s", problem.what, problem.todo[0] ? ": " : "", problem.todo);
	return false;
}

static bool prepare_settings(struct agent *a, const struct config_agent *to, char **why)
{
	struct needs_state needs = { 0 };
	char buf[ADVICE_MAX] = "";
	struct text advice = text_init(buf, sizeof(buf));

	if (needs_apply(to, &needs))
		return true;
	needs_advice(&needs, &advice);
	*why = mem_printf(
		"the kernel's settings are not what the services need: %.*s", (int)strcspn(buf, "\n"), buf);
	needs_apply(a->cfg, &a->needs);
	return false;
}

static int set_timeouts(struct agent *a, const struct config_agent *c)
{
	return ipvs_set_timeouts(a->ipvs, c->timeouts.tcp_s, c->timeouts.tcp_fin_s, c->timeouts.udp_s);
}

static bool prepare(void *user, void *cfg, char **why)
{
	struct agent *a = user;
	const struct config_agent *to = cfg;
	int error;

	if (!agent_prepare_checks(a, to)) {
		*why = mem_strdup("HTTP checks cannot be made here");
		return false;
	}
	if (!prepare_settings(a, to, why))
		return false;
	error = set_timeouts(a, to);
	if (error)
		*why = mem_printf("timeouts: the kernel refuses them: %s", strerror(-error));
	else if (reload_move_control(a->control, &a->cfg->control, &to->control, why))
		return true;
	set_timeouts(a, a->cfg);
	needs_apply(a->cfg, &a->needs);
	return false;
}

/* --- applied --- */

static void apply(void *user, void *cfg)
{
	struct config_agent *to = cfg, *old;
	struct agent *a = user;
	struct ipvs_config ipvs;

	old = a->cfg;
	a->cfg = to;
	config_log_use("lb-ipvs-agent", &to->log);
	agent_ipvs_config(to, &ipvs);
	ipvs_configure(a->ipvs, &ipvs);
	agent_hold_settings(a);
	masquerade_configure(a->masquerade, to);
	kube_configure(a->kube, &to->kubernetes);
	/* Not before the kernel was listed: begin() takes the new one then. */
	if (a->ready)
		switch_services(a);
	config_agent_free(old);
}

/* --- for reload/ --- */

static void *load(void *user, struct config_errors *errs)
{
	const struct agent *a = user;

	return config_agent_load(a->reload.path, errs);
}

static void unload(void *cfg)
{
	config_agent_free(cfg);
}

static char *effect(
	void *user, const struct config_change *c, const struct reload_element *e, enum config_apply *apply)
{
	(void)user;
	(void)apply;
	if (!e || *e->rest)
		return NULL;
	return mem_strdup(strcmp(c->words, "removed") == 0
				  ? "its servers are drained, then it is deleted"
				  : "in the kernel as soon as its servers are known");
}

/* What the defaults say is told of each service for which it holds. */
static void leave_out_defaults(struct config_diff *d)
{
	size_t kept = 0;

	for (size_t i = 0; i < d->count; i++)
		if (strcmp(d->item[i].section, "defaults") != 0)
			d->item[kept++] = d->item[i];
	d->count = kept;
}

static struct reload_plan *plan(void *user, const void *to)
{
	static const struct reload_noun nouns[] = { { "services", "service" }, { NULL, NULL } };
	const struct agent *a = user;
	struct reload_plan *p;
	struct config_diff d;

	config_diff_init(&d);
	config_diff(&d, &config_agent_schema, a->cfg, to);
	leave_out_defaults(&d);
	p = reload_plan_of(&d, nouns, effect, NULL);
	config_diff_fini(&d);
	return p;
}

const struct reload_ops agent_reload_ops = { "lb-ipvs-agent", load, unload, plan, check, prepare, apply };
