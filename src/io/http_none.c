/* The client of a build without libcurl: there is none, and configuration refuses what would need it. */
#include "io/http.h"

#include "base/log.h"

#include <stdlib.h>

bool io_http_can_tls(void)
{
	return false;
}

bool io_http_can_http2(void)
{
	return false;
}

struct io_http *io_http_new(struct io_loop *loop)
{
	(void)loop;
	log_error("no HTTP: this program was built without libcurl (on Debian: apt-get install "
		  "libcurl4-openssl-dev, then build it again)");
	return NULL;
}

void io_http_free(struct io_http *h)
{
	(void)h;
}

/* Where no client can exist, nobody can ask one. */
struct io_http_call *io_http_start(struct io_http *h, const struct io_http_request *request,
	void (*done)(void *user, const struct io_http_answer *answer), void *user)
{
	(void)h;
	(void)request;
	(void)done;
	(void)user;
	abort();
}

void io_http_cancel(struct io_http_call *c)
{
	(void)c;
}
