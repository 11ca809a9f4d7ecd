#include "base/row_net.h"

void row_addr(struct row *r, const char *key, const struct ip_addr *a)
{
	char buf[PREFIX_TEXT_MAX];

	if (a->family != IP_NONE)
		row_text(r, key, ip_addr_format(a, buf));
}

void row_prefix(struct row *r, const char *key, const struct prefix *p)
{
	char buf[PREFIX_TEXT_MAX];

	row_text(r, key, prefix_format(p, buf));
}

void row_ipv4(struct row *r, const char *key, uint32_t id)
{
	struct ip_addr a = ip_addr_v4(id);

	row_addr(r, key, &a);
}
