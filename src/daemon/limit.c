#include "daemon/limit.h"

#include "base/log.h"

#include <errno.h>
#include <string.h>
#include <stdio.h>
#include <sys/resource.h>
#include <unistd.h>

unsigned long daemon_fd_limit(void)
{
	struct rlimit before, after;

	if (getrlimit(RLIMIT_NOFILE, &before))
		return 0;
	after = before;
	after.rlim_cur = before.rlim_max;
	if (after.rlim_cur == before.rlim_cur)
		return before.rlim_cur;
	if (setrlimit(RLIMIT_NOFILE, &after)) {
		log_warning("cannot raise the limit of open files from %lu to %lu: %s",
			(unsigned long)before.rlim_cur, (unsigned long)after.rlim_cur, strerror(errno));
		return before.rlim_cur;
	}
	return after.rlim_cur;
}

void daemon_allow_realtime(void)
{
	struct rlimit l;

	if (getrlimit(RLIMIT_RTPRIO, &l) || l.rlim_cur >= 1)
		return;
	l.rlim_cur = 1;
	if (l.rlim_max < 1)
		l.rlim_max = 1;
	/* Without the right to it things stay as they are, and whoever asks for the priority tells. */
	if (setrlimit(RLIMIT_RTPRIO, &l))
		return;
}

size_t daemon_resident_octets(void)
{
	unsigned long total = 0, resident = 0;
	FILE *f = fopen("/proc/self/statm", "re");

	if (!f)
		return 0;
	if (fscanf(f, "%lu %lu", &total, &resident) != 2)
		resident = 0;
	fclose(f);
	return resident * (size_t)sysconf(_SC_PAGESIZE);
}
