/* SPDX-License-Identifier: Apache-2.0 */
/* Reading and writing of frames with TCP; see packet.h. Any thread. */
#include "lib/wire/packet.h"

#include <arpa/inet.h>
#include <string.h>

#include "lib/base/bytes.h"
#include "lib/base/err.h"

enum {
	ETHER_LEN = 14,
	ETHER_MACS = 12,
	VLAN_LEN = 4,
	IP_MIN = 20,
	IP_TOTAL = 2,
	IP_ID = 4,
	IP_CHECK = 10,
	IP_ADDRESSES = 12,
	TCP_MIN = 20,
	TCP_SEQ = 4,
	TCP_FLAGS = 13,
	TCP_CHECK = 16,
	PROTO_TCP = 6,
};

uint32_t packet_sum(const void *data, size_t len, uint32_t sum)
{
	const uint8_t *p = data;
	uint64_t total = sum;

	for (; len >= 2; len -= 2, p += 2)
		total += (uint32_t)p[0] << 8 | p[1];
	if (len)
		total += (uint32_t)p[0] << 8;
	while (total >> 32)
		total = (total & 0xffffffff) + (total >> 32);
	return (uint32_t)total;
}

uint16_t packet_fold(uint32_t sum)
{
	sum = (sum & 0xffff) + (sum >> 16);
	sum = (sum & 0xffff) + (sum >> 16);
	return htons((uint16_t)~sum);
}

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

static uint32_t get16(const uint8_t *at)
{
	return (uint32_t)at[0] << 8 | at[1];
}

int packet_read(const uint8_t *frame, size_t len, uint32_t l3, struct packet_view *ret_view)
{
	struct packet_view v = {.frame = frame, .len = len, .l3 = l3};
	struct reader r = reader_of(frame, len);
	uint32_t header, total, offset;
	const uint8_t *ip, *tcp;

	if (l3 < ETHER_LEN)
		return SL_EMALFORMED;
	(void)reader_take(&r, l3);
	ip = reader_take(&r, IP_MIN);
	if (!ip)
		return SL_ESHORT;
	header = (ip[0] & 0xfu) * 4;
	total = get16(ip + IP_TOTAL);
	if (ip[0] >> 4 != 4 || header < IP_MIN || ip[9] != PROTO_TCP || total < header + TCP_MIN)
		return SL_EMALFORMED;
	if (l3 + total > len)
		return SL_ESHORT;
	v.l4 = l3 + header;
	tcp = frame + v.l4;
	offset = (uint32_t)(tcp[12] >> 4) * 4;
	if (offset < TCP_MIN || header + offset > total)
		return SL_EMALFORMED;
	r = reader_of(tcp + TCP_SEQ, TCP_MIN - TCP_SEQ);
	v.seq = reader_be32(&r);
	v.ack = reader_be32(&r);
	v.flags = tcp[TCP_FLAGS];
	v.window = (uint16_t)get16(tcp + 14);
	v.payload = v.l4 + offset;
	v.payload_len = total - header - offset;
	*ret_view = v;
	return 0;
}

bool packet_checksum_right(const struct packet_view *v)
{
	const uint8_t *ip = v->frame + v->l3, *tcp = v->frame + v->l4;
	uint32_t len = v->payload - v->l4 + v->payload_len;
	uint32_t pseudo = packet_sum(ip + IP_ADDRESSES, 8, PROTO_TCP + len);
	uint16_t partial = (uint16_t)~packet_fold(pseudo);

	if (packet_fold(packet_sum(tcp, len, pseudo)) == 0)
		return true;
	return memcmp(tcp + TCP_CHECK, &partial, sizeof(partial)) == 0;
}

static void ip_finish(uint8_t *ip, uint32_t header, uint32_t total)
{
	uint16_t check;

	put16(ip + IP_TOTAL, total);
	put16(ip + IP_CHECK, 0);
	check = packet_fold(packet_sum(ip, header, 0));
	memcpy(ip + IP_CHECK, &check, sizeof(check));
}

