/* What the kernel lets this process do. */
#pragma once

#include <stdbool.h>

/* capabilities(7) */
enum daemon_capability { DAEMON_CAP_NET_ADMIN = 12, DAEMON_CAP_NET_RAW = 13 };

/* It is in effect. */
bool daemon_has_capability(enum daemon_capability c);
