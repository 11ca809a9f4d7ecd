/* The types of scalars that more than one table uses. A row's words or range narrow them. */
#pragma once

#include "base/prefix.h"
#include "config/schema.h"

extern const struct config_scalar config_bool;	    /* bool: true, false, yes, no */
extern const struct config_scalar config_u8;	    /* uint8_t */
extern const struct config_scalar config_u16;	    /* uint16_t */
extern const struct config_scalar config_u32;	    /* uint32_t */
extern const struct config_scalar config_seconds;   /* uint16_t */
extern const struct config_scalar config_seconds32; /* uint32_t */
extern const struct config_scalar config_enum;	    /* an enum: one of the row's words */
/* uint32_t: asplain or asdot (RFC 5396); 0 (RFC 7607) and AS_TRANS (RFC 6793) are nobody's. */
extern const struct config_scalar config_as;
extern const struct config_scalar
	config_router_id;			 /* uint32_t, host byte order: an IPv4 address but 0.0.0.0 */
extern const struct config_scalar config_addr;	 /* struct ip_addr */
extern const struct config_scalar config_prefix; /* struct prefix */
extern const struct config_scalar config_text;	 /* const char *; one line, at most the row's max octets */
extern const struct config_scalar config_path;	 /* const char *: an absolute path */
extern const struct config_scalar config_name;	 /* const char *: a word without blanks */

/* Parts for types of one's own. They write what is wrong, and return false, as a type's parse does. */
bool config_parse_number(const char *text, uint64_t min, uint64_t max, uint64_t *out, struct text *why);
bool config_parse_word(struct config_reader *r, const struct config_word *words, const char *text,
	unsigned *out, struct text *why);
bool config_parse_as(const char *text, uint32_t *out, struct text *why);
bool config_parse_prefix(const char *text, struct prefix *out, struct text *why);
/* Of a const char *: as it is; nothing where it is NULL. */
void config_text_format(const struct config_field *f, const void *value, struct text *out);
char *config_copy(struct config_reader *r, const char *text);
