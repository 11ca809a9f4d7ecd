#include "convert/convert.h"

#include "config/announcer.h"
#include "config/rrd.h"
#include "config/yaml.h"
#include "convert/reader.h"
#include "convert/write.h"

#include <ctype.h>
#include <stdlib.h>
#include <string.h>

struct format {
	const char *word, *name, *file;
	bool (*read)(struct convert_model *m, const char *text, size_t len);
	void (*finish)(struct convert_model *m);
	const struct config_schema *schema;
};

static const struct format formats[] = {
	[CONVERT_UNKNOWN] = { "", "", "", NULL, NULL, NULL },
	[CONVERT_GOBGP] = { "gobgp", "GoBGP", "rrd.conf", gobgp_read, gobgp_finish, &config_rrd_schema },
	[CONVERT_EXABGP] = { "exabgp", "ExaBGP", "lb-announcer.conf", exabgp_read, exabgp_finish,
		&config_announcer_schema },
	[CONVERT_BIRD] = { "bird", "BIRD", "rrd.conf", bird_read, bird_finish, &config_rrd_schema },
	[CONVERT_FRR] = { "frr", "FRR", "rrd.conf", frr_read, frr_finish, &config_rrd_schema },
};

enum { FORMATS = sizeof(formats) / sizeof(formats[0]) };

enum convert_format convert_format_parse(const char *word)
{
	for (int i = 1; i < FORMATS; i++)
		if (strcmp(formats[i].word, word) == 0)
			return (enum convert_format)i;
	return CONVERT_UNKNOWN;
}

/* --- which program's --- */

static bool ends(const char *name, const char *with)
{
	size_t n = strlen(name), w = strlen(with);

	return n > w && strcmp(name + n - w, with) == 0;
}

/* What lines of a file begin with, and whose it is then. The first line that fits decides. */
static const struct {
	const char *begin;
	enum convert_format format;
} signs[] = {
	{ "router bgp ", CONVERT_FRR },
	{ "frr version", CONVERT_FRR },
	{ "frr defaults", CONVERT_FRR },
	{ "router id ", CONVERT_BIRD },
	{ "protocol ", CONVERT_BIRD },
	{ "template bgp ", CONVERT_BIRD },
	{ "filter ", CONVERT_BIRD },
	{ "define ", CONVERT_BIRD },
	{ "[global", CONVERT_GOBGP },
	{ "[[neighbors", CONVERT_GOBGP },
	{ "[[peer-groups", CONVERT_GOBGP },
	{ "global:", CONVERT_GOBGP },
	{ "neighbors:", CONVERT_GOBGP },
	{ "peer-groups:", CONVERT_GOBGP },
	{ "{", CONVERT_GOBGP },
	{ "neighbor ", CONVERT_EXABGP },
	{ "group ", CONVERT_EXABGP },
	{ "process ", CONVERT_EXABGP },
	{ "template ", CONVERT_EXABGP },
	{ "template{", CONVERT_EXABGP },
};

static enum convert_format of_line(const char *line, size_t len)
{
	for (size_t i = 0; i < sizeof(signs) / sizeof(signs[0]); i++) {
		size_t n = strlen(signs[i].begin);

		if (len >= n && strncmp(line, signs[i].begin, n) == 0)
			return signs[i].format;
	}
	return CONVERT_UNKNOWN;
}

static enum convert_format detect(const struct convert_file *f)
{
	const char *p = f->text, *end = f->text + f->len;

	if (ends(f->name, ".toml") || ends(f->name, ".yaml") || ends(f->name, ".yml") ||
		ends(f->name, ".json"))
		return CONVERT_GOBGP;
	while (p < end) {
		const char *newline = memchr(p, '\n', (size_t)(end - p)), *line_end = newline ? newline : end;
		enum convert_format format;

		while (p < line_end && isblank((unsigned char)*p))
			p++;
		format = of_line(p, (size_t)(line_end - p));
		if (format)
			return format;
		p = line_end + 1;
	}
	return CONVERT_UNKNOWN;
}

static enum convert_format detect_all(const struct convert_file *files, size_t count, FILE *err)
{
	enum convert_format format = detect(&files[0]);

	for (size_t i = 0; i < count; i++) {
		enum convert_format own = detect(&files[i]);

		if (own == CONVERT_UNKNOWN)
			fprintf(err,
				"%s: not clear whose configuration this is; say it: --from "
				"gobgp|exabgp|bird|frr\n",
				files[i].name);
		else if (own != format)
			fprintf(err, "%s: looks like %s's, and %s like %s's; convert them one by one\n",
				files[i].name, formats[own].name, files[0].name, formats[format].name);
		if (own == CONVERT_UNKNOWN || own != format)
			return CONVERT_UNKNOWN;
	}
	return format;
}

/* --- reading --- */

static bool read_all(
	struct convert_model *m, const struct format *format, const struct convert_file *files, size_t count)
{
	bool ok = true;

