/* SPDX-License-Identifier: Apache-2.0 */
/* The private namespace and its interfaces; see port.h. `tpsd: wire`. */
#include "tpsd/port/port.h"

#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <linux/ethtool.h>
#include <linux/sockios.h>
#include <linux/if.h>
#include <sched.h>
#include <stdio.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <unistd.h>

#include "bpf/abi.h"
#include "lib/base/err.h"
#include "lib/base/log.h"

#define STACK_LINK  "sl-stack"
#define STACK_PEER  "sl-stackp"
#define INJECT_LINK "sl-inject"
#define INJECT_PEER "sl-injectp"

enum { VETH_MTU = 65535, MTU_MIN = 576 };

/* Bytes that each tunnel kind puts before the inner packet. */
static const uint32_t tunnel_overhead[WIRE_TUNNELS] = {
        [WIRE_TUNNEL_NONE] = 0,
        [WIRE_TUNNEL_GRE] = 24,
        [WIRE_TUNNEL_GRE_KEY] = 28,
        [WIRE_TUNNEL_IPIP] = 20,
};

/* The namespace's settings. `must`: without it taken flows do not work. */
static const struct {
	const char *path, *value;
	bool must;
} settings[] = {
        /* Ports are silent: no neighbour discovery, no ARP answer, nothing of our own. */
        {"/proc/sys/net/ipv6/conf/all/disable_ipv6", "1", false},
        {"/proc/sys/net/ipv6/conf/default/disable_ipv6", "1", false},
        {"/proc/sys/net/ipv4/conf/all/arp_ignore", "8", true},
        {"/proc/sys/net/ipv4/conf/default/arp_ignore", "8", true},
        {"/proc/sys/net/ipv4/ip_forward", "0", true},
        {"/proc/sys/net/ipv4/conf/all/rp_filter", "0", true},
        {"/proc/sys/net/ipv4/conf/default/rp_filter", "0", true},
        {"/proc/sys/net/ipv4/conf/all/accept_local", "1", false},
        /* Legs continue timestamps that other hosts began. */
        {"/proc/sys/net/ipv4/tcp_timestamps", "2", false},
        {"/proc/sys/net/ipv4/tcp_mtu_probing", "1", false},
        {"/proc/sys/net/ipv4/tcp_ecn", "0", false},
        {"/proc/sys/net/ipv4/tcp_max_tw_buckets", "1000000", false},
        {"/proc/sys/net/ipv4/ip_unprivileged_port_start", "0", true},
        {"/proc/sys/net/ipv4/icmp_ratelimit", "0", false},
};

static int write_setting(const char *path, const char *value)
{
	int fd = open(path, O_WRONLY | O_CLOEXEC);
	ssize_t n;

	if (fd < 0)
		return SL_ESYS;
	n = write(fd, value, strlen(value));
	(void)close(fd);
	return n < 0 ? SL_ESYS : 0;
}

static int write_settings(void)
{
	for (size_t i = 0; i < SL_ARRAY_LEN(settings); i++) {
		if (!write_setting(settings[i].path, settings[i].value))
			continue;
		if (settings[i].must) {
			log_critical("%s cannot be set to %s: %s", settings[i].path,
			             settings[i].value, strerror(errno));
			return SL_ESYS;
		}
		log_debug("%s cannot be set: %s", settings[i].path, strerror(errno));
	}
	return 0;
}

int ports_set_socket_buffer(uint64_t bytes)
{
	char text[64];

	(void)snprintf(text, sizeof(text), "4096 %llu %llu",
	               (unsigned long long)SL_MIN(bytes, 131072ULL), (unsigned long long)bytes);
	if (write_setting("/proc/sys/net/ipv4/tcp_rmem", text))
		return SL_ESYS;
	(void)snprintf(text, sizeof(text), "4096 %llu %llu",
	               (unsigned long long)SL_MIN(bytes, 16384ULL), (unsigned long long)bytes);
	return write_setting("/proc/sys/net/ipv4/tcp_wmem", text);
}

