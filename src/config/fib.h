/* What the programs that write routes into the kernel have in common in their configurations. */
#pragma once

#include "config/schema.h"

enum config_on_exit { CONFIG_ON_EXIT_REMOVE, CONFIG_ON_EXIT_KEEP };

enum config_sysctls { CONFIG_SYSCTLS_CHECK, CONFIG_SYSCTLS_SET, CONFIG_SYSCTLS_IGNORE };

enum config_group_type { CONFIG_GROUP_HASH_THRESHOLD, CONFIG_GROUP_RESILIENT };

extern const struct config_word config_on_exit_words[], config_sysctls_words[], config_group_type_words[];
extern const struct config_scalar config_table;	   /* uint32_t: a routing table */
extern const struct config_scalar config_protocol; /* uint8_t: of routes */
