/*
 * What the process may do, given up as early as possible and in one place.
 *
 *	root -- become(user): groups, user --> reads its configuration as that user --> keep(what it needs) --> works
 *	a service manager's unprivileged user, with ambient capabilities ------------> keep(what it needs) --> works
 *
 * The user changes before the first file is read, so everything that works at the start works at a reload: nothing is ever read,
 * made or opened with rights that are gone later. Between the two steps no capability is in effect but the one to give others up.
 *
 * What keep() leaves is what the configuration in use, and any other that a reload may bring, can need; the permitted,
 * effective and inheritable sets are just that, the bounding set too where the kernel lets us, the ambient set is empty, and no
 * program that is run can gain anything (no_new_privs). So commands run without any capability; lend() is for the one program
 * that needs some. A process that stays root keeps all that root has.
 *
 * Capabilities belong to threads: all this comes before the first one is started.
 */
#pragma once

#include "daemon/capability.h"
#include "daemon/user.h"

#include <stddef.h>
#include <stdint.h>

/* may_need: a mask of DAEMON_CAP_BIT(), the most that keep() will ask for. False, and what is wrong in err. */
bool daemon_privileges_become(const struct daemon_user *u, uint64_t may_need, char *err, size_t err_size);
/* Gives up all but needed, unless the user is root. What the process was not given is not there afterwards either: whoever needs
 * it says so. 0 or -errno. */
int daemon_privileges_keep(uint64_t needed);
/* Programs started from now on, by this thread, get these capabilities, as far as it has them; 0: none. */
void daemon_privileges_lend(uint64_t caps);
