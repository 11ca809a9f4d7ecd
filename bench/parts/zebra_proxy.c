/*
 * zebra_proxy LISTEN ZEBRA
 *
 * Stands between gobgpd and FRR's zebra: accepts one client on the unix socket LISTEN, connects to zebra's socket ZEBRA, and
 * hands on everything but zebra's INTERFACE_ADD, whose form in FRR 8.4 ends GoBGP 3.10 with a panic. GoBGP needs no
 * interfaces to install routes. A message of zebra's protocol starts with a header of 10 octets: length of the whole (2), marker (1),
 * version (1), VRF (4), command (2), all big-endian.
 */
#include <errno.h>
#include <poll.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

enum {
	HEADER = 10,
	INTERFACE_ADD = 0,
};

static struct sockaddr_un address(const char *path)
{
	struct sockaddr_un a = { .sun_family = AF_UNIX };

	snprintf(a.sun_path, sizeof(a.sun_path), "%s", path);
	return a;
}

static int accept_one(const char *path)
{
	struct sockaddr_un a = address(path);
	int fd = socket(AF_UNIX, SOCK_STREAM, 0);

	if (fd < 0 || bind(fd, (struct sockaddr *)&a, sizeof(a)) < 0 || listen(fd, 1) < 0)
		return -1;
	return accept(fd, NULL, NULL);
}

static int connect_to(const char *path)
{
	struct sockaddr_un a = address(path);
	int fd = socket(AF_UNIX, SOCK_STREAM, 0);

	if (fd < 0 || connect(fd, (struct sockaddr *)&a, sizeof(a)) < 0)
		return -1;
	return fd;
}

static int write_all(int fd, const unsigned char *data, size_t len)
{
	while (len) {
		ssize_t n = write(fd, data, len);

		if (n < 0 && errno == EINTR)
			continue;
		if (n <= 0)
			return -1;
		data += n;
		len -= (size_t)n;
	}
	return 0;
}

/* Hands on all whole messages of the buffer that the client may see; returns what is left, or -1. */
static ssize_t hand_on(int client, unsigned char *buffer, size_t len)
{
	unsigned char *at = buffer;

	while (len >= HEADER) {
		size_t size = (size_t)at[0] << 8 | at[1];
		unsigned command = (unsigned)at[8] << 8 | at[9];

		if (size < HEADER)
			return -1;
		if (len < size)
			break;
		if (command != INTERFACE_ADD && write_all(client, at, size) < 0)
			return -1;
		at += size;
		len -= size;
	}
	memmove(buffer, at, len);
	return (ssize_t)len;
}

static void run(int client, int zebra)
{
	static unsigned char up[65536], down[2 * 65536];
	struct pollfd fds[2] = { { client, POLLIN, 0 }, { zebra, POLLIN, 0 } };
	ssize_t held = 0;

	while (poll(fds, 2, -1) >= 0 || errno == EINTR) {
		if (fds[0].revents) {
			ssize_t n = read(client, up, sizeof(up));

			if (n <= 0 || write_all(zebra, up, (size_t)n) < 0)
				return;
		}
		if (fds[1].revents) {
			ssize_t n = read(zebra, down + held, sizeof(down) - (size_t)held);

			if (n <= 0)
				return;
			held = hand_on(client, down, (size_t)(held + n));
			if (held < 0)
				return;
		}
	}
}

int main(int argc, char **argv)
{
	int client, zebra;

	if (argc != 3) {
		fprintf(stderr, "usage: zebra_proxy LISTEN ZEBRA\n");
		return 2;
	}
	client = accept_one(argv[1]);
	zebra = client < 0 ? -1 : connect_to(argv[2]);
	if (zebra < 0) {
		perror("zebra_proxy");
		return 1;
	}
	run(client, zebra);
	return 0;
}
