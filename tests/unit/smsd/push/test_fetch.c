/* SPDX-License-Identifier: Apache-2.0 */
/* What a device may fetch: private keys that its documents name and no others, sealed for it alone;
 * files of the wanted document and no others. */
#include "tests/unit/smsd/push/field.h"

#include <openssl/evp.h>
#include <openssl/x509.h>
#include <stdio.h>
#include <stdlib.h>

#include "lib/base/err.h"
#include "lib/remote/packed.h"
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

/* What there is of one id in an answer, in order; the answer is whole. */
static struct remote_key key_at(const struct buf *answer, size_t index, struct remote_keys *ret_all)
{
	struct remote_key key;

	assert_int_equal(remote_keys_begin(answer->data, answer->len, ret_all), 0);
	for (size_t i = 0; i <= index; i++)
		assert_int_equal(remote_keys_next(ret_all, &key), 0);
	return key;
}

/* Opens what was sealed for `name`; NULL when it was not for it. */
static EVP_PKEY *open_key(struct field *f, const struct buf *answer, size_t index,
                          const uint8_t *id, const char *name)
{
	uint8_t aad[VAULT_ID_SIZE + 64], plain[8192];
	struct remote_keys all;
	struct remote_key key = key_at(answer, index, &all);
	struct hpke_context context;
	const uint8_t *at = plain;
	PKCS8_PRIV_KEY_INFO *info;
	EVP_PKEY *opened;
	int rc;

	assert_int_equal(key.kind, REMOTE_KEY_SEALED);
	memcpy(aad, id, VAULT_ID_SIZE);
	memcpy(aad + VAULT_ID_SIZE, name, strlen(name));
	assert_int_equal(hpke_receive(f->sealing, HPKE_INFO_DEVICE_KEY, all.encapsulated, &context),
	                 0);
	rc = hpke_context_open(&context, key.number, aad, VAULT_ID_SIZE + strlen(name), key.bytes,
	                       key.len, plain);
	hpke_context_fini(&context);
	if (rc != 0)
		return NULL;
	info = d2i_PKCS8_PRIV_KEY_INFO(NULL, &at, (long)(key.len - HPKE_TAG));
	assert_non_null(info);
	opened = EVP_PKCS82PKEY(info);
	PKCS8_PRIV_KEY_INFO_free(info);
	return opened;
}

static void assert_words(const struct buf *answer, size_t index, const char *words)
{
	struct remote_keys all;
	struct remote_key key = key_at(answer, index, &all);

	assert_int_equal(key.kind, REMOTE_KEY_REFUSED);
	assert_non_null(memmem(key.bytes, key.len, words, strlen(words)));
}

static void assert_refused(struct field *f, int64_t device, const uint8_t *id, const char *words)
{
	struct remote_keys all;
	struct remote_key key;
	struct buf answer;

	assert_int_equal(field_ask_keys(f, device, id, VAULT_ID_SIZE, &answer), 0);
	assert_words(&answer, 0, words);
	(void)key_at(&answer, 0, &all);
	assert_int_equal(remote_keys_next(&all, &key), SL_ENOENT);
	buf_fini(&answer);
}

static void test_a_key_for_one_device(void **state)
{
	struct field *f = *state;
	int64_t box = field_add_device(f, "box", SETTINGS);
	uint8_t id[VAULT_ID_SIZE];
	EVP_PKEY *key = add_key(f, id), *opened;
	struct buf answer;

	memcpy(field_documents.keys[0], id, sizeof(id));
	field_documents.keys_count = 1;
	field_begin(f, 0, NULL);
	assert_int_equal(field_ask_keys(f, box, id, sizeof(id), &answer), 0);
	opened = open_key(f, &answer, 0, id, "box");
	assert_non_null(opened);
	assert_int_equal(EVP_PKEY_eq(opened, key), 1);
	assert_null(open_key(f, &answer, 0, id, "bow"));
	id[0] ^= 1;
	assert_null(open_key(f, &answer, 0, id, "box"));
	assert_int_equal(place_audited(f->place, "device keys", "box"), 1);
	EVP_PKEY_free(opened);
	EVP_PKEY_free(key);
	buf_fini(&answer);
}

