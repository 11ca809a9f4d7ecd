/*
 * A check as configured: how somebody is asked whether he is well, and how often.
 *
 * lb-ipvs-agent checks servers, lb-announcer what its announcement depends on. What both may say of a check stands in one table,
 * which each file's own includes; whom a check asks is each file's own matter.
 */
#pragma once

#include "config/schema.h"

enum config_check_type {
	CONFIG_CHECK_TCP,
	CONFIG_CHECK_HTTP,
	CONFIG_CHECK_HTTPS,
	CONFIG_CHECK_GRPC,
	CONFIG_CHECK_UDP,
	CONFIG_CHECK_COMMAND,
};

struct config_status_range {
	uint16_t from, to;
};

struct config_check {
	struct config_head head;
	const char *name; /* its key among the checks of its list: given, or "type" or "type-2", ... */
	unsigned type;	  /* enum config_check_type */
	uint16_t port;	  /* 0: the server's */
	uint32_t interval_ms, timeout_ms;
	uint32_t retry_ms; /* from a run that speaks against what holds to the next; 0: the interval */
	uint16_t rise, fall;
	bool initial_up;
	bool through_tunnel; /* to the service's address, by IPVS, and not to the server's own */
	/* HTTP and HTTPS */
	const char *method, *path, *host;
	struct config_status_range *status; /* empty: 200-299 */
	size_t status_count;
	const char *body;		   /* the answer must contain this; NULL: anything */
	bool verify;			   /* HTTPS, gRPC: the certificate */
	const char *ca_file, *server_name; /* SNI; NULL: the host */
	/* gRPC: grpc.health.v1.Health/Check */
	bool tls;
	const char *grpc_service; /* "" is the server as a whole */
	/* UDP: octets as text with \n, \r, \t, \\ and \xNN */
	const char *send, *expect;   /* expect NULL: no ICMP error within the time-out is enough */
	size_t send_len, expect_len; /* after the escapes */
	/* Command: a program and its arguments, no shell */
	const char **command; /* ends with NULL, or NULL */
	size_t command_count;
};

/* All keys of a check of a server. */
extern const struct config_schema config_check_schema;
/* Those that a check of anything may have: all but its type, whom it asks, and what belongs to one type alone that others
 * may lack. */
extern const struct config_schema config_check_common_schema;

/* What follows from other keys; nth: it is the nth of its type in its list. */
void config_check_fill_in(struct arena *arena, struct config_check *c, size_t nth);
/* What contradicts itself in a check of one of those types (bits 1 << enum config_check_type), which are all that its file has.
 * Nothing is said of one whose type is wrong. */
void config_check_judge(const struct config_check *c, unsigned types, struct config_errors *errs);
/* False, with an error, when an earlier check of the list has the same name. */
bool config_check_distinct(
	const struct config_check *c, const struct config_check *earlier, struct config_errors *errs);
/* Where to put an error about a key: at the key, or at the check where it is not given. */
const struct config_node *config_check_node(const struct config_check *c, const char *key);
/* "tcp", ... */
const char *config_check_type_text(unsigned type);
/* Whether it speaks to an address; a command does not. */
bool config_check_is_addressed(const struct config_check *c);

/* A program and its arguments as they were read, with the NULL behind them; NULL when there are none. */
const char **config_command(struct arena *arena, const char **words, size_t count);
/* An error when the program has no absolute path; node: where the list stands. */
void config_command_judge(const struct config_node *node, const char **command, struct config_errors *errs);
