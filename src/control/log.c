#include "control/log.h"

#include "base/log.h"

#include <stdio.h>
#include <string.h>

enum { ERROR_MAX = 256 };

struct row *control_log_row(const struct prefix *debugged, size_t count)
{
	struct row *r = row_new(), *list;
	char buf[PREFIX_TEXT_MAX];
	struct log_status st;

	log_get_status(&st);
	row_text(r, "level", log_level_format(st.level));
	row_text(r, "target", log_target_text(st.target));
	row_text(r, "format", st.target == LOG_TO_JOURNAL ? "fields" : log_format_name(st.format));
	row_bool(r, "fallback", st.fallback);
	row_int(r, "lines", (int64_t)st.lines);
	row_int(r, "lines-waiting", (int64_t)st.waiting);
	row_int(r, "lines-lost", (int64_t)st.lost);
	if (!debugged)
		return r;
	list = row_new_list();
	for (size_t i = 0; i < count; i++)
		row_append_text(list, prefix_format(&debugged[i], buf));
	row_put(r, "debug-neighbors", list);
	return r;
}

void control_log_put_status(struct row *status)
{
	struct log_status st;

	log_get_status(&st);
	row_int(status, "log-lines-lost", (int64_t)st.lost);
}

bool control_show_log(void *user, const struct row *args, struct control_answer *out, char *err)
{
	(void)user;
	(void)args;
	(void)err;
	control_answer_row(out, control_log_row(NULL, 0));
	return true;
}

bool control_log_level(void *user, const struct row *args, struct control_answer *out, char *err)
{
	const char *text = row_get_text(args, "level");
	struct log_status was;
	enum log_level level;
	struct row *r;

	(void)user;
	if (!text || !log_level_parse(text, &level)) {
		snprintf(err, ERROR_MAX, "\"%.32s\" is no level: error, warning, info and debug are",
			text ? text : "");
		return false;
	}
	log_get_status(&was);
	log_about(LOG_LEVEL_INFO, LOG_ABOUT("log-level", .asked_for = true),
		"log level: %s -> %s, by command", log_level_format(was.level), log_level_format(level));
	log_set_level(level);
	r = row_new();
	row_text(r, "was", log_level_format(was.level));
	row_text(r, "level", log_level_format(level));
	control_answer_row(out, r);
	return true;
}

static bool parse_one(const char *text, struct prefix *out)
{
	struct ip_addr a;
	bool host_bits;

	if (!ip_addr_parse(text, &a))
		return prefix_parse(text, out, &host_bits);
	*out = prefix_host(&a);
	return true;
}

static size_t find(const struct control_debugged *d, const struct prefix *p)
{
	size_t i = 0;

	while (i < d->count && prefix_cmp(&d->prefix[i], p) != 0)
		i++;
	return i;
}

static bool add(struct control_debugged *d, const struct prefix *p, char *err)
{
	if (find(d, p) < d->count)
		return true;
	if (d->count == CONTROL_DEBUGGED_MAX) {
		snprintf(err, ERROR_MAX,
			"%d addresses and prefixes are debugged already, no more at once: turn some off",
			CONTROL_DEBUGGED_MAX);
		return false;
	}
	d->prefix[d->count++] = *p;
	return true;
}

static bool del(struct control_debugged *d, const struct prefix *p, char *err)
{
	size_t i = find(d, p);
	char buf[PREFIX_TEXT_MAX];

	if (i == d->count) {
		snprintf(err, ERROR_MAX, "%s as such is not debugged; \"show log\" tells what is",
			prefix_format(p, buf));
		return false;
	}
	d->prefix[i] = d->prefix[--d->count];
	return true;
}

bool control_log_debug(const struct row *args, const struct prefix *now, size_t count,
	struct control_debugged *out, char *err)
{
	static const struct prefix everybody[] = { { .family = IP_V4 }, { .family = IP_V6 } };
	const char *text = row_get_text(args, "neighbors");
	bool off = row_get_bool(args, "off", false);
	struct prefix one;

	out->count = 0;
	for (size_t i = 0; i < count && i < CONTROL_DEBUGGED_MAX; i++)
		out->prefix[out->count++] = now[i];
	if (text && strcmp(text, "all") == 0) {
		out->count = off ? 0 : out->count;
		return off || (add(out, &everybody[0], err) && add(out, &everybody[1], err));
	}
	if (!text || !parse_one(text, &one)) {
		snprintf(err, ERROR_MAX, "\"%.64s\" is neither an address nor a prefix, nor all",
			text ? text : "");
		return false;
	}
	return off ? del(out, &one, err) : add(out, &one, err);
}
