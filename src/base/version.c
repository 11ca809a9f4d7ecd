#include "base/version.h"

#include "base/mem.h"
#include "config.h"

#ifdef HAVE_OPENSSL
#define WITH_OPENSSL "yes"
#else
#define WITH_OPENSSL "no"
#endif
#ifdef HAVE_LIBCURL
#define WITH_LIBCURL "yes"
#else
#define WITH_LIBCURL "no"
#endif

char *version_text(const char *program)
{
	return mem_printf("%s %s\n"
			  "built with: OpenSSL %s, libcurl %s; TCP-MD5 by the kernel\n",
		program, PACKAGE_VERSION, WITH_OPENSSL, WITH_LIBCURL);
}
