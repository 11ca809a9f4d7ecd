/*
 * Samples as Prometheus's text format (version 0.0.4).
 *
 * A family's samples stand together under one HELP and one TYPE, families in the order in which they came first; so all
 * is held until the end. Rows: see control/metrics.h.
 */
#pragma once

#include "base/row.h"

#include <stdio.h>

struct exposition;

struct exposition *exposition_new(void);
void exposition_free(struct exposition *e);
void exposition_add(struct exposition *e, const struct row *sample);
void exposition_print(const struct exposition *e, FILE *out);
