/*
 * Kubernetes in lb-ipvs-agent.conf: where its API is, which holds for the whole file, and which of its services a source
 * follows.
 */
#pragma once

#include "config/schema.h"

#include <stdint.h>

/* A server by address or name. */
struct config_server {
	const char *host; /* without brackets; NULL: not given */
	uint16_t port;
};

struct config_kubernetes {
	struct config_server server; /* not given: what a pod's environment says */
	const char *tls_name;	     /* in the server's certificate; NULL: its host */
	const char *ca_file, *token_file;
	uint32_t watch_s;   /* how long the API may keep a watch */
	uint32_t silence_s; /* after which one is renewed */
};

/* Which endpoints count; kube/cache.h has the table. */
enum config_conditions { CONFIG_READY, CONFIG_READY_ONLY, CONFIG_SERVING, CONFIG_ANY };

struct config_source_kubernetes {
	const char *service; /* NULL: none */
	const char *space;   /* its namespace; NULL: the pod's own */
	const char *port;    /* by name; NULL: the only one */
	unsigned conditions; /* enum config_conditions */
	unsigned family;     /* enum ip_family; IP_NONE: both, with tunnels (any is filled in otherwise) */
};

extern const struct config_schema config_kubernetes_schema;	   /* struct config_kubernetes */
extern const struct config_schema config_source_kubernetes_schema; /* struct config_source_kubernetes */
extern const struct config_word config_any_families[];
