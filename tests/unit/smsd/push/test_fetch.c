/* SPDX-License-Identifier: Apache-2.0 */
/* What a device may fetch: private keys that its documents name and no others, sealed for it alone;
 * files of the wanted document and no others. */
#include "tests/unit/smsd/push/field.h"

#include <openssl/evp.h>
#include <openssl/x509.h>
#include <stdio.h>
#include <stdlib.h>

#include "lib/base/err.h"
#include "smsd/object/blob.h"

#define SETTINGS "{\"version\":1}"

static int put(void *arg, struct store_tx *tx)
{
	return vault_put(tx, arg);
}

/* A new key in the vault; its id. */
static EVP_PKEY *add_key(struct field *f, uint8_t ret_id[VAULT_ID_SIZE])
{
	EVP_PKEY *key = EVP_EC_gen("P-256");
	struct vault_sealed sealed;

	assert_non_null(key);
	assert_int_equal(vault_seal(f->vault, key, false, &sealed), 0);
	assert_int_equal(store_write(f->place->store, put, &sealed), 0);
	memcpy(ret_id, sealed.id, VAULT_ID_SIZE);
	vault_sealed_fini(&sealed);
	return key;
}

static size_t decode(const json_t *key, const char *name, uint8_t *ret_bytes)
{
	const char *text = json_string_value(json_object_get(key, name));
	size_t len = strlen(text);
	int n = EVP_DecodeBlock(ret_bytes, (const unsigned char *)text, (int)len);

	assert_true(n > 0);
	return (size_t)n - (text[len - 1] == '=') - (text[len - 2] == '=');
}

/* Opens what was sealed for `name`; NULL when it was not for it. */
static EVP_PKEY *open_key(struct field *f, const json_t *key, const uint8_t *id, const char *name)
{
	uint8_t aad[VAULT_ID_SIZE + 64], sealed[8192], enc[HPKE_ENCAPSULATED + 2], plain[8192];
	uint32_t number = (uint32_t)json_integer_value(json_object_get(key, "number"));
	size_t len = decode(key, "sealed", sealed);
	struct hpke_context context;
	const uint8_t *at = plain;
	PKCS8_PRIV_KEY_INFO *info;
	EVP_PKEY *opened;

	assert_int_equal(decode(key, "encapsulated", enc), HPKE_ENCAPSULATED);
	memcpy(aad, id, VAULT_ID_SIZE);
	memcpy(aad + VAULT_ID_SIZE, name, strlen(name));
	assert_int_equal(hpke_receive(f->sealing, HPKE_INFO_DEVICE_KEY, enc, &context), 0);
	if (hpke_context_open(&context, number, aad, VAULT_ID_SIZE + strlen(name), sealed, len,
	                      plain) != 0)
		return NULL;
	info = d2i_PKCS8_PRIV_KEY_INFO(NULL, &at, (long)(len - HPKE_TAG));
	assert_non_null(info);
	opened = EVP_PKCS82PKEY(info);
	PKCS8_PRIV_KEY_INFO_free(info);
	return opened;
}

static void assert_refused(struct field *f, int64_t device, const char *id, const char *words)
{
	json_t *key = field_ask_key(f, device, id);
	const char *refused = json_string_value(json_object_get(key, "refused"));

	assert_string_equal(json_string_value(json_object_get(key, "id")), id);
	assert_non_null(refused);
	assert_non_null(strstr(refused, words));
	assert_null(json_object_get(key, "sealed"));
	json_decref(key);
}

static void test_a_key_for_one_device(void **state)
{
	struct field *f = *state;
	int64_t box = field_add_device(f, "box", SETTINGS);
	uint8_t id[VAULT_ID_SIZE];
	EVP_PKEY *key = add_key(f, id), *opened;
	char hex[BLOB_HEX_MAX];
	json_t *answer;

	(void)blob_digest_text(id, hex);
	memcpy(field_documents.keys[0], id, sizeof(id));
	field_documents.keys_count = 1;
	field_begin(f, 0, NULL);
	answer = field_ask_key(f, box, hex);
	opened = open_key(f, answer, id, "box");
	assert_non_null(opened);
	assert_int_equal(EVP_PKEY_eq(opened, key), 1);
	assert_null(open_key(f, answer, id, "bow"));
	id[0] ^= 1;
	assert_null(open_key(f, answer, id, "box"));
	assert_int_equal(place_audited(f->place, "device keys", "box"), 1);
	EVP_PKEY_free(opened);
	EVP_PKEY_free(key);
	json_decref(answer);
}

/* Those that no document of the device names: another's, nobody's, and what is no id. */
static void test_keys_of_others(void **state)
{
	static const char *const with[] = {"with"};
	struct field *f = *state;
	int64_t without = field_add_device(f, "without", SETTINGS);
	uint8_t id[VAULT_ID_SIZE];
	char hex[BLOB_HEX_MAX];

	field_add_device(f, "with", SETTINGS);
	EVP_PKEY_free(add_key(f, id));
	(void)blob_digest_text(id, hex);
	assert_refused(f, without, hex, "no document");
	memcpy(field_documents.keys[0], id, sizeof(id));
	field_documents.keys_count = 1;
	field_begin(f, 1, with);
	assert_refused(f, without, hex, "no document");
	assert_refused(f, without, "", "no document");
	assert_refused(f, without, "../vault.key", "no document");
	assert_int_equal(place_audited(f->place, "device keys", NULL), 0);
}

