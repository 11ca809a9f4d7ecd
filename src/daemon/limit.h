/* Limits and size of the process. */
#pragma once

#include <stddef.h>

/* Raises the limit of open files to what the system allows this process; returns the limit now in force. */
unsigned long daemon_fd_limit(void);
/* Lets threads of this process have the lowest real-time priority, whoever it becomes and whatever it gives up, as far as it may allow that:
 * root may. */
void daemon_allow_realtime(void);
/* Memory that the process really uses, in octets, as the kernel counts it; 0 when it does not say. */
size_t daemon_resident_octets(void);
