#include "agent/service.h"

#include "agent/agent.h"
#include "agent/wish.h"
#include "base/log.h"
#include "base/mem.h"

#include <netinet/in.h>
#include <stdlib.h>
#include <string.h>

/* --- configuration --- */

static void read_config(struct service *s)
{
	static const enum server_leave leave[] = { [CONFIG_LEAVE_KEEP] = SERVER_LEAVE_KEEP,
		[CONFIG_LEAVE_DRAIN] = SERVER_LEAVE_DRAIN,
		[CONFIG_LEAVE_CUT] = SERVER_LEAVE_CUT };
	const struct config_virtual *v = s->cfg;
	bool cut = v->protocol == IPPROTO_UDP && v->drain.udp == CONFIG_LEAVE_CUT;

	wish_service(v, &s->wish);
	s->policy = (struct server_policy){ .on_failure = leave[v->drain.on_failure],
		.on_removal = cut ? SERVER_LEAVE_CUT : SERVER_LEAVE_DRAIN,
		.drain_us = v->drain.time_s * UINT64_C(1000000) };
	/* One datagram is no connection that could be waited for. */
	if (v->one_packet)
		s->policy.on_removal = SERVER_LEAVE_CUT;
}

/* --- members --- */

static struct member *find(const struct service *s, const struct ipvs_dest *d)
{
	uint32_t h = ip_addr_hash(&d->addr) ^ hash_u64(d->port);

	for (struct hash_node *n = hash_first(&s->members, h); n; n = hash_next(n)) {
		struct member *m = HASH_ENTRY(n, struct member, node);

		if (ipvs_dest_same(&m->dest, d))
			return m;
	}
	return NULL;
}

/* The member after n in a walk that may free what it is given. */
static struct member *next_member(const struct service *s, struct hash_node **n)
{
	struct hash_node *now = *n;

	*n = now ? hash_walk(&s->members, now) : NULL;
	return now ? HASH_ENTRY(now, struct member, node) : NULL;
}

static struct hash_node *first_member(const struct service *s)
{
	return hash_walk(&s->members, NULL);
}

/* What the kernel has of the service already, and nobody lists, leaves like everything else. */
static void adopt(struct service *s)
{
	struct ipvs_view view;

	ipvs_view(s->agent->ipvs, &s->wish.key, &view);
	for (size_t i = 0; view.known && i < view.count; i++)
		if (!find(s, &view.dests[i].dest))
			member_new(s, &view.dests[i].dest, &view.dests[i]);
}

static void take(struct service *s, const struct endpoint *e)
{
	struct ipvs_dest dest;
	struct member *m;

	wish_dest(s->cfg, &e->addr, e->port, 0, &dest);
	m = find(s, &dest);
	if (!m)
		m = member_new(s, &dest, NULL);
	m->dest = dest;
	m->round = s->round;
	member_list(m, e);
}

static void take_list(struct service *s, const struct endpoint_list *list)
{
	struct hash_node *n;

	s->round++;
	for (size_t i = 0; i < list->count; i++)
		take(s, &list->list[i]);
	n = first_member(s);
	for (struct member *m = next_member(s, &n); m; m = next_member(s, &n))
		if (m->round != s->round)
			member_list(m, NULL);
	service_touch(s);
}

/* The source fails and has told nothing yet: an agent that starts while it is away. The agent before had it from there, so what
 * the kernel has is taken for the list, and is checked and reported as that. What has no weight there (it failed, or was on its
 * way out) keeps none until the source is back. */
static void assume(struct service *s)
{
	struct endpoint *list;
	struct ipvs_view view;

	ipvs_view(s->agent->ipvs, &s->wish.key, &view);
	if (s->assumed || !s->cfg || !view.known || !view.count)
		return;
	list = mem_calloc(view.count, sizeof(*list));
	for (size_t i = 0; i < view.count; i++) {
		const struct ipvs_dest *d = &view.dests[i].dest;

		list[i] = (struct endpoint){ .addr = d->addr,
			.port = d->port,
			.weight = d->weight ? d->weight : -1,
			.state = d->weight ? ENDPOINT_READY : ENDPOINT_UNREADY };
	}
	log_about(LOG_LEVEL_WARNING, LOG_ABOUT("source", .service = s->name),
		"%s: %s cannot tell its servers yet: the kernel's %zu are taken for them", s->name,
		source_name(s->source), view.count);
	adopt(s);
	s->assumed = true;
	take_list(s, &(struct endpoint_list){ list, view.count });
	free(list);
}

static void listed(void *user, const struct endpoint_list *list)
{
	struct service *s = user;

	if (!list) {
		if (!s->told)
			assume(s);
		return;
	}
	if (!s->told && !s->assumed)
		adopt(s);
	s->told = true;
	s->assumed = false;
	take_list(s, list);
}

static void start_source(struct service *s)
{
	struct source_env env = { .loop = s->agent->loop,
		.resolver = s->agent->resolver,
		.files = s->agent->files,
		.kube = s->agent->kube,
		.protocol = (uint8_t)s->cfg->protocol,
		.own_port = s->cfg->forward != CONFIG_FORWARD_NAT };

	s->source = source_new(&env, &s->cfg->source, listed, s);
}

struct service *service_new(struct agent *a, const struct config_virtual *cfg)
{
	struct service *s = mem_calloc(1, sizeof(*s));

	s->agent = a;
	s->cfg = cfg;
	s->name = mem_strdup(cfg->name);
	read_config(s);
	start_source(s);
	return s;
}

