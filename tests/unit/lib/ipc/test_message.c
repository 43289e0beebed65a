/* SPDX-License-Identifier: Apache-2.0 */
#include "lib/base/err.h"
#include "lib/ipc/message.h"
#include "tests/unit/unit.h"

static struct ipc_message hello(void)
{
	static const uint8_t bytes[] = {0x16, 3, 1, 0, 5};
	struct ipc_message m = {.type = IPC_HELLO};

	m.hello.flow = 0x1122334455667788u;
	m.hello.server_port = 443;
	m.hello.server = addr_from_v4(0x14000a0a);
	m.hello.bytes = (struct ipc_bytes){bytes, sizeof(bytes)};
	return m;
}

static void a_message_decodes_to_what_was_encoded(void **state)
{
	struct ipc_message in = hello(), out;
	uint8_t wire[512];
	size_t len;

	assert_int_equal(ipc_encode(&in, wire, sizeof(wire), &len), 0);
	assert_int_equal(ipc_decode(wire, len, &out), 0);
	assert_int_equal(out.type, IPC_HELLO);
	assert_true(out.hello.flow == in.hello.flow);
	assert_int_equal(out.hello.server_port, 443);
	assert_true(addr_equal(&out.hello.server, &in.hello.server));
	assert_int_equal(out.hello.bytes.len, 5);
	assert_memory_equal(out.hello.bytes.data, in.hello.bytes.data, 5);
}

static void every_cut_of_a_message_and_every_extra_byte_is_refused(void **state)
{
	struct ipc_message in = hello(), out;
	uint8_t wire[512];
	size_t len;

	assert_int_equal(ipc_encode(&in, wire, sizeof(wire), &len), 0);
	for (size_t cut = 0; cut < len; cut++)
		assert_int_not_equal(ipc_decode(wire, cut, &out), 0);
	wire[len] = 0;
	assert_int_equal(ipc_decode(wire, len + 1, &out), SL_EMALFORMED);
}

static void a_field_longer_than_the_table_allows_is_refused_both_ways(void **state)
{
	uint8_t long_digest[65] = {0};
	struct ipc_message m = {.type = IPC_SIGN};
	uint8_t wire[512];
	size_t len;

	m.sign.digest = (struct ipc_bytes){long_digest, 65};
	assert_int_equal(ipc_encode(&m, wire, sizeof(wire), &len), SL_ERANGE);
	m.sign.digest.len = 64;
	assert_int_equal(ipc_encode(&m, wire, sizeof(wire), &len), 0);
	wire[len - 64 - 4] = 65; /* the digest's length */
	assert_int_equal(ipc_decode(wire, len, &m), SL_ERANGE);
}

static void the_table_says_who_may_send_what(void **state)
{
	assert_true(ipc_may(IPC_HELLO, IPC_WIRE, IPC_WORKER));
	assert_false(ipc_may(IPC_HELLO, IPC_WORKER, IPC_WIRE));
	assert_false(ipc_may(IPC_COMMIT, IPC_WORKER, IPC_KEYS));
	assert_false(ipc_may(IPC_KEY_FILE, IPC_PARENT, IPC_WORKER));
	assert_int_equal(ipc_fds_of(IPC_TAKEN), 2);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	        cmocka_unit_test(a_message_decodes_to_what_was_encoded),
	        cmocka_unit_test(every_cut_of_a_message_and_every_extra_byte_is_refused),
	        cmocka_unit_test(a_field_longer_than_the_table_allows_is_refused_both_ways),
	        cmocka_unit_test(the_table_says_who_may_send_what),
	};

	return RUN_TESTS(tests);
}
