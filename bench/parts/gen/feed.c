#include "feed.h"

#include "base/mem.h"
#include "bgp/update.h"
#include "order.h"
#include "wire.h"

#include <stdio.h>
#include <stdlib.h>

enum { PREFIX_BITS = 24, PATH_LENGTH = 4, COMMUNITIES = 3, AS_BASE = 100000, COMMUNITY_BASE = 65000u << 16 };

/* The attributes of one set, and what they point to. */
struct set {
	struct bgp_attrs attrs;
	uint8_t path[2 + 4 * PATH_LENGTH], communities[4 * COMMUNITIES];
};

static void put_u32(uint8_t *at, uint32_t v)
{
	at[0] = (uint8_t)(v >> 24);
	at[1] = (uint8_t)(v >> 16);
	at[2] = (uint8_t)(v >> 8);
	at[3] = (uint8_t)v;
}

/* AS paths and communities differ from set to set, as in a full table, where few sets are alike. */
static void set_fill(struct set *s, uint32_t number, uint32_t med)
{
	s->path[0] = BGP_AS_SEQUENCE;
	s->path[1] = PATH_LENGTH;
	for (size_t i = 0; i < PATH_LENGTH; i++)
		put_u32(s->path + 2 + 4 * i, AS_BASE + (number >> (4 * (PATH_LENGTH - 1 - i))));
	for (uint32_t i = 0; i < COMMUNITIES; i++)
		put_u32(s->communities + (size_t)4 * i,
			COMMUNITY_BASE + (i << 16) + (number * (i + 1)) % 1000);
	s->attrs = (struct bgp_attrs){
		.has = BGP_HAS_ORIGIN | BGP_HAS_AS_PATH | BGP_HAS_LOCAL_PREF | BGP_HAS_COMMUNITIES,
		.origin = BGP_ORIGIN_IGP,
		.local_pref = 100,
		.as_path = { s->path, sizeof(s->path) },
		.communities = { s->communities, sizeof(s->communities) },
	};
	if (med) {
		s->attrs.has |= BGP_HAS_MED;
		s->attrs.med = med;
	}
}

static struct bgp_nlri nlri_of(const struct feed_spec *s, uint32_t number)
{
	struct ip_addr address = ip_addr_v4(s->base + (number << (32 - PREFIX_BITS)));

	return (struct bgp_nlri){ prefix_of(&address, PREFIX_BITS), s->path_id };
}

static struct bgp_update_opts opts_of(const struct feed_spec *s)
{
	return (struct bgp_update_opts){ BGP_IPV4_UNICAST, s->path_id != 0, true, WIRE_MESSAGE_MAX };
}

static struct bgp_next_hop next_hop_of(const struct feed_spec *s)
{
	struct ip_addr address = ip_addr_v4(s->next_hop);

	return bgp_next_hop_from_addr(&address);
}

/* Writes one set's prefixes as messages; a set larger than a message takes several. */
static void encode_set(struct writer *w, const struct feed_spec *s, uint32_t set, struct bgp_nlri *items)
{
	uint32_t from = set * s->per_set, n = s->count - from < s->per_set ? s->count - from : s->per_set;
	struct bgp_update_opts opts = opts_of(s);
	struct bgp_next_hop next_hop = next_hop_of(s);
	struct set attrs;

	set_fill(&attrs, (s->first + from) / s->per_set, s->med);
	for (uint32_t i = 0; i < n; i++)
		items[i] = nlri_of(s, s->first + from + i);
	for (uint32_t done = 0; done < n;)
		done += (uint32_t)bgp_update_encode_announce(
			w, &opts, &attrs.attrs, &next_hop, items + done, n - done);
}

/* Sets come in an order that looks random, as in a real table: a daemon must not live from sorted input. */
static void make_announce(struct feed *f, const struct feed_spec *s)
{
	uint32_t sets = (s->count + s->per_set - 1) / s->per_set, stride = order_stride(sets);
	size_t room = (size_t)sets * 128 + (size_t)s->count * 10 + WIRE_MESSAGE_MAX;
	struct bgp_nlri *items = mem_calloc(s->per_set, sizeof(*items));
	struct writer w;

	f->announce = mem_alloc(room);
	w = writer_init(f->announce, room);
	for (uint32_t i = 0; i < sets; i++)
		encode_set(&w, s, order_at(i, stride, sets), items);
	f->announce_len = writer_len(&w);
	free(items);
}

static void make_withdraw(struct feed *f, const struct feed_spec *s)
{
	struct bgp_nlri *items = mem_calloc(s->count, sizeof(*items));
	uint32_t stride = order_stride(s->count);
	size_t room = (size_t)s->count * 10 + WIRE_MESSAGE_MAX;
	struct bgp_update_opts opts = opts_of(s);
	struct writer w;

	f->withdraw = mem_alloc(room);
	w = writer_init(f->withdraw, room);
	for (uint32_t i = 0; i < s->count; i++)
		items[i] = nlri_of(s, s->first + order_at(i, stride, s->count));
	for (uint32_t done = 0; done < s->count;)
		done += (uint32_t)bgp_update_encode_withdraw(&w, &opts, items + done, s->count - done);
	f->withdraw_len = writer_len(&w);
	free(items);
}

void feed_make(struct feed *f, const struct feed_spec *s)
{
	feed_fini(f);
	make_announce(f, s);
	make_withdraw(f, s);
}

void feed_fini(struct feed *f)
{
	free(f->announce);
	free(f->withdraw);
	*f = (struct feed){ 0 };
}

size_t feed_change(uint8_t *out, const struct feed_spec *s, uint32_t number, uint32_t med)
{
	struct bgp_update_opts opts = opts_of(s);
	struct bgp_next_hop next_hop = next_hop_of(s);
	struct writer w = writer_init(out, WIRE_MESSAGE_MAX);
	struct bgp_nlri item = nlri_of(s, number);
	struct set attrs;

	set_fill(&attrs, number / s->per_set, med);
	bgp_update_encode_announce(&w, &opts, &attrs.attrs, &next_hop, &item, 1);
	return writer_len(&w);
}

/* --- a captured session --- */

static bool read_file(struct feed *f, const char *path)
{
	FILE *file = fopen(path, "rb");
	long len;

	if (!file || fseek(file, 0, SEEK_END) || (len = ftell(file)) < 0) {
		perror(path);
		if (file)
			fclose(file);
		return false;
	}
	rewind(file);
	f->announce = mem_alloc((size_t)len + 1);
	f->announce_len = fread(f->announce, 1, (size_t)len, file);
	fclose(file);
	return f->announce_len == (size_t)len;
}

static bool number_message(const uint8_t *message, size_t len, struct numbers *numbers)
{
	struct wire_update u;
	struct wire_prefix p;

	if (!wire_update(message, len, &u))
		return false;
	while (wire_next(&u.announced, false, &p))
		numbers_add(numbers, p.address, p.len);
	return u.announced.len == 0;
}

bool feed_load(struct feed *f, const char *path, struct numbers *numbers)
{
	size_t at = 0;

	feed_fini(f);
	if (!read_file(f, path))
		return false;
	while (f->announce_len - at >= WIRE_HEADER) {
		size_t len = wire_length(f->announce + at);

		if (len < WIRE_HEADER || len > f->announce_len - at ||
			!number_message(f->announce + at, len, numbers))
			break;
		at += len;
	}
	if (at != f->announce_len)
		fprintf(stderr, "speaker: %s: octet %zu: no UPDATE with IPv4 prefixes\n", path, at);
	return at == f->announce_len;
}
