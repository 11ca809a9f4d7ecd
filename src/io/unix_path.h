/* Where a unix socket is to be: its address, what stands in the way, and whether it could be made there. */
#pragma once

#include <sys/types.h>
#include <sys/un.h>

/* 0, or -ENAMETOOLONG. */
int io_unix_path_address(const char *path, struct sockaddr_un *out);
/* Removes a socket that a process left behind. 0, or -errno when the path is somebody's. */
int io_unix_path_clear(const char *path);
/* Whether a socket could be made there for this group ((gid_t)-1: the process's own), without making one: 0, or the -errno that
 * would come of it. */
int io_unix_path_try(const char *path, gid_t gid);
/* Of one that is there: whether it could be given to this group. 0 or -EPERM. */
int io_unix_path_try_group(gid_t gid);
