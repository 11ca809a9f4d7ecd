#include "node/seed.h"

#include "base/log.h"
#include "kernel/sysctl.h"

#include <string.h>
#include <sys/random.h>

static long random_seed(void)
{
	unsigned seed = 0;

	/* Short reads and interruptions do not happen at this size (getrandom(2)). */
	while (!seed)
		if (getrandom(&seed, sizeof(seed), 0) != (ssize_t)sizeof(seed))
			return 0;
	return (long)seed;
}

void node_seed_see_to(bool own)
{
	long seed, now;
	int error;

	if (!own || !kernel_sysctl_read(NODE_SEED_KEY, &now) || now)
		return;
	seed = random_seed();
	error = seed ? kernel_sysctl_write(NODE_SEED_KEY, seed) : 0;
	if (seed && !error)
		log_info("kernel: " NODE_SEED_KEY " was 0 and is set to a random number, so that this node "
			 "hashes otherwise than the router before it");
	else
		log_warning("kernel: " NODE_SEED_KEY
			    " is 0 and cannot be set: %s. If the router before this node runs on the same "
			    "kernel, one pod of a service gets all that reaches the node; mend it with "
			    "\"sysctl -w " NODE_SEED_KEY
			    "=%ld\" on the node, or hash-seed: keep if it is not so",
			strerror(-error), seed ? seed : 1);
}

const char *node_seed_state(void)
{
	long now;

	if (!kernel_sysctl_read(NODE_SEED_KEY, &now))
		return "not there";
	return now ? "own" : "the kernel's";
}
