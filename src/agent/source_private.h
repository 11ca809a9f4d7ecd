/* What the kinds of sources share: source.c keeps what was told and what is wrong, a kind finds out. */
#pragma once

#include "agent/source.h"

struct source_kind {
	const char *word;    /* before its name: "file", "dns" */
	bool errors_name_it; /* what is wrong begins with a file's name */
	/* The kind's own state. Nothing is told before the next turn. */
	void *(*start)(struct source *s);
	void (*stop)(void *state);
};

extern const struct source_kind source_static, source_file, source_directory, source_dns, source_kubernetes;

struct source {
	struct source_env env;
	const struct config_source *cfg;
	source_changed_fn *changed;
	void *user;
	const struct source_kind *kind;
	void *state;
	char *name;
	struct arena *told; /* owns last */
	struct endpoint_list last;
	struct source_status status;
	char *error;
};

/* The list with its names, all in the arena. */
struct endpoint_list source_copy(struct arena *arena, const struct endpoint_list *list);
/* Tells the list unless it is the one that was told before. */
void source_tell(struct source *s, const struct endpoint_list *list);
/* It could not be told: logged when it is another reason than before. NULL: all is well. */
void source_set_error(struct source *s, const char *why);
