/* SPDX-License-Identifier: Apache-2.0 */
/* rtnetlink: requests are built in a small buffer; see netlink.h. `tpsd: wire`. */
#include "tpsd/port/netlink.h"

#include <arpa/inet.h>
#include <errno.h>
#include <linux/if_link.h>
#include <linux/rtnetlink.h>
#include <linux/veth.h>
#include <net/if.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "lib/base/err.h"

enum { REQUEST_MAX = 1024, ANSWER_MAX = 16384 };

struct request {
	union {
		struct nlmsghdr head;
		uint8_t room[REQUEST_MAX];
	};
};

static void request_begin(struct request *r, uint16_t type, uint16_t flags, const void *body,
                          size_t len)
{
	memset(r, 0, sizeof(*r));
	r->head.nlmsg_type = type;
	r->head.nlmsg_flags = (uint16_t)(NLM_F_REQUEST | NLM_F_ACK | flags);
	r->head.nlmsg_len = (uint32_t)NLMSG_LENGTH(len);
	memcpy(NLMSG_DATA(&r->head), body, len);
}

/* Attributes here are a few dozen bytes altogether; the buffer holds all of any request. */
static struct rtattr *request_add(struct request *r, uint16_t type, const void *data, size_t len)
{
	struct rtattr *a = (void *)(r->room + NLMSG_ALIGN(r->head.nlmsg_len));

	a->rta_type = type;
	a->rta_len = (uint16_t)RTA_LENGTH(len);
	if (len)
		memcpy(RTA_DATA(a), data, len);
	r->head.nlmsg_len = NLMSG_ALIGN(r->head.nlmsg_len) + (uint32_t)RTA_ALIGN(a->rta_len);
	return a;
}

static void request_end_nest(struct request *r, struct rtattr *nest)
{
	nest->rta_len = (uint16_t)(r->room + r->head.nlmsg_len - (uint8_t *)nest);
}

static int answer_error(int error)
{
	errno = error;
	if (error == ENODEV || error == ENOENT)
		return SL_ENOENT;
	return error == EEXIST ? SL_EEXIST : SL_ESYS;
}

/* Who reads the messages that come before the acknowledgement, or that a dump is made of. */
typedef void (*reader)(const struct nlmsghdr *h, void *arg);

static int request_send(struct netlink *nl, struct request *r, reader read, void *arg)
{
	static _Alignas(16) __thread uint8_t answer[ANSWER_MAX];

	r->head.nlmsg_seq = ++nl->sequence;
	if (send(nl->fd, r, r->head.nlmsg_len, 0) < 0)
		return SL_ESYS;
	for (;;) {
		ssize_t got = recv(nl->fd, answer, sizeof(answer), 0);
		struct nlmsghdr *h = (void *)answer;
		int left = (int)got;

		if (got < 0 && errno == EINTR)
			continue;
		if (got < 0)
			return SL_ESYS;
		for (; NLMSG_OK(h, (unsigned)left); h = NLMSG_NEXT(h, left)) {
			const struct nlmsgerr *e = NLMSG_DATA(h);

			if (h->nlmsg_seq != nl->sequence)
				continue;
			if (h->nlmsg_type == NLMSG_ERROR)
				return e->error ? answer_error(-e->error) : 0;
			if (h->nlmsg_type == NLMSG_DONE)
				return 0;
			if (read)
				read(h, arg);
		}
	}
}

int netlink_open(struct netlink *nl)
{
	struct timeval patience = {.tv_sec = 5};

	nl->sequence = 0;
	nl->fd = socket(AF_NETLINK, SOCK_RAW | SOCK_CLOEXEC, NETLINK_ROUTE);
	if (nl->fd < 0)
		return SL_ESYS;
	(void)setsockopt(nl->fd, SOL_SOCKET, SO_RCVTIMEO, &patience, sizeof(patience));
	return 0;
}

void netlink_close(struct netlink *nl)
{
	if (nl->fd >= 0)
		(void)close(nl->fd);
	nl->fd = -1;
}

