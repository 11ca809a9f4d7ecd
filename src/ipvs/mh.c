#include "ipvs/mh.h"

#include "base/mem.h"

#include <arpa/inet.h>
#include <assert.h>
#include <endian.h>
#include <stdlib.h>
#include <string.h>

/* Both words of the two keys, fixed in the kernel. */
static const uint64_t offset_key = 2654435761, skip_key = 2654446892;

/* The kernel's CONFIG_IP_VS_MH_TAB_INDEX is 8 for the first of these, and 12 unless somebody chose otherwise. */
enum { FIRST_INDEX = 8 };
static const unsigned sizes[] = { 251, 509, 1021, 2039, 4093, 8191, 16381, 32749, 65521, 131071 };

static unsigned size_index(unsigned size)
{
	for (unsigned i = 0; i < sizeof(sizes) / sizeof(sizes[0]); i++)
		if (sizes[i] == size)
			return FIRST_INDEX + i;
	return 0;
}

bool ipvs_mh_size_valid(unsigned size)
{
	return size_index(size) != 0;
}

/* --- hashing --- */

static uint64_t rotate(uint64_t v, unsigned bits)
{
	return v << bits | v >> (64 - bits);
}

static void sip_round(uint64_t v[4])
{
	v[0] += v[1];
	v[2] += v[3];
	v[1] = rotate(v[1], 13) ^ v[0];
	v[3] = rotate(v[3], 16) ^ v[2];
	v[0] = rotate(v[0], 32);
	v[2] += v[1];
	v[0] += v[3];
	v[1] = rotate(v[1], 17) ^ v[2];
	v[3] = rotate(v[3], 21) ^ v[0];
	v[2] = rotate(v[2], 32);
}

/* SipHash-1-3 of one 32-bit word with a key of two equal halves, cut to 32 bits. */
static uint32_t sip_hash(uint32_t word, uint64_t key)
{
	const uint64_t last = (uint64_t)sizeof(word) << 56 | word;
	uint64_t v[4] = { key ^ 0x736f6d6570736575ULL, key ^ 0x646f72616e646f6dULL,
		key ^ 0x6c7967656e657261ULL, key ^ 0x7465646279746573ULL };

	v[3] ^= last;
	sip_round(v);
	v[0] ^= last;
	v[2] ^= 0xff;
	for (int i = 0; i < 3; i++)
		sip_round(v);
	return (uint32_t)(v[0] ^ v[1] ^ v[2] ^ v[3]);
}

/* The kernel reads as many words as the service's family has, also of an address of the other family (through a tunnel). */
static uint32_t fold(uint8_t family, const struct ip_addr *a)
{
	uint32_t word[4];

	memcpy(word, a->bytes, sizeof(word));
	return ntohl(family == IP_V6 ? word[0] ^ word[1] ^ word[2] ^ word[3] : word[0]);
}

static uint32_t hash(uint8_t family, const struct ip_addr *a, uint16_t port, uint64_t key)
{
	return sip_hash(le32toh(port + fold(family, a)), key);
}

unsigned ipvs_mh_slot(unsigned size, uint8_t family, const struct ip_addr *client, uint16_t port)
{
	return hash(family, client, port, offset_key) % size;
}

/* --- weights --- */

static int32_t common_divisor(int32_t a, int32_t b)
{
	while (b) {
		int32_t rest = a % b;

		a = b;
		b = rest;
	}
	return a;
}

static unsigned bits_of(uint32_t v)
{
	return v ? 32 - (unsigned)__builtin_clz(v) : 0;
}

struct scale {
	int32_t divisor; /* 0: nobody has a weight */
	unsigned shift;
};

static struct scale scale_of(unsigned size, const struct ipvs_mh_dest *dest, size_t count)
{
	struct scale s = { 0 };
	int32_t largest = 0;
	unsigned bits, most = size_index(size) / 2;

	for (size_t i = 0; i < count; i++) {
		if (dest[i].weight <= 0)
			continue;
		s.divisor = common_divisor(dest[i].weight, s.divisor);
		if (dest[i].weight > largest)
			largest = dest[i].weight;
	}
	bits = s.divisor ? bits_of((uint32_t)(largest / s.divisor)) : 0;
	s.shift = bits > most ? bits - most : 0;
	return s;
}

