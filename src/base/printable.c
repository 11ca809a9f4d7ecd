#include "base/printable.h"

#include <stdbool.h>
#include <string.h>

/* The octets of the character that begins at p, 0 when there is none: overlong forms, surrogates and numbers beyond
 * Unicode are refused (RFC 3629 3). */
static size_t character_len(const uint8_t *p, size_t left, uint32_t *out)
{
	static const uint32_t smallest[] = { 0, 0, 0x80, 0x800, 0x10000 };
	size_t n = p[0] < 0x80 ? 1 : p[0] >= 0xf0 ? 4 : p[0] >= 0xe0 ? 3 : p[0] >= 0xc0 ? 2 : 0;
	uint32_t v = n == 1 ? p[0] : p[0] & (0xffu >> (n + 1));

	if (n == 0 || n > left || p[0] > 0xf4)
		return 0;
	for (size_t i = 1; i < n; i++) {
		if ((p[i] & 0xc0) != 0x80)
			return 0;
		v = v << 6 | (p[i] & 0x3f);
	}
	if (v < smallest[n] || v > 0x10ffff || (v >= 0xd800 && v <= 0xdfff))
		return 0;
	*out = v;
	return n;
}

static bool is_control(uint32_t v)
{
	return v < 0x20 || (v >= 0x7f && v < 0xa0) || v == 0x2028 || v == 0x2029 ||
	       (v >= 0x202a && v <= 0x202e) || (v >= 0x2066 && v <= 0x2069);
}

size_t text_printable(const uint8_t *data, size_t len, char *buf, size_t size)
{
	size_t out = 0;

	for (size_t i = 0; i < len;) {
		uint32_t v = 0;
		size_t n = character_len(data + i, len - i, &v);
		bool odd = n == 0 || is_control(v);
		size_t need = odd ? 1 : n;

		if (out + need >= size)
			break;
		if (odd)
			buf[out] = '?';
		else
			memcpy(buf + out, data + i, n);
		out += need;
		i += n ? n : 1;
	}
	buf[out] = 0;
	return out;
}
