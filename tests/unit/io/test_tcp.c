#include "io/own_addresses.h"
#include "io/tcp.h"

#include <errno.h>
#include <ifaddrs.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <setjmp.h>
#include <stdarg.h>
#include <string.h>
#include <sys/resource.h>
#include <unistd.h>

#include <cmocka.h>

static struct ip_addr addr(const char *text)
{
	struct ip_addr a;

	assert_true(ip_addr_parse(text, &a));
	return a;
}

static uint16_t port_of(int fd)
{
	struct sockaddr_storage ss;
	socklen_t len = sizeof(ss);
	struct ip_addr a;
	uint16_t port;

	assert_int_equal(getsockname(fd, (struct sockaddr *)&ss, &len), 0);
	assert_true(ip_addr_from_sockaddr((struct sockaddr *)&ss, &a, &port));
	return port;
}

static void wait_for(int fd, short events)
{
	struct pollfd p = { .fd = fd, .events = events };

	assert_int_equal(poll(&p, 1, 5000), 1);
}

static int get_int(int fd, int level, int option)
{
	int value = -1;
	socklen_t len = sizeof(value);

	assert_int_equal(getsockopt(fd, level, option, &value, &len), 0);
	return value;
}

static int accept_one(int listener, struct ip_addr *remote, struct ip_addr *local)
{
	wait_for(listener, POLLIN);
	return io_tcp_accept(listener, remote, local);
}

static int default_ttl(void)
{
	int fd = socket(AF_INET, SOCK_STREAM, 0), ttl = get_int(fd, IPPROTO_IP, IP_TTL);

	close(fd);
	return ttl;
}

static void a_connection_has_its_source_its_ttl_and_no_delay(void **state)
{
	struct ip_addr server = addr("127.0.0.1"), source = addr("127.0.0.77"), remote, local, mine;
	struct io_tcp_opts opts = { .local = &source, .ttl = 255, .min_ttl = 32 };
	int listener = io_tcp_listen(&server, 0), out, in;

	(void)state;
	assert_true(listener >= 0);
	assert_int_equal(io_tcp_accept(listener, &remote, &local), -EAGAIN);
	out = io_tcp_connect(&server, port_of(listener), &opts);
	assert_true(out >= 0);
	in = accept_one(listener, &remote, &local);
	assert_true(in >= 0);
	wait_for(out, POLLOUT);
	assert_int_equal(io_tcp_connect_result(out), 0);
	assert_true(ip_addr_equal(&remote, &source));
	assert_true(ip_addr_equal(&local, &server));
	assert_true(io_tcp_local(out, &mine) && ip_addr_equal(&mine, &source));
	assert_int_equal(get_int(out, IPPROTO_IP, IP_TTL), 255);
	assert_int_equal(get_int(out, IPPROTO_IP, IP_MINTTL), 32);
	assert_int_equal(get_int(out, IPPROTO_TCP, TCP_NODELAY), 1);
	assert_int_equal(get_int(in, IPPROTO_TCP, TCP_NODELAY), 1);
	/* the first answer has all of its TTL; later ones have what is asked for, or the kernel's */
	assert_int_equal(get_int(in, IPPROTO_IP, IP_TTL), 255);
	assert_int_equal(io_tcp_set_ttl(in, IP_V4, 1, 0), 0);
	assert_int_equal(get_int(in, IPPROTO_IP, IP_TTL), 1);
	assert_int_equal(io_tcp_set_ttl(in, IP_V4, 0, 0), 0);
	assert_int_equal(get_int(in, IPPROTO_IP, IP_TTL), default_ttl());
	for (int i = 0; i < 3; i++) {
		int fd = (int[]){ listener, out, in }[i];

		assert_true(fcntl(fd, F_GETFD) & FD_CLOEXEC);
		assert_true(fcntl(fd, F_GETFL) & O_NONBLOCK);
		close(fd);
	}
}

static void a_refused_connection_says_so(void **state)
{
	struct ip_addr server = addr("127.0.0.1");
	int listener = io_tcp_listen(&server, 0), out;
	uint16_t port = port_of(listener);

	(void)state;
	close(listener);
	out = io_tcp_connect(&server, port, NULL);
	if (out >= 0) {
		wait_for(out, POLLOUT);
		assert_int_equal(io_tcp_connect_result(out), -ECONNREFUSED);
		close(out);
	} else {
		assert_int_equal(out, -ECONNREFUSED);
	}
}

