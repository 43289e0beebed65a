/* SPDX-License-Identifier: Apache-2.0 */
/* Frames for tests of the eBPF programs; see frame.h. */
#include "tests/bpf/frame.h"

#include <arpa/inet.h>
#include <string.h>

#include "lib/wire/packet.h"

static void put16(uint8_t *at, uint32_t v)
{
	at[0] = (uint8_t)(v >> 8);
	at[1] = (uint8_t)v;
}

static void put32(uint8_t *at, uint32_t v)
{
	put16(at, v >> 16);
	put16(at + 2, v & 0xffff);
}

static void ip_header(uint8_t *ip, uint32_t total, uint8_t proto, uint16_t fragment, uint32_t src,
                      uint32_t dst)
{
	uint16_t check;

	memset(ip, 0, 20);
	ip[0] = 0x45;
	ip[1] = 0x28;
	put16(ip + 2, total);
	put16(ip + 6, fragment);
	ip[8] = 61;
	ip[9] = proto;
	put32(ip + 12, src);
	put32(ip + 16, dst);
	check = packet_fold(packet_sum(ip, 20, 0));
	memcpy(ip + 10, &check, 2);
}

static void tcp_header(uint8_t *tcp, const uint8_t *ip, size_t len, const struct frame_plan *p,
                       size_t options_len)
{
	uint16_t check;

	put32(tcp + 4, p->seq);
	put32(tcp + 8, p->ack);
	tcp[12] = (uint8_t)((20 + options_len) / 4 << 4);
	tcp[13] = p->no_flags ? 0 : p->flags ? p->flags : PACKET_ACK;
	put16(tcp + 14, 5000);
	check = packet_fold(packet_sum(tcp, len, packet_sum(ip + 12, 8, 6 + (uint32_t)len)));
	memcpy(tcp + 16, &check, 2);
}

void frame_build(struct frame_built *f, const struct frame_plan *p)
{
	static const uint8_t client[6] = {2, 0, 0, 0, 0, 1}, server[6] = {2, 0, 0, 0, 0, 2};
	size_t payload_len = p->payload ? strlen(p->payload) : 0;
	uint8_t proto = p->proto ? p->proto : 6;
	size_t l4_len = (proto == 6 ? 20 + p->options_len : 8) + payload_len;
	uint32_t src = 0x0a010001, dst = 0x0a020002;
	uint16_t sport = p->sport ? p->sport : 1000, dport = p->dport ? p->dport : 443;
	uint8_t *ip, *l4;

	memset(f, 0, sizeof(*f));
	memcpy(f->data, p->from_server ? client : server, 6);
	memcpy(f->data + 6, p->from_server ? server : client, 6);
	put16(f->data + 12, p->ether_type ? p->ether_type : 0x0800);
	f->l3 = 14;
	if (p->outer_proto) {
		f->l3 += 20 + p->tunnel_len;
		ip_header(f->data + 14, (uint32_t)(20 + p->tunnel_len + 20 + l4_len),
		          p->outer_proto, p->outer_fragment,
		          p->from_server ? 0xc0a80002 : 0xc0a80001,
		          p->from_server ? 0xc0a80001 : 0xc0a80002);
		if (p->tunnel_len)
			memcpy(f->data + 34, p->tunnel, p->tunnel_len);
	}
	f->l4 = f->l3 + 20;
	f->len = f->l4 + l4_len;
	ip = f->data + f->l3;
	l4 = f->data + f->l4;
	ip_header(ip, (uint32_t)(20 + l4_len), proto, p->fragment, p->from_server ? dst : src,
	          p->from_server ? src : dst);
	put16(l4, p->from_server ? dport : sport);
	put16(l4 + 2, p->from_server ? sport : dport);
	if (proto != 6) {
		put16(l4 + 4, (uint32_t)l4_len);
		memcpy(l4 + 8, p->payload ? p->payload : "", payload_len);
		return;
	}
	if (p->options_len)
		memcpy(l4 + 20, p->options, p->options_len);
	memcpy(l4 + 20 + p->options_len, p->payload ? p->payload : "", payload_len);
	tcp_header(l4, ip, l4_len, p, p->options_len);
}

bool frame_checksums_right(const uint8_t *data, size_t len, size_t l3)
{
	const uint8_t *ip = data + l3;
	size_t header = (ip[0] & 0xfu) * 4, total = (size_t)ip[2] << 8 | ip[3];
	uint32_t tcp_len = (uint32_t)(total - header);

	if (l3 + total > len || packet_fold(packet_sum(ip, header, 0)))
		return false;
	return !packet_fold(packet_sum(ip + header, tcp_len, packet_sum(ip + 12, 8, 6 + tcp_len)));
}
