#include "daemon/privileges.h"

#include <errno.h>
#include <grp.h>
#include <linux/capability.h>
#include <stdio.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <unistd.h>

enum { CAPABILITIES = 64 };

struct sets {
	uint64_t effective, permitted, inheritable;
};

/* The kernel's own calls: libc has none, and a library for two of them would be one more in the static program. */
static int get_sets(struct sets *out)
{
	struct __user_cap_header_struct header = { .version = _LINUX_CAPABILITY_VERSION_3 };
	struct __user_cap_data_struct data[_LINUX_CAPABILITY_U32S_3];

	*out = (struct sets){ 0 };
	if (syscall(SYS_capget, &header, data))
		return -errno;
	out->effective = data[0].effective | (uint64_t)data[1].effective << 32;
	out->permitted = data[0].permitted | (uint64_t)data[1].permitted << 32;
	out->inheritable = data[0].inheritable | (uint64_t)data[1].inheritable << 32;
	return 0;
}

static int set_sets(const struct sets *s)
{
	struct __user_cap_header_struct header = { .version = _LINUX_CAPABILITY_VERSION_3 };
	struct __user_cap_data_struct data[_LINUX_CAPABILITY_U32S_3] = {
		{ (uint32_t)s->effective, (uint32_t)s->permitted, (uint32_t)s->inheritable },
		{ (uint32_t)(s->effective >> 32), (uint32_t)(s->permitted >> 32),
			(uint32_t)(s->inheritable >> 32) },
	};

	return syscall(SYS_capset, &header, data) ? -errno : 0;
}

/* --- another user --- */

static int change_user(const struct daemon_user *u)
{
	if (prctl(PR_SET_KEEPCAPS, 1, 0, 0, 0) || setgroups(u->group_count, u->groups) ||
		setresgid(u->gid, u->gid, u->gid) || setresuid(u->uid, u->uid, u->uid))
		return -errno;
	/* The kernel forbids core dumps of a process that has changed its user; a crash should leave one all the same. */
	prctl(PR_SET_KEEPCAPS, 0, 0, 0, 0);
	prctl(PR_SET_DUMPABLE, 1, 0, 0, 0);
	return 0;
}

bool daemon_privileges_become(const struct daemon_user *u, uint64_t may_need, char *err, size_t err_size)
{
	struct sets s;
	int rc;

	if (geteuid() == u->uid)
		return true;
	if (geteuid() != 0) {
		snprintf(err, err_size,
			"only root can become user %u; this is user %u: start it as root, or without -u",
			(unsigned)u->uid, (unsigned)geteuid());
		return false;
	}
	rc = get_sets(&s);
	if (!rc)
		rc = change_user(u);
	if (!rc) {
		s.permitted &= may_need | DAEMON_CAP_BIT(DAEMON_CAP_SETPCAP);
		s.inheritable = 0;
		s.effective = s.permitted & DAEMON_CAP_BIT(DAEMON_CAP_SETPCAP);
		rc = set_sets(&s);
	}
	if (rc)
		snprintf(err, err_size, "cannot become user %u: %s%s", (unsigned)u->uid, strerror(-rc),
			rc == -EPERM ? "; root needs CAP_SETUID and CAP_SETGID for that" : "");
	return rc == 0;
}

/* --- less than before --- */

static void drop_bounding(uint64_t kept)
{
	/* EINVAL: the kernel has no more. EPERM: it was given to us without CAP_SETPCAP, and is the giver's to bound. */
	for (unsigned c = 0; c < CAPABILITIES; c++)
		if (!(kept >> c & 1) && prctl(PR_CAPBSET_DROP, c, 0, 0, 0))
			return;
}

int daemon_privileges_keep(uint64_t needed)
{
	struct sets s;
	int rc;

	if (geteuid() == 0)
		return 0;
	rc = get_sets(&s);
	if (rc)
		return rc;
	s.permitted &= needed;
	drop_bounding(s.permitted);
	prctl(PR_CAP_AMBIENT, PR_CAP_AMBIENT_CLEAR_ALL, 0, 0, 0);
	s.effective = s.inheritable = s.permitted;
	rc = set_sets(&s);
	if (!rc && prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0))
		rc = -errno;
	return rc;
}

/* --- for a program --- */

void daemon_privileges_lend(uint64_t caps)
{
	prctl(PR_CAP_AMBIENT, PR_CAP_AMBIENT_CLEAR_ALL, 0, 0, 0);
	if (geteuid() == 0)
		return;
	for (unsigned c = 0; c < CAPABILITIES; c++)
		if (caps >> c & 1)
			prctl(PR_CAP_AMBIENT, PR_CAP_AMBIENT_RAISE, c, 0, 0);
}