static void tcp_finish(const uint8_t *ip, uint8_t *tcp, uint32_t len)
{
	uint32_t sum = packet_sum(ip + IP_ADDRESSES, 8, PROTO_TCP + len);
	uint16_t check;

	put16(tcp + TCP_CHECK, 0);
	check = packet_fold(packet_sum(tcp, len, sum));
	memcpy(tcp + TCP_CHECK, &check, sizeof(check));
}

/* One frame with `len` bytes of payload from `from` on; `last`: FIN and PSH stay. */
static int emit_one(const struct packet_view *v, const struct packet_tag *tag, uint32_t from,
                    uint32_t len, bool last, packet_emit_fn *emit, void *arg)
{
	uint8_t frame[PACKET_FRAME_MAX];
	uint32_t tag_len = tag->vlan_proto ? VLAN_LEN : 0;
	uint32_t headers = v->payload - ETHER_MACS, at = ETHER_MACS + tag_len;
	uint8_t *ip = frame + tag_len + v->l3, *tcp = frame + tag_len + v->l4;
	uint32_t total = v->payload - v->l3 + len;

	if (v->payload + tag_len + len > sizeof(frame))
		return SL_ERANGE;
	memcpy(frame, v->frame, ETHER_MACS);
	if (tag_len) {
		memcpy(frame + ETHER_MACS, &tag->vlan_proto, 2);
		put16(frame + ETHER_MACS + 2, tag->vlan_tci);
	}
	memcpy(frame + at, v->frame + ETHER_MACS, headers);
	memcpy(frame + at + headers, v->frame + v->payload + from, len);
	put32(tcp + TCP_SEQ, v->seq + from);
	if (!last)
		tcp[TCP_FLAGS] &= (uint8_t) ~(PACKET_FIN | PACKET_PSH);
	put16(ip + IP_ID, get16(ip + IP_ID) + (from ? from / len : 0));
	ip_finish(ip, v->l4 - v->l3, total);
	tcp_finish(ip, tcp, total - (v->l4 - v->l3));
	if (v->l3 >= ETHER_LEN + IP_MIN)
		ip_finish(frame + tag_len + ETHER_LEN, IP_MIN, v->l3 - ETHER_LEN + total);
	return emit(arg, frame, v->payload + tag_len + len);
}

int packet_emit(const struct packet_view *v, const struct packet_tag *tag, uint32_t segment,
                packet_emit_fn *emit, void *arg)
{
	uint32_t from = 0;
	int error;

	do {
		uint32_t len = v->payload_len - from;

		if (segment && len > segment)
			len = segment;
		error = emit_one(v, tag, from, len, from + len == v->payload_len, emit, arg);
		from += len;
	} while (!error && from < v->payload_len);
	return error;
}

size_t packet_write_tcp(uint8_t *out, const struct packet_tcp *t)
{
	uint32_t options = t->timestamps ? 12 : 0, tcp_len = TCP_MIN + options;
	uint8_t *tcp = out + IP_MIN;

	memset(out, 0, IP_MIN + tcp_len);
	out[0] = 0x45;
	out[1] = t->tos;
	out[6] = 0x40; /* do not fragment */
	out[8] = t->ttl;
	out[9] = PROTO_TCP;
	memcpy(out + IP_ADDRESSES, &t->src, 4);
	memcpy(out + IP_ADDRESSES + 4, &t->dst, 4);
	ip_finish(out, IP_MIN, IP_MIN + tcp_len);
	memcpy(tcp, &t->sport, 2);
	memcpy(tcp + 2, &t->dport, 2);
	put32(tcp + TCP_SEQ, t->seq);
	put32(tcp + 8, t->ack);
	tcp[12] = (uint8_t)(tcp_len / 4 << 4);
	tcp[TCP_FLAGS] = t->flags;
	put16(tcp + 14, t->window);
	if (options) {
		static const uint8_t head[4] = {1, 1, 8, 10};

		memcpy(tcp + TCP_MIN, head, sizeof(head));
		put32(tcp + TCP_MIN + 4, t->tsval);
		put32(tcp + TCP_MIN + 8, t->tsecr);
	}
	tcp_finish(out, tcp, tcp_len);
	return IP_MIN + tcp_len;
}