static void test_a_key_that_is_broken_or_gone(void **state)
{
	struct field *f = *state;
	int64_t box = field_add_device(f, "box", SETTINGS);
	uint8_t id[VAULT_ID_SIZE];
	char hex[BLOB_HEX_MAX];

	EVP_PKEY_free(add_key(f, id));
	(void)blob_digest_text(id, hex);
	memcpy(field_documents.keys[0], id, sizeof(id));
	field_documents.keys_count = 1;
	field_begin(f, 0, NULL);
	field_sql(f, "UPDATE private_key SET sealed = X'01020304'");
	assert_refused(f, box, hex, "broken key");
	field_sql(f, "DELETE FROM private_key");
	assert_refused(f, box, hex, "no such private key");
}

/* The one in force counts as long as it is: a device that starts again needs its keys. */
static void test_keys_of_the_document_in_force(void **state)
{
	struct field *f = *state;
	int64_t box = field_add_device(f, "box", SETTINGS);
	uint8_t id[VAULT_ID_SIZE];
	char hex[BLOB_HEX_MAX], sha256[BLOB_HEX_MAX], next[BLOB_HEX_MAX];
	json_t *key;

	EVP_PKEY_free(add_key(f, id));
	(void)blob_digest_text(id, hex);
	memcpy(field_documents.keys[0], id, sizeof(id));
	field_documents.keys_count = 1;
	field_begin(f, 0, NULL);
	(void)field_wanted(f, box, 0, sha256);
	assert_int_equal(field_say(f, box, 1, "confirmed", sha256, NULL), 0);
	field_documents.keys_count = 0;
	field_documents.proxy = "another";
	field_begin(f, 0, NULL);
	(void)field_wanted(f, box, 1, next);
	key = field_ask_key(f, box, hex);
	assert_non_null(json_object_get(key, "sealed"));
	json_decref(key);
	assert_int_equal(field_say(f, box, 2, "confirmed", next, NULL), 0);
	assert_refused(f, box, hex, "no document");
}

static void test_files(void **state)
{
	struct field *f = *state;
	int64_t box = field_add_device(f, "box", SETTINGS),
	        other = field_add_device(f, "other", "{\"version\":1,\"limits\":{}}");
	static const char hex[] = "00112233445566778899aabbccddeeff"
	                          "00112233445566778899aabbccddeeff";
	char query[128], sql[512], *body;

	field_begin(f, 0, NULL);
	(void)snprintf(sql, sizeof(sql),
	               "INSERT INTO blob (sha256, size, made_ms) VALUES (X'%s', 5, 0);"
	               "INSERT INTO blob_piece (sha256, at, bytes) VALUES (X'%s', 0, 'bytes');"
	               "INSERT INTO document_file (body, sha256, size) SELECT body, X'%s', 5"
	               " FROM device_document WHERE device = %lld",
	               hex, hex, hex, (long long)box);
	field_sql(f, sql);
	assert_int_equal(field_get(f, box, push_files, "revision=1", &body), 0);
	assert_non_null(strstr(body, hex));
	free(body);
	assert_int_equal(field_get(f, other, push_files, "revision=1", &body), 0);
	assert_non_null(strstr(body, "{\"files\":[]}"));
	free(body);
	(void)snprintf(query, sizeof(query), "sha256=%s&offset=0", hex);
	assert_int_equal(field_get(f, box, push_file, query, &body), 0);
	assert_string_equal(body, "bytes");
	free(body);
	assert_int_equal(field_bundle(f, box, hex, hex, &body), 0);
	assert_string_equal(body, "bytesbytes");
	free(body);
	assert_int_equal(field_bundle(f, other, hex, NULL, NULL), SL_ENOENT);
	assert_int_equal(field_bundle(f, box, hex, "00", NULL), SL_EINVAL);
	assert_int_equal(field_get(f, other, push_file, query, NULL), SL_ENOENT);
	assert_int_equal(field_get(f, box, push_file, "sha256=00&offset=0", NULL), SL_EINVAL);
	assert_int_equal(field_get(f, box, push_file, "offset=0", NULL), SL_EINVAL);
	(void)snprintf(query, sizeof(query), "sha256=%s&offset=-1", hex);
	assert_int_equal(field_get(f, box, push_file, query, NULL), SL_EINVAL);
	/* Not of the wanted document any more. */
	field_documents.proxy = "another";
	field_begin(f, 0, NULL);
	assert_int_equal(field_bundle(f, box, hex, NULL, NULL), SL_ENOENT);
	(void)snprintf(query, sizeof(query), "sha256=%s&offset=0", hex);
	assert_int_equal(field_get(f, box, push_file, query, NULL), SL_ENOENT);
}

int main(void)
{
#define T(fn) cmocka_unit_test_setup_teardown(fn, field_setup, field_teardown)
	const struct CMUnitTest tests[] = {
	        T(test_a_key_for_one_device),
	        T(test_keys_of_others),
	        T(test_a_key_that_is_broken_or_gone),
	        T(test_keys_of_the_document_in_force),
	        T(test_files),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
