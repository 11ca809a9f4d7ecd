/* What the kernel lets this process do. */
#pragma once

#include <stdbool.h>

/* CAP_NET_ADMIN is in effect. */
bool daemon_has_net_admin(void);
