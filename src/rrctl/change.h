/* What a reload changes, for people: a heading for each kind of change, and a line for each. */
#pragma once

#include "base/row.h"

#include <stdio.h>

struct change_list;

struct change_list *change_list_new(FILE *out);
void change_list_free(struct change_list *l);
/* A row of the answer to reload: a change, or {"error"}, a line about the file. */
void change_list_add(struct change_list *l, const struct row *r);
/* There are no more. */
void change_list_end(const struct change_list *l);
