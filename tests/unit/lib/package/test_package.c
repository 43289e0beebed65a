/* SPDX-License-Identifier: Apache-2.0 */
#include "lib/package/package.h"

#include <openssl/pem.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "lib/base/buf.h"
#include "lib/base/err.h"
#include "tests/unit/unit.h"

static EVP_PKEY *ours, *other;
static char payload[100000];

static int setup(void **state)
{
	ours = EVP_PKEY_Q_keygen(NULL, NULL, "ED25519");
	other = EVP_PKEY_Q_keygen(NULL, NULL, "ED25519");
	for (size_t i = 0; i < sizeof(payload); i++)
		payload[i] = "abcdefgh"[i * i % 8];
	return ours && other ? 0 : -1;
}

static int teardown(void **state)
{
	EVP_PKEY_free(ours);
	EVP_PKEY_free(other);
	return 0;
}

static void write_one(EVP_PKEY *key, struct buf *out)
{
	struct package_info info = {.kind = PACKAGE_CATEGORIES, .created = 1790000000};
	const struct package_section sections[] = {
	        {"categories", payload, sizeof(payload)},
	        {"empty", NULL, 0},
	};

	(void)strcpy(info.name, "Demo");
	(void)strcpy(info.version, "2026.1");
	(void)strcpy(info.description, "what we wrote \"ourselves\"");
	buf_init(out, PACKAGE_MAX);
	assert_int_equal(package_write(&info, sections, 2, key, out), 0);
}

/* Opens with our key only. */
static int open_it(const struct buf *bytes, struct package **p, struct pki_error *err)
{
	struct package_keys keys = {.items = {ours}, .count = 1};

	return package_open(bytes->data, bytes->len, PACKAGE_CATEGORIES, &keys, p, err);
}

static void what_was_written_is_read_again(void **state)
{
	struct package *p;
	struct pki_error err;
	struct buf bytes, out;
	const char *name;
	uint64_t len;

	write_one(ours, &bytes);
	assert_true(bytes.len < sizeof(payload) / 4);
	assert_int_equal(open_it(&bytes, &p, &err), 0);
	assert_int_equal(package_signer(p), 0);
	assert_int_equal(package_info(p)->kind, PACKAGE_CATEGORIES);
	assert_string_equal(package_info(p)->name, "Demo");
	assert_string_equal(package_info(p)->version, "2026.1");
	assert_string_equal(package_info(p)->description, "what we wrote \"ourselves\"");
	assert_int_equal(package_info(p)->created, 1790000000);
	assert_int_equal(package_section_at(p, 0, &name, &len), 0);
	assert_string_equal(name, "categories");
	assert_int_equal(len, sizeof(payload));
	assert_int_equal(package_section_at(p, 2, &name, &len), SL_ENOENT);
	buf_init(&out, sizeof(payload));
	assert_int_equal(package_read(p, "categories", &out), 0);
	assert_int_equal(out.len, sizeof(payload));
	assert_memory_equal(out.data, payload, sizeof(payload));
	assert_int_equal(package_read(p, "empty", &out), 0);
	assert_int_equal(out.len, sizeof(payload));
	assert_int_equal(package_read(p, "none", &out), SL_ENOENT);
	package_close(p);
	buf_fini(&out);
	buf_fini(&bytes);
}

static void only_the_keys_that_are_trusted_sign(void **state)
{
	struct package_keys both = {.items = {ours, other}, .count = 2}, none = {.count = 0};
	struct package *p;
	struct pki_error err;
	struct buf bytes;

	write_one(other, &bytes);
	assert_int_equal(open_it(&bytes, &p, &err), SL_EPERM);
	assert_non_null(strstr(err.text, "not signed by a key that is trusted"));
	assert_non_null(strstr(err.remedy, "device.package_keys"));
	assert_int_equal(package_open(bytes.data, bytes.len, PACKAGE_KIND_END, &none, &p, &err),
	                 SL_EPERM);
	assert_int_equal(package_open(bytes.data, bytes.len, PACKAGE_KIND_END, &both, &p, &err), 0);
	assert_int_equal(package_signer(p), 1);
	package_close(p);
	assert_int_equal(package_open(bytes.data, bytes.len, PACKAGE_KIND_END, NULL, &p, &err), 0);
	assert_int_equal(package_signer(p), -1);
	package_close(p);
	buf_fini(&bytes);
}

