#include "io/md5_drops.h"

#include "base/mem.h"

#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

enum { NETSTAT_MAX = 64 * 1024 };

static const char title[] = "TcpExt:";

/* A word at *p, and *p behind it; 0 at the end of the line. */
static size_t next_word(const char **p, const char **word)
{
	size_t len;

	*p += strspn(*p, " ");
	len = strcspn(*p, " \n");
	*word = *p;
	*p += len;
	return len;
}

static uint64_t *counter_of(struct io_md5_drops *d, const char *name, size_t len)
{
	static const char missing[] = "TCPMD5NotFound", unexpected[] = "TCPMD5Unexpected",
			  wrong[] = "TCPMD5Failure";

	if (len == sizeof(missing) - 1 && memcmp(name, missing, len) == 0)
		return &d->missing;
	if (len == sizeof(unexpected) - 1 && memcmp(name, unexpected, len) == 0)
		return &d->unexpected;
	if (len == sizeof(wrong) - 1 && memcmp(name, wrong, len) == 0)
		return &d->wrong;
	return NULL;
}

/* A line of names and, below it, one of as many numbers. */
bool io_md5_drops_parse(const char *text, struct io_md5_drops *out)
{
	const char *names = strstr(text, title), *numbers, *name, *number;
	size_t name_len;
	bool any = false;

	*out = (struct io_md5_drops){ 0 };
	numbers = names ? strstr(names + sizeof(title) - 1, title) : NULL;
	if (!numbers)
		return false;
	names += sizeof(title) - 1;
	numbers += sizeof(title) - 1;
	while ((name_len = next_word(&names, &name)) && next_word(&numbers, &number)) {
		uint64_t *counter = counter_of(out, name, name_len);

		if (!counter)
			continue;
		*counter = strtoull(number, NULL, 10);
		any = true;
	}
	return any;
}

bool io_md5_drops_read(struct io_md5_drops *out)
{
	int fd = open("/proc/self/net/netstat", O_RDONLY | O_CLOEXEC);
	char *text = mem_alloc(NETSTAT_MAX);
	ssize_t n, len = 0;
	bool ok;

	while (fd >= 0 && len < NETSTAT_MAX - 1 &&
		(n = read(fd, text + len, NETSTAT_MAX - 1 - (size_t)len)) > 0)
		len += n;
	text[len] = '\0';
	if (fd >= 0)
		close(fd);
	ok = io_md5_drops_parse(text, out);
	free(text);
	return ok;
}
