/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The parts of the HTTP reader alone: where a head ends, normalised targets, chunks, decoders, and
 * the arithmetic of address ranges.
 */
#include "tests/unit/tse/tse_test.h"

#include <zlib.h>

#include "tse/proto/chunk.h"
#include "tse/proto/decode.h"
#include "tse/proto/head.h"
#include "tse/proto/uri.h"
#include "tse/rule/ranges.h"

static void head_end_is_found_however_it_comes(void **state)
{
	static const struct {
		const char *text;
		size_t end;
	} cases[] = {
	        {"A\r\n\r\n", 5},       {"A\n\n", 3},
	        {"A\n\r\n", 4},         {"A\r\n\n", 4},
	        {"A\r\nB\r\n\r\nC", 8}, {"A\r\n\rB\r\n\r\n", 9},
	        {"A\r\nB: c\r\n", 0},   {"A", 0},
	};

	for (size_t i = 0; i < SL_ARRAY_LEN(cases); i++) {
		size_t len = strlen(cases[i].text);
		size_t at = 0;
		size_t end = 0;

		for (size_t n = 1; n <= len && end == 0; n++)
			end = head_find_end((const uint8_t *)cases[i].text, n, &at);
		assert_int_equal(end, cases[i].end);
		at = 0;
		assert_int_equal(head_find_end((const uint8_t *)cases[i].text, len, &at),
		                 cases[i].end);
	}
}

static void targets_are_normalised(void **state)
{
	static const char *const cases[][2] = {
	        {"/", "/"},
	        {"/a/b", "/a/b"},
	        {"/a//b///c", "/a/b/c"},
	        {"/a/./b/.", "/a/b/"},
	        {"/a/b/../c", "/a/c"},
	        {"/../../etc/passwd", "/etc/passwd"},
	        {"/a/..", "/"},
	        {"/%2e%2e/%65tc", "/etc"},
	        {"/a\\b\\..\\c", "/a/c"},
	        {"/a%2fb", "/a/b"},
	        {"/%252e", "/%2e"},
	        {"/%zz%4", "/%zz%4"},
	        {"/a+b?c+d=%41&e=..//x", "/a+b?c+d=A&e=..//x"},
	        {"/%3fa?b", "/?a?b"},
	        {"http://host:80/a//b?c", "/a/b?c"},
	        {"https://host", ""},
	        {"*", "*"},
	        {"a/../b", "a/../b"},
	        {"/...", "/..."},
	        {"", ""},
	};

	for (size_t i = 0; i < SL_ARRAY_LEN(cases); i++) {
		uint8_t out[64];
		size_t len = strlen(cases[i][0]);
		size_t n = uri_normalise((const uint8_t *)cases[i][0], len, out);

		if (n != strlen(cases[i][1]) || memcmp(out, cases[i][1], n) != 0)
			fail_msg("%s becomes %.*s, not %s", cases[i][0], (int)n, (char *)out,
			         cases[i][1]);
	}
}

static void chunks_are_read_strictly(void **state)
{
	static const struct {
		const char *text;
		bool done, odd, failed;
	} cases[] = {
	        {"3\r\nabc\r\n0\r\n\r\n", true, false, false},
	        {"3;x=\"y\"\r\nabc\r\n0\r\nT: v\r\n\r\n", true, false, false},
	        {"3\nabc\r\n0\r\n\r\n", true, true, false},
	        {"3 \r\nabc\r\n0\r\n\r\n", true, true, false},
	        {"3\r\nabc\n0\r\n\r\n", true, true, false},
	        {"0000000003\r\nabc\r\n0\r\n\r\n", true, true, false},
	        {"-3\r\nabc", false, false, true},
	        {"\r\nabc", false, false, true},
	        {"ffffffffffffffff\r\n", false, true, true},
	        {"3\r\nabcd\r\n", false, false, true},
	        {"3\r\nab", false, false, false},
	};

	for (size_t i = 0; i < SL_ARRAY_LEN(cases); i++) {
		for (size_t step = 1; step <= 32; step *= 2) {
			struct chunk_reader c = {0};
			size_t len = strlen(cases[i].text);

			for (size_t at = 0; at < len; at += step)
				chunk_read(&c, (const uint8_t *)cases[i].text + at,
				           SL_MIN(step, len - at));
			assert_int_equal(c.failed, cases[i].failed);
			assert_int_equal(c.odd, cases[i].odd);
			assert_int_equal(c.state == CHUNK_DONE && !c.failed, cases[i].done);
		}
	}
}

static void conflicting_heads_are_told(void **state)
{
	static const struct {
		const char *text;
		enum tse_anomaly anomaly;
	} cases[] = {
	        {"GET / HTTP/1.1\r\nHost : a\r\n\r\n", ANOMALY_HEADER_SPACE},
	        {"GET / HTTP/1.1\r\nA: b\r\n c\r\nHost: h\r\n\r\n", ANOMALY_HEADER_FOLDED},
	        {"GET / HTTP/1.1\r\nHost: h\r\nContent-Length: 1\r\nContent-Length: 2\r\n\r\n",
	         ANOMALY_LENGTH_CONFLICT},
	        {"GET / HTTP/1.1\r\nHost: h\r\nContent-Length: 1, 1\r\n\r\n",
	         ANOMALY_LENGTH_INVALID},
	        {"GET / HTTP/1.1\r\nHost: h\r\nTransfer-Encoding: chunked, gzip\r\n\r\n",
	         ANOMALY_CODING_UNKNOWN},
	        {"GET / HTTP/1.1\r\nHost: h\r\nTransfer-Encoding: chunked\r\n"
	         "Transfer-Encoding: chunked\r\n\r\n",
	         ANOMALY_CODING_UNKNOWN},
	        {"GET /\r\n\r\n", ANOMALY_REQUEST_LINE},
	        {"GET  / HTTP/1.1\r\nHost: h\r\n\r\n", ANOMALY_REQUEST_LINE},
	        {"GET /\tx HTTP/1.1\r\nHost: h\r\n\r\n", ANOMALY_REQUEST_LINE},
	};
	struct http_head *h = malloc(sizeof(*h));

	assert_non_null(h);
	for (size_t i = 0; i < SL_ARRAY_LEN(cases); i++) {
		head_read((const uint8_t *)cases[i].text, strlen(cases[i].text), TSE_TO_SERVER, h);
		assert_true(h->anomalies >> cases[i].anomaly & 1);
	}
	head_read((const uint8_t *)"GET / HTTP/1.1\r\nHost: h\r\n\r\n", 27, TSE_TO_SERVER, h);
	assert_int_equal(h->anomalies, 0);
	free(h);
}

