#include "io/own_addresses.h"

#include "base/mem.h"

#include <ifaddrs.h>
#include <stdlib.h>

enum { FRESH_US = 1000000 };

struct io_own_addresses {
	struct ip_addr *address; /* sorted */
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
	free(own->address);
	free(own);
}

static int compare(const void *a, const void *b)
{
	return ip_addr_cmp(a, b);
}

static void add(struct io_own_addresses *own, const struct ip_addr *a)
{
	if (own->count == own->size) {
		own->size = own->size ? own->size * 2 : 16;
		own->address = mem_realloc(own->address, own->size * sizeof(*own->address));
	}
	own->address[own->count++] = *a;
}

static void refresh(struct io_own_addresses *own)
{
	struct ifaddrs *all;

	own->count = 0;
	if (getifaddrs(&all))
		return;
	for (const struct ifaddrs *i = all; i; i = i->ifa_next) {
		struct ip_addr a;

		if (i->ifa_addr && ip_addr_from_sockaddr(i->ifa_addr, &a, NULL))
			add(own, &a);
	}
	freeifaddrs(all);
	if (own->count)
		qsort(own->address, own->count, sizeof(*own->address), compare);
}

bool io_own_addresses_have(struct io_own_addresses *own, const struct ip_addr *a, uint64_t now_us)
{
	if (ip_addr_is_loopback(a))
		return true;
	if (!own->read || now_us - own->read_us > FRESH_US) {
		refresh(own);
		own->read_us = now_us;
		own->read = true;
	}
	return own->count && bsearch(a, own->address, own->count, sizeof(*own->address), compare);
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
