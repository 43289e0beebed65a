/* SPDX-License-Identifier: Apache-2.0 */
/* Frames with TCP: bounded reading, cutting into segments, checksums. */
#include "tests/unit/unit.h"

#include <stdlib.h>

#include "lib/base/err.h"
#include "lib/wire/packet.h"

struct emitted {
	uint8_t frames[16][PACKET_FRAME_MAX];
	size_t len[16];
	unsigned count;
};

static int keep(void *arg, const uint8_t *frame, size_t len)
{
	struct emitted *e = arg;

	assert_true(e->count < 16);
	memcpy(e->frames[e->count], frame, len);
	e->len[e->count++] = len;
	return 0;
}

/* A frame with `payload` bytes behind a TCP header, in IPIP if `tunnel`; returns its length. */
static size_t make(uint8_t *frame, size_t payload, uint8_t flags, int tunnel, uint32_t *ret_l3)
{
	struct packet_tcp t = {.src = 0x0100000a,
	                       .dst = 0x0200000a,
	                       .sport = 0x0100,
	                       .dport = 0x0200,
	                       .seq = 0xfffffff0,
	                       .ack = 7,
	                       .window = 9,
	                       .flags = flags,
	                       .ttl = 5,
	                       .timestamps = 1,
	                       .tsval = 3};
	size_t l3 = tunnel ? 34 : 14, len;
	uint32_t total;

	memset(frame, 0, l3);
	memset(frame, 0xaa, 12);
	frame[12] = 8;
	if (tunnel) {
		frame[14] = 0x45;
		frame[23] = 4;
	}
	len = packet_write_tcp(frame + l3, &t);
	total = (uint32_t)(len + payload);
	frame[l3 + 2] = (uint8_t)(total >> 8);
	frame[l3 + 3] = (uint8_t)total;
	for (size_t i = 0; i < payload; i++)
		frame[l3 + len + i] = (uint8_t)i;
	*ret_l3 = (uint32_t)l3;
	return l3 + total;
}

static int checksums_right(const uint8_t *ip)
{
	uint32_t total = (uint32_t)ip[2] << 8 | ip[3], len = total - 20;

	return !packet_fold(packet_sum(ip, 20, 0)) &&
	       !packet_fold(packet_sum(ip + 20, len, packet_sum(ip + 12, 8, 6 + len)));
}

static void what_is_written_reads_back(void **state)
{
	uint8_t frame[256];
	struct packet_view v;
	uint32_t l3;
	size_t len = make(frame, 5, PACKET_ACK | PACKET_PSH, 0, &l3);

	assert_int_equal(packet_read(frame, len, l3, &v), 0);
	assert_int_equal(v.seq, 0xfffffff0);
	assert_int_equal(v.ack, 7);
	assert_int_equal(v.window, 9);
	assert_int_equal(v.flags, PACKET_ACK | PACKET_PSH);
	assert_int_equal(v.payload_len, 5);
	assert_int_equal(frame[v.payload + 4], 4);
}

static void every_shorter_frame_is_refused(void **state)
{
	uint8_t frame[256];
	struct packet_view v;
	uint32_t l3;
	size_t len = make(frame, 20, PACKET_ACK, 0, &l3);

	for (size_t n = 0; n < len; n++) {
		uint8_t *exact = malloc(n + 1);

		memcpy(exact, frame, n);
		assert_int_not_equal(packet_read(exact, n, l3, &v), 0);
		free(exact);
	}
}

static void wrong_headers_are_refused(void **state)
{
	uint8_t frame[256];
	struct packet_view v;
	uint32_t l3;
	size_t len = make(frame, 20, PACKET_ACK, 0, &l3);

	frame[l3] = 0x65;
	assert_int_equal(packet_read(frame, len, l3, &v), SL_EMALFORMED);
	frame[l3] = 0x44;
	assert_int_equal(packet_read(frame, len, l3, &v), SL_EMALFORMED);
	frame[l3] = 0x45;
	frame[l3 + 9] = 17;
	assert_int_equal(packet_read(frame, len, l3, &v), SL_EMALFORMED);
	frame[l3 + 9] = 6;
	frame[l3 + 20 + 12] = 0x40;
	assert_int_equal(packet_read(frame, len, l3, &v), SL_EMALFORMED);
	frame[l3 + 20 + 12] = 0xf0;
	assert_int_equal(packet_read(frame, len, l3, &v), SL_EMALFORMED);
	assert_int_equal(packet_read(frame, len, 2, &v), SL_EMALFORMED);
}

