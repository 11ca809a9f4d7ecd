/* Changes at a steady rate, and what the generator tells of groups while and after it waits. */
#pragma once

#include "speaker.h"

struct pace {
	uint32_t rate, seconds, timeout_s;
	bool is_random; /* or one path after the other */
};

/* Changes the tables of the group `from` and prints how long the changes took to the peers of the group `to`. */
void pace_run(struct speaker *s, struct group *from, struct group *to, const struct pace *pace);
void pace_tell_progress(const struct speaker *s, const struct group *g, uint64_t now_ns);
/* Counts, as members of a JSON object. */
void pace_print_group(const struct group *g);
