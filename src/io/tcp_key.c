#include "io/tcp_key.h"

#include <errno.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <string.h>
#include <sys/socket.h>

bool io_tcp_key_equal(const struct io_tcp_key *a, const struct io_tcp_key *b)
{
	return a->len == b->len && memcmp(a->octets, b->octets, a->len) == 0;
}

int io_tcp_set_key(int fd, const struct prefix *peers, const struct io_tcp_key *key)
{
	struct tcp_md5sig md5 = {
		.tcpm_flags = TCP_MD5SIG_FLAG_PREFIX, .tcpm_prefixlen = peers->len, .tcpm_keylen = key->len
	};
	struct ip_addr address = prefix_addr(peers);
	struct sockaddr_storage ss;
	int err;

	ip_addr_to_sockaddr(&address, 0, &ss);
	memcpy(&md5.tcpm_addr, &ss, sizeof(ss));
	memcpy(md5.tcpm_key, key->octets, key->len);
	err = setsockopt(fd, IPPROTO_TCP, TCP_MD5SIG_EXT, &md5, sizeof(md5)) ? errno : 0;
	explicit_bzero(&md5, sizeof(md5));
	/* Nothing to take away: there was no key, or the kernel knows of none. */
	if (key->len == 0 && (err == ENOENT || err == ENOPROTOOPT))
		return 0;
	return -err;
}

int io_tcp_key_trial(uint8_t family)
{
	int fd = socket(family == IP_V6 ? AF_INET6 : AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);

	if (fd < 0)
		return -errno;
	return fd;
}

const char *io_tcp_key_error(int error)
{
	switch (error) {
	case ENOMEM:
	case ENOBUFS:
		return "the kernel has no room for so many keys on one socket; raise net.core.optmem_max, or "
		       "give "
		       "ranges a key instead of addresses";
	case ENOPROTOOPT:
		return "this kernel has no TCP-MD5 (CONFIG_TCP_MD5SIG)";
	default:
		return strerror(error);
	}
}
