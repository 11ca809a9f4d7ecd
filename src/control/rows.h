/* An answer whose rows are made all at once, because what they tell of may be gone when the client asks for more. */
#pragma once

#include "base/row.h"
#include "control/server.h"

struct control_rows;

struct control_rows *control_rows_new(void);
/* Takes row over. */
void control_rows_add(struct control_rows *r, struct row *row);
/* The answer gives them in this order and owns r. out->feed stays as it is. */
void control_answer_rows(struct control_answer *out, struct control_rows *r);
