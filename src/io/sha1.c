#include "io/sha1.h"

#include "config.h"

#ifdef HAVE_OPENSSL
/* The plain functions, which OpenSSL 3 has put out of fashion: EVP would bring all of its providers into a static program. */
#define OPENSSL_SUPPRESS_DEPRECATED
#include <openssl/sha.h>

bool io_sha1(const void *octets, size_t len, uint8_t out[IO_SHA1_LEN])
{
	SHA_CTX c;

	return SHA1_Init(&c) && SHA1_Update(&c, octets, len) && SHA1_Final(out, &c);
}
#else
bool io_sha1(const void *octets, size_t len, uint8_t out[IO_SHA1_LEN])
{
	(void)octets;
	(void)len;
	(void)out;
	return false;
}
#endif
