/* SPDX-License-Identifier: Apache-2.0 */
/* JA3 and JA4 by the examples of their definitions, and what does not count. */
#include "tpsd/tls/fingerprint.h"

#include "tests/unit/unit.h"

static uint8_t scratch[CLIENTHELLO_MAX];

struct hello {
	uint8_t bytes[16384];
	size_t len, extensions; /* where their length stands */
};

static void put(struct hello *h, unsigned value, unsigned bytes)
{
	while (bytes-- > 0)
		h->bytes[h->len++] = (uint8_t)(value >> 8 * bytes);
}

static void put_list(struct hello *h, const uint16_t *list, size_t n)
{
	for (size_t i = 0; i < n; i++)
		put(h, list[i], 2);
}

/* Up to the extensions. */
static void begin(struct hello *h, uint16_t version, const uint16_t *suites, size_t n)
{
	h->len = 0;
	put(h, 0x160301, 3);
	put(h, 0, 2);
	put(h, 1, 1);
	put(h, 0, 3);
	put(h, version, 2);
	for (int i = 0; i < 8; i++)
		put(h, 0x5a5a5a5a, 4);
	put(h, 0, 1);
	put(h, (unsigned)(2 * n), 2);
	put_list(h, suites, n);
	put(h, 0x0100, 2);
	h->extensions = h->len;
}

static void extension(struct hello *h, uint16_t type, const void *body, size_t len)
{
	if (h->len == h->extensions)
		put(h, 0, 2);
	put(h, type, 2);
	put(h, (unsigned)len, 2);
	if (len > 0)
		memcpy(h->bytes + h->len, body, len);
	h->len += len;
}

/* A body of 16-bit values behind a length of one or two bytes. */
static void list_extension(struct hello *h, uint16_t type, unsigned length_bytes,
                           const uint16_t *list, size_t n)
{
	struct hello body = {.len = 0};

	put(&body, (unsigned)(2 * n), length_bytes);
	put_list(&body, list, n);
	extension(h, type, body.bytes, body.len);
}

static void set(struct hello *h, size_t at, size_t value)
{
	h->bytes[at] = (uint8_t)(value >> 8);
	h->bytes[at + 1] = (uint8_t)value;
}

static struct fingerprint end(struct hello *h)
{
	struct fingerprint f;
	struct clienthello parsed;

	if (h->len > h->extensions)
		set(h, h->extensions, h->len - h->extensions - 2);
	set(h, 3, h->len - 5);
	set(h, 7, h->len - 9);
	assert_int_equal(clienthello_parse(h->bytes, h->len, scratch, &parsed), 0);
	fingerprint_of(&parsed, &f);
	return f;
}

#define SNI                                                                                        \
	"\x00\x09\x00\x00\x06"                                                                     \
	"a.test"
#define LIST(...)                                                                                  \
	(const uint16_t[]){__VA_ARGS__}, sizeof((const uint16_t[]){__VA_ARGS__}) / sizeof(uint16_t)

static void the_examples_of_ja3_come_out(void **state)
{
	struct hello h;
	struct fingerprint f;

	begin(&h, 769, LIST(47, 53, 5, 10, 49161, 49162, 49171, 49172, 50, 56, 19, 4));
	extension(&h, 0, SNI, 11);
	list_extension(&h, 10, 2, LIST(23, 24, 25));
	extension(&h, 11, "\x01\x00", 2);
	f = end(&h);
	assert_string_equal(f.ja3, "ada70206e40642a3e4461f35503241d5");
	assert_memory_equal(f.ja4, "t10d120300_", 11);
	begin(&h, 769, LIST(4, 5, 10, 9, 100, 98, 3, 6, 19, 18, 99));
	f = end(&h);
	assert_string_equal(f.ja3, "de350869b8c85de67a350c8d186f11e6");
	assert_memory_equal(f.ja4, "t10i110000_", 11);
	assert_string_equal(f.ja4 + 24, "000000000000");
}

/* The example of JA4's definition, with or without GREASE between. */
static struct fingerprint chrome(bool grease, const char *alpn, size_t alpn_len)
{
	static const uint16_t suites[] = {0x2a2a, 0x1301, 0x1302, 0x1303, 0xc02b, 0xc02f,
	                                  0xc02c, 0xc030, 0xcca9, 0xcca8, 0xc013, 0xc014,
	                                  0x009c, 0x009d, 0x002f, 0x0035};
	struct hello h;

