/*
 * An endpoint file: the servers of a service, as YAML or JSON (which YAML contains).
 *
 *	servers:
 *	  - address: 172.16.1.5
 *	    port: 8080		# default: the service's server-port
 *	    weight: 1		# default: the service's
 *	    name: web-1		# for people
 *	    terminating: true	# drain it; default false
 *
 * Every mistake is found, with its place; a file with any is not used at all. "No servers" must be said: servers: []. An
 * empty or cut file is a mistake and never an empty service.
 */
#pragma once

#include "base/arena.h"
#include "base/prefix.h"
#include "config/errors.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum { ENDPOINT_WEIGHT_MAX = 65535, ENDPOINT_NAME_MAX = 63 };

enum endpoint_state {
	ENDPOINT_READY,
	ENDPOINT_TERMINATING, /* serves what it has and wants nothing new */
	ENDPOINT_UNREADY,     /* cannot serve now, as who lists it says: as if a check had failed */
};

struct endpoint {
	struct ip_addr addr;
	uint16_t port;	  /* host byte order; 0: the service's */
	int32_t weight;	  /* -1: the service's */
	uint8_t state;	  /* enum endpoint_state */
	const char *name; /* or NULL */
};

struct endpoint_list {
	const struct endpoint *list;
	size_t count;
};

struct config_schema;

/* The keys of one server, for a struct endpoint. */
extern const struct config_schema config_endpoint_schema;

/* Reads one file's text; name: for messages. False when anything is wrong; errs then holds all of it. What out points to
 * belongs to the arena. Two servers with one address and port are a mistake. */
bool config_endpoints_parse(const char *text, size_t len, const char *name, struct arena *arena,
	struct config_errors *errs, struct endpoint_list *out);
/* What no key alone can tell of the servers under a list's node: addresses that are no server's, and servers that are there
 * twice. port: of those that name none, 0 when it is not known. */
void config_endpoints_check(const struct config_node *list, const struct endpoint *servers, size_t count,
	uint16_t port, struct config_errors *errs);