static void no_bit_of_it_can_be_changed_and_nothing_left_out_or_added(void **state)
{
	struct package *p;
	struct pki_error err;
	struct buf bytes;

	write_one(ours, &bytes);
	for (size_t i = 0; i<bytes.len * 8; i += bytes.len> 2000 ? 7 : 1) {
		bytes.data[i / 8] ^= (uint8_t)(1u << (i % 8));
		assert_true(open_it(&bytes, &p, &err) < 0);
		bytes.data[i / 8] ^= (uint8_t)(1u << (i % 8));
	}
	for (size_t len = bytes.len; len-- > 0;) {
		struct buf shorter = {.data = bytes.data, .len = len};

		assert_int_equal(open_it(&shorter, &p, &err), SL_EMALFORMED);
	}
	assert_int_equal(buf_add(&bytes, "x", 1), 0);
	assert_int_equal(open_it(&bytes, &p, &err), SL_EMALFORMED);
	buf_fini(&bytes);
}

/* A package that says what this build would not write, signed all the same. */
static void write_metadata(const char *metadata, struct buf *out)
{
	static const uint8_t head[] = {'S', 'L', 'U', 'I', 'C', 'E', 'P', 'K', 1, 0, 7, 0};
	const uint32_t len = (uint32_t)strlen(metadata), none = 0;
	EVP_MD_CTX *ctx = EVP_MD_CTX_new();
	uint8_t signature[64];
	size_t signature_len = sizeof(signature);

	buf_init(out, 1u << 20);
	assert_int_equal(buf_add(out, head, sizeof(head)), 0);
	assert_int_equal(buf_add(out, &len, 4), 0);
	assert_int_equal(buf_add(out, &none, 4), 0);
	assert_int_equal(buf_add(out, metadata, len), 0);
	assert_int_equal(EVP_DigestSignInit(ctx, NULL, NULL, NULL, ours), 1);
	assert_int_equal(EVP_DigestSign(ctx, signature, &signature_len, out->data, out->len), 1);
	assert_int_equal(buf_add(out, signature, sizeof(signature)), 0);
	EVP_MD_CTX_free(ctx);
}

static const struct {
	const char *metadata;
	int code;
	const char *text;
} sayings[] = {
        {"{\"kind\":\"categories\",\"format\":\"1.9\",\"name\":\"n\",\"version\":\"1\","
         "\"created\":0,\"description\":\"\"}",
         0, ""},
        {"{\"kind\":\"categories\",\"format\":\"2.0\",\"name\":\"n\",\"version\":\"1\","
         "\"created\":0,\"description\":\"\"}",
         SL_EMISMATCH, "format 2.0 of categories of names, which is newer than this device"},
        {"{\"kind\":\"categories\",\"format\":\"0.9\",\"name\":\"n\",\"version\":\"1\","
         "\"created\":0,\"description\":\"\"}",
         SL_EMISMATCH, "format 0.9 of categories of names, which is older than this device"},
        {"{\"kind\":\"filters\",\"format\":\"1.0\",\"name\":\"n\",\"version\":\"1\","
         "\"created\":0,\"description\":\"\"}",
         SL_EMISMATCH, "holds filters, and not categories"},
        {"{\"kind\":\"else\",\"format\":\"1.0\",\"name\":\"n\",\"version\":\"1\","
         "\"created\":0,\"description\":\"\"}",
         SL_EMISMATCH, "a kind that this device does not know: else"},
        {"{\"kind\":\"categories\",\"format\":\"1.0x\",\"name\":\"n\",\"version\":\"1\","
         "\"created\":0,\"description\":\"\"}",
         SL_EMALFORMED, "cannot be read"},
        {"{\"kind\":\"categories\",\"format\":\"1.0\",\"name\":\"\\u001b[2J\",\"version\":\"1\","
         "\"created\":0,\"description\":\"\"}",
         SL_EMALFORMED, "cannot be read"},
        {"{\"kind\":\"categories\"}", SL_EMALFORMED, "cannot be read"},
        {"[]", SL_EMALFORMED, "cannot be read"},
        {"nonsense", SL_EMALFORMED, "cannot be read"},
        {"", SL_EMALFORMED, "cannot be read"},
};

