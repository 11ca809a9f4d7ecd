/* The place of a thread in the scheduler. */
#pragma once

#include "bfd/bfd.h"

/* Gives the calling thread the best that the kernel allows: a real-time class by RLIMIT_RTPRIO or CAP_SYS_NICE, or else a better nice
 * value, by RLIMIT_NICE. */
enum bfd_priority bfd_priority_raise(void);
