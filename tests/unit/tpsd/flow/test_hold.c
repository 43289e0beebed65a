/* SPDX-License-Identifier: Apache-2.0 */
/* Held packets: a direction's first bytes put in order, bounds. */
#include "tests/unit/unit.h"

#include <stdlib.h>

#include "lib/base/err.h"
#include "tpsd/flow/hold.h"

static struct hold_pool pool;
static struct hold hold;
static struct buf bytes;
static struct hold_stream stream;

static int setup(void **state)
{
	hold_pool_init(&pool, 8, 6, 1 << 20);
	hold_init(&hold);
	buf_init(&bytes, 64);
	return 0;
}

static int teardown(void **state)
{
	hold_clear(&pool, &hold);
	assert_int_equal(pool.packets, 0);
	assert_int_equal(pool.bytes, 0);
	hold_pool_fini(&pool);
	buf_fini(&bytes);
	return 0;
}

static uint8_t spoil; /* into the next packet's checksum */

static void finish(uint8_t *ip, size_t len)
{
	uint32_t tcp_len = (uint32_t)len - 20;
	uint16_t check;

	memset(ip + 36, 0, 2);
	check = packet_fold(packet_sum(ip + 20, tcp_len, packet_sum(ip + 12, 8, 6 + tcp_len)));
	memcpy(ip + 36, &check, 2);
}

static int add(int side, uint32_t seq, const char *text, uint8_t flags)
{
	struct packet_tcp t = {.seq = seq, .flags = (uint8_t)(PACKET_ACK | flags)};
	static uint8_t room[sizeof(struct wire_up) + 512];
	struct wire_up *up = (void *)room;
	size_t len;

	memset(room, 0, sizeof(room));
	len = packet_write_tcp(up->data + 14, &t);
	memcpy(up->data + 14 + len, text, strlen(text));
	len += strlen(text);
	up->data[14 + 3] = (uint8_t)len;
	finish(up->data + 14, len);
	up->data[14 + 20 + 16] ^= spoil;
	up->l3 = 14;
	up->side = (uint8_t)side;
	up->data_len = (uint32_t)(14 + len);
	return hold_add(&pool, &hold, up);
}

static const char *assembled(uint32_t from)
{
	hold_assemble(&hold, 0, from, &bytes, &stream);
	return bytes.len ? buf_text(&bytes) : "";
}

static void bytes_in_any_order_come_out_in_theirs(void **state)
{
	(void)add(0, 106, "world", 0);
	(void)add(1, 100, "other side", 0);
	assert_string_equal(assembled(100), "");
	(void)add(0, 100, "hello ", 0);
	assert_string_equal(assembled(100), "hello world");
	assert_int_equal(stream.end, 111);
	assert_false(stream.fin);
}

static void of_overlapping_bytes_the_first_that_came_count(void **state)
{
	(void)add(0, 100, "abcdef", 0);
	(void)add(0, 103, "XYZghi", 0);
	(void)add(0, 100, "abcdef", 0);
	assert_string_equal(assembled(100), "abcdefghi");
}

static void sequence_numbers_wrap(void **state)
{
	(void)add(0, 0xfffffffe, "abcd", 0);
	(void)add(0, 2, "ef", 0);
	assert_string_equal(assembled(0xfffffffe), "abcdef");
}

static void bytes_before_the_first_are_left_out(void **state)
{
	(void)add(0, 90, "0123456789abc", 0);
	assert_string_equal(assembled(100), "abc");
}

static void a_fin_counts_only_behind_all_bytes(void **state)
{
	(void)add(0, 105, "", PACKET_FIN);
	(void)assembled(100);
	assert_false(stream.fin);
	(void)add(0, 100, "hello", 0);
	(void)assembled(100);
	assert_true(stream.fin);
	assert_int_equal(stream.end, 106);
}

static void a_reset_counts_where_its_receiver_takes_it(void **state)
{
	(void)add(0, 4000, "", PACKET_RST);
	(void)add(0, 100, "hello", 0);
	(void)assembled(100);
	assert_false(stream.reset);
	(void)add(0, 105, "", PACKET_RST);
	(void)assembled(100);
	assert_true(stream.reset);
	(void)add(1, 100, "", 0);
	hold_assemble(&hold, 1, 100, &bytes, &stream);
	assert_false(stream.reset);
}

static void no_more_than_the_bounds(void **state)
{
	char long_text[80];

	for (int i = 0; i < 6; i++)
		assert_int_equal(add(0, 100, "x", 0), 0);
	assert_int_equal(add(0, 100, "x", 0), SL_ELIMIT);
	/* But for how the flow ends, which is not said twice. */
	assert_int_equal(add(0, 101, "", PACKET_RST), 0);
	(void)assembled(100);
	assert_true(stream.reset);
	hold_clear(&pool, &hold);
	memset(long_text, 'y', sizeof(long_text));
	long_text[79] = 0;
	assert_int_equal(add(0, 100, long_text, 0), 0);
	(void)assembled(100);
	assert_int_equal(bytes.len, 64);
}

static void a_wrong_checksum_is_no_first_byte(void **state)
{
	spoil = 1;
	assert_int_equal(add(0, 100, "decoy", 0), SL_EMALFORMED);
	spoil = 0;
	assert_int_equal(add(0, 100, "truth", 0), 0);
	assert_string_equal(assembled(100), "truth");
}

static void nonsense_is_refused(void **state)
{
	static uint8_t room[sizeof(struct wire_up) + 512];
	struct wire_up *up = (void *)room;

	up->data_len = 40;
	up->l3 = 14;
	assert_int_not_equal(hold_add(&pool, &hold, up), 0);
	up->l3 = 60000;
	assert_int_not_equal(hold_add(&pool, &hold, up), 0);
}

int main(void)
{
#define T(name) cmocka_unit_test_setup_teardown(name, setup, teardown)
	const struct CMUnitTest tests[] = {
	        T(bytes_in_any_order_come_out_in_theirs),
	        T(of_overlapping_bytes_the_first_that_came_count),
	        T(sequence_numbers_wrap),
	        T(bytes_before_the_first_are_left_out),
	        T(a_fin_counts_only_behind_all_bytes),
	        T(a_reset_counts_where_its_receiver_takes_it),
	        T(no_more_than_the_bounds),
	        T(a_wrong_checksum_is_no_first_byte),
	        T(nonsense_is_refused),
	};

	return RUN_TESTS(tests);
}
