/*
 * The two messages of grpc.health.v1.Health/Check, as gRPC frames them: pure.
 *
 * Request: field 1, the service's name, left out for the server as a whole. Answer: field 1, a number. Each has a head of five
 * octets: 0 (not compressed) and its length.
 */
#pragma once

#include <stddef.h>
#include <stdint.h>

enum { GRPC_HEALTH_REQUEST_MAX = 1024 };
enum { GRPC_HEALTH_UNKNOWN, GRPC_HEALTH_SERVING, GRPC_HEALTH_NOT_SERVING, GRPC_HEALTH_SERVICE_UNKNOWN };

/* Its length; 0 when the service's name is too long. */
size_t grpc_health_encode(const char *service, uint8_t buf[GRPC_HEALTH_REQUEST_MAX]);
/* The serving status, or -1 when this is no such answer. */
int64_t grpc_health_decode(const void *body, size_t len);
