/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Held packets: what of an undecided flow has come up and waits for the decision, and the first
 * bytes of a direction put in order for the worker. Bounded a flow and in all. `tpsd: wire`.
 */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "bpf/abi.h"
#include "lib/base/attr.h"
#include "lib/base/buf.h"
#include "lib/wire/packet.h"

struct held_packet {
	struct held_packet *next;
	struct packet_tag tag;
	uint16_t gso_size;
	uint8_t side;
	bool pooled;             /* of the pool's size */
	uint32_t size;           /* bytes counted */
	struct packet_view view; /* into data */
	uint8_t data[];
};

/* What bounds all flows together, and the packets that are free. */
struct hold_pool {
	struct held_packet *free;
	uint32_t packets, packets_max;
	uint32_t packets_per_flow;
	uint64_t bytes, bytes_max;
	uint32_t free_count;
};

/* The packets of one flow, in the order in which they came. */
struct hold {
	struct held_packet *first, **last;
	uint32_t packets;
};

void hold_pool_init(struct hold_pool *pool, uint32_t packets_max, uint32_t packets_per_flow,
                    uint64_t bytes_max) SL_NONNULL(1);
/* Frees what is free; no hold may have packets any more. */
void hold_pool_fini(struct hold_pool *pool) SL_NONNULL(1);

void hold_init(struct hold *h) SL_NONNULL(1);

/*
 * Copies a packet of the ring. SL_ELIMIT past a bound (the sender sends it again), SL_EMALFORMED,
 * SL_ENOMEM.
 */
int hold_add(struct hold_pool *pool, struct hold *h, const struct wire_up *up)
        SL_NONNULL(1, 2, 3) SL_MUST;

void hold_clear(struct hold_pool *pool, struct hold *h) SL_NONNULL(1, 2);

/* What hold_assemble found besides bytes. */
struct hold_stream {
	bool fin;     /* at the end of the bytes */
	bool reset;   /* a RST of this side was held, behind the bytes or before them */
	uint32_t end; /* sequence number behind the bytes, FIN included */
};

/*
 * The bytes of `side` from sequence number `from` on as far as they are there without a gap, into
 * `out` (emptied first; stops at its maximum). Overlaps: the first copy that came wins.
 */
void hold_assemble(const struct hold *h, int side, uint32_t from, struct buf *out,
                   struct hold_stream *ret_stream) SL_NONNULL(1, 4, 5);
