/* SPDX-License-Identifier: Apache-2.0 */
/* Frames for tests of the eBPF programs: built field by field, with whole checksums. */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum { BUILT_MAX = 2048 };

/* What a frame is to be. Zero is a plain ACK from 10.1.0.1:1000 to 10.2.0.2:443. */
struct frame_plan {
	bool from_server;    /* the other way round */
	uint16_t ether_type; /* 0: IPv4 */
	uint8_t flags;       /* TCP; 0: ACK */
	bool no_flags;       /* none at all */
	uint32_t seq, ack;
	uint16_t sport, dport; /* 0: the usual ones */
	const uint8_t *options;
	size_t options_len; /* a multiple of 4 */
	const char *payload;
	uint8_t proto;         /* of IP; 0: TCP. 17: UDP with these ports */
	uint16_t fragment;     /* the header's flags and offset */
	const uint8_t *tunnel; /* GRE header or NULL */
	size_t tunnel_len;
	uint8_t outer_proto; /* 0: no tunnel; 47 GRE, 4 IPIP, 41 */
	uint16_t outer_fragment;
};

struct frame_built {
	uint8_t data[BUILT_MAX];
	size_t len;
	size_t l3, l4; /* of the inner packet */
};

void frame_build(struct frame_built *f, const struct frame_plan *plan);

/* Whether both checksums of the TCP packet at `l3` are right. */
bool frame_checksums_right(const uint8_t *data, size_t len, size_t l3);
