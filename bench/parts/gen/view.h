/*
 * What a receiver holds, from every prefix it was told, exactly: announced twice counts once, and a withdrawal counts when
 * there was something to withdraw. So the end of a table is a number reached, never a silence.
 */
#pragma once

#include "churn.h"
#include "numbers.h"

struct view {
	const struct numbers *numbers;
	uint32_t bgp_identifier; /* whoever gets back what it said itself ignores it (RFC 4456 8) */
	bool add_path;
	uint64_t *bit;	/* without add-path: by the prefix's number */
	uint64_t *path; /* with it: set of (number, path identifier) */
	uint32_t mask;
	uint32_t present;		 /* paths held now */
	uint64_t announced, withdrawn;	 /* as told */
	uint64_t again, unheld, unknown; /* told again; withdrawn without need; prefixes of nobody */
	uint64_t returned, broken;	 /* messages: our own come back; malformed */
	struct churn_view churn;
};

void view_init(struct view *v, const struct numbers *numbers, uint32_t bgp_identifier);
void view_fini(struct view *v);
/* Takes an UPDATE, header included, that was read at now_ns. */
void view_update(struct view *v, const uint8_t *message, size_t len, uint64_t now_ns);
