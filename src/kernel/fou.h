/* UDP ports on which the kernel takes GUE headers off (ip fou), by generic netlink, in the network namespace of the calling
 * thread. */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* Whether the port is open for GUE; family: enum ip_family of the outer header. False too where the kernel lacks fou. */
bool fou_gue_is_open(uint8_t family, uint16_t port);
/* 0 or a negative errno: -EALREADY when it is open, -ENOENT when the kernel has no fou. */
int fou_gue_open(uint8_t family, uint16_t port);
int fou_gue_close(uint8_t family, uint16_t port);