static void link_read(const struct nlmsghdr *h, void *arg)
{
	const struct ifinfomsg *info = NLMSG_DATA(h);
	struct netlink_link *out = arg;
	int left = (int)IFLA_PAYLOAD(h);

	if (h->nlmsg_type != RTM_NEWLINK)
		return;
	out->index = (uint32_t)info->ifi_index;
	out->flags = info->ifi_flags;
	for (struct rtattr *a = IFLA_RTA(info); RTA_OK(a, left); a = RTA_NEXT(a, left)) {
		if (a->rta_type == IFLA_MTU && RTA_PAYLOAD(a) >= sizeof(out->mtu))
			memcpy(&out->mtu, RTA_DATA(a), sizeof(out->mtu));
		if (a->rta_type == IFLA_STATS64 && RTA_PAYLOAD(a) >= sizeof(out->received))
			memcpy(&out->received, RTA_DATA(a), sizeof(out->received));
		if (a->rta_type == IFLA_ADDRESS && RTA_PAYLOAD(a) == sizeof(out->mac))
			memcpy(out->mac, RTA_DATA(a), sizeof(out->mac));
	}
}

static int link_get(struct netlink *nl, const char *name, uint32_t index,
                    struct netlink_link *ret_link)
{
	struct ifinfomsg info = {.ifi_family = AF_UNSPEC, .ifi_index = (int)index};
	struct netlink_link link = {0};
	struct request r;
	int error;

	request_begin(&r, RTM_GETLINK, 0, &info, sizeof(info));
	if (name)
		(void)request_add(&r, IFLA_IFNAME, name, strlen(name) + 1);
	error = request_send(nl, &r, link_read, &link);
	if (!error)
		*ret_link = link;
	return error;
}

int netlink_link_get(struct netlink *nl, const char *name, struct netlink_link *ret_link)
{
	if (strlen(name) >= IFNAMSIZ)
		return SL_ENOENT;
	return link_get(nl, name, 0, ret_link);
}

int netlink_link_get_index(struct netlink *nl, uint32_t index, struct netlink_link *ret_link)
{
	return link_get(nl, NULL, index, ret_link);
}

int netlink_link_move(struct netlink *nl, uint32_t index, int netns_fd)
{
	struct ifinfomsg info = {.ifi_family = AF_UNSPEC, .ifi_index = (int)index};
	uint32_t fd = (uint32_t)netns_fd;
	struct request r;

	request_begin(&r, RTM_NEWLINK, 0, &info, sizeof(info));
	(void)request_add(&r, IFLA_NET_NS_FD, &fd, sizeof(fd));
	return request_send(nl, &r, NULL, NULL);
}

int netlink_link_set(struct netlink *nl, uint32_t index, uint32_t flags, uint32_t mask,
                     uint32_t mtu)
{
	struct ifinfomsg info = {.ifi_family = AF_UNSPEC,
	                         .ifi_index = (int)index,
	                         .ifi_flags = flags,
	                         .ifi_change = mask};
	struct request r;

	request_begin(&r, RTM_NEWLINK, 0, &info, sizeof(info));
	if (mtu)
		(void)request_add(&r, IFLA_MTU, &mtu, sizeof(mtu));
	return request_send(nl, &r, NULL, NULL);
}

int netlink_veth_add(struct netlink *nl, const char *name, const char *peer, uint32_t mtu)
{
	struct ifinfomsg info = {.ifi_family = AF_UNSPEC};
	struct rtattr *link, *data, *other;
	struct request r;

	request_begin(&r, RTM_NEWLINK, NLM_F_CREATE | NLM_F_EXCL, &info, sizeof(info));
	(void)request_add(&r, IFLA_IFNAME, name, strlen(name) + 1);
	(void)request_add(&r, IFLA_MTU, &mtu, sizeof(mtu));
	link = request_add(&r, IFLA_LINKINFO, NULL, 0);
	(void)request_add(&r, IFLA_INFO_KIND, "veth", 4);
	data = request_add(&r, IFLA_INFO_DATA, NULL, 0);
	other = request_add(&r, VETH_INFO_PEER, &info, sizeof(info));
	(void)request_add(&r, IFLA_IFNAME, peer, strlen(peer) + 1);
	(void)request_add(&r, IFLA_MTU, &mtu, sizeof(mtu));
	request_end_nest(&r, other);
	request_end_nest(&r, data);
	request_end_nest(&r, link);
	return request_send(nl, &r, NULL, NULL);
}

