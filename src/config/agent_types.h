/* The types of scalars that only lb-ipvs-agent.conf has. */
#pragma once

#include "config/schema.h"

extern const struct config_scalar config_scheduler;  /* const char * */
extern const struct config_scalar config_engine;     /* const char *, or NULL */
extern const struct config_scalar config_mark;	     /* uint32_t, at most the row's max */
extern const struct config_scalar config_weight;     /* int32_t */
extern const struct config_scalar config_dns_name;   /* const char * */
extern const struct config_scalar config_switch;     /* int: 0, 1, or -1 for auto */
extern const struct config_scalar config_reuse_mode; /* int: 0..3, or -1 for auto */

/* Labels of letters, digits, hyphens and underlines, with dots between them. */
bool config_is_dns_name(const char *text);