static void an_unfinished_connection_is_not_taken_for_a_finished_one(void **state)
{
	int fd = socket(AF_INET, SOCK_STREAM, 0);

	(void)state;
	assert_int_equal(io_tcp_connect_result(fd), -ENOTCONN);
	close(fd);
}

static void a_source_that_is_not_ours_is_an_error(void **state)
{
	struct ip_addr server = addr("127.0.0.1"), source = addr("192.0.2.1");
	struct io_tcp_opts opts = { .local = &source };

	(void)state;
	assert_int_equal(io_tcp_connect(&server, 179, &opts), -EADDRNOTAVAIL);
}

static void a_port_in_use_is_an_error(void **state)
{
	struct ip_addr server = addr("127.0.0.1");
	int listener = io_tcp_listen(&server, 0);

	(void)state;
	assert_int_equal(io_tcp_listen(&server, port_of(listener)), -EADDRINUSE);
	close(listener);
}

static void a_process_without_descriptors_says_emfile(void **state)
{
	struct ip_addr server = addr("127.0.0.1"), remote, local;
	int listener = io_tcp_listen(&server, 0), out = io_tcp_connect(&server, port_of(listener), NULL);
	struct rlimit before, none = { 0 };

	(void)state;
	assert_true(out >= 0);
	wait_for(listener, POLLIN);
	assert_int_equal(getrlimit(RLIMIT_NOFILE, &before), 0);
	none.rlim_max = before.rlim_max;
	assert_int_equal(setrlimit(RLIMIT_NOFILE, &none), 0);
	assert_int_equal(io_tcp_accept(listener, &remote, &local), -EMFILE);
	assert_int_equal(setrlimit(RLIMIT_NOFILE, &before), 0);
	close(out);
	close(listener);
}

static void an_aborted_connection_is_reset(void **state)
{
	struct ip_addr server = addr("127.0.0.1"), remote, local;
	int listener = io_tcp_listen(&server, 0), out = io_tcp_connect(&server, port_of(listener), NULL);
	int in = accept_one(listener, &remote, &local);
	char c;

	(void)state;
	io_tcp_abort_on_close(in);
	close(in);
	wait_for(out, POLLIN);
	assert_int_equal(read(out, &c, 1), -1);
	assert_int_equal(errno, ECONNRESET);
	close(out);
	close(listener);
}

static void hundreds_of_connections_wait_in_the_backlog(void **state)
{
	struct ip_addr server = addr("127.0.0.1");
	int listener = io_tcp_listen(&server, 0), out[300];
	struct tcp_info info;
	socklen_t len = sizeof(info);

	(void)state;
	for (int i = 0; i < 300; i++) {
		out[i] = io_tcp_connect(&server, port_of(listener), NULL);
		assert_true(out[i] >= 0);
		wait_for(out[i], POLLOUT);
		assert_int_equal(io_tcp_connect_result(out[i]), 0);
	}
	assert_int_equal(getsockopt(listener, IPPROTO_TCP, TCP_INFO, &info, &len), 0);
	assert_int_equal(info.tcpi_unacked, 300); /* of a listener: what waits to be accepted */
	for (int i = 0; i < 300; i++)
		close(out[i]);
	close(listener);
}

static void ipv6_stands_beside_ipv4_on_one_port(void **state)
{
	struct ip_addr any4 = addr("0.0.0.0"), any6 = addr("::"), one = addr("::1"), remote, local;
	int listener6 = io_tcp_listen(&any6, 0), listener4, out, in;

	(void)state;
	if (listener6 == -EAFNOSUPPORT)
		skip();
	assert_true(listener6 >= 0);
	listener4 = io_tcp_listen(&any4, port_of(listener6));
	assert_true(listener4 >= 0);
	out = io_tcp_connect(&one, port_of(listener6), &(struct io_tcp_opts){ .ttl = 7 });
	if (out >= 0) {
		in = accept_one(listener6, &remote, &local);
		assert_true(in >= 0);
		assert_true(ip_addr_equal(&remote, &one) && ip_addr_equal(&local, &one));
		assert_int_equal(get_int(out, IPPROTO_IPV6, IPV6_UNICAST_HOPS), 7);
		close(in);
		close(out);
	}
	close(listener4);
	close(listener6);
}

