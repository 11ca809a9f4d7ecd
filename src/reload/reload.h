/*
 * The configuration read again by a running daemon: the course that all daemons' reloads take.
 *
 *	file -> load (all its errors) -> plan (what changes, in words) -> check -> prepare -> apply
 *
 * Whatever can fail is done by prepare, which undoes it when something else fails: until then nothing has changed. Apply
 * cannot fail. The service manager is told before and after, the log of every change, and what came of it is counted.
 * What a configuration is and what a change does is the daemon's to know.
 */
#pragma once

#include "base/text.h"
#include "config/common.h"
#include "config/errors.h"
#include "control/server.h"
#include "reload/plan.h"

#include <stdint.h>

struct reload_ops {
	const char *program; /* "rrd" */
	/* NULL with what is wrong in errs. */
	void *(*load)(void *user, struct config_errors *errs);
	void (*unload)(void *cfg);
	struct reload_plan *(*plan)(void *user, const void *to);
	/* What can be told to fail while nothing is changed, for the dry run too. False with the reason in *why, to be freed. NULL: nothing. */
	bool (*check)(void *user, const void *to, char **why);
	/* False with the reason in *why, to be freed, and nothing changed. NULL: nothing can fail. */
	bool (*prepare)(void *user, void *to, char **why);
	/* Takes to over. */
	void (*apply)(void *user, void *to);
};

struct reload {
	const struct reload_ops *ops;
	const char *path; /* of the file */
	void *user;	  /* of ops */
	bool starting;	  /* the service manager still waits for the start, and is told of no reload */
	uint64_t done, refused;
	char *error; /* why the last one was refused; NULL: it was done, or there was none */
};

struct reload_result {
	struct reload_plan *plan; /* NULL: the file is wrong */
	char *errors;		  /* all of them, a line each; NULL: none */
	char *refused;		  /* why nothing was changed, or would be, in a line; NULL: it was not */
};

/* path must live as long. */
void reload_init(struct reload *r, const struct reload_ops *ops, const char *path, void *user);
void reload_fini(struct reload *r);

/* All of the file, or, when anything is wrong with it or cannot be done, nothing: false then. Never from a callback of what a
 * reload may free. */
bool reload_run(struct reload *r, bool dry_run, struct reload_result *out);
void reload_result_fini(struct reload_result *out);
/* A signal's: without an answer; user: the struct reload. */
void reload_signal(void *user);

/* A part of prepare: the control socket where it is to be now. */
bool reload_move_control(struct control_server *s, const struct config_control *from,
	const struct config_control *to, char **why);
/* The same of any socket; key: "control", for *why. */
bool reload_move_socket(struct control_server *s, const char *key, const struct config_control *from,
	const struct config_control *to, char **why);
/* A part of check: whether that would do. */
bool reload_try_socket(struct control_server *s, const char *key, const struct config_control *from,
	const struct config_control *to, char **why);

/* --- answer.c: the commands --- */

/* Arguments: {"dry-run": BOOL}. Rows: the plan's lines, or {"error": LINE} for each error of the file. */
bool reload_answer(struct reload *r, const struct row *args, struct control_answer *out, char *err);
/* Arguments: {"all": BOOL}. Rows: {"line": LINE} of the configuration in use. root: of the tree it was read from. */
bool reload_show_config(const struct config_schema *schema, const void *cfg, const struct config_node *root,
	const struct row *args, struct control_answer *out);
/* "; the last reload was refused: WHY" where it was, for the service manager's line. */
void reload_status_text(const struct reload *r, struct text *out);
/* "reloads", "reloads-refused", "reload-error", for show status. */
void reload_status(const struct reload *r, struct row *row);
