#include "io/http_error.h"

#include <errno.h>
#include <string.h>

enum io_http_error http_error_from_errno(int error, struct text *why)
{
	switch (error) {
	case ECONNREFUSED:
		text_add(why, "connection refused");
		return IO_HTTP_REFUSED;
	case ECONNRESET:
	case EPIPE:
		text_add(why, "connection reset");
		return IO_HTTP_REFUSED;
	case EHOSTUNREACH:
	case ENETUNREACH:
	case ENETDOWN:
	case EHOSTDOWN:
	case ENONET:
		text_add(why, "%s", strerror(error));
		return IO_HTTP_UNREACHABLE;
	case ETIMEDOUT:
		text_add(why, "no connection: %s", strerror(error));
		return IO_HTTP_TIMEOUT;
	default:
		return IO_HTTP_FAILED;
	}
}

enum io_http_error http_error_from_socket(int error, bool marked, struct text *why)
{
	if (error == EPERM && marked)
		text_add(why, "a marked connection needs CAP_NET_ADMIN");
	else
		text_add(why, "no socket as wanted: %s", strerror(error));
	return IO_HTTP_FAILED;
}

enum io_http_error http_error_timeout(const char *what, uint64_t timeout_us, struct text *why)
{
	text_add(why, "%s within %g s", what, (double)timeout_us / 1e6);
	return IO_HTTP_TIMEOUT;
}
