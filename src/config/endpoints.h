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
 * Every mistake is found, with its place; a file with any is not used at all.
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

/* Reads one file's text; name: for messages. False when anything is wrong; errs then holds all of it. What out points to
 * belongs to the arena. Two servers with one address and port are a mistake. */
bool config_endpoints_parse(const char *text, size_t len, const char *name, struct arena *arena,
	struct config_errors *errs, struct endpoint_list *out);