	begin(&h, 0x0303, suites + !grease, SL_ARRAY_LEN(suites) - !grease);
	if (grease)
		extension(&h, 0x3a3a, "", 0);
	extension(&h, 0x001b, "\x02\x00\x02", 3);
	extension(&h, 0x0000, SNI, 11);
	extension(&h, 0x0033, "", 0);
	if (alpn)
		extension(&h, 0x0010, alpn, alpn_len);
	extension(&h, 0x4469, "", 0);
	extension(&h, 0x0017, "", 0);
	extension(&h, 0x002d, "\x01\x01", 2);
	list_extension(&h, 0x000d, 2,
	               LIST(0x0403, 0x0804, 0x0401, 0x0503, 0x0805, 0x0501, 0x0806, 0x0601));
	extension(&h, 0x0005, "\x01\x00\x00\x00\x00", 5);
	extension(&h, 0x0023, "", 0);
	extension(&h, 0x0012, "", 0);
	list_extension(&h, 0x002b, 1, LIST(0x0a0a, 0x0304, 0x0303));
	extension(&h, 0xff01, "\x00", 1);
	extension(&h, 0x000b, "\x01\x00", 2);
	list_extension(&h, 0x000a, 2, LIST(0x1a1a, 29, 23, 24));
	extension(&h, 0x0015, "\x00\x00\x00", 3);
	if (grease)
		extension(&h, 0x4a4a, "\x00", 1);
	return end(&h);
}

static void the_example_of_ja4_comes_out_and_grease_does_not_count(void **state)
{
	struct fingerprint plain = chrome(false, "\x00\x03\x02h2", 5);
	struct fingerprint greased = chrome(true, "\x00\x03\x02h2", 5);

	assert_string_equal(plain.ja4, "t13d1516h2_8daaf6152771_e5627efa2ab1");
	assert_string_equal(greased.ja4, plain.ja4);
	assert_string_equal(greased.ja3, plain.ja3);
}

static void a_protocol_is_shown_by_its_ends_or_by_its_bytes(void **state)
{
	static const struct {
		const char *alpn;
		size_t len;
		const char *shown;
	} cases[] = {
	        {"\x00\x09\x08http/1.1", 11, "h1"}, {"\x00\x02\x01x", 4, "xx"},
	        {"\x00\x02\x01\xab", 4, "ab"},      {"\x00\x03\x02\xab\xcd", 5, "ad"},
	        {"\x00\x03\x02\x30\xab", 5, "3b"},  {"\x00\x04\x03\x30\xab\x31", 6, "01"},
	};

	for (size_t i = 0; i < SL_ARRAY_LEN(cases); i++) {
		struct fingerprint f = chrome(false, cases[i].alpn, cases[i].len);

		assert_memory_equal(f.ja4 + 8, cases[i].shown, 2);
	}
	assert_memory_equal(chrome(false, NULL, 0).ja4, "t13d151500_8daaf6152771_e5627efa2ab1", 36);
}

static void lists_that_no_client_has_have_no_fingerprint(void **state)
{
	static uint16_t suites[FINGERPRINT_VALUES_MAX + 1];
	struct fingerprint f;
	struct hello h;

	for (size_t i = 0; i < SL_ARRAY_LEN(suites); i++)
		suites[i] = (uint16_t)(0xf000 + i); /* no GREASE there */
	begin(&h, 0x0303, suites, FINGERPRINT_VALUES_MAX);
	for (uint16_t i = 0; i < FINGERPRINT_VALUES_MAX; i++)
		extension(&h, (uint16_t)(0xe000 + i), "", 0);
	f = end(&h);
	assert_memory_equal(f.ja4, "t12i999900_", 11);
	assert_int_equal(strlen(f.ja4), 36);
	assert_int_equal(strlen(f.ja3), 32);
	begin(&h, 0x0303, suites, FINGERPRINT_VALUES_MAX + 1);
	f = end(&h);
	assert_string_equal(f.ja4, "");
	assert_string_equal(f.ja3, "");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	        cmocka_unit_test(the_examples_of_ja3_come_out),
	        cmocka_unit_test(the_example_of_ja4_comes_out_and_grease_does_not_count),
	        cmocka_unit_test(a_protocol_is_shown_by_its_ends_or_by_its_bytes),
	        cmocka_unit_test(lists_that_no_client_has_have_no_fingerprint),
	};

	return RUN_TESTS(tests);
}