	for (size_t i = 0; i < count; i++) {
		config_errors_set_file(m->errs, files[i].name);
		m->file = files[i].name;
		if (files[i].len > CONFIG_FILE_MAX) {
			config_error_place(m->errs, 0, 0,
				"larger than %d octets; no configuration needs that", CONFIG_FILE_MAX);
			ok = false;
		} else if (!format->read(m, files[i].text, files[i].len)) {
			ok = false;
		}
	}
	return ok;
}

static void tell_errors(const struct config_errors *errs, FILE *err)
{
	char *lines = config_errors_format(errs);

	fputs(lines, err);
	free(lines);
}

static bool set_router_id(struct convert_model *m, const char *id)
{
	struct convert_place at = { "--router-id", 0 };

	return !id || convert_set(m, convert_part_need(m, "router", NULL, at), "router-id", id, at, id);
}

/* --- what came out, as the daemon would read it --- */

static const char output_name[] = "out";

/* One error of our own check, with the line of the input that it comes from. */
static void tell_refusal(
	const struct convert_output *out, const char *line, size_t len, const char *file, FILE *err)
{
	const char *p = line + strlen(output_name), *end = line + len;
	unsigned long number = *p == ':' && isdigit((unsigned char)p[1]) ? strtoul(p + 1, NULL, 10) : 0;
	const struct convert_place *at = number && number <= out->lines ? &out->places[number - 1] : NULL;

	while (p < end && *p != ' ')
		p++;
	fprintf(err, "%s:", at && at->file ? at->file : file);
	if (at && at->file && at->line)
		fprintf(err, "%u:", at->line);
	fprintf(err, " cannot be converted:%.*s\n", (int)(end - p), p);
}

static bool check(const struct convert_output *out, const struct format *format, const char *file, FILE *err)
{
	struct config_errors *errs = config_errors_new();
	bool ok;
	char *lines;

	if (format->schema == &config_announcer_schema) {
		struct config_announcer *c = config_announcer_parse(out->text, out->len, output_name, errs);

		ok = c != NULL;
		config_announcer_free(c);
	} else {
		struct config_rrd *c = config_rrd_parse(out->text, out->len, output_name, errs);

		ok = c != NULL;
		config_rrd_free(c);
	}
	lines = config_errors_format(errs);
	for (const char *line = lines; *line;) {
		size_t len = strcspn(line, "\n");

		tell_refusal(out, line, len, file, err);
		line += len + (line[len] == '\n');
	}
	free(lines);
	config_errors_free(errs);
	return ok;
}

static const char *head(
	struct convert_model *m, const struct format *format, const struct convert_file *files, size_t count)
{
	char q[CONFIG_QUOTE_MAX];
	const char *names = "";

	for (size_t i = 0; i < count; i++)
		names = convert_text(m, "%s%s%s", names, i ? ", " : "", config_quote(files[i].name, q));
	return convert_text(m,
		"# %s, written by rrctl convert from %s of %s.\n"
		"# %s(5) explains every key; what could not be carried over was told when this was "
		"written.\n",
		format->file, names, format->name, format->file);
}

static void remark_secrets(struct convert_model *m, const struct convert_output *out, const char *file)
{
	if (out->has_secrets)
		convert_note(m->notes, CONVERT_REMARK, (struct convert_place){ file, 0 },
			"passwords stand in what was written: keep it from others (mode 0600), or let --keys "
			"DIRECTORY put "
			"them into files of their own");
}

static enum convert_result run(struct convert_model *m, const struct convert_opts *opts,
	const struct format *format, const struct convert_file *files, size_t count, FILE *err, char **text)
{
	struct convert_output out;
	bool ok;

	if (!read_all(m, format, files, count) || !set_router_id(m, opts->router_id))
		return CONVERT_REFUSED;
	format->finish(m);
	ok = convert_write(m, head(m, format, files, count), opts->keys, err, &out);
	if (ok && !check(&out, format, files[0].name, err)) {
		convert_keys_remove(m);
		ok = false;
	}
	if (ok) {
		remark_secrets(m, &out, files[0].name);
		*text = out.text;
		out.text = NULL;
	}
	convert_output_fini(&out);
	if (!ok)
		return CONVERT_REFUSED;
	return convert_notes_count(m->notes, CONVERT_LOST) ? CONVERT_PARTLY : CONVERT_ALL;
}

enum convert_result convert_run(const struct convert_opts *opts, const struct convert_file *files,
	size_t count, FILE *err, char **text)
{
	enum convert_format from = opts->from ? opts->from : detect_all(files, count, err);
	struct convert_model m = { 0 };
	enum convert_result result;

	*text = NULL;
	if (!from)
		return CONVERT_REFUSED;
	m = (struct convert_model){ .arena = arena_new(),
		.notes = convert_notes_new(),
		.errs = config_errors_new(),
		.schema = formats[from].schema };
	result = run(&m, opts, &formats[from], files, count, err, text);
	tell_errors(m.errs, err);
	convert_notes_write(m.notes, err);
	config_errors_free(m.errs);
	convert_notes_free(m.notes);
	arena_free(m.arena);
	return result;
}
