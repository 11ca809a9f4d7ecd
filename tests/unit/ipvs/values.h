/* Services and servers as values, for the tests of this folder. */
#pragma once

#include "ipvs/ipvs.h"

/* "10.8.0.5" or "2001:db8::1". */
struct ip_addr value_addr(const char *text);
struct ipvs_service value_service(unsigned protocol, const char *addr, uint16_t port, const char *scheduler);
struct ipvs_wish_dest value_dest(const char *addr, uint16_t port, enum ipvs_forward forward, int32_t weight);
/* 10.8.HI.LO:80, by direct routing, weight 1: n = 0 is 10.8.1.1. */
struct ipvs_wish_dest value_nth(unsigned n);
