#include "agent/preflight.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>

enum {
	IPV4_HEADER = 20,
	IPV6_HEADER = 40,
	GUE_HEADERS = 8 + 4, /* UDP, GUE */
	REMOTE_CHECKSUM = 8,
	GRE_HEADER = 4,
	GRE_CHECKSUM = 4,
	IPV6_MTU_MIN = 1280,
};

/* --- findings --- */

static struct preflight_finding *find(struct preflight *p, enum preflight_grade grade)
{
	struct preflight_finding *f = &p->list[p->count];

	if (p->count == PREFLIGHT_MAX) {
		p->left_out++;
		return NULL;
	}
	p->count++;
	f->grade = grade;
	f->what[0] = f->todo[0] = 0;
	return f;
}

static void say(struct preflight *p, enum preflight_grade grade, const char *todo, const char *fmt, ...)
	__attribute__((format(printf, 4, 5)));
static void say(struct preflight *p, enum preflight_grade grade, const char *todo, const char *fmt, ...)
{
	struct preflight_finding *f = find(p, grade);
	va_list ap;

	if (!f)
		return;
	va_start(ap, fmt);
	vsnprintf(f->what, sizeof(f->what), fmt, ap);
	va_end(ap);
	snprintf(f->todo, sizeof(f->todo), "%s", todo);
}

bool preflight_has(const struct preflight *p, enum preflight_grade grade)
{
	for (size_t i = 0; i < p->count; i++)
		if (p->list[i].grade == grade)
			return true;
	return false;
}

/* --- what we are --- */

static void judge_rights(const struct preflight_world *w, struct preflight *out)
{
	if (!w->net_admin)
		say(out, PREFLIGHT_PROBLEM,
			"run as root, or with the capability; Kubernetes: securityContext: capabilities: "
			"add: "
			"[NET_ADMIN]",
			"CAP_NET_ADMIN is not in effect: IPVS, routes and marks cannot be used");
	if (!w->first_user_space)
		say(out, PREFLIGHT_PROBLEM,
			"run it outside of user namespaces; Kubernetes: hostUsers: true (the default) in the "
			"pod's spec",
			"this is a user namespace: the kernel lets IPVS be changed only from the initial "
			"one");
	if (w->ipvs_error && w->net_admin && w->first_user_space)
		say(out, PREFLIGHT_PROBLEM, "", "%s", w->ipvs_error);
}

/* --- modules and programs --- */

static bool asked_before(const struct config_agent *cfg, size_t i)
{
	for (size_t k = 0; k < i; k++)
		if (strcmp(cfg->services[k].scheduler, cfg->services[i].scheduler) == 0)
			return true;
	return false;
}

static void judge_module(
	const struct preflight_world *w, const char *name, const char *for_what, struct preflight *out)
{
	enum kernel_module m = w->module(name);
	char todo[PREFLIGHT_TEXT_MAX];

	snprintf(todo, sizeof(todo), "on the node: modprobe %s", name);
	if (m == KERNEL_MODULE_ABSENT)
		say(out, PREFLIGHT_PROBLEM, "use a kernel that has it", "this kernel has no module %s: %s",
			name, for_what);
	if (m == KERNEL_MODULE_UNKNOWN)
		say(out, PREFLIGHT_NOTE, todo,
			"the module %s is not loaded (%s), and whether the kernel has it cannot be seen from "
			"here; it is loaded when it is first needed, if the node has it",
			name, for_what);
}

static void judge_masquerade(
	const struct config_agent *cfg, const struct preflight_world *w, struct preflight *out)
{
	bool needed[2] = { false, false };
	static const char *const tools[] = { "iptables", "ip6tables" };

	for (size_t i = 0; cfg->masquerade && i < cfg->service_count; i++)
		if (cfg->services[i].forward == CONFIG_FORWARD_NAT)
			needed[cfg->services[i].family == IP_V6] = true;
	if (!needed[0] && !needed[1])
		return;
	judge_module(w, "xt_ipvs", "masquerade needs it to tell balanced packets", out);
	if (!w->net_raw)
		say(out, PREFLIGHT_PROBLEM,
			"run as root, or with both capabilities; Kubernetes: securityContext: capabilities: "
			"add: "
			"[NET_ADMIN, NET_RAW]",
			"CAP_NET_RAW is not in effect: masquerade runs iptables, which does nothing without "
			"it");
	if (!w->iptables_lock)
		say(out, PREFLIGHT_NOT_YET,
			"run as root, let this user open it (chgrp and chmod 0640, "
			"contrib/systemd/tmpfiles.d), or use a "
			"kernel with nf_tables, where iptables needs no such file",
			"/run/xtables.lock cannot be opened by this user: iptables-legacy refuses to work "
			"for masquerade");
	for (size_t i = 0; i < 2; i++)
		if (needed[i] && !w->program(tools[i]))
			say(out, PREFLIGHT_PROBLEM, "install it (Debian: apt-get install iptables)",
				"the program %s is not there: masquerade needs it, since nft cannot match "
				"balanced "
				"packets",
				tools[i]);
}

