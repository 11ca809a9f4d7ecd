/*
 * A synchronous socket to the kernel's IPVS over libnl: one request and its answer, or many requests and their errors.
 *
 * In the network namespace of the thread that makes it. No answer is waited for longer than IPVS_ANSWER_TIMEOUT_S.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum {
	IPVS_ANSWER_TIMEOUT_S = 5,
	IPVS_PIECE =
		64, /* requests of many that the kernel gets in one go: the errors of all must fit into the receive buffer */
};

struct ipvs_netlink;
struct nl_msg;
struct nlmsghdr;

/* NULL with a reason in err that says what to do. */
struct ipvs_netlink *ipvs_netlink_new(char *err, size_t err_size);
void ipvs_netlink_free(struct ipvs_netlink *nl);
/* The number of IPVS's family, for messages. */
uint16_t ipvs_netlink_family(const struct ipvs_netlink *nl);

/* A request or answer was lost: what the kernel did is not known, and the socket is of no more use. */
bool ipvs_netlink_broken(const struct ipvs_netlink *nl);

/* Sends msg (and frees it) and waits for the end of its answer, which is given message by message to fn (may be NULL). 0 or
 * a negative errno; -ETIMEDOUT when the kernel is silent. */
int ipvs_netlink_request(struct ipvs_netlink *nl, struct nl_msg *msg,
	void (*fn)(void *user, const struct nlmsghdr *h), void *user);

/* Many requests: the kernel works IPVS_PIECE of them off in one go, whatever fails. add takes msg over; flush sends what
 * is there and reports the errors of all since the last flush, by the number that add was given. */
typedef void ipvs_netlink_failed_fn(void *user, size_t number, int error);
void ipvs_netlink_many_begin(struct ipvs_netlink *nl, ipvs_netlink_failed_fn *fn, void *user);
void ipvs_netlink_many_add(struct ipvs_netlink *nl, struct nl_msg *msg, size_t number);
void ipvs_netlink_many_flush(struct ipvs_netlink *nl);
