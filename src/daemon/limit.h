/* Limits and size of the process. */
#pragma once

#include <stddef.h>

/* Raises the limit of open files to what the system allows this process; returns the limit now in force. */
unsigned long daemon_fd_limit(void);
/* Memory that the process really uses, in octets, as the kernel counts it; 0 when it does not say. */
size_t daemon_resident_octets(void);
