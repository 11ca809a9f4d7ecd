#include "session/failures.h"

#include "base/mem.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static unsigned index_of(const struct session_failures *f, const struct ip_addr *address)
{
	unsigned i = 0;

	while (i < f->count && !ip_addr_equal(&f->item[i]->address, address))
		i++;
	return i;
}

/* The element for the address, new or known, or the oldest one made new. */
static struct session_failure *take(struct session_failures *f, unsigned at, const struct ip_addr *address)
{
	struct session_failure *e;

	if (at < f->count)
		return f->item[at];
	e = f->count == SESSION_FAILURES_MAX ? f->item[f->count - 1] : mem_alloc(sizeof(*e));
	*e = (struct session_failure){ .address = *address };
	return e;
}

void session_failures_note(
	struct session_failures *f, const struct ip_addr *address, const char *text, uint64_t now_us)
{
	unsigned at = index_of(f, address);
	struct session_failure *e = take(f, at, address);

	if (at == f->count && f->count < SESSION_FAILURES_MAX)
		f->count++;
	if (at == SESSION_FAILURES_MAX)
		at--;
	memmove(f->item + 1, f->item, at * sizeof(struct session_failure *));
	f->item[0] = e;
	e->times++;
	e->at_us = now_us;
	snprintf(e->text, sizeof(e->text), "%s", text);
}

void session_failures_fini(struct session_failures *f)
{
	while (f->count)
		free(f->item[--f->count]);
}

const struct session_failure *session_failures_of(
	const struct session_failures *f, const struct ip_addr *address)
{
	unsigned i = index_of(f, address);

	return i < f->count ? f->item[i] : NULL;
}
