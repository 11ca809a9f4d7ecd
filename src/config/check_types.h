/* The types of scalars that a check has. */
#pragma once

#include "config/schema.h"

extern const struct config_scalar config_duration; /* uint32_t, milliseconds */
extern const struct config_scalar
	config_choice; /* bool: one of the row's two words, with 0 or 1 as its value */
extern const struct config_scalar config_status;   /* struct config_status_range */
extern const struct config_scalar config_octets;   /* const char *, and a size_t at the row's count_offset */
extern const struct config_scalar config_argument; /* const char *, may be empty */
extern const struct config_scalar config_method;   /* const char *: a method of HTTP */
extern const struct config_scalar config_url_path; /* const char *: begins with a slash */
extern const struct config_scalar config_host;	   /* const char *: what a Host header may hold */
