/*
 * One EndpointSlice (discovery.k8s.io/v1) as it matters to a load balancer: pure.
 *
 * A slice names endpoints of one kind of address and, for all of them alike, the ports under which the service is served.
 * Of an endpoint's addresses the first counts: the API calls them interchangeable. What is not said of a condition is
 * what the API's reference says that it means: ready unless told otherwise, serving as it is ready, not terminating.
 * Endpoints by name (addressType FQDN) are none that IPVS could reach: such a slice is read and has no endpoints. Nor
 * can addresses be reached that are no single host's or only a link's; they are left out and counted.
 *
 * What is read is bounded: by the length of the text it comes from, and by the numbers below, which are the API's own.
 */
#pragma once

#include "base/hash.h"
#include "base/prefix.h"
#include "base/row.h"
#include "base/text.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* The API refuses slices with more. */
enum { KUBE_SLICE_ENDPOINTS_MAX = 1000, KUBE_SLICE_PORTS_MAX = 100, KUBE_NAME_MAX = 253 };

enum kube_condition { KUBE_READY = 1, KUBE_SERVING = 2, KUBE_TERMINATING = 4 };

struct kube_port {
	const char *name; /* "" for a port without one */
	uint16_t number;  /* host byte order; 0: any */
	uint8_t protocol; /* IPPROTO_* */
};

struct kube_endpoint {
	struct ip_addr addr;
	uint8_t conditions; /* bits of enum kube_condition */
	const char *name;   /* of what it stands for, a pod; or NULL */
};

struct kube_slice {
	struct hash_node node; /* by name, for who keeps it */
	const char *name;
	struct kube_port *ports;
	size_t port_count;
	struct kube_endpoint *endpoints;
	size_t endpoint_count;
	size_t skipped; /* addresses that are no server's */
	size_t octets;	/* all of it */
};

/* From the object; NULL, with the reason in why, when it is no EndpointSlice as the API describes it. */
struct kube_slice *kube_slice_parse(const struct row *object, struct text *why);
void kube_slice_free(struct kube_slice *s);