/* A veth pair, up; *ret_index is the first end's. */
static int veth_ready(struct ports *ps, const char *name, const char *peer, uint32_t flags,
                      uint32_t *ret_index, uint32_t *ret_peer)
{
	struct netlink_link link, other;
	int error = netlink_veth_add(&ps->here, name, peer, VETH_MTU);

	if (error && error != SL_EEXIST)
		return error;
	error = netlink_link_get(&ps->here, name, &link);
	if (!error)
		error = netlink_link_get(&ps->here, peer, &other);
	if (!error)
		error = netlink_link_set(&ps->here, link.index, IFF_UP | flags, IFF_UP | flags, 0);
	if (!error)
		error = netlink_link_set(&ps->here, other.index, IFF_UP | flags, IFF_UP | flags, 0);
	if (error)
		return error;
	*ret_index = link.index;
	*ret_peer = other.index;
	return 0;
}

static int loopback_ready(struct ports *ps)
{
	struct netlink_link lo;
	int error = netlink_link_get(&ps->here, "lo", &lo);

	if (!error)
		error = netlink_link_set(&ps->here, lo.index, IFF_UP, IFF_UP, 0);
	if (!error)
		error = netlink_address_add(&ps->here, lo.index, htonl(WIRE_LOCAL_CLIENT_LEG));
	if (!error)
		error = netlink_address_add(&ps->here, lo.index, htonl(WIRE_LOCAL_SERVER_LEG));
	return error;
}

static int origin_open(struct ports *ps, int origin_netns_fd)
{
	int error = SL_ESYS;

	ps->origin.fd = -1;
	if (origin_netns_fd < 0)
		return 0;
	if (setns(origin_netns_fd, CLONE_NEWNET) == 0)
		error = netlink_open(&ps->origin);
	if (setns(ps->netns_fd, CLONE_NEWNET) < 0)
		return SL_ESYS;
	return error;
}

int ports_init(struct ports *ps, int origin_netns_fd)
{
	uint32_t peer;
	int error = SL_ESYS;

	memset(ps, 0, sizeof(*ps));
	ps->origin.fd = ps->here.fd = -1;
	ps->netns_fd = open("/proc/self/ns/net", O_RDONLY | O_CLOEXEC);
	if (ps->netns_fd < 0)
		goto fail;
	error = netlink_open(&ps->here);
	if (!error)
		error = origin_open(ps, origin_netns_fd);
	if (!error)
		error = write_settings();
	if (!error)
		error = loopback_ready(ps);
	if (!error)
		error = veth_ready(ps, STACK_LINK, STACK_PEER, IFF_NOARP, &ps->stack_ifindex,
		                   &peer);
	if (!error)
		error = veth_ready(ps, INJECT_LINK, INJECT_PEER, IFF_NOARP, &ps->inject_ifindex,
		                   &ps->inject_tx_ifindex);
	if (!error)
		return 0;
fail:
	log_critical("the private network namespace cannot be made ready: %s",
	             error == SL_ESYS ? strerror(errno) : err_text(error));
	ports_fini(ps);
	return error;
}

void ports_fini(struct ports *ps)
{
	netlink_close(&ps->here);
	netlink_close(&ps->origin);
	if (ps->netns_fd >= 0)
		(void)close(ps->netns_fd);
	ps->netns_fd = -1;
}

static int ethtool(const char *name, uint32_t command, uint32_t *value)
{
	struct ethtool_value v = {.cmd = command, .data = *value};
	struct ifreq req = {0};
	int fd = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0), rc;

	if (fd < 0)
		return SL_ESYS;
	(void)snprintf(req.ifr_name, sizeof(req.ifr_name), "%s", name);
	req.ifr_data = (void *)&v;
	rc = ioctl(fd, SIOCETHTOOL, &req);
	(void)close(fd);
	*value = v.data;
	return rc < 0 ? SL_ESYS : 0;
}

/* GRO is worth up to half of a relay's speed; a port without it works all the same. LRO makes
 * frames that never were on the wire. */
