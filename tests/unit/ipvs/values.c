#include "values.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

struct ip_addr value_addr(const char *text)
{
	struct ip_addr a;

	assert_true(ip_addr_parse(text, &a));
	return a;
}

struct ipvs_service value_service(unsigned protocol, const char *addr, uint16_t port, const char *scheduler)
{
	struct ipvs_service s = { .key = { .protocol = (uint8_t)protocol, .port = port } };

	s.key.addr = value_addr(addr);
	s.key.family = s.key.addr.family;
	snprintf(s.scheduler, sizeof(s.scheduler), "%s", scheduler);
	return s;
}

struct ipvs_wish_dest value_dest(const char *addr, uint16_t port, enum ipvs_forward forward, int32_t weight)
{
	return (struct ipvs_wish_dest){ .dest = { .addr = value_addr(addr),
						.port = port,
						.forward = (uint8_t)forward,
						.weight = weight },
		.full_weight = weight };
}

struct ipvs_wish_dest value_nth(unsigned n)
{
	char addr[32];

	snprintf(addr, sizeof(addr), "10.8.%u.%u", 1 + n / 250, 1 + n % 250);
	return value_dest(addr, 80, IPVS_DR, 1);
}
