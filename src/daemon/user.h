/* Users by name, as /etc/passwd and /etc/group have them: read from the files themselves, so that it works in a static program too. */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <sys/types.h>

struct daemon_user {
	uid_t uid;
	gid_t gid;
	gid_t *groups; /* all it is a member of, gid first; the caller frees them */
	size_t group_count;
};

/* user: a name or a number; group: likewise, or NULL for the user's own. False, and what is wrong in err. */
bool daemon_user_find(
	const char *user, const char *group, struct daemon_user *out, char *err, size_t err_size);