/* Decodes in pieces of `step`; returns the length or -1. */
static int decode_all(enum decode_kind kind, const uint8_t *in, size_t len, size_t step,
                      uint8_t *out, size_t size)
{
	struct pool pool;
	struct body_decoder *d;
	size_t n = 0;
	int rc = 0;

	pool_init(&pool);
	d = decode_create(&pool, kind);
	assert_non_null(d);
	for (size_t at = 0; rc == 0 && at < len; at += step) {
		const uint8_t *p = in + at;
		size_t left = SL_MIN(step, len - at);
		size_t got;

		do {
			size_t room = SL_MIN((size_t)50, size - n);

			rc = decode_step(d, &p, &left, out + n, room, &got);
			n += got;
			if (rc == 0 && left == 0 && got < room)
				break;
		} while (rc == 0);
	}
	decode_destroy(&pool, d);
	assert_int_equal(pool.in_use, 0);
	pool_fini(&pool);
	return rc == 0 ? (int)n : -1;
}

static size_t deflate_with(int bits, const uint8_t *in, size_t len, uint8_t *out, size_t size)
{
	z_stream z = {.next_in = (Bytef *)(uintptr_t)in,
	              .avail_in = (uInt)len,
	              .next_out = out,
	              .avail_out = (uInt)size};

	assert_int_equal(deflateInit2(&z, 6, Z_DEFLATED, bits, 8, Z_DEFAULT_STRATEGY), Z_OK);
	assert_int_equal(deflate(&z, Z_FINISH), Z_STREAM_END);
	(void)deflateEnd(&z);
	return size - z.avail_out;
}

static void zlib_formats_decode_in_any_pieces(void **state)
{
	static const struct {
		int bits;
		enum decode_kind kind;
	} formats[] = {{15 + 16, DECODE_GZIP}, {15, DECODE_DEFLATE}, {-15, DECODE_DEFLATE}};
	uint8_t plain[700];
	uint8_t coded[1024];
	uint8_t out[1024];

	for (size_t i = 0; i < sizeof(plain); i++)
		plain[i] = (uint8_t)("text to squeeze "[i % 16] + (int)(i / 97));
	for (size_t f = 0; f < SL_ARRAY_LEN(formats); f++) {
		size_t len = deflate_with(formats[f].bits, plain, sizeof(plain), coded, 1024);

		for (size_t step = 1; step <= len; step++) {
			int n = decode_all(formats[f].kind, coded, len, step, out, sizeof(out));

			assert_int_equal(n, sizeof(plain));
			assert_memory_equal(out, plain, sizeof(plain));
		}
	}
	assert_int_equal(decode_all(DECODE_GZIP, plain, 100, 10, out, sizeof(out)), -1);
	assert_int_equal(decode_all(DECODE_ZSTD, plain, 100, 10, out, sizeof(out)), -1);
	assert_int_equal(decode_all(DECODE_BROTLI, (const uint8_t *)"\xff\xff\xff", 3, 1, out, 9),
	                 -1);
}

static void add(struct ranges *r, unsigned lo, unsigned hi)
{
	uint8_t a[16] = {0};
	uint8_t b[16] = {0};

	a[15] = (uint8_t)lo;
	b[15] = (uint8_t)hi;
	assert_int_equal(ranges_add(r, a, b), 0);
}

static void ranges_join_and_subtract(void **state)
{
	struct ranges a = {0};
	struct ranges b = {0};
	struct ranges c = {0};

	add(&a, 50, 60);
	add(&a, 10, 20);
	add(&a, 15, 30);
	add(&a, 31, 40);
	ranges_normalise(&a);
	assert_int_equal(a.n, 2);
	assert_int_equal(a.items[0].hi[15], 40);
	add(&b, 0, 9);
	add(&b, 12, 13);
	add(&b, 38, 55);
	ranges_normalise(&b);
	assert_int_equal(ranges_subtract(&a, &b, &c), 0);
	assert_int_equal(c.n, 3);
	assert_int_equal(c.items[0].hi[15], 11);
	assert_int_equal(c.items[1].lo[15], 14);
	assert_int_equal(c.items[1].hi[15], 37);
	assert_int_equal(c.items[2].lo[15], 56);
	ranges_fini(&a);
	ranges_fini(&b);
	ranges_fini(&c);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	        cmocka_unit_test(head_end_is_found_however_it_comes),
	        cmocka_unit_test(targets_are_normalised),
	        cmocka_unit_test(chunks_are_read_strictly),
	        cmocka_unit_test(conflicting_heads_are_told),
	        cmocka_unit_test(zlib_formats_decode_in_any_pieces),
	        cmocka_unit_test(ranges_join_and_subtract),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
