#include "node/preflight.h"

#include "daemon/capability.h"
#include "daemon/group.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

/* --- the judgement --- */

__attribute__((format(printf, 4, 5))) static void add(
	struct node_preflight *p, bool problem, const char *todo, const char *fmt, ...)
{
	struct node_finding *f = &p->list[p->count];
	va_list args;

	if (p->count == NODE_PREFLIGHT_MAX)
		return;
	p->count++;
	f->problem = problem;
	snprintf(f->todo, sizeof(f->todo), "%s", todo);
	va_start(args, fmt);
	vsnprintf(f->what, sizeof(f->what), fmt, args);
	va_end(args);
}

static bool is_wished(const struct node_world *w, const char *key)
{
	for (size_t i = 0; i < w->hash_count; i++)
		if (strcmp(w->hash[i].key, key) == 0)
			return true;
	return false;
}

static void judge_settings(
	const struct config_node_settings *cfg, const struct node_world *w, struct node_preflight *out)
{
	char todo[NODE_PREFLIGHT_TEXT_MAX];

	for (size_t i = 0; i < w->wrong_count; i++) {
		const struct kernel_sysctl *s = &w->wrong[i];

		/* The program sets it when it starts. */
		if (is_wished(w, s->key) && cfg->hash == CONFIG_HASH_OWN && w->hash_writable)
			continue;
		snprintf(todo, sizeof(todo), "sysctl -w %s=%ld, or node.sysctls: set", s->key, s->wanted);
		add(out, cfg->sysctls == CONFIG_SYSCTLS_CHECK, todo, "%s is %ld: %s", s->key, s->value,
			s->reason);
	}
}

static void judge_hash(
	const struct config_node_settings *cfg, const struct node_world *w, struct node_preflight *out)
{
	const char *alike =
		"where the router before this node hashes alike, one pod of a service gets all that "
		"reaches the node";
	char todo[NODE_PREFLIGHT_TEXT_MAX];

	if (!w->seed_there)
		add(out, false, "", "this kernel has no " NODE_HASH_SEED " (Linux 6.11 has): %s", alike);
	else if (w->seed)
		add(out, false, "", NODE_HASH_SEED " is %ld: the router before this node must have another",
			w->seed);
	if (cfg->hash == CONFIG_HASH_KEEP && w->hash_count)
		add(out, false, "node.hash: own",
			"node.hash is keep, and the kernel's hash is not its own: %s", alike);
	for (size_t i = 0; cfg->hash == CONFIG_HASH_OWN && !w->hash_writable && i < w->hash_count; i++) {
		const struct node_hash_wish *h = &w->hash[i];

		snprintf(todo, sizeof(todo), "sysctl -w %s=%ld on the node", h->key, h->wanted);
		add(out, false, todo, "%s is %ld and cannot be set from here: %s", h->key, h->value, alike);
	}
}

void node_preflight_judge(
	const struct config_node_settings *cfg, const struct node_world *w, struct node_preflight *out)
{
	char todo[NODE_PREFLIGHT_TEXT_MAX];

	*out = (struct node_preflight){ 0 };
	if (!w->net_admin)
		add(out, true,
			"run it as root, or with this one capability (Kubernetes: securityContext: "
			"capabilities: add: [NET_ADMIN])",
			"CAP_NET_ADMIN is missing: no route can be written");
	judge_settings(cfg, w, out);
	judge_hash(cfg, w, out);
	if (!w->socket_directory) {
		snprintf(todo, sizeof(todo), "make the directory of %.200s, and mount it into the pods",
			cfg->socket);
		add(out, true, todo, "node.socket: its directory is not there");
	}
	if (!w->group_found)
		add(out, true, "make the group, or write its number",
			"node.socket-group: there is no group \"%s\" here", cfg->socket_group);
}

/* --- the world --- */

static bool has_directory(const char *path)
{
	const char *slash = strrchr(path, '/');
	char dir[256];

	if (slash == path || (size_t)(slash - path) >= sizeof(dir))
		return true;
	memcpy(dir, path, (size_t)(slash - path));
	dir[slash - path] = 0;
	return access(dir, W_OK | X_OK) == 0;
}

static void look(const struct config_node_settings *cfg, struct node_world *out)
{
	bool ipv4 = config_node_has_services(cfg, IP_V4), ipv6 = config_node_has_services(cfg, IP_V6);
	gid_t gid;

	*out = (struct node_world){ .net_admin = daemon_has_capability(DAEMON_CAP_NET_ADMIN),
		.hash_writable = true,
		.socket_directory = has_directory(cfg->socket),
		.group_found = !cfg->socket_group || daemon_group_find(cfg->socket_group, &gid) };
	out->seed_there = kernel_sysctl_read(NODE_HASH_SEED, &out->seed);
	out->hash_count = node_hash_wishes(ipv4, ipv6, kernel_sysctl_read, 1, out->hash);
	for (size_t i = 0; i < out->hash_count; i++)
		out->hash_writable &= kernel_sysctl_writable(out->hash[i].key);
	if (cfg->sysctls != CONFIG_SYSCTLS_IGNORE)
		out->wrong_count = kernel_sysctls_check(ipv4, ipv6, out->wrong);
}

int node_preflight_main(const struct config_node_routes *cfg, const char *path)
{
	struct node_preflight found;
	struct node_world world;
	bool good = true;

	look(&cfg->node, &world);
	node_preflight_judge(&cfg->node, &world, &found);
	for (size_t i = 0; i < found.count; i++) {
		const struct node_finding *f = &found.list[i];

		printf("%s: %s\n", f->problem ? "problem" : "note", f->what);
		if (f->todo[0])
			printf("    do: %s\n", f->todo);
		good &= !f->problem;
	}
	printf("%s: %s\n", path, good ? "good" : "not good");
	return good ? EXIT_SUCCESS : EXIT_FAILURE;
}
