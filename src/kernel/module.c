#include "kernel/module.h"

#include <stdbool.h>
#include <stdio.h>
#include <string.h>
#include <sys/utsname.h>
#include <unistd.h>

enum { PATH_ROOM = 512, LINE_ROOM = 8192 };

/* Whether some line of a file begins with the name, or has it as ".../NAME.ko"; *readable tells whether there is a file. */
static bool is_listed(const char *path, const char *pattern, bool at_start, bool *readable)
{
	FILE *f = fopen(path, "re");
	char line[LINE_ROOM];
	bool found = false;

	*readable = f != NULL;
	while (f && !found && fgets(line, sizeof(line), f)) {
		/* What follows the colon are the modules that it needs. */
		char *colon = strchr(line, ':');

		if (colon)
			*colon = 0;
		found = at_start ? strncmp(line, pattern, strlen(pattern)) == 0
				 : strstr(line, pattern) != NULL;
	}
	if (f)
		fclose(f);
	return found;
}

enum kernel_module kernel_module_look(const char *name)
{
	char path[PATH_ROOM], pattern[PATH_ROOM];
	struct utsname u;
	bool readable;

	snprintf(path, sizeof(path), "/sys/module/%s", name);
	snprintf(pattern, sizeof(pattern), "%s ", name);
	if (access(path, F_OK) == 0 || is_listed("/proc/modules", pattern, true, &readable))
		return KERNEL_MODULE_THERE;
	if (uname(&u) < 0)
		return KERNEL_MODULE_UNKNOWN;
	snprintf(pattern, sizeof(pattern), "/%s.ko", name);
	snprintf(path, sizeof(path), "/lib/modules/%s/modules.builtin", u.release);
	if (is_listed(path, pattern, false, &readable))
		return KERNEL_MODULE_THERE;
	snprintf(path, sizeof(path), "/lib/modules/%s/modules.dep", u.release);
	if (is_listed(path, pattern, false, &readable))
		return KERNEL_MODULE_LOADABLE;
	return readable ? KERNEL_MODULE_ABSENT : KERNEL_MODULE_UNKNOWN;
}
