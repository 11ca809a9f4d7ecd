/* What any socket that we connect from may need before its first packet. */
#pragma once

#include "base/prefix.h"

#include <stdint.h>

/* Sets one option that is an int. 0 or -errno. */
int io_socket_set_int(int fd, int level, int option, int value);
/* Binds to source (NULL or IP_NONE: the kernel's choice) without taking a port yet, and sets SO_MARK (0: none; needs
 * CAP_NET_ADMIN). 0 or -errno. */
int io_socket_from(int fd, const struct ip_addr *source, uint32_t mark);