/* Answers are in the order of the questions, whichever of them is refused, and for what. */
static void test_many_keys_have_their_places(void **state)
{
	struct field *f = *state;
	int64_t box = field_add_device(f, "box", SETTINGS);
	uint8_t ids[6][VAULT_ID_SIZE] = {{0}};
	EVP_PKEY *first, *last, *opened;
	struct buf answer;

	first = add_key(f, ids[1]);
	last = add_key(f, ids[4]);
	memset(ids[2], 2, VAULT_ID_SIZE); /* named, and not in the vault */
	for (size_t i = 0; i < 3; i++)
		memcpy(field_documents.keys[i], ids[(size_t[]){1, 2, 4}[i]], VAULT_ID_SIZE);
	field_documents.keys_count = 3;
	field_begin(f, 0, NULL);
	assert_int_equal(field_ask_keys(f, box, ids, sizeof(ids), &answer), 0);
	assert_words(&answer, 0, "no document");
	opened = open_key(f, &answer, 1, ids[1], "box");
	assert_int_equal(EVP_PKEY_eq(opened, first), 1);
	EVP_PKEY_free(opened);
	assert_words(&answer, 2, "no such private key");
	assert_words(&answer, 3, "no document");
	opened = open_key(f, &answer, 4, ids[4], "box");
	assert_int_equal(EVP_PKEY_eq(opened, last), 1);
	EVP_PKEY_free(opened);
	assert_words(&answer, 5, "no document");
	EVP_PKEY_free(first);
	EVP_PKEY_free(last);
	buf_fini(&answer);
}

static void test_what_is_no_list_of_ids(void **state)
{
	struct field *f = *state;
	int64_t box = field_add_device(f, "box", SETTINGS);
	uint8_t *ids = calloc(REMOTE_KEYS_MAX + 1, VAULT_ID_SIZE);
	const size_t lengths[] = {0, 1, VAULT_ID_SIZE - 1, VAULT_ID_SIZE + 1,
	                          (size_t)(REMOTE_KEYS_MAX + 1) * VAULT_ID_SIZE};
	struct buf answer;

	for (size_t i = 0; i < SL_ARRAY_LEN(lengths); i++) {
		assert_int_equal(field_ask_keys(f, box, ids, lengths[i], &answer), SL_EINVAL);
		buf_fini(&answer);
		assert_int_equal(field_bundle(f, box, ids, lengths[i], NULL), SL_EINVAL);
	}
	free(ids);
}

/* Those that no document of the device names: another's, nobody's, and what is no id. */
static void test_keys_of_others(void **state)
{
	static const char *const with[] = {"with"};
	struct field *f = *state;
	int64_t without = field_add_device(f, "without", SETTINGS);
	uint8_t id[VAULT_ID_SIZE], zeros[VAULT_ID_SIZE] = {0};

	field_add_device(f, "with", SETTINGS);
	EVP_PKEY_free(add_key(f, id));
	assert_refused(f, without, id, "no document");
	memcpy(field_documents.keys[0], id, sizeof(id));
	field_documents.keys_count = 1;
	field_begin(f, 1, with);
	assert_refused(f, without, id, "no document");
	assert_refused(f, without, zeros, "no document");
	assert_int_equal(place_audited(f->place, "device keys", NULL), 0);
}

static void test_a_key_that_is_broken_or_gone(void **state)
{
	struct field *f = *state;
	int64_t box = field_add_device(f, "box", SETTINGS);
	uint8_t id[VAULT_ID_SIZE];

	EVP_PKEY_free(add_key(f, id));
	memcpy(field_documents.keys[0], id, sizeof(id));
	field_documents.keys_count = 1;
	field_begin(f, 0, NULL);
	field_sql(f, "UPDATE private_key SET sealed = X'01020304'");
	assert_refused(f, box, id, "broken key");
	field_sql(f, "DELETE FROM private_key");
	assert_refused(f, box, id, "no such private key");
}