static void judge_modules(
	const struct config_agent *cfg, const struct preflight_world *w, struct preflight *out)
{
	char name[64], why[128];

	for (size_t i = 0; i < cfg->service_count; i++) {
		const struct config_virtual *v = &cfg->services[i];

		if (v->persistence.engine) {
			snprintf(name, sizeof(name), "ip_vs_pe_%s", v->persistence.engine);
			snprintf(why, sizeof(why), "the persistence engine of %s", v->name);
			judge_module(w, name, why, out);
		}
		if (asked_before(cfg, i))
			continue;
		snprintf(name, sizeof(name), "ip_vs_%s", v->scheduler);
		snprintf(why, sizeof(why), "the scheduler of %s", v->name);
		judge_module(w, name, why, out);
	}
}

/* --- files --- */

static void judge_directory(const char *file, const char *key, enum preflight_grade grade, const char *why,
	const struct preflight_world *w, struct preflight *out)
{
	char dir[PREFLIGHT_TEXT_MAX], todo[PREFLIGHT_TEXT_MAX + 16];
	const char *slash = file ? strrchr(file, '/') : NULL;

	if (!slash)
		return;
	snprintf(dir, sizeof(dir), "%.*s", slash > file ? (int)(slash - file) : 1, file);
	if (w->directory(dir))
		return;
	snprintf(todo, sizeof(todo), "mkdir -p %s", dir);
	say(out, grade, todo, "the directory %s of %s is missing: %s", dir, key, why);
}

static void judge_files(
	const struct config_agent *cfg, const struct preflight_world *w, struct preflight *out)
{
	judge_directory(cfg->control.socket, "control.socket", PREFLIGHT_PROBLEM,
		"rrctl could not reach the agent", w, out);
	if (cfg->control.read_only_socket)
		judge_directory(cfg->control.read_only_socket, "control.read-only-socket", PREFLIGHT_PROBLEM,
			"nobody could read there", w, out);
	judge_directory(cfg->ipvs.state_file, "ipvs.state-file", PREFLIGHT_NOTE,
		"after a restart, services that are no longer configured would stay in the kernel", w, out);
}

/* --- settings --- */

static void judge_settings(const struct needs_state *s, struct preflight *out)
{
	for (size_t i = 0; i < s->count; i++) {
		const struct needs_found *f = &s->list[i];
		char words[PREFLIGHT_TEXT_MAX], todo[PREFLIGHT_TEXT_MAX];
		struct text t = text_init(words, sizeof(words));

		if (f->right)
			continue;
		needs_describe(f, &t);
		snprintf(todo, sizeof(todo), "sysctl -w %s=%ld", f->need.key, f->need.wanted);
		if (f->may_be_set)
			say(out, PREFLIGHT_NOTE, "nothing: it is set at start", "%s", words);
		else
			say(out, f->need.necessary ? PREFLIGHT_PROBLEM : PREFLIGHT_NOTE, todo, "%s", words);
	}
}

/* --- ways --- */

static void judge_address(
	const struct config_virtual *v, const struct preflight_world *w, struct preflight *out)
{
	char addr[PREFIX_TEXT_MAX], todo[PREFLIGHT_TEXT_MAX];
	struct local_route_way way;

	if (!v->address.family)
		return;
	w->way(&v->address, &way);
	if (way.there && way.local)
		return;
	ip_addr_format(&v->address, addr);
	snprintf(todo, sizeof(todo), "let lb-announcer do it, or: ip route add local %s dev lo", addr);
	say(out, PREFLIGHT_NOT_YET, todo,
		"%s: its address %s is not local here, so its packets are not taken but forwarded or dropped",
		v->name, addr);
}

