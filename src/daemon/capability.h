/* What the kernel lets this process do. */
#pragma once

#include <stdbool.h>

/* capabilities(7): those that some daemon of ours can use. A set of them is a mask of bits, DAEMON_CAP_BIT(). */
enum daemon_capability {
	DAEMON_CAP_SETPCAP = 8,
	DAEMON_CAP_NET_BIND_SERVICE = 10,
	DAEMON_CAP_NET_ADMIN = 12,
	DAEMON_CAP_NET_RAW = 13,
	DAEMON_CAP_SYS_PTRACE = 19,
	DAEMON_CAP_SYS_ADMIN = 21,
};

#define DAEMON_CAP_BIT(c) (UINT64_C(1) << (c))

/* It is in effect. */
bool daemon_has_capability(enum daemon_capability c);
