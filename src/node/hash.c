#include "node/hash.h"

#include "base/log.h"
#include "kernel/sysctl.h"

#include <string.h>
#include <sys/random.h>

static size_t family_wishes(const char *policy_key, const char *fields_key,
	bool (*read)(const char *key, long *out), struct node_hash_wish *out)
{
	long policy, fields;
	size_t n = 0;

	/* An older kernel has no fields; what somebody has chosen stays. */
	if (!read(policy_key, &policy) || !read(fields_key, &fields) || policy > 1)
		return 0;
	if (fields != NODE_HASH_FIELDS)
		out[n++] = (struct node_hash_wish){ fields_key, fields, NODE_HASH_FIELDS };
	out[n++] = (struct node_hash_wish){ policy_key, policy, NODE_HASH_POLICY };
	return n;
}

size_t node_hash_wishes(bool ipv4, bool ipv6, bool (*read)(const char *key, long *out), long seed,
	struct node_hash_wish out[NODE_HASH_WISHES_MAX])
{
	size_t n = 0;
	long now;

	if (read(NODE_HASH_SEED, &now) && !now)
		out[n++] = (struct node_hash_wish){ NODE_HASH_SEED, now, seed };
	if (ipv4)
		n += family_wishes("net.ipv4.fib_multipath_hash_policy", "net.ipv4.fib_multipath_hash_fields",
			read, out + n);
	if (ipv6)
		n += family_wishes("net.ipv6.fib_multipath_hash_policy", "net.ipv6.fib_multipath_hash_fields",
			read, out + n);
	return n;
}

static long random_seed(void)
{
	unsigned seed = 0;

	/* Short reads and interruptions do not happen at this size (getrandom(2)). */
	while (!seed)
		if (getrandom(&seed, sizeof(seed), 0) != (ssize_t)sizeof(seed))
			return 1;
	return (long)seed;
}

void node_hash_see_to(bool ipv4, bool ipv6)
{
	struct node_hash_wish wish[NODE_HASH_WISHES_MAX];
	size_t count = node_hash_wishes(ipv4, ipv6, kernel_sysctl_read, random_seed(), wish);

	for (size_t i = 0; i < count; i++) {
		const struct node_hash_wish *w = &wish[i];
		int error = kernel_sysctl_write(w->key, w->wanted);

		if (!error)
			log_info("kernel: %s was %ld and is set to %ld: this node chooses among pods by a "
				 "hash "
				 "of its own",
				w->key, w->value, w->wanted);
		else
			log_warning(
				"kernel: %s is %ld and cannot be set: %s: where the router before this node "
				"hashes alike, one pod of a service gets all that reaches the node; mend it "
				"with \"sysctl -w %s=%ld\" on the node, or say node.hash: keep",
				w->key, w->value, strerror(-error), w->key, w->wanted);
	}
}

const char *node_hash_seed_state(void)
{
	long now;

	if (!kernel_sysctl_read(NODE_HASH_SEED, &now))
		return "not there";
	return now ? "own" : "the kernel's";
}
