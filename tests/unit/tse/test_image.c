/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The serialised rule set: opened it matches as the one that was compiled, damaged it is refused.
 */
#include "lib/base/buf.h"
#include "tests/unit/tse/tse_test.h"

static const char rules[] =
        "drop http any any -> $HOME_NET any (msg:\"uri\"; http.uri; content:\"evil\"; "
        "pcre:\"/evil\\d/\"; metadata:a b; classtype:trojan-activity; sid:1;)\n"
        "alert tcp any any -> any any (msg:\"raw\"; content:\"Host\"; sid:2;)\n"
        "alert http any any -> any any (msg:\"refused\"; flowbits:set,x; sid:3;)\n";

static void serialise(struct buf *image)
{
	struct rig r;

	buf_init(image, 64 * 1024 * 1024);
	rig_compile(&r, rules);
	assert_int_equal(tse_ruleset_serialise(r.set, image), 0);
	tse_ruleset_destroy(r.set);
}

static void opened_set_matches_as_compiled(void **state)
{
	struct buf image;
	struct rig r = {0};
	struct tse_ruleset_info info;

	serialise(&image);
	assert_int_equal(tse_ruleset_open(image.data, image.len, &r.set), 0);
	buf_fini(&image); /* the set needs it no more */
	tse_ruleset_info(r.set, &info);
	assert_int_equal(info.rules, 2);
	assert_int_equal(info.refused, 1);
	assert_int_equal(tse_engine_create(r.set, NULL, &r.engine), 0);
	rig_flow(&r, TSE_SERVICE_HTTP);
	rig_text(&r, TSE_TO_SERVER, "GET /evil7 HTTP/1.1\r\nHost: h\r\n\r\n");
	assert_int_equal(r.verdict, TSE_BLOCK);
	assert_true(rig_matched(&r, 1));
	assert_true(rig_matched(&r, 2));
	rig_close(&r);
}

static void any_changed_byte_is_refused(void **state)
{
	struct buf image;
	struct tse_ruleset *set;

	serialise(&image);
	for (size_t at = 0; at < image.len; at += 1 + at / 16) {
		image.data[at] ^= 0x40;
		assert_int_not_equal(tse_ruleset_open(image.data, image.len, &set), 0);
		image.data[at] ^= 0x40;
	}
	buf_fini(&image);
}

static void cut_image_is_refused(void **state)
{
	struct buf image;
	struct tse_ruleset *set;

	serialise(&image);
	for (size_t len = 0; len < image.len; len += 1 + len / 8)
		assert_int_equal(tse_ruleset_open(image.data, len, &set), SL_EMALFORMED);
	buf_fini(&image);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	        cmocka_unit_test(opened_set_matches_as_compiled),
	        cmocka_unit_test(any_changed_byte_is_refused),
	        cmocka_unit_test(cut_image_is_refused),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
