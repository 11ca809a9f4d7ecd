#include "base/nearest.h"

#include <ctype.h>
#include <stdint.h>
#include <string.h>

struct nearest nearest_init(const char *text)
{
	size_t bound = strlen(text) / 4 + 1;

	return (struct nearest){ .text = text, .distance = bound < 2 ? 2 : bound };
}

static size_t min3(size_t a, size_t b, size_t c)
{
	size_t m = a < b ? a : b;

	return m < c ? m : c;
}

/* Edits (insert, delete, replace, swap two neighbours) that make b of a. */
static size_t edit_distance(const char *a, size_t la, const char *b, size_t lb)
{
	enum { LONGEST = 64 };
	size_t d[LONGEST + 1][LONGEST + 1];

	if (la > LONGEST || lb > LONGEST)
		return SIZE_MAX;
	for (size_t i = 0; i <= la; i++)
		d[i][0] = i;
	for (size_t j = 0; j <= lb; j++)
		d[0][j] = j;
	for (size_t i = 1; i <= la; i++) {
		for (size_t j = 1; j <= lb; j++) {
			size_t cost = tolower((unsigned char)a[i - 1]) != tolower((unsigned char)b[j - 1]);

			d[i][j] = min3(d[i - 1][j] + 1, d[i][j - 1] + 1, d[i - 1][j - 1] + cost);
			if (i > 1 && j > 1 && a[i - 1] == b[j - 2] && a[i - 2] == b[j - 1] &&
				d[i - 2][j - 2] + 1 < d[i][j])
				d[i][j] = d[i - 2][j - 2] + 1;
		}
	}
	return d[la][lb];
}

void nearest_try(struct nearest *n, const char *name)
{
	size_t lt = strlen(n->text), ln = strlen(name), common = lt < ln ? lt : ln;
	size_t d = edit_distance(n->text, lt, name, ln);

	if (common >= 3 && strncmp(n->text, name, common) == 0)
		d = 1; /* the one goes on where the other ends */
	if (d < n->distance) {
		n->distance = d;
		n->best = name;
	}
}