/* The one in force counts as long as it is: a device that starts again needs its keys. */
static void test_keys_of_the_document_in_force(void **state)
{
	struct field *f = *state;
	int64_t box = field_add_device(f, "box", SETTINGS);
	uint8_t id[VAULT_ID_SIZE];
	char sha256[BLOB_HEX_MAX], next[BLOB_HEX_MAX];
	struct remote_keys all;
	struct buf answer;

	EVP_PKEY_free(add_key(f, id));
	memcpy(field_documents.keys[0], id, sizeof(id));
	field_documents.keys_count = 1;
	field_begin(f, 0, NULL);
	(void)field_wanted(f, box, 0, sha256);
	assert_int_equal(field_say(f, box, 1, "confirmed", sha256, NULL), 0);
	field_documents.keys_count = 0;
	field_documents.proxy = "another";
	field_begin(f, 0, NULL);
	(void)field_wanted(f, box, 1, next);
	assert_int_equal(field_ask_keys(f, box, id, sizeof(id), &answer), 0);
	assert_int_equal(key_at(&answer, 0, &all).kind, REMOTE_KEY_SEALED);
	buf_fini(&answer);
	assert_int_equal(field_say(f, box, 2, "confirmed", next, NULL), 0);
	assert_refused(f, box, id, "no document");
}

static void test_files(void **state)
{
	struct field *f = *state;
	int64_t box = field_add_device(f, "box", SETTINGS),
	        other = field_add_device(f, "other", "{\"version\":1,\"limits\":{}}");
	static const char hex[] = "00112233445566778899aabbccddeeff"
	                          "00112233445566778899aabbccddeeff";
	uint8_t sha256[2][BLOB_DIGEST];
	char query[128], sql[512], *body;
	struct buf rows;

	field_begin(f, 0, NULL);
	(void)snprintf(sql, sizeof(sql),
	               "INSERT INTO blob (sha256, size, made_ms) VALUES (X'%s', 5, 0);"
	               "INSERT INTO blob_piece (sha256, at, bytes) VALUES (X'%s', 0, 'bytes');"
	               "INSERT INTO document_file (body, sha256, size) SELECT body, X'%s', 5"
	               " FROM device_document WHERE device = %lld",
	               hex, hex, hex, (long long)box);
	field_sql(f, sql);
	assert_int_equal(blob_digest_parse(hex, sha256[0]), 0);
	memcpy(sha256[1], sha256[0], BLOB_DIGEST);
	assert_int_equal(field_fetch(f, box, push_files, "revision=1", &rows), 0);
	assert_int_equal(rows.len, REMOTE_FILE_ROW);
	assert_memory_equal(rows.data, sha256[0], BLOB_DIGEST);
	assert_int_equal(remote_file_size(rows.data), 5);
	buf_fini(&rows);
	assert_int_equal(field_fetch(f, other, push_files, "revision=1", &rows), 0);
	assert_int_equal(rows.len, 0);
	buf_fini(&rows);
	(void)snprintf(query, sizeof(query), "sha256=%s&offset=0", hex);
	assert_int_equal(field_get(f, box, push_file, query, &body), 0);
	assert_string_equal(body, "bytes");
	free(body);
	assert_int_equal(field_bundle(f, box, sha256, sizeof(sha256), &body), 0);
	assert_string_equal(body, "bytesbytes");
	free(body);
	assert_int_equal(field_bundle(f, other, sha256, BLOB_DIGEST, NULL), SL_ENOENT);
	sha256[1][0] ^= 1;
	assert_int_equal(field_bundle(f, box, sha256, sizeof(sha256), NULL), SL_ENOENT);
	assert_int_equal(field_get(f, other, push_file, query, NULL), SL_ENOENT);
	assert_int_equal(field_get(f, box, push_file, "sha256=00&offset=0", NULL), SL_EINVAL);
	assert_int_equal(field_get(f, box, push_file, "offset=0", NULL), SL_EINVAL);
	(void)snprintf(query, sizeof(query), "sha256=%s&offset=-1", hex);
	assert_int_equal(field_get(f, box, push_file, query, NULL), SL_EINVAL);
	/* Not of the wanted document any more. */
	field_documents.proxy = "another";
	field_begin(f, 0, NULL);
	assert_int_equal(field_bundle(f, box, sha256, BLOB_DIGEST, NULL), SL_ENOENT);
	(void)snprintf(query, sizeof(query), "sha256=%s&offset=0", hex);
	assert_int_equal(field_get(f, box, push_file, query, NULL), SL_ENOENT);
}

int main(void)
{
#define T(fn) cmocka_unit_test_setup_teardown(fn, field_setup, field_teardown)
	const struct CMUnitTest tests[] = {
	        T(test_a_key_for_one_device),
	        T(test_many_keys_have_their_places),
	        T(test_what_is_no_list_of_ids),
	        T(test_keys_of_others),
	        T(test_a_key_that_is_broken_or_gone),
	        T(test_keys_of_the_document_in_force),
	        T(test_files),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
