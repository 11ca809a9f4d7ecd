#include "announcer/announcer.h"

#include "base/log.h"
#include "base/mem.h"
#include "bgp/message.h"
#include "bgp/update.h"
#include "config.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

enum { TTL_MAX = 255 };

/* RFC 2385 and 5082. */
static void set_security(const struct config_reflector *n, struct session_config *out)
{
	out->key.len = n->password.len;
	memcpy(out->key.octets, n->password.octets, n->password.len);
	if (n->ttl_security_hops) {
		out->ttl = TTL_MAX;
		out->min_ttl = (uint8_t)(TTL_MAX + 1 - n->ttl_security_hops);
	}
}

bool speaker_key_works(const struct announcer *a, const struct config_reflector *n, char *err)
{
	struct prefix peer = prefix_host(&n->address);
	struct session_config cfg;
	char text[PREFIX_TEXT_MAX];
	int fd, rc = 0;

	speaker_session_config(a, n, &cfg);
	if (cfg.key.len) {
		fd = io_tcp_key_trial(n->address.family);
		rc = fd < 0 ? fd : io_tcp_set_key(fd, &peer, &cfg.key);
		if (fd >= 0)
			close(fd);
	}
	explicit_bzero(&cfg.key, sizeof(cfg.key));
	if (rc < 0)
		snprintf(err, ANNOUNCER_ERROR_MAX, "neighbor %s: the kernel refuses its password: %s",
			ip_addr_format(&n->address, text), io_tcp_key_error(-rc));
	return rc == 0;
}

void speaker_session_config(
	const struct announcer *a, const struct config_reflector *n, struct session_config *out)
{
	const struct ip_addr *pod = identity_pod(&a->id, n->address.family);

	*out = (struct session_config){
		.remote = n->address,
		.remote_port = n->port,
		.local_as = a->cfg->router.as,
		.peer_as = n->peer_as,
		.router_id = a->id.router_id,
		.enabled = true,
		.hold_time_s = n->hold_time_s,
		.connect_retry_s = n->connect_retry_s,
		.connect_retry_max_s = n->connect_retry_max_s,
		.keepalive_s = n->keepalive_s,
		.idle_hold_s = n->idle_hold_s,
		.idle_hold_max_s = n->idle_hold_max_s,
		.family = { true, true },
		.extended_message = true,
		.route_refresh = true,
		.extended_next_hop = true,
	};
	if (n->local_address.family != IP_NONE)
		out->local = n->local_address;
	else if (pod)
		out->local = *pod;
	set_security(n, out);
	gethostname(out->fqdn, sizeof(out->fqdn) - 1);
	snprintf(out->software, sizeof(out->software), "lb-announcer/%s", PACKAGE_VERSION);
}

/* --- messages --- */

static enum bgp_family family_of(const struct service *sv)
{
	return sv->cfg->prefix.family == IP_V4 ? BGP_IPV4_UNICAST : BGP_IPV6_UNICAST;
}

/* Whether this neighbor can be told of the service at all. */
static bool speaks_of(const struct bgp_negotiated *n, const struct service *sv)
{
	enum bgp_family f = family_of(sv);

	if (!n->family[f])
		return false;
	return f != BGP_IPV4_UNICAST || sv->next_hop.family == IP_V4 || n->extended_next_hop;
}

struct path_speaker speaker_path(const struct speaker *s, const struct service *sv)
{
	const struct announcer *a = s->announcer;

	return (struct path_speaker){ .local_as = a->cfg->router.as,
		.peer_as = s->cfg->peer_as,
		.draining = sv->told.voice == VOICE_DRAINING,
		.method = a->cfg->drain.method,
		.quarters = sv->told.quarters };
}

static struct bgp_update_opts update_opts(const struct bgp_negotiated *n, enum bgp_family f)
{
	return (struct bgp_update_opts){
		.family = f, .add_path = n->add_path_tx[f], .as4 = n->as4, .max_len = BGP_MESSAGE_MAX
	};
}

static void queue_announce(struct speaker *s, const struct bgp_negotiated *n, const struct service *sv)
{
	struct bgp_update_opts opts = update_opts(n, family_of(sv));
	struct bgp_nlri nlri = { sv->cfg->prefix, 0 };
	struct bgp_next_hop nh = bgp_next_hop_from_addr(&sv->next_hop);
	struct writer w = writer_init(bgp_queue_room(&s->queue, BGP_MESSAGE_MAX), BGP_MESSAGE_MAX);
	struct path_speaker to = speaker_path(s, sv);
	struct arena *arena = arena_new();
	struct bgp_attrs attrs;

	path_attrs(sv->cfg, &to, arena, &attrs);
	bgp_update_encode_announce(&w, &opts, &attrs, &nh, &nlri, 1);
	bgp_queue_commit(&s->queue, writer_len(&w));
	arena_free(arena);
}

static void queue_withdraw(struct speaker *s, const struct bgp_negotiated *n, const struct service *sv)
{
	struct bgp_update_opts opts = update_opts(n, family_of(sv));
	struct bgp_nlri nlri = { sv->cfg->prefix, 0 };
	struct writer w = writer_init(bgp_queue_room(&s->queue, BGP_MESSAGE_MAX), BGP_MESSAGE_MAX);

	bgp_update_encode_withdraw(&w, &opts, &nlri, 1);
	bgp_queue_commit(&s->queue, writer_len(&w));
}

