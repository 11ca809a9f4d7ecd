/* Limits of the process. */
#pragma once

/* Raises the limit of open files to what the system allows this process; returns the limit now in force. */
unsigned long daemon_fd_limit(void);
