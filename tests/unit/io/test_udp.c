#include "io/udp.h"

#include "io/tcp.h"

#include <errno.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <poll.h>
#include <setjmp.h>
#include <stdarg.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

static struct ip_addr addr(const char *text)
{
	struct ip_addr a;

	assert_true(ip_addr_parse(text, &a));
	return a;
}

static int server_on(const struct ip_addr *a, uint16_t *port)
{
	struct sockaddr_storage ss;
	socklen_t len = ip_addr_to_sockaddr(a, 0, &ss);
	int fd = socket(ss.ss_family, SOCK_DGRAM, 0);
	struct ip_addr ignored;

	assert_true(fd >= 0);
	if (bind(fd, (struct sockaddr *)&ss, len)) {
		close(fd);
		return -1;
	}
	assert_int_equal(getsockname(fd, (struct sockaddr *)&ss, &len), 0);
	assert_true(ip_addr_from_sockaddr((struct sockaddr *)&ss, &ignored, port));
	return fd;
}

static void octets_go_both_ways_from_the_wanted_source(const char *remote, const char *from)
{
	struct ip_addr to = addr(remote), source = addr(from), seen;
	struct sockaddr_storage ss;
	socklen_t len = sizeof(ss);
	uint16_t port = 0;
	int server = server_on(&to, &port), fd;
	char buf[8];

	if (server < 0)
		skip(); /* no IPv6 here */
	fd = io_udp_connect(&to, port, &source, 0);
	assert_true(fd >= 0);
	assert_true(fcntl(fd, F_GETFD) & FD_CLOEXEC);
	assert_true(fcntl(fd, F_GETFL) & O_NONBLOCK);
	assert_int_equal(send(fd, "ping", 4, 0), 4);
	assert_int_equal(recvfrom(server, buf, sizeof(buf), 0, (struct sockaddr *)&ss, &len), 4);
	assert_true(ip_addr_from_sockaddr((struct sockaddr *)&ss, &seen, NULL));
	assert_true(ip_addr_equal(&seen, &source));
	assert_int_equal(sendto(server, "pong!", 5, 0, (struct sockaddr *)&ss, len), 5);
	assert_int_equal(recv(fd, buf, sizeof(buf), 0), 5);
	close(fd);
	close(server);
}

static void ipv4(void **state)
{
	(void)state;
	octets_go_both_ways_from_the_wanted_source("127.0.0.1", "127.0.0.77");
}

static void ipv6(void **state)
{
	(void)state;
	octets_go_both_ways_from_the_wanted_source("::1", "::1");
}

static void a_closed_port_is_told(void **state)
{
	struct ip_addr to = addr("127.0.0.1"), none = { 0 };
	uint16_t port = 0;
	int fd;
	char c;

	(void)state;
	close(server_on(&to, &port));
	fd = io_udp_connect(&to, port, &none, 0);
	assert_true(fd >= 0);
	assert_int_equal(send(fd, "x", 1, 0), 1);
	assert_int_equal(poll(&(struct pollfd){ .fd = fd, .events = POLLIN }, 1, 5000), 1);
	assert_int_equal(recv(fd, &c, 1, 0), -1);
	assert_int_equal(errno, ECONNREFUSED);
	close(fd);
}

static void a_source_that_is_not_ours_is_an_error(void **state)
{
	struct ip_addr to = addr("127.0.0.1"), source = addr("192.0.2.1");

	(void)state;
	assert_int_equal(io_udp_connect(&to, 53, &source, 0), -EADDRNOTAVAIL);
}

static int mark_of(int fd)
{
	int mark = -1;
	socklen_t len = sizeof(mark);

	assert_true(fd >= 0);
	assert_int_equal(getsockopt(fd, SOL_SOCKET, SO_MARK, &mark, &len), 0);
	close(fd);
	return mark;
}

/* Both kinds of socket, since one function marks them. */
static void a_mark_is_set_or_refused(void **state)
{
	struct ip_addr to = addr("127.0.0.1");
	const struct io_tcp_opts marked = { .mark = 0x12345678 };
	int udp = io_udp_connect(&to, 9, NULL, 0x12345678);

	(void)state;
	if (udp == -EPERM) { /* without CAP_NET_ADMIN */
		assert_int_equal(io_tcp_connect(&to, 9, &marked), -EPERM);
		return;
	}
	assert_int_equal(mark_of(udp), 0x12345678);
	udp = io_udp_connect(&to, 9, NULL, 0);
	assert_int_equal(mark_of(udp), 0);
}

static void a_tcp_connection_carries_its_mark(void **state)
{
	struct ip_addr to = addr("127.0.0.1");
	int listener = io_tcp_listen(&to, 0), fd;
	struct sockaddr_storage ss;
	socklen_t len = sizeof(ss);
	uint16_t port = 0;

	(void)state;
	assert_int_equal(getsockname(listener, (struct sockaddr *)&ss, &len), 0);
	assert_true(ip_addr_from_sockaddr((struct sockaddr *)&ss, &to, &port));
	fd = io_tcp_connect(&to, port, &(struct io_tcp_opts){ .mark = 77 });
	if (fd == -EPERM)
		skip();
	assert_int_equal(mark_of(fd), 77);
	close(listener);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(ipv4),
		cmocka_unit_test(ipv6),
		cmocka_unit_test(a_closed_port_is_told),
		cmocka_unit_test(a_source_that_is_not_ours_is_an_error),
		cmocka_unit_test(a_mark_is_set_or_refused),
		cmocka_unit_test(a_tcp_connection_carries_its_mark),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
