/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Reads a capture file.
 */
#include "tse/replay/capture.h"

#include <string.h>

#include "lib/base/bytes.h"
#include "lib/base/err.h"

enum {
	LINK_ETHERNET = 1,
	LINK_RAW = 101,
	LINK_COOKED = 113,
	LINK_IPV4 = 228,
	LINK_IPV6 = 229,
	ETHERTYPE_IP4 = 0x0800,
	ETHERTYPE_IP6 = 0x86dd,
	ETHERTYPE_TAG = 0x8100,
	ETHERTYPE_TAG2 = 0x88a8,
	PROTO_TCP = 6,
};

static uint32_t file_u32(const struct capture *c, const uint8_t *p)
{
	return c->swapped
	               ? (uint32_t)p[0] << 24 | (uint32_t)p[1] << 16 | (uint32_t)p[2] << 8 | p[3]
	               : (uint32_t)p[3] << 24 | (uint32_t)p[2] << 16 | (uint32_t)p[1] << 8 | p[0];
}

int capture_open(struct capture *c, const void *data, size_t len)
{
	static const uint8_t magics[4][4] = {{0xd4, 0xc3, 0xb2, 0xa1},
	                                     {0xa1, 0xb2, 0xc3, 0xd4},
	                                     {0x4d, 0x3c, 0xb2, 0xa1},
	                                     {0xa1, 0xb2, 0x3c, 0x4d}};
	const uint8_t *p = data;
	size_t kind = 0;

	*c = (struct capture){0};
	if (len < 24)
		return SL_EMALFORMED;
	while (kind < 4 && memcmp(p, magics[kind], 4) != 0)
		kind++;
	if (kind == 4)
		return memcmp(p, "\x0a\x0d\x0d\x0a", 4) == 0 ? SL_EUNSUPPORTED : SL_EMALFORMED;
	c->swapped = kind & 1;
	c->nanoseconds = kind >= 2;
	c->at = p + 24;
	c->end = p + len;
	c->link_type = file_u32(c, p + 20) & 0xffff;
	switch (c->link_type) {
	case LINK_ETHERNET:
	case LINK_RAW:
	case LINK_COOKED:
	case LINK_IPV4:
	case LINK_IPV6:
		return 0;
	default:
		return SL_EUNSUPPORTED;
	}
}

static bool read_tcp(struct reader *r, struct segment *s)
{
	const uint8_t *start = r->at;
	uint8_t flags;
	size_t header;

	s->src_port = reader_be16(r);
	s->dst_port = reader_be16(r);
	s->seq = reader_be32(r);
	(void)reader_take(r, 4);
	header = (size_t)(reader_u8(r) >> 4) * 4;
	flags = reader_u8(r);
	if (r->failed || header < 20 || header > (size_t)(r->end - start))
		return false;
	s->fin = flags & 0x01;
	s->syn = flags & 0x02;
	s->rst = flags & 0x04;
	s->ack = flags & 0x10;
	s->data = start + header;
	s->len = (size_t)(r->end - s->data);
	return true;
}

static bool read_ip4(struct reader *r, struct segment *s)
{
	const uint8_t *h = reader_take(r, 20);
	size_t header;
	size_t total;
	struct reader rest;
	uint32_t be32;

	if (!h || h[0] >> 4 != 4)
		return false;
	header = (size_t)(h[0] & 15) * 4;
	total = (size_t)(h[2] << 8 | h[3]);
	/* no fragments: the first would do for the header, but not for its data */
	if (header < 20 || total < header || (h[6] & 0x3f) || h[7] || h[9] != PROTO_TCP)
		return false;
	memcpy(&be32, h + 12, 4);
	s->src = addr_from_v4(be32);
	memcpy(&be32, h + 16, 4);
	s->dst = addr_from_v4(be32);
	(void)reader_take(r, header - 20);
	rest = reader_sub(r, total - header);
	return !rest.failed && read_tcp(&rest, s);
}

static bool read_ip6(struct reader *r, struct segment *s)
{
	const uint8_t *h = reader_take(r, 40);
	struct reader rest;

	if (!h || h[0] >> 4 != 6 || h[6] != PROTO_TCP)
		return false;
	s->src.family = s->dst.family = ADDR_V6;
	memcpy(s->src.bytes, h + 8, 16);
	memcpy(s->dst.bytes, h + 24, 16);
	rest = reader_sub(r, (size_t)(h[4] << 8 | h[5]));
	return !rest.failed && read_tcp(&rest, s);
}

static bool read_ip(struct reader *r, struct segment *s)
{
	if (reader_left(r) == 0)
		return false;
	return *r->at >> 4 == 6 ? read_ip6(r, s) : read_ip4(r, s);
}

static bool read_frame(const struct capture *c, struct reader *r, struct segment *s)
{
	uint16_t type;

	if (c->link_type != LINK_ETHERNET && c->link_type != LINK_COOKED)
		return read_ip(r, s);
	(void)reader_take(r, c->link_type == LINK_ETHERNET ? 12 : 14);
	type = reader_be16(r);
	for (int tags = 0; tags < 2 && (type == ETHERTYPE_TAG || type == ETHERTYPE_TAG2); tags++) {
		(void)reader_take(r, 2);
		type = reader_be16(r);
	}
	return !r->failed && (type == ETHERTYPE_IP4 || type == ETHERTYPE_IP6) && read_ip(r, s);
}

int capture_next(struct capture *c, struct segment *ret_segment)
{
	while ((size_t)(c->end - c->at) >= 16) {
		uint64_t seconds = file_u32(c, c->at);
		uint64_t fraction = file_u32(c, c->at + 4);
		uint32_t len = file_u32(c, c->at + 8);
		struct segment s = {0};
		struct reader r;

		if (len > (size_t)(c->end - c->at) - 16)
			break;
		r = reader_of(c->at + 16, len);
		c->at += 16 + len;
		c->packets++;
		if (!read_frame(c, &r, &s)) {
			c->skipped++;
			continue;
		}
		s.wall_us = seconds * 1000000 + (c->nanoseconds ? fraction / 1000 : fraction);
		*ret_segment = s;
		return 0;
	}
	return SL_EEOF;
}
