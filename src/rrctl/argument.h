/*
 * What stands behind a command's words, checked and put into its request.
 *
 * Each function takes the arguments that are left (their number is right already) and adds its keys; false, and what is
 * wrong in err (ARGUMENT_ERROR_MAX octets).
 */
#pragma once

#include "base/row.h"

#include <stdbool.h>

enum { ARGUMENT_ERROR_MAX = 512 };

bool argument_neighbor(struct row *request, int argc, char **argv, char *err); /* address */
bool argument_routes(struct row *request, int argc, char **argv, char *err);   /* prefix, longer */
bool argument_route(struct row *request, int argc, char **argv, char *err);    /* prefix, why */
bool argument_clear(struct row *request, int argc, char **argv, char *err);    /* address or "all", text */
bool argument_shutdown(struct row *request, int argc, char **argv, char *err); /* address, text */
bool argument_refresh(
	struct row *request, int argc, char **argv, char *err); /* address or "all", direction */
bool argument_watch_routes(struct row *request, int argc, char **argv, char *err); /* prefix, longer, all */
bool argument_all(struct row *request, int argc, char **argv, char *err);	   /* all */
bool argument_dry_run(struct row *request, int argc, char **argv, char *err);	   /* dry-run */
bool argument_level(struct row *request, int argc, char **argv, char *err);	   /* level */
bool argument_debug(struct row *request, int argc, char **argv, char *err);	   /* neighbors, off */
bool argument_time(struct row *request, int argc, char **argv, char *err);	   /* time-s */
bool argument_service(
	struct row *request, int argc, char **argv, char *err); /* service: all words together */
/* server: "172.16.1.5", "172.16.1.5:80", "2001:db8::1", "[2001:db8::1]:80" as the daemon writes them, or a name; and
 * service. */
bool argument_server(struct row *request, int argc, char **argv, char *err);
bool argument_drain(struct row *request, int argc, char **argv, char *err); /* server, time-s, service */
