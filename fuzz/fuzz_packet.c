/* SPDX-License-Identifier: Apache-2.0 */
/* libFuzzer: frames of the ring. What is read lies inside; what is emitted reads back whole. */
#include <stdlib.h>

#include "lib/wire/packet.h"

struct total {
	size_t bytes;
	unsigned tag_len;
	uint32_t l3;
};

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static int read_back(void *arg, const uint8_t *frame, size_t len)
{
	struct total *t = arg;
	struct packet_view v;

	if (packet_read(frame, len, t->l3 + t->tag_len, &v) != 0)
		abort();
	t->bytes += v.payload_len;
	return 0;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct packet_tag tag = {.vlan_proto = size & 1 ? 0x0081 : 0, .vlan_tci = 7};
	struct total t = {.tag_len = size & 1 ? 4 : 0};
	struct packet_view v;
	uint32_t segment;

	if (size < 4)
		return 0;
	t.l3 = data[0];
	segment = data[1] * 8u;
	if (packet_read(data + 2, size - 2, t.l3, &v) != 0)
		return 0;
	if (v.payload + v.payload_len > size - 2)
		abort();
	if (packet_emit(&v, &tag, segment, read_back, &t) == 0 && t.bytes != v.payload_len)
		abort();
	return 0;
}
