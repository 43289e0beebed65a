/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Reads a capture file in the classic pcap format, of either byte order and both time units, and
 * hands out TCP segments: Ethernet with VLAN tags, raw IP and Linux cooked frames; IPv4 and IPv6.
 * Our own reader because the format is a page and tse-replay would need libpcap for nothing else.
 */
#pragma once

#include <stddef.h>
#include <stdint.h>

#include <stdbool.h>

#include "lib/base/addr.h"

struct segment {
	struct addr src, dst;
	uint16_t src_port, dst_port;
	uint32_t seq;
	bool syn, ack, fin, rst;
	const uint8_t *data;
	size_t len;
	uint64_t wall_us;
};

struct capture {
	const uint8_t *at, *end;
	uint32_t link_type;
	bool swapped, nanoseconds;
	uint64_t packets, skipped; /* skipped: no TCP, a fragment, cut short */
};

/* `data` must outlive the capture. SL_EMALFORMED, SL_EUNSUPPORTED (pcapng, an unknown link). */
int capture_open(struct capture *c, const void *data, size_t len) SL_NONNULL(1, 2) SL_MUST;

/* The next TCP segment; SL_EEOF at the end. */
int capture_next(struct capture *c, struct segment *ret_segment) SL_NONNULL(1, 2) SL_MUST;
