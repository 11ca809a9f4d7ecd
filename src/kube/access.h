/*
 * What it takes to speak to the API: where it is, the service account's token, the namespace.
 *
 * All of it may change while we run. Files are opened by their path each time, since a Kubernetes volume swaps them by a
 * link and an open one would stay the old one. A file that is read here is small and local; one that would hold us (a
 * pipe) or fill memory is refused. Nothing here quotes a token.
 */
#pragma once

#include "base/text.h"
#include "config/kubernetes.h"

#include <stdbool.h>
#include <stddef.h>

enum { KUBE_TOKEN_MAX = 16384, KUBE_HOST_MAX = 256, KUBE_SPACE_MAX = 64 };

/* The server that is configured, or else the one of a pod's environment. False, with what to do in why. */
bool kube_access_server(
	const struct config_kubernetes *cfg, char host[KUBE_HOST_MAX], uint16_t *port, struct text *why);
/* The header with the token, for the caller to free with kube_access_forget(); NULL with the reason in why. */
char *kube_access_token(const struct config_kubernetes *cfg, struct text *why);
/* Overwrites and frees it; NULL is ignored. */
void kube_access_forget(char *token);
/* The pod's own namespace, which stands beside its token. */
bool kube_access_space(const struct config_kubernetes *cfg, char space[KUBE_SPACE_MAX], struct text *why);
/* Whether the file with the certificates can be read, since the TLS library does not tell that from others' troubles. */
bool kube_access_ca(const struct config_kubernetes *cfg, struct text *why);
