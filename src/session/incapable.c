/*
 * Dynamic neighbors that do not know capabilities (RFC 5492 3).
 *
 * One refused an OPEN because of its capabilities, so its next one is to go without. A configured neighbor keeps that in its
 * session; a dynamic one is gone with its connection, so its address is remembered here until it comes again. There are hardly
 * any such speakers left: a few places are enough, and when they are taken the one that has waited longest is forgotten.
 */
#include "session/neighbors_private.h"

static struct ip_addr *find(struct session_neighbors *set, const struct ip_addr *remote)
{
	for (size_t i = 0; i < INCAPABLE_MAX; i++)
		if (ip_addr_equal(&set->incapable[i], remote))
			return &set->incapable[i];
	return NULL;
}

void neighbors_incapable_note(struct session_neighbors *set, const struct ip_addr *remote)
{
	if (find(set, remote))
		return;
	set->incapable[set->incapable_next] = *remote;
	set->incapable_next = (set->incapable_next + 1) % INCAPABLE_MAX;
}

bool neighbors_incapable_take(struct session_neighbors *set, const struct ip_addr *remote)
{
	struct ip_addr *known = find(set, remote);

	if (known)
		*known = (struct ip_addr){ 0 };
	return known != NULL;
}
