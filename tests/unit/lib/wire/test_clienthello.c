/* SPDX-License-Identifier: Apache-2.0 */
/* ClientHellos that OpenSSL makes, cut into pieces and records, and malformed ones. */
#include "lib/wire/clienthello.h"

#include <openssl/ssl.h>
#include <stdlib.h>

#include "lib/base/err.h"
#include "tests/unit/unit.h"

static uint8_t scratch[CLIENTHELLO_MAX];

/* A real ClientHello in one record; returns its length. */
static size_t make_hello(uint8_t *out, size_t size, int max_version)
{
	SSL_CTX *ctx = SSL_CTX_new(TLS_client_method());
	BIO *in = BIO_new(BIO_s_mem()), *net = BIO_new(BIO_s_mem());
	SSL *ssl;
	int len;

	SSL_CTX_set_max_proto_version(ctx, max_version);
	ssl = SSL_new(ctx);
	SSL_set_tlsext_host_name(ssl, "www.example.org");
	SSL_set_alpn_protos(ssl, (const unsigned char *)"\x02h2\x08http/1.1", 12);
	SSL_set_bio(ssl, in, net);
	SSL_connect(ssl);
	len = BIO_read(net, out, (int)size);
	SSL_free(ssl);
	SSL_CTX_free(ctx);
	return (size_t)len;
}

/* The same message in records of `piece` bytes. */
static size_t cut_into_records(const uint8_t *hello, size_t len, size_t piece, uint8_t *out)
{
	size_t n = 0;

	for (size_t at = 5; at < len; at += piece) {
		size_t part = SL_MIN(piece, len - at);

		memcpy(out + n, hello, 3);
		out[n + 3] = (uint8_t)(part >> 8);
		out[n + 4] = (uint8_t)part;
		memcpy(out + n + 5, hello + at, part);
		n += 5 + part;
	}
	return n;
}

static void expect_example(const struct clienthello *h)
{
	struct clienthello_view name;
	size_t at = 0;

	assert_int_equal(h->sni.len, 15);
	assert_memory_equal(h->sni.data, "www.example.org", 15);
	assert_true(clienthello_alpn_next(&h->alpn, &at, &name));
	assert_memory_equal(name.data, "h2", name.len);
	assert_true(clienthello_alpn_next(&h->alpn, &at, &name));
	assert_memory_equal(name.data, "http/1.1", name.len);
	assert_false(clienthello_alpn_next(&h->alpn, &at, &name));
	assert_true(clienthello_list_has(&h->suites, 0xc02b));
	assert_int_equal(h->random.len, 32);
}

static void every_prefix_asks_for_more_and_the_whole_is_read(void **state)
{
	struct clienthello h;
	uint8_t hello[2048];
	size_t len = make_hello(hello, sizeof(hello), TLS1_3_VERSION);

	for (size_t n = 0; n < len; n++)
		assert_int_equal(clienthello_parse(hello, n, scratch, &h), SL_EAGAIN);
	assert_int_equal(clienthello_parse(hello, len, scratch, &h), 0);
	assert_int_equal(h.stream_len, len);
	assert_true(h.versions & CLIENTHELLO_TLS1_3);
	assert_true(clienthello_list_has(&h.groups, 29));
	expect_example(&h);
}

static void any_record_size_gives_the_same_message(void **state)
{
	static uint8_t cut[8192];
	struct clienthello h;
	uint8_t hello[2048];
	size_t len = make_hello(hello, sizeof(hello), TLS1_3_VERSION);

	for (size_t piece = 1; piece < len; piece++) {
		size_t n = cut_into_records(hello, len, piece, cut);

		for (size_t part = 0; part < n; part += piece)
			assert_int_equal(clienthello_parse(cut, part, scratch, &h), SL_EAGAIN);
		assert_int_equal(clienthello_parse(cut, n, scratch, &h), 0);
		expect_example(&h);
	}
}

static void without_supported_versions_all_older_ones_are_offered(void **state)
{
	struct clienthello h;
	uint8_t hello[2048];
	size_t len = make_hello(hello, sizeof(hello), TLS1_2_VERSION);

	assert_int_equal(clienthello_parse(hello, len, scratch, &h), 0);
	assert_int_equal(h.versions, CLIENTHELLO_SSL3 | CLIENTHELLO_TLS1_0 | CLIENTHELLO_TLS1_1 |
	                                     CLIENTHELLO_TLS1_2);
}

