/* What neighbors must prove before they are heard: a key (TCP-MD5, RFC 2385), and that they are near (GTSM, RFC 5082). */
#include "base/mem.h"
#include "rrd/rrd.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { TTL_MAX = 255 };

static void add_key(struct session_key *keys, size_t *count, const struct prefix *peers,
	const struct config_secret *password)
{
	struct session_key *k = &keys[*count];

	if (!password->len)
		return;
	k->peers = *peers;
	k->key.len = password->len;
	memcpy(k->key.octets, password->octets, password->len);
	++*count;
}

/* A neighbor's own key counts before that of a range that is just its address: it is put in later. */
static struct session_key *keys_of(const struct config_rrd *cfg, size_t *count)
{
	struct session_key *keys = mem_calloc(cfg->range_count + cfg->neighbor_count + 1, sizeof(*keys));

	*count = 0;
	for (size_t i = 0; i < cfg->range_count; i++)
		add_key(keys, count, &cfg->ranges[i].prefix, &cfg->ranges[i].peer.password);
	for (size_t i = 0; i < cfg->neighbor_count; i++) {
		struct prefix host = prefix_host(&cfg->neighbors[i].address);

		add_key(keys, count, &host, &cfg->neighbors[i].peer.password);
	}
	return keys;
}

/* Whose the prefix is, as the configuration names it. */
static void name_of(const struct config_rrd *cfg, const struct prefix *peers, char *buf, size_t size)
{
	struct ip_addr address = prefix_addr(peers);
	char text[PREFIX_TEXT_MAX];

	for (size_t i = 0; i < cfg->range_count; i++) {
		if (!prefix_equal(&cfg->ranges[i].prefix, peers))
			continue;
		snprintf(buf, size, "range %s", prefix_format(peers, text));
		return;
	}
	snprintf(buf, size, "neighbor %s", ip_addr_format(&address, text));
}

/* r: NULL to try them only. */
static bool apply_keys(struct rrd *r, const struct config_rrd *cfg, char *err)
{
	size_t count;
	struct session_key *keys = keys_of(cfg, &count);
	struct prefix refused = { 0 };
	int rc = r ? session_neighbors_set_keys(r->neighbors, keys, count, &refused)
		   : session_neighbors_try_keys(keys, count, &refused);
	char name[PREFIX_TEXT_MAX + 16];

	explicit_bzero(keys, count * sizeof(*keys));
	free(keys);
	if (rc == 0)
		return true;
	name_of(cfg, &refused, name, sizeof(name));
	snprintf(err, RRD_ERROR_MAX, "%s: the kernel refuses its password: %s", name, io_tcp_key_error(-rc));
	return false;
}

void security_ttl(const struct config_peer *cfg, uint8_t *ttl, uint8_t *min_ttl)
{
	*ttl = cfg->multihop_ttl;
	*min_ttl = 0;
	if (cfg->ttl_security_hops) {
		*ttl = TTL_MAX;
		*min_ttl = (uint8_t)(TTL_MAX + 1 - cfg->ttl_security_hops);
	}
}

struct ttls {
	uint8_t least;
	bool any;
};

static void add_ttl(struct ttls *t, const struct config_peer *cfg)
{
	uint8_t ttl, min_ttl;

	security_ttl(cfg, &ttl, &min_ttl);
	if (min_ttl < t->least)
		t->least = min_ttl;
	t->any |= min_ttl > 0;
}

static bool guard_family(struct rrd *r, const struct config_rrd *cfg, enum ip_family family, char *err)
{
	struct ttls t = { .least = TTL_MAX };
	int rc;

	for (size_t i = 0; i < cfg->range_count; i++)
		if (cfg->ranges[i].prefix.family == family)
			add_ttl(&t, &cfg->ranges[i].peer);
	for (size_t i = 0; i < cfg->neighbor_count; i++)
		if (cfg->neighbors[i].address.family == family)
			add_ttl(&t, &cfg->neighbors[i].peer);
	rc = session_neighbors_guard_ttl(r->neighbors, family, t.any ? t.least : 0, t.any);
	if (rc < 0)
		snprintf(err, RRD_ERROR_MAX, "ttl-security-hops: a listener refuses it: %s", strerror(-rc));
	return rc == 0;
}

bool security_apply(struct rrd *r, const struct config_rrd *cfg, char *err)
{
	return apply_keys(r, cfg, err) && guard_family(r, cfg, IP_V4, err) &&
	       guard_family(r, cfg, IP_V6, err);
}

bool security_try(const struct config_rrd *cfg, char *err)
{
	return apply_keys(NULL, cfg, err);
}