void service_free(struct service *s)
{
	struct hash_node *n = first_member(s);

	source_free(s->source);
	for (struct member *m = next_member(s, &n); m; m = next_member(s, &n))
		member_free(m);
	hash_fini(&s->members);
	list_del(&s->link);
	free(s->source_error);
	free(s->name);
	free(s);
}

void service_configure(struct service *s, const struct config_virtual *cfg)
{
	struct hash_node *n;

	source_free(s->source);
	s->cfg = cfg;
	free(s->name);
	s->name = mem_strdup(cfg->name);
	read_config(s);
	n = first_member(s);
	for (struct member *m = next_member(s, &n); m; m = next_member(s, &n))
		member_configure(m);
	start_source(s);
	service_touch(s);
}

void service_leave(struct service *s)
{
	struct hash_node *n = first_member(s);

	if (!s->told && !s->assumed)
		adopt(s);
	source_free(s->source);
	s->source = NULL;
	s->cfg = NULL;
	for (struct member *m = next_member(s, &n); m; m = next_member(s, &n))
		member_list(m, NULL);
	service_touch(s);
}

/* --- wishes and what comes of them --- */

void service_touch(struct service *s)
{
	s->touched = true;
	agent_touch(s->agent);
}

static void forget_finished(struct service *s)
{
	struct hash_node *n = first_member(s);

	for (struct member *m = next_member(s, &n); m; m = next_member(s, &n))
		if (member_finished(m))
			member_free(m);
}

bool service_apply(struct service *s)
{
	struct ipvs_wish wish = { .service = s->wish };
	struct ipvs_wish_dest *dests;
	struct hash_node *n;

	s->touched = false;
	/* Until it is known what is wanted, what the kernel has is left alone. */
	if (!s->told && !s->assumed && s->cfg)
		return true;
	forget_finished(s);
	if (!s->cfg && !s->members.count) {
		ipvs_unset(s->agent->ipvs, &s->wish.key);
		return false;
	}
	dests = mem_calloc(s->members.count + 1, sizeof(*dests));
	n = first_member(s);
	for (struct member *m = next_member(s, &n); m; m = next_member(s, &n)) {
		struct ipvs_wish_dest *d = &dests[wish.count];

		if (!server_present(&m->life))
			continue;
		wish.count++;
		d->dest = m->dest;
		d->dest.weight = server_takes(&m->life) ? m->weight : 0;
		d->full_weight = m->weight;
	}
	wish.dests = dests;
	ipvs_set(s->agent->ipvs, &wish);
	free(dests);
	return true;
}

void service_seen(struct service *s)
{
	struct hash_node *n = first_member(s);
	struct ipvs_view view;

	ipvs_view(s->agent->ipvs, &s->wish.key, &view);
	if (!view.known)
		return;
	s->round++;
	for (size_t i = 0; i < view.count; i++) {
		struct member *m = find(s, &view.dests[i].dest);

		if (!m)
			continue;
		m->round = s->round;
		member_seen(m, &view.dests[i]);
	}
	for (struct member *m = next_member(s, &n); m; m = next_member(s, &n))
		if (m->round != s->round)
			member_seen(m, NULL);
	if (view.repairs != s->repairs)
		event_drift(s, view.repairs);
	s->repairs = view.repairs;
}

void service_look(struct service *s)
{
	struct source_status st;

	if (!s->source)
		return;
	source_status(s->source, &st);
	if (strcmp(st.error, s->source_error ? s->source_error : "") == 0)
		return;
	free(s->source_error);
	s->source_error = mem_strdup(st.error);
	event_source(s, st.error);
}

bool service_tick(struct service *s)
{
	struct hash_node *n = first_member(s);
	bool draining = false;

	for (struct member *m = next_member(s, &n); m; m = next_member(s, &n)) {
		member_tick(m);
		draining |= m->life.state == SERVER_DRAINING;
	}
	if (draining)
		ipvs_count(s->agent->ipvs, &s->wish.key);
	return draining;
}

/* --- views --- */

static int cmp_members(const void *a, const void *b)
{
	return ipvs_dest_cmp(&(*(struct member *const *)a)->dest, &(*(struct member *const *)b)->dest);
}

struct member **service_sorted(const struct service *s, size_t *count)
{
	struct member **out = mem_calloc(s->members.count + 1, sizeof(struct member *));
	struct hash_node *n = first_member(s);

	*count = 0;
	for (struct member *m = next_member(s, &n); m; m = next_member(s, &n))
		out[(*count)++] = m;
	qsort(out, *count, sizeof(struct member *), cmp_members);
	return out;
}

void service_sum(const struct service *s, struct service_sum *out)
{
	struct hash_node *n = first_member(s);

	*out = (struct service_sum){ 0 };
	for (struct member *m = next_member(s, &n); m; m = next_member(s, &n)) {
		out->members++;
		out->wanted += m->listed && !m->terminating && !m->drained;
		out->serving += m->life.state == SERVER_UP && m->weight > 0;
		out->state[m->life.state]++;
		out->busy += member_busy(m);
		out->active += m->counts.active;
		out->inactive += m->counts.inactive;
		out->connections += m->counts.connections;
		out->packets_in += m->counts.packets_in;
		out->packets_out += m->counts.packets_out;
		out->octets_in += m->counts.octets_in;
		out->octets_out += m->counts.octets_out;
	}
}
