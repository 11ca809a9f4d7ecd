/*
 * Something that happened, as a line: when, what, to whom, from which state to which, why.
 *
 *	2026-11-23T10:11:12.345Z server web 172.16.1.5:80: up -> draining (terminating), 3 connections
 *
 * Knows no event by name: "from", "to", "reason" and "text" have their place in it, all other keys say whom it happened to. A
 * row {"lost": true, "number": N} becomes a line of its own.
 */
#pragma once

#include "base/row.h"
#include "rrctl/view.h"

#include <stdio.h>

/* view: with columns, these are what it says, each behind its header, and the text; without, as above. */
void event_print(FILE *out, const struct view *view, const struct row *r);
