/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Frames with TCP over IPv4 in user space: a bounded reader, and the writer that makes frames to
 * be put back. The eBPF side has found the headers already, but nothing of what it says is taken
 * on trust here. Any thread.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "lib/base/attr.h"

enum {
	PACKET_FIN = 0x01,
	PACKET_SYN = 0x02,
	PACKET_RST = 0x04,
	PACKET_PSH = 0x08,
	PACKET_ACK = 0x10,
};

/* Where things are in a frame. Offsets from its first byte. */
struct packet_view {
	const uint8_t *frame;
	size_t len;
	uint32_t l3, l4, payload; /* inner IPv4 header, TCP header, TCP payload */
	uint32_t payload_len;
	uint32_t seq, ack; /* host order */
	uint16_t window;
	uint8_t flags; /* PACKET_x */
};

/*
 * Reads the IPv4 header at `l3` and the TCP header behind it; `frame` has no VLAN tag and must
 * live as long as the view. SL_ESHORT, SL_EMALFORMED.
 */
int packet_read(const uint8_t *frame, size_t len, uint32_t l3, struct packet_view *ret_view)
        SL_NONNULL(1, 4) SL_MUST;

/*
 * Whether the TCP checksum is whole, or partial as a local sender's stack leaves it to the card:
 * anything else its receiver throws away.
 */
bool packet_checksum_right(const struct packet_view *v) SL_NONNULL(1);

/* What goes before IPv4 in a frame that is put back. */
struct packet_tag {
	uint16_t vlan_proto; /* network order; 0: none */
	uint16_t vlan_tci;   /* host order */
};

/* Longest frame that is made: a jumbo frame with tag. */
enum { PACKET_FRAME_MAX = 10240 };

typedef int packet_emit_fn(void *arg, const uint8_t *frame, size_t len);

/*
 * Cuts a packet (which receive offload may have made of several) into frames with `segment` bytes
 * of payload at most (0: as it is), each with its tag and whole checksums, and gives them to
 * `emit`. The outer header of a tunnel, if any, lies between the Ethernet header and `l3`. Stops at
 * an error of emit. SL_ERANGE when a frame would be longer than PACKET_FRAME_MAX.
 */
int packet_emit(const struct packet_view *v, const struct packet_tag *tag, uint32_t segment,
                packet_emit_fn *emit, void *arg) SL_NONNULL(1, 2, 4) SL_MUST;

/* A TCP header to be made. */
struct packet_tcp {
	uint32_t src, dst;     /* network order */
	uint16_t sport, dport; /* network order */
	uint32_t seq, ack;
	uint16_t window;
	uint8_t flags;
	uint8_t ttl, tos;
	uint8_t timestamps; /* 1: with the option */
	uint32_t tsval, tsecr;
};

/*
 * Writes an IPv4 packet with a bare TCP header to `out` (60 bytes at least); returns its length.
 */
size_t packet_write_tcp(uint8_t *out, const struct packet_tcp *t) SL_NONNULL(1, 2);

/* One's complement sum, not folded, added to `sum`. */
uint32_t packet_sum(const void *data, size_t len, uint32_t sum);
/* The checksum of such a sum, network order. */
uint16_t packet_fold(uint32_t sum);
