#include "control/target.h"

static const struct {
	const char *name, *option, *socket;
} targets[TARGETS] = {
	[TARGET_RRD] = { "rrd", "", RUNSTATEDIR "/rrd/rrd.sock" },
	[TARGET_ANNOUNCER] = { "lb-announcer", " -a", RUNSTATEDIR "/rrd/lb-announcer.sock" },
	[TARGET_AGENT] = { "lb-ipvs-agent", " -i", RUNSTATEDIR "/rrd/lb-ipvs-agent.sock" },
	[TARGET_NODE] = { "lb-announcer --node", " -n", RUNSTATEDIR "/rrd/lb-announcer-node.sock" },
};

const char *target_name(enum target t)
{
	return targets[t].name;
}

const char *target_option(enum target t)
{
	return targets[t].option;
}

const char *target_socket(enum target t)
{
	return targets[t].socket;
}