static void a_large_packet_is_cut_into_segments_that_join_again(void **state)
{
	static uint8_t frame[8192];
	static struct emitted e;
	struct packet_tag tag = {.vlan_proto = 0x0081, .vlan_tci = 0x2003};
	struct packet_view v, part;
	uint32_t l3, next = 0xfffffff0;
	size_t len = make(frame, 3500, PACKET_ACK | PACKET_PSH | PACKET_FIN, 0, &l3);

	e.count = 0;
	assert_int_equal(packet_read(frame, len, l3, &v), 0);
	assert_int_equal(packet_emit(&v, &tag, 1000, keep, &e), 0);
	assert_int_equal(e.count, 4);
	for (unsigned i = 0; i < e.count; i++) {
		static const uint8_t vlan[4] = {0x81, 0, 0x20, 3};

		assert_memory_equal(e.frames[i] + 12, vlan, 4);
		assert_int_equal(packet_read(e.frames[i], e.len[i], l3 + 4, &part), 0);
		assert_int_equal(part.seq, next);
		assert_int_equal(part.payload_len, i < 3 ? 1000 : 500);
		assert_int_equal(part.flags & (PACKET_FIN | PACKET_PSH),
		                 i < 3 ? 0 : PACKET_FIN | PACKET_PSH);
		assert_memory_equal(e.frames[i] + part.payload, frame + v.payload + i * 1000,
		                    part.payload_len);
		assert_true(checksums_right(e.frames[i] + l3 + 4));
		next += part.payload_len;
	}
}

static void a_tunnels_outer_header_follows_the_length(void **state)
{
	static uint8_t frame[4096];
	static struct emitted e;
	struct packet_tag none = {0};
	struct packet_view v;
	uint32_t l3;
	size_t len = make(frame, 1500, PACKET_ACK, 1, &l3);

	e.count = 0;
	assert_int_equal(packet_read(frame, len, l3, &v), 0);
	assert_int_equal(packet_emit(&v, &none, 800, keep, &e), 0);
	assert_int_equal(e.count, 2);
	for (unsigned i = 0; i < e.count; i++) {
		const uint8_t *outer = e.frames[i] + 14;

		assert_int_equal((unsigned)outer[2] << 8 | outer[3], e.len[i] - 14);
		assert_int_equal(packet_fold(packet_sum(outer, 20, 0)), 0);
		assert_true(checksums_right(e.frames[i] + l3));
	}
}

static void an_empty_packet_is_emitted_once(void **state)
{
	static struct emitted e;
	struct packet_tag none = {0};
	uint8_t frame[256];
	struct packet_view v;
	uint32_t l3;
	size_t len = make(frame, 0, PACKET_RST, 0, &l3);

	e.count = 0;
	assert_int_equal(packet_read(frame, len, l3, &v), 0);
	assert_int_equal(packet_emit(&v, &none, 0, keep, &e), 0);
	assert_int_equal(e.count, 1);
	assert_int_equal(e.len[0], len);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	        cmocka_unit_test(what_is_written_reads_back),
	        cmocka_unit_test(every_shorter_frame_is_refused),
	        cmocka_unit_test(wrong_headers_are_refused),
	        cmocka_unit_test(a_large_packet_is_cut_into_segments_that_join_again),
	        cmocka_unit_test(a_tunnels_outer_header_follows_the_length),
	        cmocka_unit_test(an_empty_packet_is_emitted_once),
	};

	return RUN_TESTS(tests);
}
