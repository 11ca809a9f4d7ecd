#include "daemon/capability.h"

#include <stdio.h>

enum { CAP_NET_ADMIN_BIT = 12 };

bool daemon_has_net_admin(void)
{
	FILE *f = fopen("/proc/self/status", "re");
	unsigned long long caps = 0;
	char line[256];

	while (f && fgets(line, sizeof(line), f))
		if (sscanf(line, "CapEff: %llx", &caps) == 1)
			break;
	if (f)
		fclose(f);
	return caps >> CAP_NET_ADMIN_BIT & 1;
}
