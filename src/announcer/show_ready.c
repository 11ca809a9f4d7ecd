#include "announcer/announcer.h"

#include <stdio.h>

enum { READY_ERROR_MAX = 256 };

/* What is missing until traffic comes here as configured, in words; false where nothing is. */
static bool is_missing(const struct announcer *a, const struct service *sv, char *err)
{
	char prefix[PREFIX_TEXT_MAX];

	prefix_format(&sv->cfg->prefix, prefix);
	if (sv->told.voice != VOICE_FULL) {
		snprintf(err, READY_ERROR_MAX, "%s is %s: %.150s", prefix,
			sv->told.voice == VOICE_DRAINING ? "draining" : "withdrawn", announcer_reason(a, sv));
		return true;
	}
	if (a->speaker_count && !announcer_told_to(a, sv)) {
		snprintf(err, READY_ERROR_MAX, "%s has been told to no neighbor: see show neighbors", prefix);
		return true;
	}
	return false;
}

bool announcer_show_ready(void *user, const struct row *args, struct control_answer *out, char *err)
{
	const struct announcer *a = user;
	int64_t services = 0;
	struct row *r;

	(void)args;
	for (size_t i = 0; i < a->service_count; i++) {
		if (a->services[i]->retired)
			continue;
		if (is_missing(a, a->services[i], err))
			return false;
		services++;
	}
	r = row_new();
	row_bool(r, "ready", true);
	row_int(r, "services", services);
	control_answer_row(out, r);
	return true;
}