static void port_set_offloads(const char *name)
{
	uint32_t on = 1, flags = 0;

	if (ethtool(name, ETHTOOL_SGRO, &on))
		log_debug("%s: GRO cannot be turned on: %s", name, strerror(errno));
	if (ethtool(name, ETHTOOL_GFLAGS, &flags) || !(flags & ETH_FLAG_LRO))
		return;
	flags &= ~(uint32_t)ETH_FLAG_LRO;
	if (ethtool(name, ETHTOOL_SFLAGS, &flags))
		log_warning("%s: LRO cannot be turned off: %s", name, strerror(errno));
}

int port_read_offloads(const struct port *p, struct port_offloads *ret_offloads)
{
	uint32_t gro = 0, flags = 0;

	if (ethtool(p->name, ETHTOOL_GGRO, &gro) || ethtool(p->name, ETHTOOL_GFLAGS, &flags))
		return SL_EUNSUPPORTED;
	ret_offloads->gro = gro != 0;
	ret_offloads->lro = (flags & ETH_FLAG_LRO) != 0;
	return 0;
}

/* R158: the management port is not in a segment. It would be out of reach once moved. */
static int port_is_free(struct ports *ps, struct port *p, uint32_t index)
{
	uint32_t way_out;
	int error = netlink_default_link(&ps->origin, &way_out);

	if (!error && way_out == index)
		return SL_ECONFLICT;
	if (error && error != SL_ENOENT)
		return error;
	return netlink_link_has_address(&ps->origin, index, &p->had_address);
}

static int port_fetch(struct ports *ps, struct port *p, struct netlink_link *ret_link)
{
	struct netlink_link away;
	int error = netlink_link_get(&ps->here, p->name, ret_link);

	if (error != SL_ENOENT || ps->origin.fd < 0)
		return error;
	error = netlink_link_get(&ps->origin, p->name, &away);
	if (!error)
		error = port_is_free(ps, p, away.index);
	if (!error)
		error = netlink_link_move(&ps->origin, away.index, ps->netns_fd);
	return error ? error : netlink_link_get(&ps->here, p->name, ret_link);
}

int port_open(struct ports *ps, struct port *p)
{
	struct netlink_link link;
	char path[96];
	int error = port_fetch(ps, p, &link);

	if (error)
		return error;
	/* A new interface in the namespace has the defaults; one that was there may not. */
	(void)snprintf(path, sizeof(path), "/proc/sys/net/ipv4/conf/%s/rp_filter", p->name);
	(void)write_setting(path, "0");
	(void)snprintf(path, sizeof(path), "/proc/sys/net/ipv6/conf/%s/disable_ipv6", p->name);
	(void)write_setting(path, "1");
	port_set_offloads(p->name);
	error = netlink_link_set(&ps->here, link.index,
	                         (p->taken_down ? 0 : IFF_UP) | IFF_PROMISC | IFF_NOARP,
	                         IFF_UP | IFF_PROMISC | IFF_NOARP, 0);
	if (error)
		return error;
	p->ifindex = link.index;
	p->mtu = link.mtu;
	memcpy(p->mac, link.mac, sizeof(p->mac));
	return port_refresh(ps, p);
}

int port_set_up(struct ports *ps, struct port *p, bool up)
{
	int error = netlink_link_set(&ps->here, p->ifindex, up ? IFF_UP : 0, IFF_UP, 0);

	if (!error)
		p->taken_down = !up;
	return error;
}

int port_refresh(struct ports *ps, struct port *p)
{
	struct netlink_link link;
	int error = netlink_link_get_index(&ps->here, p->ifindex, &link);

	if (error)
		return error;
	p->mtu = link.mtu;
	p->received = link.received;
	p->up = (link.flags & IFF_LOWER_UP) != 0;
	return 0;
}

int ports_set_mtu(struct ports *ps, uint32_t mtu)
{
	for (uint32_t kind = 0; kind < WIRE_TUNNELS; kind++) {
		uint32_t net = htonl((WIRE_SYNTHETIC_NET + kind) << 24);
		int error;

		if (mtu < MTU_MIN + tunnel_overhead[kind])
			return SL_ERANGE;
		error = netlink_route_set(&ps->here, net, 8, ps->stack_ifindex,
		                          mtu - tunnel_overhead[kind]);
		if (error)
			return error;
	}
	ps->route_mtu = mtu;
	return 0;
}
