/*
 * Messages of IPVS's generic netlink, from and to values.
 *
 * family: the number that the kernel gave to "IPVS". All encoders return a message that the caller hands on or frees; a decoder is true when
 * the message has all that it must have, and believes no length. Pure.
 */
#pragma once

#include "ipvs/ipvs.h"
#include "ipvs/plan.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct nl_msg;
struct nlmsghdr;

struct ipvs_timeouts {
	uint32_t tcp_s, tcp_fin_s, udp_s;
};

/* Asks for the number of the family. */
struct nl_msg *ipvs_message_get_family(void);
bool ipvs_message_decode_family(const struct nlmsghdr *h, uint16_t *family);

struct nl_msg *ipvs_message_op(uint16_t family, const struct ipvs_service *s, const struct ipvs_op *op);

struct nl_msg *ipvs_message_list_services(uint16_t family);
struct nl_msg *ipvs_message_get_service(uint16_t family, const struct ipvs_key *key);
bool ipvs_message_decode_service(const struct nlmsghdr *h, struct ipvs_service *out);

/* An unknown service has no destinations: the kernel says no error. */
struct nl_msg *ipvs_message_list_dests(uint16_t family, const struct ipvs_key *key);
/* service: the family of the service, which old kernels mean when they do not tell the destination's. */
bool ipvs_message_decode_dest(const struct nlmsghdr *h, uint8_t service, struct ipvs_seen_dest *out);

struct nl_msg *ipvs_message_get_info(uint16_t family);
struct nl_msg *ipvs_message_get_timeouts(uint16_t family);
/* 0 leaves one as it is. */
struct nl_msg *ipvs_message_set_timeouts(uint16_t family, const struct ipvs_timeouts *t);
bool ipvs_message_decode_timeouts(const struct nlmsghdr *h, struct ipvs_timeouts *out);

/* Why the kernel refuses an operation with this error, and what to do. */
void ipvs_message_explain(const struct ipvs_service *s, const struct ipvs_op *op, char *buf, size_t size);
