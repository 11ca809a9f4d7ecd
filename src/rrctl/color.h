/* Color on a terminal: headers stand out, and what is well, on its way or wrong can be told at a glance. */
#pragma once

#include "rrctl/view.h"

#include <stdbool.h>

/* Whether fd is a terminal that shows color and nobody objects (NO_COLOR, see no-color.org). */
bool color_wanted(int fd);
/* What switches a cell's color on; NULL: it has none. text: of the cell. */
const char *color_of_cell(const struct column *c, const char *text);
extern const char color_of_headers[], color_off[];
