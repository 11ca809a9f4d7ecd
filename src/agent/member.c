#include "agent/member.h"

#include "agent/agent.h"
#include "agent/wish.h"
#include "base/log.h"
#include "base/mem.h"
#include "kernel/local_route.h"

#include <netinet/in.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static uint32_t hash_dest(const struct ip_addr *addr, uint16_t port)
{
	return ip_addr_hash(addr) ^ hash_u64(port);
}

const char *member_text(const struct member *m, char *buf)
{
	char addr[PREFIX_TEXT_MAX];

	ip_addr_format(&m->dest.addr, addr);
	snprintf(
		buf, MEMBER_TEXT_MAX, m->dest.addr.family == IP_V6 ? "[%s]:%u" : "%s:%u", addr, m->dest.port);
	return buf;
}

struct member *member_new(struct service *s, const struct ipvs_dest *dest, const struct ipvs_seen_dest *found)
{
	struct member *m = mem_calloc(1, sizeof(*m));

	m->service = s;
	m->dest = *dest;
	m->weight = found ? found->dest.weight : 0;
	server_init(&m->life, found != NULL, agent_now_us(s->agent));
	member_seen(m, found);
	hash_add(&s->members, &m->node, hash_dest(&dest->addr, dest->port));
	return m;
}

/* --- checks --- */

static void verdict(void *user, const struct probe_view *v)
{
	event_check(user, v);
	member_update(user);
}

static struct ipvs_key mark_key(const struct member *m)
{
	return (struct ipvs_key){ .family = m->service->wish.key.family, .mark = m->mark };
}

static bool needs_mark(const struct member *m)
{
	const struct config_virtual *cfg = m->service->cfg;

	for (size_t i = 0; m->listed && cfg && i < cfg->check_count; i++)
		if (cfg->checks[i].through_tunnel)
			return true;
	return false;
}

/* Before the kernel knows the mark, some other server would answer in this one's place. */
static bool may_run(void *user)
{
	const struct member *m = user;
	struct ipvs_key key = mark_key(m);
	struct ipvs_view view;

	if (!needs_mark(m))
		return true;
	if (!m->mark)
		return false;
	ipvs_view(m->service->agent->ipvs, &key, &view);
	return view.present && view.settled;
}

static const struct probe_ops probe_ops = { .changed = verdict, .may_run = may_run };

static uint32_t phase_of(const struct member *m, const struct config_check *c)
{
	uint32_t h = hash_dest(&m->dest.addr, m->dest.port);

	h = hash_bytes(m->service->name, strlen(m->service->name), h);
	return hash_bytes(c->name, strlen(c->name), h);
}

static void target_of(const struct member *m, const struct config_check *c, struct check_target *out)
{
	const struct ipvs_key *key = &m->service->wish.key;

	*out = (struct check_target){ .addr = m->dest.addr,
		.port = c->port ? c->port : m->dest.port,
		.server = m->dest.addr,
		.server_port = m->dest.port,
		.service = m->service->name,
		.server_name = m->name };
	if (!c->through_tunnel)
		return;
	out->addr = key->addr;
	out->port = c->port ? c->port : key->port;
	out->mark = m->mark;
	/* The answer comes from the service's address to this one. */
	local_route_source(&m->dest.addr, &out->source);
}

/* IPVS sends what carries the mark to this server and to no other. */
static void set_mark(struct member *m, bool wanted)
{
	struct agent *a = m->service->agent;
	struct ipvs_wish_dest dest = { .dest = m->dest, .full_weight = 1 };
	struct ipvs_wish wish = { .dests = &dest, .count = 1 };

	if (wanted && !m->mark && !(m->mark = marks_get(&a->marks)))
		log_error("%s: no marks are left for checks through the tunnel: at most %u servers can be "
			  "checked so",
			m->service->name, a->marks.limit);
	if (!m->mark)
		return;
	dest.dest.weight = 1;
	dest.dest.port = 0; /* the packet keeps its own */
	dest.dest.upper_threshold = dest.dest.lower_threshold = 0;
	wish.service = (struct ipvs_service){ .key = mark_key(m), .scheduler = "rr" };
	if (wanted) {
		ipvs_set(a->ipvs, &wish);
		return;
	}
	ipvs_unset(a->ipvs, &wish.service.key);
	marks_put(&a->marks, m->mark);
	m->mark = 0;
}

static struct probe *take_probe(struct probe **old, size_t count, const struct config_check *c)
{
	for (size_t i = 0; i < count; i++) {
		struct probe_view v;
		struct probe *p = old[i];

		if (!p)
			continue;
		probe_view(p, &v);
		if (v.cfg->type != c->type || strcmp(v.cfg->name, c->name) != 0)
			continue;
		old[i] = NULL;
		return p;
	}
	return NULL;
}

/* A server that the kernel has begins as it is there: an agent that starts again moves nothing. */
static bool begins_up(const struct member *m, const struct config_check *c)
{
	return m->in_kernel && !m->probe_count ? m->kernel_weight > 0 : c->initial_up;
}

