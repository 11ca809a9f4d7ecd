/* How a request ended, in words for an operator, where the engine of the client makes no difference. */
#pragma once

#include "base/text.h"
#include "io/http.h"

/* An errno of the connection; IO_HTTP_FAILED without a word where it tells an operator nothing by itself. */
enum io_http_error http_error_from_errno(int error, struct text *why);
/* A socket that could not be made as the request wants it. */
enum io_http_error http_error_from_socket(int error, bool marked, struct text *why);
/* Silence: at which step it began. */
enum io_http_error http_error_timeout(const char *what, uint64_t timeout_us, struct text *why);