static void own_addresses_are_known_from_foreign_ones(void **state)
{
	struct ip_addr own = addr("127.0.0.1"), any = addr("0.0.0.0"), foreign = addr("192.0.2.1"),
		       foreign6 = addr("2001:db8::1"), interface;
	struct io_own_addresses *o = io_own_addresses_new();
	struct ifaddrs *all;

	(void)state;
	assert_true(io_own_addresses_have(o, &own, 0));
	assert_false(io_own_addresses_have(o, &any, 0));
	assert_false(io_own_addresses_have(o, &foreign, 0));
	assert_false(io_own_addresses_have(o, &foreign6, 0));
	assert_int_equal(getifaddrs(&all), 0);
	for (const struct ifaddrs *i = all; i; i = i->ifa_next)
		if (i->ifa_addr && ip_addr_from_sockaddr(i->ifa_addr, &interface, NULL))
			assert_true(io_own_addresses_have(o, &interface, 0));
	freeifaddrs(all);
	io_own_addresses_free(o);
}

static void what_is_on_a_link_of_ours(void **state)
{
	struct ip_addr own = addr("127.0.0.1"), near = addr("127.200.1.2"), far = addr("240.0.0.1"),
		       own6 = addr("::1"), far6 = addr("2001:db8::1");

	(void)state;
	/* 127.0.0.1/8 and ::1/128 */
	assert_true(io_is_on_link(&own, &near));
	assert_true(io_is_on_link(&own6, &own6));
	assert_false(io_is_on_link(&own, &far));
	assert_false(io_is_on_link(&own6, &far6));
	/* Of a subnet, but no interface's: the other end, to which it is not on a link, must come to the same. */
	assert_false(io_is_on_link(&near, &own));
}

/* On the loopback interface a packet has the TTL that it was sent with. */
static void a_syn_tells_from_how_far_it_came(void **state)
{
	struct ip_addr server = addr("127.0.0.1"), remote, local;
	int listener = io_tcp_bind(&server, 0), out, in;

	(void)state;
	assert_int_equal(io_tcp_guard_listener(listener, IP_V4, 0, true), 0);
	assert_int_equal(io_tcp_start_listening(listener), 0);
	for (int ttl = 253; ttl <= 255; ttl++) {
		out = io_tcp_connect(
			&server, port_of(listener), &(struct io_tcp_opts){ .ttl = (uint8_t)ttl });
		in = accept_one(listener, &remote, &local);
		assert_true(out >= 0 && in >= 0);
		assert_int_equal(io_tcp_came_with_ttl(in, IP_V4, 254), ttl >= 254);
		close(in);
		close(out);
	}
	/* what the listener asks for need not be looked up, and nothing else is known without the SYN */
	assert_int_equal(io_tcp_guard_listener(listener, IP_V4, 100, false), 0);
	out = io_tcp_connect(&server, port_of(listener), &(struct io_tcp_opts){ .ttl = 255 });
	in = accept_one(listener, &remote, &local);
	assert_true(io_tcp_came_with_ttl(in, IP_V4, 100));
	assert_false(io_tcp_came_with_ttl(in, IP_V4, 101));
	close(in);
	close(out);
	close(listener);
}

static void a_refused_key_is_explained(void **state)
{
	(void)state;
	assert_non_null(strstr(io_tcp_key_error(ENOMEM), "net.core.optmem_max"));
	assert_non_null(strstr(io_tcp_key_error(ENOPROTOOPT), "CONFIG_TCP_MD5SIG"));
	assert_string_equal(io_tcp_key_error(EINVAL), strerror(EINVAL));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_connection_has_its_source_its_ttl_and_no_delay),
		cmocka_unit_test(a_refused_connection_says_so),
		cmocka_unit_test(an_unfinished_connection_is_not_taken_for_a_finished_one),
		cmocka_unit_test(a_source_that_is_not_ours_is_an_error),
		cmocka_unit_test(a_port_in_use_is_an_error),
		cmocka_unit_test(a_process_without_descriptors_says_emfile),
		cmocka_unit_test(an_aborted_connection_is_reset),
		cmocka_unit_test(hundreds_of_connections_wait_in_the_backlog),
		cmocka_unit_test(ipv6_stands_beside_ipv4_on_one_port),
		cmocka_unit_test(own_addresses_are_known_from_foreign_ones),
		cmocka_unit_test(what_is_on_a_link_of_ours),
		cmocka_unit_test(a_syn_tells_from_how_far_it_came),
		cmocka_unit_test(a_refused_key_is_explained),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