static void what_is_not_tls_is_told_at_once(void **state)
{
	struct clienthello h;

	assert_int_equal(clienthello_parse((const uint8_t *)"G", 1, scratch, &h), SL_EMISMATCH);
	assert_int_equal(clienthello_parse((const uint8_t *)"SSH-2.0", 7, scratch, &h),
	                 SL_EMISMATCH);
	assert_int_equal(clienthello_parse((const uint8_t *)"\x16\x04", 2, scratch, &h),
	                 SL_EMISMATCH);
	assert_int_equal(clienthello_parse((const uint8_t *)"\x16\x03\x01\x00\x00", 5, scratch, &h),
	                 SL_EMISMATCH);
	assert_int_equal(clienthello_parse((const uint8_t *)"\x16\x03\x01\x00\x04\x02\x00\x00\x00",
	                                   9, scratch, &h),
	                 SL_EMALFORMED);
}

static void a_flipped_length_never_reads_past_the_end(void **state)
{
	struct clienthello h;
	uint8_t hello[2048];
	size_t len = make_hello(hello, sizeof(hello), TLS1_3_VERSION);

	for (size_t at = 5; at < len; at++) {
		uint8_t *copy = malloc(len);
		int rc;

		memcpy(copy, hello, len);
		copy[at] ^= 0xff;
		rc = clienthello_parse(copy, len, scratch, &h);
		assert_true(rc == 0 || rc == SL_EMALFORMED || rc == SL_EAGAIN || rc == SL_ELIMIT);
		free(copy);
	}
}

static void a_message_past_the_maximum_is_refused_by_its_length(void **state)
{
	struct clienthello h;

	assert_int_equal(clienthello_parse((const uint8_t *)"\x16\x03\x01\x40\x00\x01\x01\x00\x00",
	                                   9, scratch, &h),
	                 SL_ELIMIT);
}

static void a_smaller_maximum_can_be_set(void **state)
{
	struct clienthello h;
	uint8_t hello[2048];
	size_t len = make_hello(hello, sizeof(hello), TLS1_3_VERSION);

	assert_int_equal(clienthello_parse_within(hello, len, len - 5, scratch, &h), 0);
	assert_int_equal(clienthello_parse_within(hello, len, len - 6, scratch, &h), SL_ELIMIT);
	assert_int_equal(clienthello_parse_within(hello, 9, len - 6, scratch, &h), SL_ELIMIT);
}

/* A hello with one suite and these extensions (with their length in front). */
static int parse_with(const uint8_t *extensions, size_t len, struct clienthello *h)
{
	uint8_t hello[256] = {22, 3, 1, 0, 0, 1, 0, 0, 0, 3, 3};
	static const uint8_t before[] = {0, 0, 2, 0x13, 1, 1, 0};
	size_t body = 34 + sizeof(before) + len;

	memcpy(hello + 43, before, sizeof(before));
	memcpy(hello + 43 + sizeof(before), extensions, len);
	hello[8] = (uint8_t)body;
	hello[4] = (uint8_t)(body + 4);
	return clienthello_parse(hello, body + 9, scratch, h);
}

static void duplicate_extensions_and_odd_names_are_malformed(void **state)
{
	static const uint8_t two_etm[] = {0, 8, 0, 22, 0, 0, 0, 22, 0, 0};
	static const uint8_t nul_name[] = {0, 12, 0, 0, 0, 8, 0, 6, 0, 0, 3, 'a', 0, 'b'};
	static const uint8_t good_name[] = {0, 12, 0, 0, 0, 8, 0, 6, 0, 0, 3, 'a', '.', 'b'};
	struct clienthello h;

	assert_int_equal(parse_with(two_etm, sizeof(two_etm), &h), SL_EMALFORMED);
	assert_int_equal(parse_with(nul_name, sizeof(nul_name), &h), SL_EMALFORMED);
	assert_int_equal(parse_with(good_name, sizeof(good_name), &h), 0);
	assert_int_equal(h.sni.len, 3);
}

static void grease_and_the_http2_preface_are_known(void **state)
{
	assert_true(clienthello_is_grease(0x0a0a));
	assert_true(clienthello_is_grease(0xfafa));
	assert_false(clienthello_is_grease(0x0a1a));
	assert_false(clienthello_is_grease(0x1301));
	assert_true(clienthello_is_http2_preface((const uint8_t *)"PRI * HTTP/2.0\r\n", 16));
	assert_false(clienthello_is_http2_preface((const uint8_t *)"PRIVATE", 7));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	        cmocka_unit_test(every_prefix_asks_for_more_and_the_whole_is_read),
	        cmocka_unit_test(any_record_size_gives_the_same_message),
	        cmocka_unit_test(without_supported_versions_all_older_ones_are_offered),
	        cmocka_unit_test(what_is_not_tls_is_told_at_once),
	        cmocka_unit_test(a_flipped_length_never_reads_past_the_end),
	        cmocka_unit_test(a_message_past_the_maximum_is_refused_by_its_length),
	        cmocka_unit_test(a_smaller_maximum_can_be_set),
	        cmocka_unit_test(duplicate_extensions_and_odd_names_are_malformed),
	        cmocka_unit_test(grease_and_the_http2_preface_are_known),
	};

	return RUN_TESTS(tests);
}