static void queue_end_of_rib(struct speaker *s, enum bgp_family f)
{
	struct writer w = writer_init(bgp_queue_room(&s->queue, BGP_MESSAGE_MAX), BGP_MESSAGE_MAX);

	bgp_update_encode_end_of_rib(&w, f);
	bgp_queue_commit(&s->queue, writer_len(&w));
}

/* What a neighbor that has just come up, or asks again, is told of a family. */
static void queue_table(struct speaker *s, const struct bgp_negotiated *n, enum bgp_family f)
{
	const struct announcer *a = s->announcer;

	for (size_t i = 0; i < a->service_count; i++) {
		const struct service *sv = a->services[i];

		if (family_of(sv) == f && speaks_of(n, sv) && sv->told.voice != VOICE_SILENT)
			queue_announce(s, n, sv);
	}
	queue_end_of_rib(s, f);
}

void speaker_tell(struct speaker *s, const struct service *sv)
{
	const struct bgp_negotiated *n = session_negotiated(s->session);

	if (!s->up || !n || !speaks_of(n, sv))
		return;
	if (sv->told.voice == VOICE_SILENT)
		queue_withdraw(s, n, sv);
	else
		queue_announce(s, n, sv);
	session_kick(s->session);
}

/* --- the session's callbacks --- */

bool speaker_announces(const struct speaker *s, const struct service *sv)
{
	const struct bgp_negotiated *n = session_negotiated(s->session);

	return s->up && n && speaks_of(n, sv) && sv->told.voice != VOICE_SILENT;
}

size_t speaker_announced(const struct speaker *s)
{
	size_t count = 0;

	for (size_t i = 0; i < s->announcer->service_count; i++)
		count += speaker_announces(s, s->announcer->services[i]);
	return count;
}

static void up(void *user, struct session *session, const struct bgp_negotiated *n)
{
	struct speaker *s = user;
	size_t services = s->announcer->service_count, spoken_of = 0;

	s->up = true;
	guard_set(s->announcer->guards, &s->guard, session, &s->cfg->bfd, NULL);
	for (int f = 0; f < BGP_FAMILIES; f++)
		if (n->family[f])
			queue_table(s, n, (enum bgp_family)f);
	for (size_t i = 0; i < services; i++)
		spoken_of += speaks_of(n, s->announcer->services[i]);
	if (spoken_of < services)
		session_log(session, LOG_LEVEL_WARNING, "family-missing", NULL,
			"does not speak all families or next hops needed: it can be told of %zu of %zu "
			"services",
			spoken_of, services);
	session_kick(session);
}

static void forget(struct speaker *s)
{
	s->up = false;
	guard_free(s->guard);
	s->guard = NULL;
	bgp_queue_fini(&s->queue);
}

static void down(void *user, struct session *session, const struct session_down *why)
{
	struct speaker *s = user;

	(void)session;
	(void)why;
	forget(s);
	announcer_tell_agent(s->announcer);
}

static void update(void *user, struct session *session, const struct bgp_update *u)
{
	(void)user;
	(void)session;
	(void)u;
}

static void refresh(
	void *user, struct session *session, enum bgp_family family, enum bgp_refresh_subtype subtype)
{
	struct speaker *s = user;
	const struct bgp_negotiated *n = session_negotiated(session);

	if (subtype != BGP_REFRESH_REQUEST || !n || !n->family[family])
		return;
	queue_table(s, n, family);
	session_kick(session);
}

static int fill(void *user, struct iovec *iov, int max, size_t *partial)
{
	struct speaker *s = user;
	size_t octets = 0;

	*partial = s->queue.rest;
	return bgp_queue_peek(&s->queue, iov, max, &octets);
}

static void consumed(void *user, size_t octets)
{
	struct speaker *s = user;

	bgp_queue_consume(&s->queue, octets);
	if (!s->queue.octets)
		announcer_tell_agent(s->announcer);
}

const struct session_ops speaker_ops = {
	.up = up,
	.down = down,
	.update = update,
	.refresh = refresh,
	.fill = fill,
	.consumed = consumed,
};

/* --- life --- */

struct speaker *speaker_new(struct announcer *a, const struct config_reflector *n)
{
	struct speaker *s = mem_calloc(1, sizeof(*s));
	struct session_config cfg;

	s->announcer = a;
	s->cfg = n;
	bgp_queue_init(&s->queue);
	speaker_session_config(a, n, &cfg);
	s->session = session_new(a->sessions, &cfg, &speaker_ops, s);
	session_start(s->session);
	return s;
}

void speaker_free(struct speaker *s)
{
	if (!s)
		return;
	guard_free(s->guard);
	session_free(s->session);
	bgp_queue_fini(&s->queue);
	free(s);
}

void speaker_configure(struct speaker *s, const struct config_reflector *n, bool reset)
{
	struct session_config cfg;

	if (reset)
		session_stop(s->session, BGP_CEASE_OTHER_CONFIGURATION_CHANGE, NULL);
	s->cfg = n;
	speaker_session_config(s->announcer, n, &cfg);
	session_configure(s->session, &cfg);
	session_set_key(s->session, &cfg.key);
	if (s->up)
		guard_set(s->announcer->guards, &s->guard, s->session, &n->bfd, NULL);
	if (reset)
		session_start(s->session);
}
