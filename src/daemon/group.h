/* Groups of users by name. */
#pragma once

#include <stdbool.h>
#include <sys/types.h>

/* From /etc/group itself, so that it works in a static program too; a number is taken as it is. */
bool daemon_group_find(const char *name, gid_t *out);
/* Of a socket at path, as key of the configuration says: (gid_t)-1 when group is NULL, or when there is none of that name, which
 * is warned of. */
gid_t daemon_group_of_socket(const char *key, const char *group, const char *path);
