#include "bfd/lookup.h"

#include "bfd/private.h"

void bfd_lookup_fini(struct bfd_lookup *l)
{
	hash_fini(&l->by_discriminator);
	hash_fini(&l->by_peer);
}

static uint32_t hash_peer(const struct bfd_peer *p)
{
	uint32_t h = hash_bytes(&p->remote, sizeof(p->remote), p->multihop);

	return hash_bytes(&p->local, sizeof(p->local), h);
}

static bool same_peer(const struct bfd_peer *a, const struct bfd_peer *b)
{
	return a->multihop == b->multihop && ip_addr_equal(&a->remote, &b->remote) &&
	       ip_addr_equal(&a->local, &b->local);
}

void bfd_lookup_add(struct bfd_lookup *l, struct bfd_session *s)
{
	hash_add(&l->by_discriminator, &s->by_discriminator, hash_u64(s->machine.discriminator));
	hash_add(&l->by_peer, &s->by_peer, hash_peer(&s->peer));
}

void bfd_lookup_del(struct bfd_lookup *l, struct bfd_session *s)
{
	hash_del(&l->by_discriminator, &s->by_discriminator);
	hash_del(&l->by_peer, &s->by_peer);
}

struct bfd_session *bfd_lookup_peer(const struct bfd_lookup *l, const struct bfd_peer *p)
{
	for (struct hash_node *n = hash_first(&l->by_peer, hash_peer(p)); n; n = hash_next(n)) {
		struct bfd_session *s = HASH_ENTRY(n, struct bfd_session, by_peer);

		if (same_peer(&s->peer, p))
			return s;
	}
	return NULL;
}

struct bfd_session *bfd_lookup_discriminator(const struct bfd_lookup *l, uint32_t discriminator)
{
	for (struct hash_node *n = hash_first(&l->by_discriminator, hash_u64(discriminator)); n;
		n = hash_next(n)) {
		struct bfd_session *s = HASH_ENTRY(n, struct bfd_session, by_discriminator);

		if (s->machine.discriminator == discriminator)
			return s;
	}
	return NULL;
}

struct bfd_session *bfd_lookup_packet(
	const struct bfd_lookup *l, const struct bfd_peer *from, const struct bfd_packet *p)
{
	struct bfd_session *s;

	if (!p->your_discriminator)
		return bfd_lookup_peer(l, from);
	s = bfd_lookup_discriminator(l, p->your_discriminator);
	return s && same_peer(&s->peer, from) ? s : NULL;
}