static void make_probes(struct member *m)
{
	const struct config_virtual *cfg = m->service->cfg;
	size_t count = m->listed && cfg ? cfg->check_count : 0;
	struct probe **probes = mem_calloc(count + 1, sizeof(*probes));
	struct check_target target;

	set_mark(m, needs_mark(m));
	for (size_t i = 0; i < count; i++) {
		const struct config_check *c = &cfg->checks[i];

		target_of(m, c, &target);
		probes[i] = take_probe(m->probes, m->probe_count, c);
		if (probes[i])
			probe_configure(probes[i], c, &target);
		else
			probes[i] = probe_new(&m->service->agent->checks, c, &target, begins_up(m, c),
				phase_of(m, c), &probe_ops, m);
	}
	for (size_t i = 0; i < m->probe_count; i++)
		probe_free(m->probes[i]);
	free(m->probes);
	m->probes = probes;
	m->probe_count = count;
}

void member_free(struct member *m)
{
	for (size_t i = 0; i < m->probe_count; i++)
		probe_free(m->probes[i]);
	free(m->probes);
	set_mark(m, false);
	hash_del(&m->service->members, &m->node);
	free(m->name);
	free(m);
}

bool member_healthy(const struct member *m)
{
	if (m->unready)
		return false;
	for (size_t i = 0; i < m->probe_count; i++) {
		struct probe_view v;

		probe_view(m->probes[i], &v);
		if (!v.health->up)
			return false;
	}
	return true;
}

/* What is down without a verdict of its own is only not known yet. */
static bool is_known(const struct member *m)
{
	if (m->unready)
		return true;
	for (size_t i = 0; i < m->probe_count; i++) {
		struct probe_view v;

		probe_view(m->probes[i], &v);
		if (!v.health->up && v.health->known)
			return true;
	}
	return member_healthy(m);
}

/* The first check that says no, in its words; "" when all say yes. */
static void why_not(const struct member *m, char *out, size_t size)
{
	snprintf(out, size, "%s", m->unready ? "not ready, says its source" : "");
	for (size_t i = 0; i < m->probe_count && !*out; i++) {
		struct probe_view v;

		probe_view(m->probes[i], &v);
		if (!v.health->up && v.ran)
			snprintf(out, size, "%s: %s", v.cfg->name, v.why);
	}
}

/* --- life --- */

static void changed(struct member *m, struct server_life before)
{
	bool is_new = before.state == SERVER_GONE && !before.reason;
	char why[CHECK_WHY_MAX + 64];

	why_not(m, why, sizeof(why));
	event_member(m, is_new ? "new" : server_state_text(before.state),
		m->life.reason == SERVER_FAILED ? why : "");
	service_touch(m->service);
}

void member_update(struct member *m)
{
	struct server_facts f = { .listed = m->listed,
		.terminating = m->terminating,
		.healthy = member_healthy(m),
		.known = is_known(m),
		.drained = m->drained };
	struct server_life before = m->life;
	uint64_t now_us = agent_now_us(m->service->agent);

	if (!server_update(&m->life, &f, &m->service->policy, now_us))
		return;
	if (m->life.state == SERVER_DRAINING && before.state != SERVER_DRAINING && m->drain_us)
		server_set_deadline(&m->life, now_us + m->drain_us);
	changed(m, before);
}

void member_list(struct member *m, const struct endpoint *e)
{
	const struct config_virtual *cfg = m->service->cfg;
	bool was_listed = m->listed;
	int32_t weight;

	m->listed = e != NULL;
	if (e) {
		weight = e->weight >= 0 ? e->weight : cfg->weight;
		if (weight != m->weight)
			service_touch(m->service);
		m->weight = weight;
		m->terminating = e->state == ENDPOINT_TERMINATING;
		m->unready = e->state == ENDPOINT_UNREADY;
		if (!m->name != !e->name || (e->name && strcmp(m->name, e->name) != 0)) {
			free(m->name);
			m->name = e->name ? mem_strdup(e->name) : NULL;
			was_listed = false; /* the checks are told its name */
		}
	}
	if (m->listed != was_listed)
		make_probes(m);
	member_update(m);
}

void member_configure(struct member *m)
{
	if (m->service->cfg)
		wish_dest(m->service->cfg, &m->dest.addr, m->dest.port, m->dest.weight, &m->dest);
	make_probes(m);
	member_update(m);
}

void member_drain(struct member *m, bool drained, uint64_t time_us)
{
	bool again = drained && m->drained;

	m->drained = drained;
	m->drain_us = drained ? time_us : 0;
	member_update(m);
	if (again && time_us && m->life.state == SERVER_DRAINING)
		server_set_deadline(&m->life, agent_now_us(m->service->agent) + time_us);
}

/* UDP has no end of a connection: all that are remembered count. */
uint32_t member_busy(const struct member *m)
{
	bool udp = m->service->wish.key.protocol == IPPROTO_UDP;

	return m->counts.active + (udp ? m->counts.inactive : 0);
}

void member_seen(struct member *m, const struct ipvs_seen_dest *seen)
{
	struct server_life before = m->life;

	m->in_kernel = seen != NULL;
	m->counts = seen ? seen->counts : (struct ipvs_counts){ 0 };
	m->kernel_weight = seen ? seen->dest.weight : 0;
	if (seen &&
		server_counted(&m->life, member_busy(m), m->kernel_weight, agent_now_us(m->service->agent)))
		changed(m, before);
}

void member_tick(struct member *m)
{
	struct server_life before = m->life;

	if (server_tick(&m->life, agent_now_us(m->service->agent)))
		changed(m, before);
}

bool member_finished(const struct member *m)
{
	return !m->listed && m->life.state == SERVER_GONE;
}
