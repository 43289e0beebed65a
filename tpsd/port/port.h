/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Ports and the private network namespace: two interfaces a segment, moved in from where tpsd was
 * started, up, promiscuous, silent; the two veth pairs of the stack and of put-back packets;
 * addresses, routes and settings of the namespace. `tpsd: wire`.
 */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "lib/base/attr.h"
#include "tpsd/port/netlink.h"
#include "tpsd/port/program.h"

struct config_segment;

struct port {
	char name[16];
	uint32_t ifindex;
	uint32_t mtu;
	uint8_t mac[6];
	uint64_t received; /* packets, as last read */
	bool up;           /* carrier, as last heard */
	bool taken_down;   /* by link-down synchronisation */
	bool had_address;  /* when it was moved here: something else on the host uses it */
};

struct ports {
	struct netlink here;   /* of the private namespace */
	struct netlink origin; /* of the one where tpsd was started; fd -1: none */
	int netns_fd;          /* the private one */
	uint32_t stack_ifindex, inject_ifindex;
	uint32_t inject_tx_ifindex; /* where AF_PACKET puts packets back */
	uint32_t route_mtu;         /* smallest MTU of any port; 0: no port yet */
};

/*
 * The caller is in the private namespace and has full privileges. `origin_netns_fd` is that of the
 * namespace where tpsd was started, or -1 (ports are there already); it is not kept. What is there
 * already from an earlier daemon is used. Errors are said by log_critical.
 */
int ports_init(struct ports *ps, int origin_netns_fd) SL_NONNULL(1) SL_MUST;
void ports_fini(struct ports *ps) SL_NONNULL(1);

/*
 * Finds an interface here, or moves it here, and makes it ready. SL_ENOENT when it is nowhere,
 * SL_ECONFLICT when it is the one by which the host reaches the rest of the world (it is left where
 * it is), SL_ESYS. `p->name` is set by the caller; one that is taken down stays so.
 */
int port_open(struct ports *ps, struct port *p) SL_NONNULL(1, 2) SL_MUST;

/* Sends a port's interface down or up (link-down synchronisation, R158). */
int port_set_up(struct ports *ps, struct port *p, bool up) SL_NONNULL(1, 2) SL_MUST;

/* Reads carrier and MTU again. SL_ENOENT when the interface is gone. */
int port_refresh(struct ports *ps, struct port *p) SL_NONNULL(1, 2) SL_MUST;

/* SL_EUNSUPPORTED when the port's driver does not say. */
struct port_offloads {
	bool gro; /* one frame of several for the stack, undone exactly on the way out */
	bool lro; /* the same by the card, which cannot be undone: forwarded frames are not those
	             sent */
};
int port_read_offloads(const struct port *p, struct port_offloads *ret_offloads)
        SL_NONNULL(1, 2) SL_MUST;

/* Routes of the synthetic addresses for ports of `mtu`: one a tunnel kind. */
int ports_set_mtu(struct ports *ps, uint32_t mtu) SL_NONNULL(1) SL_MUST;

/* Bound of the stack's socket buffers in the namespace, bytes in each direction. */
int ports_set_socket_buffer(uint64_t bytes) SL_MUST;
