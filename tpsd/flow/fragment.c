/* SPDX-License-Identifier: Apache-2.0 */
/*
 * IPv4 fragments of TCP to or from watched destinations: put together, then put back as whole TCP
 * segments that fit the wire and are classified like any other packet; so a flow cannot hide its
 * first bytes in fragments. Bounded in number, bytes and time; a datagram with overlaps is dropped
 * (RFC 5722 says so for IPv6, and no honest sender makes one). `tpsd: wire`.
 */
#include <stdlib.h>
#include <string.h>

#include "lib/base/bytes.h"
#include "lib/base/err.h"
#include "tpsd/flow/wire.h"

enum { IP_MIN = 20, IP_MORE = 0x2000, IP_OFFSET = 0x1fff, DATAGRAM_MAX = 65535, HEADROOM = 128 };

/* Fragments with one of these belong together. */
struct datagram_key {
	struct wire_key key; /* without ports */
	uint16_t id;
	uint8_t side;
	uint8_t reserved[5];
};

struct piece {
	struct piece *next;   /* by offset */
	uint32_t offset, len; /* of the IP payload */
	uint8_t data[];
};

struct datagram {
	struct datagram_key key;
	struct piece *first;
	uint64_t started_ns;
	uint32_t have;  /* bytes of all pieces */
	uint32_t total; /* bytes of the payload; 0 until the last piece is here */
	uint32_t count;
	uint32_t head_len, l3; /* of `head`: frame up to the end of the IP header */
	uint8_t head[HEADROOM];
	struct packet_tag tag;
	UT_hash_handle hh;
};

struct fragments {
	struct datagram *table;
	uint32_t count;
	uint64_t bytes;
	uint64_t dropped;
	uint8_t whole[HEADROOM + DATAGRAM_MAX];
};

int fragment_init(struct wire *w)
{
	w->fragments = calloc(1, sizeof(*w->fragments));
	return w->fragments ? 0 : SL_ENOMEM;
}

static void datagram_free(struct fragments *fs, struct datagram *d)
{
	while (d->first) {
		struct piece *p = d->first;

		d->first = p->next;
		free(p);
	}
	fs->count -= d->count;
	fs->bytes -= d->have;
	HASH_DEL(fs->table, d);
	free(d);
}

void fragment_fini(struct wire *w)
{
	struct datagram *d, *next;

	if (!w->fragments)
		return;
	HASH_ITER (hh, w->fragments->table, d, next)
		datagram_free(w->fragments, d);
	free(w->fragments);
	w->fragments = NULL;
}

/* SL_EMALFORMED for an overlap. */
static int piece_insert(struct datagram *d, struct piece *p)
{
	struct piece **at = &d->first;

	while (*at && (*at)->offset < p->offset) {
		if ((*at)->offset + (*at)->len > p->offset)
			return SL_EMALFORMED;
		at = &(*at)->next;
	}
	if (*at && p->offset + p->len > (*at)->offset)
		return SL_EMALFORMED;
	p->next = *at;
	*at = p;
	d->have += p->len;
	d->count++;
	return 0;
}

/* What the wire carries of TCP payload behind these headers. */
static uint32_t segment_size(const struct wire *w, const struct datagram *d, uint32_t tcp_header)
{
	uint32_t mtu = w->segments[d->key.key.segment % WIRE_SEGMENTS_MAX].port[0].mtu;
	uint32_t headers = d->head_len - 14 + tcp_header;

	return mtu > headers + 8 ? mtu - headers : 8;
}

static void datagram_put_back(struct wire *w, struct datagram *d)
{
	uint8_t *ip = w->fragments->whole + d->l3;
	uint32_t at = d->head_len, length = d->head_len - d->l3 + d->total;
	struct packet_view v;

	memcpy(w->fragments->whole, d->head, d->head_len);
	for (const struct piece *p = d->first; p; p = p->next) {
		memcpy(w->fragments->whole + at, p->data, p->len);
		at += p->len;
	}
	ip[2] = (uint8_t)(length >> 8);
	ip[3] = (uint8_t)length;
	ip[6] = ip[7] = 0;
	if (!packet_read(w->fragments->whole, at, d->l3, &v))
		(void)inject_packet(&w->inject, d->key.key.segment, d->key.side, false, &v, &d->tag,
		                    segment_size(w, d, v.payload - v.l4));
}

