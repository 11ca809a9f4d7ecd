#include "rrd/listen.h"

#include "base/log.h"
#include "base/mem.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

char *listen_error(const struct config_listen *l, int err)
{
	char text[PREFIX_TEXT_MAX];

	return mem_printf("cannot listen on %s port %u: %s%s", ip_addr_format(&l->address, text), l->port,
		strerror(-err),
		err == -EACCES		? " (ports below 1024 need CAP_NET_BIND_SERVICE)"
		: err == -EADDRINUSE	? " (does another BGP daemon run here?)"
		: err == -EADDRNOTAVAIL ? " (no interface has this address)"
					: "");
}

static bool has_listener(const struct config_rrd *c, const struct config_listen *l)
{
	for (size_t i = 0; i < c->listen_count; i++)
		if (c->listen[i].port == l->port && ip_addr_equal(&c->listen[i].address, &l->address))
			return true;
	return false;
}

/* One for all addresses holds the port against one for a single address, and the other way round. */
static bool is_in_the_way(
	const struct config_listen *old, const struct config_rrd *to, const struct config_listen *l)
{
	return old->port == l->port && old->address.family == l->address.family && !has_listener(to, old) &&
	       (ip_addr_is_any(&old->address) || ip_addr_is_any(&l->address));
}

/* Closes those that are in the way of this one. Returns whether there were any. */
static bool make_room(struct rrd *r, const struct config_rrd *to, const struct config_listen *l)
{
	bool any = false;

	for (size_t i = 0; i < r->cfg->listen_count; i++) {
		const struct config_listen *old = &r->cfg->listen[i];

		if (is_in_the_way(old, to, l))
			any |= session_neighbors_unlisten(r->neighbors, &old->address, old->port);
	}
	return any;
}

void listen_restore(struct rrd *r, const struct config_rrd *to)
{
	for (size_t i = 0; i < to->listen_count; i++)
		if (!has_listener(r->cfg, &to->listen[i]))
			session_neighbors_unlisten(r->neighbors, &to->listen[i].address, to->listen[i].port);
	for (size_t i = 0; i < r->cfg->listen_count; i++) {
		const struct config_listen *old = &r->cfg->listen[i];
		int err = session_neighbors_listen(r->neighbors, &old->address, old->port);
		char *why = err && err != -EEXIST ? listen_error(old, err) : NULL;

		if (why)
			log_error("%s: nobody can connect there until the next reload", why);
		free(why);
	}
}

/* Is there one of ours, on the same port, that would go and may be what is in the way? */
static bool may_make_room(const struct rrd *r, const struct config_rrd *to, const struct config_listen *l)
{
	bool any = false;

	for (size_t i = 0; i < r->cfg->listen_count; i++)
		any |= is_in_the_way(&r->cfg->listen[i], to, l);
	return any;
}

bool listen_check(const struct rrd *r, const struct config_rrd *to, char **why)
{
	for (size_t i = 0; i < to->listen_count; i++) {
		const struct config_listen *l = &to->listen[i];
		int err = session_neighbors_try_listen(r->neighbors, &l->address, l->port);

		if (err == 0 || err == -EEXIST || (err == -EADDRINUSE && may_make_room(r, to, l)))
			continue;
		*why = listen_error(l, err);
		return false;
	}
	return true;
}

bool listen_prepare(struct rrd *r, const struct config_rrd *to, char **why)
{
	for (size_t i = 0; i < to->listen_count; i++) {
		const struct config_listen *l = &to->listen[i];
		int err = session_neighbors_listen(r->neighbors, &l->address, l->port);

		if (err == -EADDRINUSE && make_room(r, to, l))
			err = session_neighbors_listen(r->neighbors, &l->address, l->port);
		if (err == 0 || err == -EEXIST)
			continue;
		*why = listen_error(l, err);
		listen_restore(r, to);
		return false;
	}
	return true;
}

void listen_close(struct rrd *r, const struct config_rrd *to)
{
	for (size_t i = 0; i < r->cfg->listen_count; i++)
		if (!has_listener(to, &r->cfg->listen[i]))
			session_neighbors_unlisten(
				r->neighbors, &r->cfg->listen[i].address, r->cfg->listen[i].port);
}
