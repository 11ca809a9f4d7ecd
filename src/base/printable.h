/* Text that a peer chose, made fit for a log line and a terminal. */
#pragma once

#include <stddef.h>
#include <stdint.h>

/* Copies at most len octets of UTF-8 to buf (size at least 1) as a string: octets that are no UTF-8 and control
 * characters become '?'; a character that does not fit whole is left out, and all behind it. Returns the length. */
size_t text_printable(const uint8_t *data, size_t len, char *buf, size_t size);
