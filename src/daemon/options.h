/*
 * The command line that all daemons share: [-c FILE] [-t], -u USER, -g GROUP, -P FILE, and --version and --help; for some also
 * --check. And what these say of the process itself, before it reads its first file: its pid file and its user.
 */
#pragma once

#include <stdbool.h>
#include <stdint.h>

struct daemon_lock;

struct daemon_options {
	const char *config;	  /* the file to read */
	bool test;		  /* check it and exit */
	bool check;		  /* look at what is around the program, too, and exit */
	bool can_check;		  /* the program has --check */
	const char *more;	  /* lines of the help that are the program's own, or NULL */
	uint64_t may_need;	  /* the capabilities that it can need at all, see daemon/privileges.h */
	bool realtime;		  /* a thread of it asks for real-time priority */
	const char *user, *group; /* NULL: those it has */
	const char *pid_file;	  /* NULL: none */
	struct daemon_lock *lock; /* on it */
};

enum { DAEMON_OPTIONS_GO_ON = -1 };

/* out->config holds the default on entry, can_check, more, may_need and realtime are the program's. Answers --version, --help and mistakes itself: returns the exit status then, else
 * DAEMON_OPTIONS_GO_ON. */
int daemon_options_parse(struct daemon_options *out, const char *program, int argc, char **argv);
/* Makes the pid file, unless the configuration is only checked, and becomes the user. The pid file comes first: it may stand
 * where root alone can write, and nobody else can change what an init script will kill. From then on SIGTERM, SIGINT and
 * SIGHUP wait for whoever handles them (io_signal_new()). False with the reason on stderr. */
bool daemon_begin(struct daemon_options *o, const char *program);
/* Gives up what the configuration does not need, see daemon_privileges_keep(). False with the reason on stderr. */
bool daemon_settle(const struct daemon_options *o, const char *program, uint64_t needed);
void daemon_end(struct daemon_options *o);
