/*
 * Real servers beside a test: a script that prints "name port" lines and then "end", and ends with its input.
 */
#pragma once

#include <stdint.h>

struct servers;

/* script: below the tests' own directory, "io/http_servers.py"; it gets a directory of its own as its argument. Fails the test
 * when it does not start. */
struct servers *servers_start(const char *script);
/* Ends the script and removes its directory. */
void servers_stop(struct servers *s);
/* 0: the script did not start this one. */
uint16_t servers_port(const struct servers *s, const char *name);
/* A file in the script's directory; the text is valid until the next call. */
const char *servers_file(struct servers *s, const char *name);
