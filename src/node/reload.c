/*
 * Another configuration for the running lb-announcer --node; reload/reload.h has the course.
 *
 * No route changes here but by who may register: what is not allowed any more is refused when its announcer says it anew,
 * which it does every ten seconds, so that the announcer withdraws the service before, or as, the route goes.
 */
#include "node/node.h"

#include "base/log.h"
#include "base/mem.h"
#include "config/diff.h"
#include "node/hash.h"

#include <stdlib.h>
#include <string.h>

enum { STRAYS_US = 15000000 /* for announcers that say nothing anew */ };

static struct config_control registry_of(const struct config_node_routes *c)
{
	return (struct config_control){ c->node.socket, c->node.socket_group };
}

static bool check(void *user, const void *cfg, char **why)
{
	const struct node *n = user;
	const struct config_node_routes *to = cfg;
	struct config_control from_registry = registry_of(n->cfg), to_registry = registry_of(to);

	return reload_try_socket(n->registry, "node.socket", &from_registry, &to_registry, why) &&
	       reload_try_socket(n->control, "control", &n->cfg->control, &to->control, why);
}

static bool prepare(void *user, void *cfg, char **why)
{
	struct node *n = user;
	const struct config_node_routes *to = cfg;
	struct config_control from_registry = registry_of(n->cfg), to_registry = registry_of(to);
	char *back = NULL;

	if (!reload_move_socket(n->registry, "node.socket", &from_registry, &to_registry, why))
		return false;
	if (reload_move_control(n->control, &n->cfg->control, &to->control, why))
		return true;
	if (!reload_move_socket(n->registry, "node.socket", &to_registry, &from_registry, &back))
		log_error("%s: announcers cannot register until the next reload", back);
	free(back);
	return false;
}

static void apply_restart_time(struct node *n)
{
	uint64_t until_ms = n->started_ms + n->cfg->node.restart_time_s * UINT64_C(1000),
		 now_ms = node_now_ms(n);

	if (io_timer_pending(n->restart))
		io_timer_set(n->restart, until_ms > now_ms ? (until_ms - now_ms) * 1000 : 0);
}

static void apply(void *user, void *cfg)
{
	struct node *n = user;
	struct config_node_routes *to = cfg, *old = n->cfg;
	bool ipv4 = config_node_has_services(&to->node, IP_V4),
	     ipv6 = config_node_has_services(&to->node, IP_V6);

	config_log_use("lb-announcer-node", &to->log);
	n->cfg = to;
	fib_configure(n->fib, to->node.on_exit == CONFIG_ON_EXIT_REMOVE, ipv4, ipv6);
	if (to->node.hash == CONFIG_HASH_OWN)
		node_hash_see_to(ipv4, ipv6);
	apply_restart_time(n);
	io_timer_set(n->strays, STRAYS_US);
	config_node_routes_free(old);
}

static void *load(void *user, struct config_errors *errs)
{
	const struct node *n = user;

	return config_node_routes_load(n->reload.path, errs);
}

static void unload(void *cfg)
{
	config_node_routes_free(cfg);
}

struct planning {
	const struct node *node;
	const struct config_node_routes *to;
};

static char *effect(
	void *user, const struct config_change *c, const struct reload_element *e, enum config_apply *apply)
{
	const struct planning *p = user;
	size_t strays;

	(void)e;
	(void)apply;
	if (strcmp(c->path, "node.services") != 0 && strcmp(c->path, "node.pods") != 0)
		return NULL;
	strays = node_register_strays(p->node, &p->to->node);
	return strays ? mem_printf("%zu registration%s not allowed any more", strays,
				strays == 1 ? " is" : "s are")
		      : NULL;
}

static struct reload_plan *plan(void *user, const void *to)
{
	static const struct reload_noun nouns[] = { { NULL, NULL } };
	const struct node *n = user;
	struct planning with = { n, to };
	struct reload_plan *p;
	struct config_diff d;

	config_diff_init(&d);
	config_diff(&d, &config_node_routes_schema, n->cfg, to);
	p = reload_plan_of(&d, nouns, effect, &with);
	config_diff_fini(&d);
	return p;
}

const struct reload_ops node_reload_ops = { "lb-announcer --node", load, unload, plan, check, prepare,
	apply };
