#include "daemon/user.h"

#include "base/mem.h"
#include "daemon/group.h"

#include <grp.h>
#include <pwd.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { NAME_ROOM = 256 };

static bool is_number(const char *text)
{
	return *text && text[strspn(text, "0123456789")] == '\0';
}

/* Its line in /etc/passwd; its name goes into name. A number without a line is taken as it is, without a group. */
static bool find_line(const char *user, struct daemon_user *out, bool *has_group, char *name)
{
	FILE *f = fopen("/etc/passwd", "re");
	bool by_number = is_number(user), found = false;

	out->uid = by_number ? (uid_t)strtoul(user, NULL, 10) : (uid_t)-1;
	for (struct passwd *p; f && !found && (p = fgetpwent(f));) {
		found = by_number ? p->pw_uid == out->uid : strcmp(p->pw_name, user) == 0;
		if (!found)
			continue;
		out->uid = p->pw_uid;
		out->gid = p->pw_gid;
		snprintf(name, NAME_ROOM, "%s", p->pw_name);
	}
	if (f)
		fclose(f);
	*has_group = found;
	return found || by_number;
}

static void add_group(struct daemon_user *u, gid_t gid)
{
	for (size_t i = 0; i < u->group_count; i++)
		if (u->groups[i] == gid)
			return;
	u->groups = mem_realloc(u->groups, (u->group_count + 1) * sizeof(*u->groups));
	u->groups[u->group_count++] = gid;
}

static void add_memberships(struct daemon_user *u, const char *name)
{
	FILE *f = fopen("/etc/group", "re");

	for (struct group *g; f && (g = fgetgrent(f));)
		for (char **member = g->gr_mem; *member; member++)
			if (strcmp(*member, name) == 0)
				add_group(u, g->gr_gid);
	if (f)
		fclose(f);
}

bool daemon_user_find(
	const char *user, const char *group, struct daemon_user *out, char *err, size_t err_size)
{
	char name[NAME_ROOM] = "";
	bool has_group;

	*out = (struct daemon_user){ 0 };
	if (!find_line(user, out, &has_group, name) || out->uid == (uid_t)-1) {
		snprintf(err, err_size,
			"there is no user \"%s\" in /etc/passwd: make one (useradd --system %s)", user, user);
		return false;
	}
	if (group && !daemon_group_find(group, &out->gid)) {
		snprintf(err, err_size, "there is no group \"%s\" in /etc/group", group);
		return false;
	}
	if (!group && !has_group) {
		snprintf(err, err_size,
			"user %s has no line in /etc/passwd that tells its group: add -g GROUP", user);
		return false;
	}
	add_group(out, out->gid);
	add_memberships(out, name);
	return true;
}
