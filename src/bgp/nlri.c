#include "bgp/nlri.h"

#include <string.h>

enum { PATH_ID_LEN = 4 };

static uint8_t family_of(enum bgp_family f)
{
	return f == BGP_IPV4_UNICAST ? IP_V4 : IP_V6;
}

static size_t octets_of(unsigned bits)
{
	return (bits + 7) / 8;
}

bool bgp_nlri_check(struct bgp_nlri_field *f)
{
	const uint8_t *p = f->data, *end = p + f->len;
	unsigned max_bits = ip_family_bits(family_of(f->family));
	size_t before = f->add_path ? PATH_ID_LEN : 0;

	f->count = 0;
	while (p < end) {
		size_t left = (size_t)(end - p);

		if (left <= before || p[before] > max_bits || left - before - 1 < octets_of(p[before]))
			return false;
		p += before + 1 + octets_of(p[before]);
		f->count++;
	}
	return true;
}

struct bgp_nlri *bgp_nlri_decode(const struct bgp_nlri_field *f, struct bgp_nlri *out)
{
	const uint8_t *p = f->data;
	uint8_t family = family_of(f->family);

	for (size_t i = 0; i < f->count; i++, out++) {
		size_t n;

		*out = (struct bgp_nlri){ .prefix.family = family };
		if (f->add_path) {
			out->path_id = (uint32_t)p[0] << 24 | (uint32_t)p[1] << 16 | (uint32_t)p[2] << 8 |
				       p[3];
			p += PATH_ID_LEN;
		}
		out->prefix.len = *p++;
		n = octets_of(out->prefix.len);
		memcpy(out->prefix.bytes, p, n);
		if (out->prefix.len % 8)
			out->prefix.bytes[n - 1] &= (uint8_t)(0xff00 >> out->prefix.len % 8);
		p += n;
	}
	return out;
}

size_t bgp_nlri_encode(struct writer *w, bool add_path, const struct bgp_nlri *items, size_t count)
{
	size_t before = add_path ? PATH_ID_LEN : 0, i;
	uint8_t *p = w->p;

	if (!writer_ok(w))
		return 0;
	for (i = 0; i < count; i++) {
		const struct prefix *x = &items[i].prefix;
		size_t n = octets_of(x->len);

		if ((size_t)(w->end - p) < before + 1 + n)
			break;
		if (add_path) {
			p[0] = (uint8_t)(items[i].path_id >> 24);
			p[1] = (uint8_t)(items[i].path_id >> 16);
			p[2] = (uint8_t)(items[i].path_id >> 8);
			p[3] = (uint8_t)items[i].path_id;
			p += PATH_ID_LEN;
		}
		*p++ = x->len;
		memcpy(p, x->bytes, n);
		p += n;
	}
	w->p = p;
	return i;
}
