/* Another configuration for a running agent: services are told apart by what they are in the kernel, and everything that is
 * known of them stays. */
#include "agent/agent.h"

#include "agent/wish.h"
#include "base/log.h"
#include "base/mem.h"
#include "config/errors.h"
#include "daemon/notify.h"
#include "kernel/sysctl.h"

#include <stdlib.h>
#include <string.h>

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

/* What only a start can change. */
static bool same_process(
	const struct config_agent *a, const struct config_agent *b, struct config_errors *errs)
{
	if (strcmp(a->control.socket, b->control.socket) != 0)
		config_error_place(
			errs, 0, 0, "control.socket cannot change while the agent runs: restart it");
	if (!a->control.group != !b->control.group ||
		(a->control.group && strcmp(a->control.group, b->control.group) != 0))
		config_error_place(
			errs, 0, 0, "control.group cannot change while the agent runs: restart it");
	if (a->ipvs.check_mark != b->ipvs.check_mark)
		config_error_place(
			errs, 0, 0, "ipvs.check-mark cannot change while the agent runs: restart it");
	return config_errors_count(errs) == 0;
}

static struct config_agent *load(struct agent *a, char **why)
{
	struct config_errors *errs = config_errors_new();
	struct config_agent *cfg = config_agent_load(a->path, errs);

	if (cfg && !same_process(a->cfg, cfg, errs)) {
		config_agent_free(cfg);
		cfg = NULL;
	}
	*why = config_errors_format(errs);
	config_errors_free(errs);
	if (cfg && !agent_prepare_checks(a, cfg)) {
		config_agent_free(cfg);
		free(*why);
		*why = mem_strdup("HTTP checks cannot be made here");
		return NULL;
	}
	return cfg;
}

/* Logs all of it, and leaves the first line of it in *why. */
static void refuse(char **why)
{
	size_t first = strcspn(*why, "\n"), more = 0;
	char *line;

	log_error("reload refused, nothing was changed");
	log_lines(LOG_LEVEL_ERROR, *why);
	for (const char *p = *why + first; *p; p++)
		more += *p == '\n' && p[1];
	line = more ? mem_printf("%.*s (and %zu more, see the log)", (int)first, *why, more)
		    : mem_printf("%.*s", (int)first, *why);
	free(*why);
	*why = line;
}

static bool try_reload(struct agent *a, char **why)
{
	struct config_agent *cfg = load(a, why), *old = a->cfg;
	struct ipvs_config ipvs;

	if (!cfg)
		refuse(why);
	free(a->reload_error);
	a->reload_error = cfg ? NULL : mem_strdup(*why);
	if (!cfg) {
		a->reload_failures++;
		return false;
	}
	a->reloads++;
	a->cfg = cfg;
	log_init("lb-ipvs-agent", cfg->log.to, cfg->log.level);
	agent_ipvs_config(cfg, &ipvs);
	ipvs_configure(a->ipvs, &ipvs);
	agent_hold_settings(a);
	masquerade_configure(a->masquerade, cfg);
	ipvs_set_timeouts(a->ipvs, cfg->timeouts.tcp_s, cfg->timeouts.tcp_fin_s, cfg->timeouts.udp_s);
	/* Not before the kernel was listed: begin() takes the new one then. */
	if (a->ready)
		switch_services(a);
	config_agent_free(old);
	log_info("reloaded: %zu services", cfg->service_count);
	return true;
}

bool agent_reload(struct agent *a, char **why)
{
	/* Before that the manager still waits for the start. */
	bool ready = a->ready, ok;

	if (ready)
		daemon_notify(DAEMON_RELOADING, NULL);
	ok = try_reload(a, why);
	if (ready)
		daemon_notify(DAEMON_READY, NULL);
	return ok;
}
