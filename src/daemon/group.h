/* Groups of users by name. */
#pragma once

#include <stdbool.h>
#include <sys/types.h>

/* From /etc/group itself, so that it works in a static program too; a number is taken as it is. */
bool daemon_group_find(const char *name, gid_t *out);
