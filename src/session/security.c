#include "io/tcp.h"
#include "session/private.h"

#include <errno.h>
#include <string.h>

enum { TTL_LOG_MS = 10000 };

/* RFC 5082: nobody who is further away can make a packet look near, so what its SYN shows is true. */
static bool near_enough(struct session *s, int fd)
{
	uint64_t more;

	if (s->cfg.min_ttl == 0 || io_tcp_came_with_ttl(fd, s->cfg.remote.family, s->cfg.min_ttl))
		return true;
	if (s->owner)
		s->owner->came_from_afar(s->owner_user, s);
	if (log_limit_pass(&s->ttl_limit, session_now(s) / 1000, TTL_LOG_MS, &more))
		session_log(s, LOG_LEVEL_WARNING, "low-ttl", NULL,
			"connection refused: it came with a TTL below %u (ttl-security-hops; %llu more "
			"before)",
			s->cfg.min_ttl, (unsigned long long)more);
	return false;
}

bool session_secure_accepted(struct session *s, int fd)
{
	struct prefix peer = prefix_host(&s->cfg.remote);
	int err;

	if (!near_enough(s, fd))
		return false;
	err = io_tcp_set_ttl(fd, s->cfg.remote.family, s->cfg.ttl, s->cfg.min_ttl);
	if (err < 0) {
		session_log(s, LOG_LEVEL_ERROR, "set-ttl-failed", NULL,
			"connection refused: cannot set its TTL: %s", strerror(-err));
		return false;
	}
	/* It has the key its listener had when it came, which may have changed since. */
	err = io_tcp_set_key(fd, &peer, &s->cfg.key);
	if (err < 0)
		session_log(s, LOG_LEVEL_ERROR, "set-key-failed", NULL,
			"connection refused: cannot set its key: %s", io_tcp_key_error(-err));
	return err == 0;
}

static void set_key_of(struct session_conn *c)
{
	const struct session_config *cfg = &c->s->cfg;
	struct prefix peer = prefix_host(&cfg->remote);
	int err;

	if (c->fd < 0)
		return;
	err = io_tcp_set_key(c->fd, &peer, &cfg->key);
	if (err < 0)
		session_log(c->s, LOG_LEVEL_ERROR, "set-key-failed", NULL,
			"cannot change the key of its connection: %s", io_tcp_key_error(-err));
}

void session_set_key(struct session *s, const struct io_tcp_key *key)
{
	if (io_tcp_key_equal(&s->cfg.key, key))
		return;
	s->cfg.key = *key;
	set_key_of(s->primary);
	if (s->accepted)
		set_key_of(s->accepted);
	if (s->silent)
		set_key_of(s->silent);
}
