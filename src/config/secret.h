/*
 * Passwords: in the configuration itself, or in a file of their own.
 *
 * Both keys fill the same place, so that a neighbor's "password-file" takes the place of its group's "password". Nothing here
 * quotes what it reads: an error tells what is wrong with a password and never how it goes.
 */
#pragma once

#include "config/schema.h"

#include <stdint.h>

enum { CONFIG_SECRET_MAX = 80 };

struct config_secret {
	uint8_t len; /* 0: none */
	char octets[CONFIG_SECRET_MAX];
};

extern const struct config_scalar config_password, config_password_file;

/* The rows of both keys. */
#define CONFIG_PASSWORD_ROWS(at, applies)                                                                    \
	{ "password", CONFIG_SCALAR, &config_password, .offset = (at), .def_doc = "none", .secret = true,    \
		.apply = (applies),                                                                          \
		.doc = "the key with which both ends sign each packet (TCP-MD5, RFC 2385); never shown" },   \
	{                                                                                                    \
		"password-file", CONFIG_SCALAR, &config_password_file,                                       \
			.offset = (at), .max = 4095, .def_doc = "none", .secret = true, .apply = (applies),  \
			.doc = "a file that holds the password and nothing else, and that not everybody "    \
			       "may read"                                                                    \
	}

/* An error when both keys stand in one map. */
void config_secret_check(const struct config_node *own, struct config_errors *errs);
