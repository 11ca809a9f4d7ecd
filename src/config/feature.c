/* What this build and this kernel have, and what to do where they lack it. */
#include "config.h"
#include "config/schema.h"

#include <errno.h>
#include <netinet/in.h>
#include <sys/socket.h>
#include <unistd.h>

enum { TCP_OPTION_AO_INFO = 40 }; /* since Linux 6.7; older headers lack the name */

bool config_kernel_has_tcp_ao(void)
{
	int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
	int nothing = 0;
	/* A kernel that knows the option finds fault with its length. */
	bool known = fd >= 0 && setsockopt(fd, IPPROTO_TCP, TCP_OPTION_AO_INFO, &nothing, sizeof(nothing)) &&
		     errno != ENOPROTOOPT;

	if (fd >= 0)
		close(fd);
	return known;
}

unsigned config_features(void)
{
	unsigned features = 1u << CONFIG_FEATURE_NONE;

#ifdef HAVE_OPENSSL
	features |= 1u << CONFIG_FEATURE_OPENSSL;
#endif
#ifdef HAVE_LIBCURL
	features |= 1u << CONFIG_FEATURE_LIBCURL;
#endif
	return features;
}

const char *config_feature_missing(const struct config_reader *r, enum config_feature needs)
{
	static const char *const lacks[] = {
		[CONFIG_FEATURE_OPENSSL] = "this build has no OpenSSL (configure --with-openssl)",
		[CONFIG_FEATURE_LIBCURL] = "this build has no libcurl (configure --with-libcurl)",
		[CONFIG_FEATURE_TCP_AO] =
			"this kernel has TCP-AO, but this version does not use it; use password (TCP-MD5)",
	};

	if (needs == CONFIG_FEATURE_NONE || r->features & 1u << needs)
		return NULL;
	if (needs == CONFIG_FEATURE_TCP_AO && !config_kernel_has_tcp_ao())
		return "this kernel has no TCP-AO (CONFIG_TCP_AO); use password (TCP-MD5)";
	return lacks[needs];
}
