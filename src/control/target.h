/* The daemons that can be asked, and what they are called. */
#pragma once

enum target { TARGET_RRD, TARGET_ANNOUNCER, TARGET_AGENT, TARGET_NODE, TARGETS };

/* Masks, for what several of them have. */
enum target_mask {
	OF_RRD = 1 << TARGET_RRD,
	OF_ANNOUNCER = 1 << TARGET_ANNOUNCER,
	OF_AGENT = 1 << TARGET_AGENT,
	OF_NODE = 1 << TARGET_NODE,
	OF_SPEAKERS = OF_RRD | OF_ANNOUNCER,
	OF_ALL = OF_SPEAKERS | OF_AGENT | OF_NODE,
	OF_REGISTRY = 1 << TARGETS, /* the socket where announcers register at lb-announcer --node */
};

const char *target_name(enum target t);	  /* "lb-announcer" */
const char *target_option(enum target t); /* " -a", what stands behind rrctl to ask it; "" for rrd */
const char *target_socket(enum target t); /* where it usually listens */