int netlink_address_add(struct netlink *nl, uint32_t index, uint32_t be32)
{
	struct ifaddrmsg body = {.ifa_family = AF_INET, .ifa_prefixlen = 32, .ifa_index = index};
	struct request r;
	int error;

	request_begin(&r, RTM_NEWADDR, NLM_F_CREATE | NLM_F_REPLACE, &body, sizeof(body));
	(void)request_add(&r, IFA_LOCAL, &be32, sizeof(be32));
	(void)request_add(&r, IFA_ADDRESS, &be32, sizeof(be32));
	error = request_send(nl, &r, NULL, NULL);
	return error == SL_EEXIST ? 0 : error;
}

struct address_search {
	uint32_t index;
	bool found;
};

static void address_read(const struct nlmsghdr *h, void *arg)
{
	const struct ifaddrmsg *a = NLMSG_DATA(h);
	struct address_search *s = arg;

	if (h->nlmsg_type == RTM_NEWADDR && a->ifa_index == s->index)
		s->found |= a->ifa_family == AF_INET || a->ifa_scope == RT_SCOPE_UNIVERSE;
}

int netlink_link_has_address(struct netlink *nl, uint32_t index, bool *ret_has)
{
	struct ifaddrmsg body = {.ifa_family = AF_UNSPEC};
	struct address_search search = {.index = index};
	struct request r;
	int error;

	request_begin(&r, RTM_GETADDR, NLM_F_DUMP, &body, sizeof(body));
	error = request_send(nl, &r, address_read, &search);
	if (!error)
		*ret_has = search.found;
	return error;
}

static void route_read(const struct nlmsghdr *h, void *arg)
{
	const struct rtmsg *m = NLMSG_DATA(h);
	int left = (int)RTM_PAYLOAD(h);

	if (h->nlmsg_type != RTM_NEWROUTE)
		return;
	for (struct rtattr *a = RTM_RTA(m); RTA_OK(a, left); a = RTA_NEXT(a, left))
		if (a->rta_type == RTA_OIF && RTA_PAYLOAD(a) >= sizeof(uint32_t))
			memcpy(arg, RTA_DATA(a), sizeof(uint32_t));
}

/* Where a packet to an address of the documentation's network (RFC 5737) would go. */
int netlink_default_link(struct netlink *nl, uint32_t *ret_index)
{
	struct rtmsg body = {.rtm_family = AF_INET, .rtm_dst_len = 32};
	uint32_t somewhere = htonl(0xcb007101), index = 0;
	struct request r;
	int error;

	request_begin(&r, RTM_GETROUTE, 0, &body, sizeof(body));
	(void)request_add(&r, RTA_DST, &somewhere, sizeof(somewhere));
	error = request_send(nl, &r, route_read, &index);
	if (error == SL_ESYS && errno == ENETUNREACH)
		return SL_ENOENT;
	if (error)
		return error;
	*ret_index = index;
	return index ? 0 : SL_ENOENT;
}

int netlink_route_set(struct netlink *nl, uint32_t be32_net, uint8_t prefix_len, uint32_t index,
                      uint32_t mtu)
{
	struct rtmsg body = {.rtm_family = AF_INET,
	                     .rtm_dst_len = prefix_len,
	                     .rtm_table = RT_TABLE_MAIN,
	                     .rtm_protocol = RTPROT_STATIC,
	                     .rtm_scope = RT_SCOPE_LINK,
	                     .rtm_type = RTN_UNICAST};
	struct rtattr *metrics;
	struct request r;

	request_begin(&r, RTM_NEWROUTE, NLM_F_CREATE | NLM_F_REPLACE, &body, sizeof(body));
	(void)request_add(&r, RTA_DST, &be32_net, sizeof(be32_net));
	(void)request_add(&r, RTA_OIF, &index, sizeof(index));
	metrics = request_add(&r, RTA_METRICS, NULL, 0);
	(void)request_add(&r, RTAX_MTU, &mtu, sizeof(mtu));
	request_end_nest(&r, metrics);
	return request_send(nl, &r, NULL, NULL);
}
