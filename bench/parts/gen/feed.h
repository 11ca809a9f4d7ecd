/* What a speaker sends, encoded beforehand by the project's own encoder: its table, and the same table withdrawn. */
#pragma once

#include "numbers.h"

struct feed_spec {
	uint32_t base;	   /* address of number 0 */
	uint32_t first;	   /* number of the feed's first prefix */
	uint32_t count;	   /* prefixes */
	uint32_t per_set;  /* prefixes that share their attributes */
	uint32_t next_hop; /* host byte order */
	uint32_t path_id;  /* 0: no add-path */
	uint32_t med;	   /* 0: none */
};

struct feed {
	uint8_t *announce, *withdraw;
	size_t announce_len, withdraw_len;
};

void feed_make(struct feed *f, const struct feed_spec *s);
/* UPDATEs from a file; numbers the prefixes. Returns false (and says why) when the file is not that. */
bool feed_load(struct feed *f, const char *path, struct numbers *numbers);
void feed_fini(struct feed *f);
/* One UPDATE that announces the prefix with that number, as feed_make() would but for med; returns its length. */
size_t feed_change(uint8_t *out, const struct feed_spec *s, uint32_t number, uint32_t med);
