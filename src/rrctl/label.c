#include "rrctl/label.h"

#include <stddef.h>
#include <string.h>

const struct label status_labels[] = {
	{ "as", "AS" },
	{ "router-id", "router id" },
	{ "cluster-id", "cluster id" },
	{ "uptime-ms", "running for" },
	{ "loaded-ms", "this configuration for" },
	{ "reloads", "reloads done" },
	{ "reloads-refused", "reloads refused" },
	{ "reload-error", "last reload refused" },
	{ "log-lines-lost", "log lines lost" },
	/* rrd */
	{ "ipv4-unicast", "IPv4 unicast" },
	{ "ipv6-unicast", "IPv6 unicast" },
	{ "update-groups", "update groups" },
	{ "oversized", "routes too long for a message" },
	{ "longest-turn", "longest turn of the loop" },
	{ "us", "took" },
	{ "cpu-us", "of that on a CPU" },
	{ "ago-ms", "ago" },
	{ "descriptors-us", "for sockets" },
	{ "descriptors", "sockets served" },
	{ "timers-us", "for timers" },
	{ "jobs-us", "for other work" },
	{ "long-turns", "turns over 100 ms" },
	/* fib */
	{ "fib", "kernel's routes" },
	{ "kernel", "kept as" },
	{ "leftover-routes", "left by an earlier run" },
	{ "groups", "groups of next hops" },
	{ "next-hops", "next hops" },
	{ "unreachable-next-hops", "next hops out of reach" },
	{ "pending", "under way" },
	{ "failed", "refused by the kernel" },
	{ "foreign-routes", "places held by others" },
	{ "operations", "changes made" },
	{ "refused-operations", "changes refused" },
	{ "comparisons", "comparisons with the kernel" },
	{ "overflows", "times events were lost" },
	{ "swept", "earlier run cleared away" },
	{ "resilient-groups", "resilient groups" },
	{ "max-resilient-groups", "resilient groups at most" },
	{ "resilient-octets", "octets of resilient groups" },
	{ "resilient-refused", "resilient groups too many" },
	{ "sysctls", "settings that are wrong" },
	/* lb-announcer */
	{ "pod-ipv4", "pod's IPv4 address" },
	{ "pod-ipv6", "pod's IPv6 address" },
	{ "node-ipv4", "node's IPv4 address" },
	{ "node-ipv6", "node's IPv6 address" },
	{ "state-since-ms", "in this state for" },
	{ "state-left-ms", "in this state at most for" },
	{ "told-to-end", "told to end" },
	/* lb-announcer --node */
	{ "registered", "registrations so far" },
	{ "gone", "of them gone" },
	{ "refused", "registrations refused" },
	{ "holding", "waits for announcers" },
	{ "hash-seed", "multipath hash seed" },
	/* lb-ipvs-agent */
	{ "preserve-connections", "preserves connections" },
	{ "settled", "kernel is as wished" },
	{ "servers-up", "servers up" },
	{ "masquerade-error", "masquerading" },
	{ NULL, NULL },
};

const char *label_of(const struct label *labels, const char *key)
{
	for (const struct label *l = labels; l && l->key; l++)
		if (strcmp(l->key, key) == 0)
			return l->text;
	return NULL;
}
