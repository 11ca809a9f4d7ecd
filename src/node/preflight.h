/*
 * lb-announcer --node --check: what is missing around it, in words, with what to do about it. The judgement is pure: what
 * was found of the world is an argument.
 */
#pragma once

#include "config/node_routes.h"
#include "kernel/sysctl.h"
#include "node/hash.h"

#include <stdbool.h>
#include <stddef.h>

enum { NODE_PREFLIGHT_MAX = 16, NODE_PREFLIGHT_TEXT_MAX = 400 };

struct node_finding {
	bool problem; /* it does not work; else it is worth knowing */
	char what[NODE_PREFLIGHT_TEXT_MAX], todo[NODE_PREFLIGHT_TEXT_MAX]; /* todo may be "" */
};

struct node_preflight {
	struct node_finding list[NODE_PREFLIGHT_MAX];
	size_t count;
};

struct node_world {
	bool net_admin;
	struct kernel_sysctl wrong[KERNEL_SYSCTLS_MAX];
	size_t wrong_count;
	struct node_hash_wish hash[NODE_HASH_WISHES_MAX];
	size_t hash_count;
	bool hash_writable; /* all of them */
	bool seed_there;
	long seed;
	bool socket_directory; /* is there */
	bool group_found;      /* of the socket; true when none is wanted */
};

void node_preflight_judge(
	const struct config_node_settings *cfg, const struct node_world *w, struct node_preflight *out);
/* Looks and prints; the exit status. */
int node_preflight_main(const struct config_node_routes *cfg, const char *path);