static struct datagram *datagram_get(struct wire *w, const struct datagram_key *key)
{
	struct fragments *fs = w->fragments;
	struct datagram *d;

	HASH_FIND(hh, fs->table, key, sizeof(*key), d);
	if (d)
		return d;
	d = calloc(1, sizeof(*d));
	if (!d)
		return NULL;
	d->key = *key;
	d->started_ns = loop_now_ns(w->proc->loop);
	HASH_ADD(hh, fs->table, key, sizeof(d->key), d);
	return d;
}

/* The fragment's place, from its IP header. */
struct place {
	uint32_t header, offset, len;
	uint16_t id;
	bool more;
};

static int place_read(const struct wire_up *up, struct place *ret)
{
	const uint8_t *ip = up->data + up->l3;
	uint32_t total, bits;

	if ((uint32_t)up->l3 + IP_MIN > up->data_len)
		return SL_ESHORT;
	ret->header = (ip[0] & 0xfu) * 4;
	total = (uint32_t)ip[2] << 8 | ip[3];
	bits = (uint32_t)ip[6] << 8 | ip[7];
	if (ret->header < IP_MIN || total <= ret->header || up->l3 + total > up->data_len ||
	    up->l3 + ret->header > HEADROOM)
		return SL_EMALFORMED;
	ret->id = (uint16_t)(ip[4] << 8 | ip[5]);
	ret->offset = (bits & IP_OFFSET) * 8;
	ret->len = total - ret->header;
	ret->more = bits & IP_MORE;
	if ((ret->more && ret->len % 8) || ret->offset + ret->len > DATAGRAM_MAX - 60)
		return SL_EMALFORMED;
	return 0;
}

static bool too_much(const struct wire *w, const struct place *at)
{
	const struct config *c = w->config;

	return !c || w->fragments->count >= c->limits.fragments ||
	       w->fragments->bytes + at->len > c->limits.fragment_bytes;
}

static int datagram_add(struct wire *w, struct datagram *d, const struct wire_up *up,
                        const struct place *at)
{
	struct piece *p = malloc(sizeof(*p) + at->len);
	int error;

	if (!p)
		return SL_ENOMEM;
	p->offset = at->offset;
	p->len = at->len;
	memcpy(p->data, up->data + up->l3 + at->header, at->len);
	error = piece_insert(d, p);
	if (error) {
		free(p);
		return error;
	}
	w->fragments->count++;
	w->fragments->bytes += at->len;
	if (at->offset == 0) {
		d->l3 = up->l3;
		d->head_len = up->l3 + at->header;
		memcpy(d->head, up->data, d->head_len);
		d->tag =
		        (struct packet_tag){.vlan_proto = up->vlan_proto, .vlan_tci = up->vlan_tci};
	}
	if (at->more)
		return 0;
	if (d->total && d->total != at->offset + at->len)
		return SL_EMALFORMED;
	d->total = at->offset + at->len;
	return 0;
}

void fragment_add(struct wire *w, const struct wire_up *up)
{
	struct datagram_key key;
	struct datagram *d;
	struct place at;

	if (place_read(up, &at) || too_much(w, &at)) {
		w->fragments->dropped++;
		return;
	}
	memset(&key, 0, sizeof(key));
	key.key = up->key;
	key.key.port[0] = key.key.port[1] = 0;
	key.id = at.id;
	key.side = up->side & 1;
	d = datagram_get(w, &key);
	if (!d)
		return;
	if (datagram_add(w, d, up, &at)) {
		w->fragments->dropped++;
		datagram_free(w->fragments, d);
		return;
	}
	if (!d->total || d->have < d->total || !d->head_len)
		return;
	if (d->have == d->total)
		datagram_put_back(w, d);
	datagram_free(w->fragments, d);
}

void fragment_tick(struct wire *w)
{
	uint64_t now = loop_now_ns(w->proc->loop);
	uint64_t patience = w->config ? w->config->limits.fragment_timeout_ms * CLOCK_NS_PER_MS
	                              : 2 * CLOCK_NS_PER_S;
	struct datagram *d, *next;

	/* In the order of their start: the table keeps the order of insertion. */
	HASH_ITER (hh, w->fragments->table, d, next) {
		if (now - d->started_ns < patience)
			break;
		w->fragments->dropped++;
		datagram_free(w->fragments, d);
	}
}
