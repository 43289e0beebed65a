/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Putting packets back: an AF_PACKET socket on the inject veth, the port of origin in the mark of
 * each packet. Packets are cut to what the wire carries and have whole checksums, so no offload is
 * relied on. `tpsd: wire`.
 */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "bpf/abi.h"
#include "lib/base/attr.h"
#include "lib/wire/packet.h"

struct inject {
	int fd;
};

/* On the veth with index `ifindex`. SL_ESYS. */
int inject_open(struct inject *in, uint32_t ifindex) SL_NONNULL(1) SL_MUST;
void inject_close(struct inject *in) SL_NONNULL(1);

/*
 * As if it had come in on `side` of `segment`. `pass`: decided already, out of the other port.
 * `segment_size`: payload bytes of a frame, 0 for as it is. SL_ESYS when the socket takes no more.
 */
int inject_packet(struct inject *in, uint16_t segment, int side, bool pass,
                  const struct packet_view *v, const struct packet_tag *tag, uint32_t segment_size)
        SL_NONNULL(1, 5, 6);

/* A frame as it is. */
int inject_frame(struct inject *in, uint16_t segment, int side, bool pass, const uint8_t *frame,
                 size_t len) SL_NONNULL(1, 5);

/* A bare TCP packet of `f`'s end on `side`, in its dress: flags, sequence numbers and window are
 * given; timestamps are added when both ends agreed on them. */
struct inject_tcp {
	uint32_t seq, ack;
	uint16_t window;
	uint8_t flags; /* PACKET_x */
};
int inject_tcp(struct inject *in, const struct wire_key *key, const struct wire_flow *f, int side,
               bool pass, const struct inject_tcp *t) SL_NONNULL(1, 2, 3, 6);

/* RST to the end on `side` in the other's name, with the sequence number it expects. */
int inject_reset(struct inject *in, const struct wire_key *key, const struct wire_flow *f, int side)
        SL_NONNULL(1, 2, 3);
