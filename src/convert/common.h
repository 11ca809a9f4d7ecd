/* What several readers need. */
#pragma once

#include "convert/model.h"

/* "true", "on", "yes", "enable" and the like. */
bool convert_truth(const char *text);
bool convert_is_number(const char *text);
bool convert_is_address(const char *text);
/* The family of an address or prefix as our files name it; NULL when it is neither. */
const char *convert_family(const char *text);
/* GTSM: the hops that a least TTL of received packets allows. */
const char *convert_hops(struct convert_model *m, const char *min_ttl);
/* The router's AS: the first one holds, another one is a note. */
void convert_router_as(struct convert_model *m, const char *as, struct convert_place at);
/* The same for other keys of the router that some programs have per neighbor. */
void convert_router_once(struct convert_model *m, const char *key, const char *text, struct convert_place at,
	const char *what);
/* connect-retry, and connect-retry-max where it is more than ours. */
void convert_connect_retry(struct convert_model *m, struct convert_part *p, const char *text,
	struct convert_place at, const char *what);
/* Sets a key where neither the part nor its group says it: for what the other program has as its default. */
void convert_default(struct convert_model *m, struct convert_part *p, const char *key, const char *text);
/* The peer group of a neighbor or range; NULL: none. */
struct convert_part *convert_group_of(const struct convert_model *m, const struct convert_part *p);
/* Whether a range uses the group. */
bool convert_group_has_range(const struct convert_model *m, const struct convert_part *group);
