/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The few rtnetlink requests that the ports need: links, addresses and routes of one network
 * namespace, the one in which the socket was opened. `tpsd: wire`, setup and configuration only;
 * each call waits for the kernel's answer. Errors are SL_ESYS with errno as the kernel said.
 */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "lib/base/attr.h"

struct netlink {
	int fd;
	uint32_t sequence;
};

struct netlink_link {
	uint32_t index;
	uint32_t mtu;
	uint32_t flags; /* IFF_x; IFF_LOWER_UP tells of the carrier */
	uint8_t mac[6];
	uint64_t received; /* packets */
};

/* In the namespace that the caller is in now. */
int netlink_open(struct netlink *nl) SL_NONNULL(1) SL_MUST;
void netlink_close(struct netlink *nl) SL_NONNULL(1);

/* By name. SL_ENOENT when there is none. */
int netlink_link_get(struct netlink *nl, const char *name, struct netlink_link *ret_link)
        SL_NONNULL(1, 2, 3) SL_MUST;
/* By index. SL_ENOENT. */
int netlink_link_get_index(struct netlink *nl, uint32_t index, struct netlink_link *ret_link)
        SL_NONNULL(1, 3) SL_MUST;

/* Into the namespace behind `netns_fd`. The link goes down by that. */
int netlink_link_move(struct netlink *nl, uint32_t index, int netns_fd) SL_NONNULL(1) SL_MUST;

/* Sets the IFF_x in `mask` as in `flags`; `mtu` 0: left as it is. */
int netlink_link_set(struct netlink *nl, uint32_t index, uint32_t flags, uint32_t mask,
                     uint32_t mtu) SL_NONNULL(1) SL_MUST;

/* Two connected veths. SL_EEXIST. */
int netlink_veth_add(struct netlink *nl, const char *name, const char *peer, uint32_t mtu)
        SL_NONNULL(1, 2, 3) SL_MUST;

/* `be32/32` on a link; there already: 0. */
int netlink_address_add(struct netlink *nl, uint32_t index, uint32_t be32) SL_NONNULL(1) SL_MUST;

/* Whether the link has an IPv4 address, or an IPv6 one that is good beyond the link. */
int netlink_link_has_address(struct netlink *nl, uint32_t index, bool *ret_has)
        SL_NONNULL(1, 3) SL_MUST;

/* The link by which this namespace reaches the IPv4 internet. SL_ENOENT when it has no such way. */
int netlink_default_link(struct netlink *nl, uint32_t *ret_index) SL_NONNULL(1, 2) SL_MUST;

/* An IPv4 route out of a link, replaced when there. `mtu` in bytes. */
int netlink_route_set(struct netlink *nl, uint32_t be32_net, uint8_t prefix_len, uint32_t index,
                      uint32_t mtu) SL_NONNULL(1) SL_MUST;
