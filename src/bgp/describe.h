/* Messages in words, one line each, for a log that shows what two speakers say to each other. Pure. */
#pragma once

#include "base/text.h"
#include "bgp/message.h"
#include "bgp/open.h"
#include "bgp/update.h"

/* "AS 65001, id 10.0.0.1, hold time 90 s, ipv4-unicast (add-path send), route-refresh, 4-octet AS, ..." */
void bgp_describe_open(const struct bgp_open *o, struct text *out);
/* What holds for the session, seen from our side. */
void bgp_describe_negotiated(const struct bgp_negotiated *n, struct text *out);
/* Prefixes, next hops and attributes; of a long list the beginning and how many more there are. */
void bgp_describe_update(const struct bgp_update *u, struct text *out);
void bgp_describe_notification(const struct bgp_error *e, struct text *out);
void bgp_describe_refresh(const struct bgp_refresh *r, struct text *out);
