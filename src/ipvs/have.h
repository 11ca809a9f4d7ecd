/*
 * What the kernel has of one service, as far as is known: pure.
 *
 * Kept up by the operations that were carried out, and put right by listings. Destinations stand in the order in which they
 * were added, oldest first: the kernel lists them the other way round.
 */
#pragma once

#include "ipvs/ipvs.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct ipvs_op;

enum {
	IPVS_LAST_UNKNOWN = -1, /* at weight 0, and who put it there is not known */
	IPVS_LAST_TRUSTED = -2, /* at weight 0, put there by us in an earlier life */
};

struct ipvs_have {
	bool present;
	struct ipvs_service service;
	struct ipvs_seen_dest *dest;
	int32_t *last_weight; /* of dest[i]: the last that was not zero, or one of the above */
	size_t count, size;
};

/* All zero is valid: nothing is there. */
void ipvs_have_fini(struct ipvs_have *h);
/* Operations on this service that have been carried out; those with an error are skipped. */
void ipvs_have_apply(
	struct ipvs_have *h, const struct ipvs_service *service, const struct ipvs_op *op, size_t count);

/* A listing: service NULL when the kernel has none; dest as it lists them, newest first. trusted: what is not known yet is taken as put there
 * by us. True when it is not what was thought (counts apart). */
bool ipvs_have_take(struct ipvs_have *h, const struct ipvs_service *service,
	const struct ipvs_seen_dest *dest, size_t count, bool trusted);
/* What is trusted has, as its last weight, the full one of the wish. True when that was news. */
bool ipvs_have_trust(struct ipvs_have *h, const struct ipvs_wish_dest *want, size_t count);
