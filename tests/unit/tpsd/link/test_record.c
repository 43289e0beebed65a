/* SPDX-License-Identifier: Apache-2.0 */
#include "tpsd/link/record.h"

#include "lib/base/buf.h"
#include "lib/base/err.h"
#include "tests/unit/unit.h"

static struct record example(void)
{
	struct record r = {.address = "sms.example",
	                   .port = 8444,
	                   .name = "box",
	                   .revision = 7,
	                   .state = REMOTE_STATE_IN_FORCE,
	                   .text = "why \"so\"",
	                   .commit_ms = 1790000000000,
	                   .prove_ms = 300000,
	                   .failures_before = 12,
	                   .window_ms = 600000,
	                   .failures_commit = 99};

	memset(r.pin, 0xab, sizeof(r.pin));
	memset(r.sha256, 0x5c, sizeof(r.sha256));
	return r;
}

static void what_is_written_is_read(void **state)
{
	struct record r = example(), back = {.port = 0};
	struct buf text;

	buf_init(&text, RECORD_MAX);
	assert_int_equal(record_write(&r, &text), 0);
	assert_int_equal(record_read(text.data, text.len, &back), 0);
	assert_string_equal(back.address, r.address);
	assert_string_equal(back.name, r.name);
	assert_string_equal(back.text, r.text);
	assert_memory_equal(back.pin, r.pin, sizeof(r.pin));
	assert_memory_equal(back.sha256, r.sha256, sizeof(r.sha256));
	assert_true(back.port == r.port && back.revision == r.revision && back.state == r.state &&
	            back.commit_ms == r.commit_ms && back.prove_ms == r.prove_ms &&
	            back.failures_before == r.failures_before && back.window_ms == r.window_ms &&
	            back.failures_commit == r.failures_commit && !back.told && !back.revoked);
	buf_fini(&text);
}

/* Every cut of it, as a disk that lost its power leaves it. */
static void a_torn_file_is_no_record(void **state)
{
	struct record r = example(), back;
	struct buf text;

	buf_init(&text, RECORD_MAX);
	assert_int_equal(record_write(&r, &text), 0);
	for (size_t len = 0; len + 2 < text.len; len++)
		assert_int_equal(record_read(text.data ? text.data : (uint8_t *)"", len, &back),
		                 SL_EMALFORMED);
	buf_fini(&text);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	        cmocka_unit_test(what_is_written_is_read),
	        cmocka_unit_test(a_torn_file_is_no_record),
	};

	return RUN_TESTS(tests);
}
