/* Which session a packet is for: by the discriminator in it, or by whose it is. RFC 5880 6.8.6. For the sessions' thread. */
#pragma once

#include "base/hash.h"
#include "bfd/bfd.h"

/* All zero: empty. */
struct bfd_lookup {
	struct hash by_discriminator, by_peer;
};

void bfd_lookup_fini(struct bfd_lookup *l);
/* By what its machine and its peer say, which do not change while it is in. */
void bfd_lookup_add(struct bfd_lookup *l, struct bfd_session *s);
void bfd_lookup_del(struct bfd_lookup *l, struct bfd_session *s);
/* NULL: none. */
struct bfd_session *bfd_lookup_peer(const struct bfd_lookup *l, const struct bfd_peer *p);
struct bfd_session *bfd_lookup_discriminator(const struct bfd_lookup *l, uint32_t discriminator);
/* The session of a packet that came from this peer; NULL: of none, also when its discriminator is another peer's. */
struct bfd_session *bfd_lookup_packet(
	const struct bfd_lookup *l, const struct bfd_peer *from, const struct bfd_packet *p);
