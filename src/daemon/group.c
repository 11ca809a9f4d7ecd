#include "daemon/group.h"

#include "base/log.h"

#include <grp.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

bool daemon_group_find(const char *name, gid_t *out)
{
	char *end;
	unsigned long number = strtoul(name, &end, 10);
	FILE *f;

	if (*name && !*end) {
		*out = (gid_t)number;
		return true;
	}
	f = fopen("/etc/group", "re");
	if (!f)
		return false;
	for (struct group *g; (g = fgetgrent(f));) {
		if (strcmp(g->gr_name, name) == 0) {
			*out = g->gr_gid;
			fclose(f);
			return true;
		}
	}
	fclose(f);
	return false;
}

gid_t daemon_group_of_socket(const char *key, const char *group, const char *path)
{
	gid_t gid = (gid_t)-1;

	if (group && !daemon_group_find(group, &gid))
		log_warning("%s: there is no group \"%s\" here: only root and this user can use %s", key,
			group, path);
	return gid;
}