static uint32_t overhead(const struct config_virtual *v, const struct ip_addr *server)
{
	uint32_t header = server->family == IP_V4 ? IPV4_HEADER : IPV6_HEADER;

	switch (v->tunnel.type) {
	case CONFIG_TUNNEL_GUE:
		return header + GUE_HEADERS +
		       (v->tunnel.checksum == CONFIG_TUNNEL_REMOTE_CHECKSUM ? REMOTE_CHECKSUM : 0);
	case CONFIG_TUNNEL_GRE:
		return header + GRE_HEADER +
		       (v->tunnel.checksum == CONFIG_TUNNEL_CHECKSUM ? GRE_CHECKSUM : 0);
	default:
		return header;
	}
}

struct narrow {
	uint32_t room; /* for the packet inside; UINT32_MAX: nothing seen */
	struct local_route_way way;
	struct ip_addr server;
};

static void judge_server(const struct config_virtual *v, const struct ip_addr *server,
	const struct preflight_world *w, struct narrow *n, struct preflight *out)
{
	struct local_route_way way;
	char addr[PREFIX_TEXT_MAX];
	uint32_t taken;

	w->way(server, &way);
	if (!way.there) {
		say(out, PREFLIGHT_NOT_YET, "give this network namespace a route to it",
			"%s: there is no route to its server %s", v->name, ip_addr_format(server, addr));
		return;
	}
	taken = overhead(v, server);
	if (v->forward == CONFIG_FORWARD_TUN && !way.local && way.mtu > taken && way.mtu - taken < n->room)
		*n = (struct narrow){ way.mtu - taken, way, *server };
}

static void judge_room(const struct config_virtual *v, const struct narrow *n, struct preflight *out)
{
	char addr[PREFIX_TEXT_MAX];

	ip_addr_format(&n->server, addr);
	if (v->family == IP_V6 && n->room < IPV6_MTU_MIN)
		say(out, PREFLIGHT_PROBLEM, "raise the MTU of the overlay",
			"%s: the tunnel to %s leaves %u octets of the MTU %u of %s, and IPv6 needs 1280",
			v->name, addr, n->room, n->way.mtu, n->way.interface);
	else
		say(out, PREFLIGHT_NOTE,
			"prepare the servers with lb-ipvs-agent --real-server, and clients send packets that "
			"fit",
			"%s: packets of more than %u octets do not fit into the tunnel to %s (MTU %u of %s)",
			v->name, n->room, addr, n->way.mtu, n->way.interface);
}

/* How servers route their answers cannot be seen from here. */
static void judge_return(
	const struct config_agent *cfg, const struct config_virtual *v, struct preflight *out)
{
	if (v->forward != CONFIG_FORWARD_NAT || cfg->masquerade)
		return;
	say(out, PREFLIGHT_NOTE,
		"in each server: ip route add CLIENTS via an address of this network namespace; or set "
		"masquerade: "
		"true, which hides the clients' addresses",
		"%s: with nat the servers' answers must come back through here, or clients get them from a "
		"stranger",
		v->name);
}

static void judge_ways(const struct config_agent *cfg, const struct preflight_world *w, struct preflight *out)
{
	for (size_t i = 0; i < cfg->service_count; i++) {
		const struct config_virtual *v = &cfg->services[i];
		struct narrow n = { .room = UINT32_MAX };

		judge_address(v, w, out);
		judge_return(cfg, v, out);
		for (size_t k = 0; k < v->source.server_count; k++)
			judge_server(v, &v->source.servers[k].endpoint.addr, w, &n, out);
		if (n.room != UINT32_MAX)
			judge_room(v, &n, out);
	}
}

void preflight_judge(const struct config_agent *cfg, const struct preflight_world *w,
	const struct needs_state *settings, struct preflight *out)
{
	*out = (struct preflight){ .count = 0 };
	judge_rights(w, out);
	judge_modules(cfg, w, out);
	judge_masquerade(cfg, w, out);
	judge_files(cfg, w, out);
	if (settings)
		judge_settings(settings, out);
	judge_ways(cfg, w, out);
}
