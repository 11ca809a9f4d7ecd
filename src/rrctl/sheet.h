/*
 * A row as a sheet: "key: value" lines in the row's own order, nested objects indented.
 *
 * Knows no command: durations are known by their key's ending (-us, -ms, -s).
 */
#pragma once

#include "base/row.h"
#include "rrctl/label.h"

#include <stdio.h>

/* labels: what keys are called instead; NULL: as they are. */
void sheet_print(FILE *out, const struct row *r, const struct label *labels);
