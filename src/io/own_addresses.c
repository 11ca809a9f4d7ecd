#include "io/own_addresses.h"

#include "base/mem.h"

#include <ifaddrs.h>
#include <net/if.h>
#include <stdlib.h>
#include <string.h>

enum { FRESH_US = 1000000 };

struct own_address {
	struct ip_addr address;
	char interface[IF_NAMESIZE];
};

struct io_own_addresses {
	struct own_address *item; /* by address */
	size_t count, size;
	uint64_t read_us;
	bool read;
};

struct io_own_addresses *io_own_addresses_new(void)
{
	return mem_calloc(1, sizeof(struct io_own_addresses));
}

void io_own_addresses_free(struct io_own_addresses *own)
{
	if (!own)
		return;
	free(own->item);
	free(own);
}

static int compare(const void *a, const void *b)
{
	const struct own_address *x = a, *y = b;

	return ip_addr_cmp(&x->address, &y->address);
}

static void add(struct io_own_addresses *own, const struct ip_addr *a, const char *interface)
{
	struct own_address *item;

	if (own->count == own->size) {
		own->size = own->size ? own->size * 2 : 16;
		own->item = mem_realloc(own->item, own->size * sizeof(*own->item));
	}
	item = &own->item[own->count++];
	*item = (struct own_address){ .address = *a };
	strncpy(item->interface, interface, sizeof(item->interface) - 1);
}

static void refresh(struct io_own_addresses *own, uint64_t now_us)
{
	struct ifaddrs *all;

	if (own->read && now_us - own->read_us <= FRESH_US)
		return;
	own->read = true;
	own->read_us = now_us;
	own->count = 0;
	if (getifaddrs(&all))
		return;
	for (const struct ifaddrs *i = all; i; i = i->ifa_next) {
		struct ip_addr a;

		if (i->ifa_addr && ip_addr_from_sockaddr(i->ifa_addr, &a, NULL))
			add(own, &a, i->ifa_name);
	}
	freeifaddrs(all);
	if (own->count)
		qsort(own->item, own->count, sizeof(*own->item), compare);
}

static const struct own_address *find(struct io_own_addresses *own, const struct ip_addr *a, uint64_t now_us)
{
	const struct own_address key = { .address = *a };

	refresh(own, now_us);
	return own->count ? bsearch(&key, own->item, own->count, sizeof(key), compare) : NULL;
}

bool io_own_addresses_have(struct io_own_addresses *own, const struct ip_addr *a, uint64_t now_us)
{
	return ip_addr_is_loopback(a) || find(own, a, now_us);
}

struct ip_addr io_own_addresses_beside(struct io_own_addresses *own, const struct ip_addr *a, uint64_t now_us)
{
	const struct own_address *this = find(own, a, now_us);

	for (size_t i = 0; this && i < own->count; i++) {
		const struct own_address *o = &own->item[i];

		if (o->address.family != a->family && !ip_addr_is_link_local(&o->address) &&
			ip_addr_is_loopback(&o->address) == ip_addr_is_loopback(a) &&
			strcmp(o->interface, this->interface) == 0)
			return o->address;
	}
	return (struct ip_addr){ .family = IP_NONE };
}

/* a and b agree in all bits of the mask. */
static bool same_subnet(const struct ip_addr *a, const struct ip_addr *b, const struct ip_addr *mask)
{
	bool any = false;

	for (size_t i = 0; i < ip_family_bytes(a->family); i++) {
		if ((a->bytes[i] ^ b->bytes[i]) & mask->bytes[i])
			return false;
		any |= mask->bytes[i] != 0;
	}
	return any;
}

bool io_is_on_link(const struct ip_addr *own, const struct ip_addr *neighbor)
{
	struct ifaddrs *all;
	bool found = false;

	if (getifaddrs(&all))
		return false;
	for (const struct ifaddrs *i = all; i && !found; i = i->ifa_next) {
		struct ip_addr a, mask;

		found = i->ifa_addr && i->ifa_netmask && ip_addr_from_sockaddr(i->ifa_addr, &a, NULL) &&
			ip_addr_equal(&a, own) && neighbor->family == own->family &&
			ip_addr_from_sockaddr(i->ifa_netmask, &mask, NULL) &&
			same_subnet(own, neighbor, &mask);
	}
	freeifaddrs(all);
	return found;
}
