/*
 * A synchronous netlink socket over libnl: one request and its answer, or many requests and their errors.
 *
 * Knows no routes. Used by the executor's thread and by whatever asks or changes little by little beside the FIB.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct netlink;
struct nl_msg;
struct nlmsghdr;

/* rtnetlink, in the network namespace of the calling thread. NULL with a reason in err. */
struct netlink *netlink_new(char *err, size_t err_size);
/* The same for generic netlink. */
struct netlink *netlink_new_generic(char *err, size_t err_size);
void netlink_free(struct netlink *nl);
/* Our address in the kernel's messages (nlmsg_pid). */
uint32_t netlink_port(const struct netlink *nl);

/* A message of the given type with a header of len octets; the caller adds attributes. room: for all attributes. */
struct nl_msg *netlink_msg(uint16_t type, uint16_t flags, const void *header, size_t len, size_t room);

/* Sends msg (and frees it) and waits for the end of its answer, which is given message by message to fn (may be NULL).
 * 0 or a negative errno, then with the kernel's words in why (may be empty). -EAGAIN when a listing was disturbed. */
int netlink_request(struct netlink *nl, struct nl_msg *msg, void (*fn)(void *user, const struct nlmsghdr *h),
	void *user, char *why, size_t why_size);

/* Many requests: each is written where netlink_many_at() says, in at most so many octets (a piece has 128 KiB), and then added.
 * netlink_many_flush() sends what is there and reports the errors of all since the last flush, by the number that add was
 * given. netlink_many_at() flushes when a piece is full. */
typedef void netlink_failed_fn(void *user, size_t number, int error, const char *why);
void netlink_many_begin(struct netlink *nl, netlink_failed_fn *fn, void *user);
struct nlmsghdr *netlink_many_at(struct netlink *nl, size_t most);
void netlink_many_add(struct netlink *nl, size_t number);
void netlink_many_flush(struct netlink *nl);
