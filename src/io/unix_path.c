#include "io/unix_path.h"

#include "base/mem.h"
#include "io/unix.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

int io_unix_path_address(const char *path, struct sockaddr_un *out)
{
	size_t len = strlen(path);

	if (len >= sizeof(out->sun_path))
		return -ENAMETOOLONG;
	*out = (struct sockaddr_un){ .sun_family = AF_UNIX };
	memcpy(out->sun_path, path, len + 1);
	return 0;
}

/* 0: nothing. 1: a socket that nobody listens on. */
static int what_stands_there(const char *path)
{
	struct stat st;
	int fd;

	if (lstat(path, &st))
		return errno == ENOENT ? 0 : -errno;
	if (!S_ISSOCK(st.st_mode))
		return -EEXIST;
	fd = io_unix_connect(path);
	if (fd >= 0) {
		close(fd);
		return -EADDRINUSE;
	}
	return fd == -ECONNREFUSED ? 1 : fd;
}

int io_unix_path_clear(const char *path)
{
	int found = what_stands_there(path);

	if (found <= 0)
		return found;
	return unlink(path) ? -errno : 0;
}

static int try_directory(const char *path)
{
	const char *slash = strrchr(path, '/');
	char *directory = slash ? mem_printf("%.*s", slash == path ? 1 : (int)(slash - path), path)
				: mem_strdup(".");
	int err = faccessat(AT_FDCWD, directory, W_OK | X_OK, AT_EACCESS) ? -errno : 0;

	free(directory);
	return err;
}

/* One's own groups, and as root any. */
int io_unix_path_try_group(gid_t gid)
{
	gid_t *groups;
	int count;
	bool member = gid == (gid_t)-1 || geteuid() == 0 || getegid() == gid;

	if (member)
		return 0;
	count = getgroups(0, NULL);
	groups = mem_calloc((size_t)(count > 0 ? count : 1), sizeof(*groups));
	count = getgroups(count > 0 ? count : 0, groups);
	for (int i = 0; i < count; i++)
		member |= groups[i] == gid;
	free(groups);
	return member ? 0 : -EPERM;
}

int io_unix_path_try(const char *path, gid_t gid)
{
	struct sockaddr_un sun;
	int err = io_unix_path_address(path, &sun);

	if (!err)
		err = try_directory(path);
	if (!err)
		err = what_stands_there(path);
	return err < 0 ? err : io_unix_path_try_group(gid);
}