/* --- the table --- */

/* A destination on its way over the slots. */
struct walker {
	unsigned at, skip;
	unsigned turns; /* slots it takes in a round */
	int32_t dest;
};

static size_t walkers_init(struct walker *w, unsigned size, uint8_t family, const struct ipvs_mh_dest *dest,
	size_t count, const struct scale *s)
{
	size_t n = 0;

	assert(size > 1);
	for (size_t i = count; i-- > 0;) {
		const struct ipvs_mh_dest *d = &dest[i];
		unsigned turns;

		if (d->weight <= 0)
			continue;
		turns = (unsigned)(d->weight / s->divisor) >> s->shift;
		w[n++] = (struct walker){ .at = hash(family, &d->addr, d->port, offset_key) % size,
			.skip = hash(family, &d->addr, d->port, skip_key) % (size - 1) + 1,
			.turns = turns ? turns : 1,
			.dest = (int32_t)i };
	}
	return n;
}

static void populate(struct ipvs_mh_table *t, struct walker *w, size_t count)
{
	size_t left = count ? t->size : 0;

	for (size_t i = 0; left; i = i + 1 == count ? 0 : i + 1) {
		for (unsigned turn = 0; left && turn < w[i].turns; turn++, left--) {
			while (t->slot[w[i].at] >= 0) {
				w[i].at += w[i].skip;
				if (w[i].at >= t->size)
					w[i].at -= t->size;
			}
			t->slot[w[i].at] = w[i].dest;
		}
	}
}

static uint64_t mix(uint64_t h, uint64_t v)
{
	h = (h ^ v) * 0x9e3779b97f4a7c15ULL;
	return h ^ h >> 29;
}

/* Independent of the machine's byte order, unlike base/hash.h: load balancers are compared by it. */
static uint64_t identity_of(const struct ipvs_mh_dest *d)
{
	uint64_t h = mix(d->addr.family, d->port);

	for (size_t i = 0; i < sizeof(d->addr.bytes); i += 8) {
		uint64_t v;

		memcpy(&v, d->addr.bytes + i, sizeof(v));
		h = mix(h, be64toh(v));
	}
	return h ? h : 1;
}

static void identify(struct ipvs_mh_table *t, const struct ipvs_mh_dest *dest, size_t count)
{
	uint64_t *identity = mem_alloc((count + 1) * sizeof(*identity));

	for (size_t i = 0; i < count; i++)
		identity[i] = identity_of(&dest[i]);
	for (unsigned i = 0; i < t->size; i++)
		t->identity[i] = t->slot[i] < 0 ? 0 : identity[t->slot[i]];
	free(identity);
}

struct ipvs_mh_table *ipvs_mh_table_new(
	unsigned size, uint8_t family, const struct ipvs_mh_dest *dest, size_t count)
{
	struct ipvs_mh_table *t;
	struct walker *w;
	struct scale s;

	if (!ipvs_mh_size_valid(size) || count > size)
		return NULL;
	t = mem_alloc(sizeof(*t));
	t->size = size;
	t->slot = mem_alloc(size * sizeof(*t->slot));
	t->identity = mem_alloc(size * sizeof(*t->identity));
	for (unsigned i = 0; i < size; i++)
		t->slot[i] = -1;
	w = mem_alloc((count + 1) * sizeof(*w));
	s = scale_of(size, dest, count);
	populate(t, w, walkers_init(w, size, family, dest, count, &s));
	free(w);
	identify(t, dest, count);
	return t;
}

void ipvs_mh_table_free(struct ipvs_mh_table *t)
{
	if (!t)
		return;
	free(t->slot);
	free(t->identity);
	free(t);
}

uint64_t ipvs_mh_fingerprint(const struct ipvs_mh_table *t)
{
	uint64_t h = t->size;

	for (unsigned i = 0; i < t->size; i++)
		h = mix(h, t->identity[i]);
	return h ? h : 1;
}

double ipvs_mh_difference(const struct ipvs_mh_table *a, const struct ipvs_mh_table *b)
{
	unsigned n = 0;

	if (!a || !b || a->size != b->size)
		return a || b ? 1 : 0;
	for (unsigned i = 0; i < a->size; i++)
		n += a->identity[i] != b->identity[i];
	return (double)n / a->size;
}
