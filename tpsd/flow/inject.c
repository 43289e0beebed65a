/* SPDX-License-Identifier: Apache-2.0 */
/* Putting packets back; see inject.h. `tpsd: wire`. */
#include "tpsd/flow/inject.h"

#include <arpa/inet.h>
#include <errno.h>
#include <linux/if_packet.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "lib/base/err.h"

enum { ETHER_LEN = 14, OUTER_MAX = 28, IP_TCP_MAX = 60, SEND_BUFFER = 8 * 1024 * 1024 };

struct target {
	struct inject *in;
	uint32_t mark;
};

static uint32_t mark_of(uint16_t segment, int side, bool pass)
{
	return wire_mark(segment, side & 1) | (pass ? WIRE_MARK_PASS : 0);
}

int inject_open(struct inject *in, uint32_t ifindex)
{
	struct sockaddr_ll at = {
	        .sll_family = AF_PACKET, .sll_ifindex = (int)ifindex, .sll_protocol = 0};
	int size = SEND_BUFFER;

	in->fd = socket(AF_PACKET, SOCK_RAW | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	if (in->fd < 0)
		return SL_ESYS;
	(void)setsockopt(in->fd, SOL_SOCKET, SO_SNDBUFFORCE, &size, sizeof(size));
	if (bind(in->fd, (void *)&at, sizeof(at)) == 0)
		return 0;
	inject_close(in);
	return SL_ESYS;
}

void inject_close(struct inject *in)
{
	if (in->fd >= 0)
		(void)close(in->fd);
	in->fd = -1;
}

static int send_marked(void *arg, const uint8_t *frame, size_t len)
{
	const struct target *t = arg;
	union {
		struct cmsghdr head;
		uint8_t room[CMSG_SPACE(sizeof(uint32_t))];
	} control = {0};
	struct iovec iov = {.iov_base = (void *)(uintptr_t)frame, .iov_len = len};
	struct msghdr msg = {.msg_iov = &iov,
	                     .msg_iovlen = 1,
	                     .msg_control = &control,
	                     .msg_controllen = sizeof(control.room)};
	ssize_t n;

	control.head.cmsg_level = SOL_SOCKET;
	control.head.cmsg_type = SO_MARK;
	control.head.cmsg_len = CMSG_LEN(sizeof(uint32_t));
	memcpy(CMSG_DATA(&control.head), &t->mark, sizeof(t->mark));
	do {
		n = sendmsg(t->in->fd, &msg, 0);
	} while (n < 0 && errno == EINTR);
	return n < 0 ? SL_ESYS : 0;
}

int inject_packet(struct inject *in, uint16_t segment, int side, bool pass,
                  const struct packet_view *v, const struct packet_tag *tag, uint32_t segment_size)
{
	struct target t = {.in = in, .mark = mark_of(segment, side, pass)};

	return packet_emit(v, tag, segment_size, send_marked, &t);
}

int inject_frame(struct inject *in, uint16_t segment, int side, bool pass, const uint8_t *frame,
                 size_t len)
{
	struct target t = {.in = in, .mark = mark_of(segment, side, pass)};

	return send_marked(&t, frame, len);
}

static size_t write_outer(uint8_t *out, const struct wire_key *key, const struct wire_dress *d,
                          int side)
{
	size_t len = key->tunnel == WIRE_TUNNEL_NONE   ? 0
	             : key->tunnel == WIRE_TUNNEL_IPIP ? 20
	             : key->tunnel == WIRE_TUNNEL_GRE  ? 24
	                                               : 28;
	uint32_t tunnel_key = htonl(key->tunnel_key);

	if (!len)
		return 0;
	memset(out, 0, len);
	out[0] = 0x45;
	out[1] = d->outer_tos;
	memcpy(out + 6, &d->outer_frag, 2);
	out[8] = d->outer_ttl;
	out[9] = key->tunnel == WIRE_TUNNEL_IPIP ? 4 : 47;
	memcpy(out + 12, &key->outer[side], 4);
	memcpy(out + 16, &key->outer[!side], 4);
	if (len >= 24)
		out[22] = 0x08; /* carries IPv4 */
	if (len == 28) {
		out[20] = 0x20; /* has a key */
		memcpy(out + 24, &tunnel_key, 4);
	}
	return len;
}

int inject_tcp(struct inject *in, const struct wire_key *key, const struct wire_flow *f, int side,
               bool pass, const struct inject_tcp *t)
{
	const struct wire_end *e = &f->end[side & 1], *far = &f->end[!side];
	struct packet_tcp tcp = {
	        .src = key->addr[side & 1][3],
	        .dst = key->addr[!side][3],
	        .sport = key->port[side & 1],
	        .dport = key->port[!side],
	        .seq = t->seq,
	        .ack = t->ack,
	        .window = t->window,
	        .flags = t->flags,
	        .ttl = e->dress.ttl,
	        .tos = e->dress.tos & 0xfc,
	        .timestamps = e->options & far->options & WIRE_OPT_TIMESTAMP ? 1 : 0,
	        .tsval = e->tsval,
	        .tsecr = far->tsval,
	};
	struct packet_tag tag = {.vlan_proto = e->dress.vlan_proto, .vlan_tci = e->dress.vlan_tci};
	uint8_t frame[ETHER_LEN + OUTER_MAX + IP_TCP_MAX] = {0};
	size_t l3 = ETHER_LEN;
	struct packet_view v;
	int error;

	memcpy(frame, e->dress.mac, sizeof(e->dress.mac));
	frame[12] = 0x08; /* IPv4 */
	l3 += write_outer(frame + ETHER_LEN, key, &e->dress, side & 1);
	error = packet_read(frame, l3 + packet_write_tcp(frame + l3, &tcp), (uint32_t)l3, &v);
	return error ? error : inject_packet(in, key->segment, side, pass, &v, &tag, 0);
}

int inject_reset(struct inject *in, const struct wire_key *key, const struct wire_flow *f, int side)
{
	const struct wire_end *e = &f->end[side & 1];
	struct inject_tcp t = {.seq = e->ack, .ack = e->next, .flags = PACKET_RST | PACKET_ACK};

	return inject_tcp(in, key, f, !side, true, &t);
}
