/* SPDX-License-Identifier: Apache-2.0 */
/* Held packets and the first bytes of a direction; see hold.h. `tpsd: wire`. */
#include "tpsd/flow/hold.h"

#include <stdlib.h>
#include <string.h>

#include "lib/base/err.h"

enum {
	POOLED_BYTES = 2048,
	FREE_MAX = 1024,
	BARE_PACKETS = 8, /* without payload, past the bounds: FIN and RST */
};

void hold_pool_init(struct hold_pool *pool, uint32_t packets_max, uint32_t packets_per_flow,
                    uint64_t bytes_max)
{
	memset(pool, 0, sizeof(*pool));
	pool->packets_max = packets_max;
	pool->packets_per_flow = packets_per_flow;
	pool->bytes_max = bytes_max;
}

void hold_pool_fini(struct hold_pool *pool)
{
	while (pool->free) {
		struct held_packet *p = pool->free;

		pool->free = p->next;
		free(p);
	}
	pool->free_count = 0;
}

/* Packets of the usual size are used again; a large one, made by receive offload, is rare. */
static struct held_packet *packet_get(struct hold_pool *pool, uint32_t len)
{
	struct held_packet *p = pool->free;
	bool pooled = len <= POOLED_BYTES;

	if (pooled && p) {
		pool->free = p->next;
		pool->free_count--;
	} else {
		p = malloc(sizeof(*p) + (pooled ? POOLED_BYTES : len));
	}
	if (!p)
		return NULL;
	p->pooled = pooled;
	p->size = pooled ? POOLED_BYTES : len;
	p->next = NULL;
	return p;
}

static void packet_put(struct hold_pool *pool, struct held_packet *p)
{
	if (!p->pooled || pool->free_count >= FREE_MAX) {
		free(p);
		return;
	}
	p->next = pool->free;
	pool->free = p;
	pool->free_count++;
}

void hold_init(struct hold *h)
{
	h->first = NULL;
	h->last = &h->first;
	h->packets = 0;
}

/* The end of a flow is held when its bytes are not any more: nobody would say it again. */
static bool has_room(const struct hold_pool *pool, const struct hold *h, const struct wire_up *up,
                     bool bare)
{
	uint32_t more = bare ? BARE_PACKETS : 0;

	return h->packets < pool->packets_per_flow + more &&
	       pool->packets < pool->packets_max + more &&
	       pool->bytes + up->data_len <= pool->bytes_max;
}

int hold_add(struct hold_pool *pool, struct hold *h, const struct wire_up *up)
{
	struct packet_view v;
	struct held_packet *p;
	int error = packet_read(up->data, up->data_len, up->l3, &v);

	if (error)
		return error;
	if (!packet_checksum_right(&v))
		return SL_EMALFORMED;
	if (!has_room(pool, h, up, v.payload_len == 0))
		return SL_ELIMIT;
	p = packet_get(pool, up->data_len);
	if (!p)
		return SL_ENOMEM;
	memcpy(p->data, up->data, up->data_len);
	p->view = v;
	p->view.frame = p->data;
	p->side = up->side & 1;
	p->gso_size = up->gso_size;
	p->tag = (struct packet_tag){.vlan_proto = up->vlan_proto, .vlan_tci = up->vlan_tci};
	*h->last = p;
	h->last = &p->next;
	h->packets++;
	pool->packets++;
	pool->bytes += p->size;
	return 0;
}

void hold_clear(struct hold_pool *pool, struct hold *h)
{
	while (h->first) {
		struct held_packet *p = h->first;

		h->first = p->next;
		pool->packets--;
		pool->bytes -= p->size;
		packet_put(pool, p);
	}
	hold_init(h);
}

/* The packet that has byte `at` or the FIN there; NULL when there is none. */
static const struct held_packet *packet_at(const struct hold *h, int side, uint32_t at)
{
	for (const struct held_packet *p = h->first; p; p = p->next) {
		uint32_t into = at - p->view.seq;

		if (p->side != side || p->view.flags & PACKET_RST)
			continue;
		if (into < p->view.payload_len)
			return p;
		if (into == p->view.payload_len && p->view.flags & PACKET_FIN)
			return p;
	}
	return NULL;
}

void hold_assemble(const struct hold *h, int side, uint32_t from, struct buf *out,
                   struct hold_stream *ret_stream)
{
	struct hold_stream s = {.end = from};
	const struct held_packet *p;

	buf_consume(out, out->len);
	while (!s.fin && (p = packet_at(h, side, s.end))) {
		uint32_t into = s.end - p->view.seq, len = p->view.payload_len - into;

		if (len > out->max - out->len)
			len = (uint32_t)(out->max - out->len);
		if (len && buf_add(out, p->data + p->view.payload + into, len))
			break;
		if (into + len < p->view.payload_len)
			break;
		s.end += len;
		if (p->view.flags & PACKET_FIN) {
			s.fin = true;
			s.end++;
		} else if (!len) {
			break;
		}
	}
	/* One elsewhere in the window would be answered with a challenge (RFC 5961). */
	for (p = h->first; p; p = p->next)
		if (p->side == side && p->view.flags & PACKET_RST &&
		    (p->view.seq == s.end || p->view.seq == from))
			s.reset = true;
	*ret_stream = s;
}
