#include "bfd/priority.h"

#include <pthread.h>
#include <sched.h>
#include <sys/resource.h>
#include <unistd.h>

enum { RT_PRIORITY = 1, NICE = -10 };

enum bfd_priority bfd_priority_raise(void)
{
	const struct sched_param p = { .sched_priority = RT_PRIORITY };

	if (!pthread_setschedparam(pthread_self(), SCHED_RR, &p))
		return BFD_PRIORITY_REALTIME;
	return setpriority(PRIO_PROCESS, (id_t)gettid(), NICE) ? BFD_PRIORITY_ORDINARY : BFD_PRIORITY_NICE;
}
