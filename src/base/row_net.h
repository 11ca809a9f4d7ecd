/* Addresses and prefixes in rows, as text. */
#pragma once

#include "base/prefix.h"
#include "base/row.h"

/* Nothing is added when there is no address. */
void row_addr(struct row *r, const char *key, const struct ip_addr *a);
void row_prefix(struct row *r, const char *key, const struct prefix *p);
/* A BGP Identifier (or any number that is written like an IPv4 address), in host byte order. */
void row_ipv4(struct row *r, const char *key, uint32_t id);