static void another_major_format_is_refused_with_a_clear_text(void **state)
{
	for (size_t i = 0; i < SL_ARRAY_LEN(sayings); i++) {
		struct package *p;
		struct pki_error err;
		struct buf bytes;

		write_metadata(sayings[i].metadata, &bytes);
		assert_int_equal(open_it(&bytes, &p, &err), sayings[i].code);
		if (sayings[i].code == 0)
			package_close(p);
		else
			assert_non_null(strstr(err.text, sayings[i].text));
		buf_fini(&bytes);
	}
}

static void another_layout_is_refused(void **state)
{
	struct package *p;
	struct pki_error err;
	struct buf bytes;

	write_one(ours, &bytes);
	bytes.data[8] = 2;
	assert_int_equal(open_it(&bytes, &p, &err), SL_EMISMATCH);
	assert_non_null(strstr(err.text, "layout is 2, and this device reads 1"));
	buf_fini(&bytes);
}

static void a_section_larger_than_the_reader_wants_is_not_unpacked(void **state)
{
	struct package *p;
	struct pki_error err;
	struct buf bytes, out;

	write_one(ours, &bytes);
	assert_int_equal(open_it(&bytes, &p, &err), 0);
	buf_init(&out, sizeof(payload) - 1);
	assert_int_equal(package_read(p, "categories", &out), SL_ELIMIT);
	assert_int_equal(out.len, 0);
	package_close(p);
	buf_fini(&bytes);
	buf_fini(&out);
}

static void what_cannot_be_written_is_refused(void **state)
{
	struct package_info info = {.kind = PACKAGE_CATEGORIES};
	struct package_section section = {"categories", "x", 1};
	EVP_PKEY *ec = EVP_EC_gen("P-256");
	struct buf out;

	buf_init(&out, PACKAGE_MAX);
	assert_int_equal(package_write(&info, &section, 1, ec, &out), SL_EINVAL);
	assert_int_equal(package_write(&info, &section, 0, ours, &out), SL_EINVAL);
	section.name = "a-name-that-has-thirty-two-bytes";
	assert_int_equal(package_write(&info, &section, 1, ours, &out), SL_EINVAL);
	section.name = "s";
	info.name[0] = (char)0xff;
	assert_int_equal(package_write(&info, &section, 1, ours, &out), SL_EINVAL);
	EVP_PKEY_free(ec);
	buf_fini(&out);
}

static void keys_come_from_files(void **state)
{
	char path[] = "/tmp/test-package-XXXXXX";
	int fd = mkstemp(path);
	FILE *f = fdopen(fd, "w");
	struct package_keys keys = {.count = 0};
	struct pki_error err;

	assert_int_equal(package_keys_load(&keys, path, &err), SL_EMALFORMED);
	assert_non_null(strstr(err.text, "no public key"));
	assert_int_equal(PEM_write_PUBKEY(f, ours), 1);
	assert_int_equal(PEM_write_PUBKEY(f, other), 1);
	assert_int_equal(fclose(f), 0);
	assert_int_equal(package_keys_load(&keys, path, &err), 0);
	assert_int_equal(keys.count, 2);
	assert_int_equal(EVP_PKEY_eq(keys.items[1], other), 1);
	package_keys_fini(&keys);
	assert_int_equal(package_keys_load(&keys, "/no/such/key", &err), SL_ENOENT);
	(void)unlink(path);
}

int main(void)
{
	static const struct CMUnitTest tests[] = {
	        cmocka_unit_test(what_was_written_is_read_again),
	        cmocka_unit_test(only_the_keys_that_are_trusted_sign),
	        cmocka_unit_test(no_bit_of_it_can_be_changed_and_nothing_left_out_or_added),
	        cmocka_unit_test(another_major_format_is_refused_with_a_clear_text),
	        cmocka_unit_test(another_layout_is_refused),
	        cmocka_unit_test(a_section_larger_than_the_reader_wants_is_not_unpacked),
	        cmocka_unit_test(what_cannot_be_written_is_refused),
	        cmocka_unit_test(keys_come_from_files),
	};

	return cmocka_run_group_tests(tests, setup, teardown);
}
