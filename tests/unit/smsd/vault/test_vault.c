/* SPDX-License-Identifier: Apache-2.0 */
#include "smsd/vault/vault_priv.h"

#include <openssl/core_names.h>
#include <openssl/crypto.h>
#include <openssl/ec.h>
#include <openssl/rand.h>
#include <openssl/rsa.h>
#include <openssl/x509.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "lib/base/err.h"
#include "lib/pki/key.h"
#include "smsd/auth/audit.h"
#include "tests/unit/smsd/place.h"

#define WORDS "a passphrase of words"

static struct vault_source key_file(struct place *place, const char *name)
{
	static char path[8][128];
	static unsigned next;
	char *own = path[next++ % SL_ARRAY_LEN(path)];

	(void)snprintf(own, sizeof(path[0]), "%s", place_path(place, name));
	if (access(own, F_OK) != 0)
		assert_int_equal(vault_key_file_make(own, &place->problem), 0);
	return (struct vault_source){.key_file = own};
}

static struct vault *open_vault(struct place *place)
{
	struct vault_source source = key_file(place, "one.key");
	struct vault *vault = NULL;

	assert_int_equal(vault_open(place->store, &source, &vault, &place->problem), 0);
	return vault;
}

static int put(void *arg, struct store_tx *tx)
{
	return vault_put(tx, arg);
}

static int drop(void *arg, struct store_tx *tx)
{
	return vault_drop(tx, arg);
}

static void store_key(struct place *place, struct vault *vault, EVP_PKEY *key, bool exportable,
                      uint8_t ret_id[VAULT_ID_SIZE])
{
	struct vault_sealed sealed;

	assert_int_equal(vault_seal(vault, key, exportable, &sealed), 0);
	assert_int_equal(store_write(place->store, put, &sealed), 0);
	memcpy(ret_id, sealed.id, VAULT_ID_SIZE);
	vault_sealed_fini(&sealed);
	assert_null(sealed.bytes);
}

static int use(struct place *place, struct vault *vault, const uint8_t *id, EVP_PKEY **ret_key)
{
	return vault_use(vault, id, &place_actor, "sign request", ret_key, &place->problem);
}

static void assert_opens(struct place *place, struct vault *vault, const uint8_t *id,
                         const EVP_PKEY *as)
{
	unsigned uses = place_audited(place, "sign request", NULL);
	EVP_PKEY *key = NULL;

	assert_int_equal(vault_check(vault, id), 0);
	assert_int_equal(place_audited(place, "sign request", NULL), uses);
	assert_int_equal(use(place, vault, id, &key), 0);
	assert_int_equal(EVP_PKEY_eq(key, as), 1);
	assert_int_equal(EVP_PKEY_get_bits(key), EVP_PKEY_get_bits(as));
	EVP_PKEY_free(key);
}

static void a_key_of_each_kind_comes_back_as_it_was(void **state)
{
	struct place *place = *state;
	struct vault *vault = open_vault(place);
	EVP_PKEY *keys[] = {EVP_RSA_gen(2048), EVP_EC_gen("P-256"), EVP_EC_gen("P-384"),
	                    EVP_PKEY_Q_keygen(NULL, NULL, "ED25519")};

	for (size_t i = 0; i < SL_ARRAY_LEN(keys); i++) {
		uint8_t id[VAULT_ID_SIZE], its_id[VAULT_ID_SIZE];
		bool exportable = true;

		store_key(place, vault, keys[i], false, id);
		assert_int_equal(pki_key_id(keys[i], its_id), 0);
		assert_memory_equal(id, its_id, sizeof(id));
		assert_int_equal(vault_has(place->store, id, &exportable), 0);
		assert_false(exportable);
		assert_opens(place, vault, id, keys[i]);
		EVP_PKEY_free(keys[i]);
	}
	vault_close(vault);
}

static void a_key_is_there_when_smsd_starts_again(void **state)
{
	struct place *place = *state;
	struct vault *vault = open_vault(place);
	EVP_PKEY *key = EVP_EC_gen("P-256");
	uint8_t id[VAULT_ID_SIZE];

	store_key(place, vault, key, false, id);
	vault_close(vault);
	place_close(place);
	place_open(place);
	vault = open_vault(place);
	assert_opens(place, vault, id, key);
	vault_close(vault);
	EVP_PKEY_free(key);
}

static void a_public_key_alone_is_not_stored(void **state)
{
	struct place *place = *state;
	struct vault *vault = open_vault(place);
	EVP_PKEY *key = EVP_EC_gen("P-256"), *public;
	struct vault_sealed sealed;
	unsigned char *der = NULL;
	const unsigned char *at;
	int len = i2d_PUBKEY(key, &der);

	at = der;
	public = d2i_PUBKEY(NULL, &at, len);
	assert_int_equal(vault_seal(vault, public, false, &sealed), SL_ECRYPTO);
	OPENSSL_free(der);
	EVP_PKEY_free(public);
	EVP_PKEY_free(key);
	vault_close(vault);
}

/* A row of private_key, to be put back otherwise than it was. */
struct raw {
	uint8_t id[VAULT_ID_SIZE];
	uint8_t bytes[4096];
	size_t len;
	int64_t exportable;
};

static int take_raw(void *arg, const struct store_row *row)
{
	struct raw *raw = arg;
	const void *bytes = store_row_blob(row, 0, &raw->len);

	assert_in_range(raw->len, 1, sizeof(raw->bytes));
	memcpy(raw->bytes, bytes, raw->len);
	raw->exportable = store_row_integer(row, 1);
	return 0;
}

static void read_raw(struct place *place, const uint8_t *id, struct raw *raw)
{
	const struct store_value value = store_blob(id, VAULT_ID_SIZE);

	memset(raw, 0, sizeof(*raw));
	memcpy(raw->id, id, VAULT_ID_SIZE);
	assert_int_equal(store_read(place->store, STORE_PRIVATE_KEY, &value, 1, take_raw, raw), 0);
	assert_true(raw->len > 0);
}

static int put_raw(void *arg, struct store_tx *tx)
{
	const struct raw *raw = arg;
	const struct store_value values[] = {store_blob(raw->id, VAULT_ID_SIZE),
	                                     store_blob(raw->bytes, raw->len),
	                                     store_integer(raw->exportable), store_integer(0)};
	int rc = store_tx_run(tx, STORE_PRIVATE_KEY_DROP, values, 1, NULL, NULL);

	return rc ? rc : store_tx_run(tx, STORE_PRIVATE_KEY_ADD, values, 4, NULL, NULL);
}

static void write_raw(struct place *place, struct raw *raw)
{
	assert_int_equal(store_write(place->store, put_raw, raw), 0);
}

static void assert_damaged(struct place *place, struct vault *vault, const uint8_t *id)
{
	EVP_PKEY *key = NULL;

	assert_int_equal(vault_check(vault, id), SL_ECRYPTO);
	assert_int_equal(use(place, vault, id, &key), SL_ECRYPTO);
	assert_null(key);
	assert_non_null(strstr(place_told(place), "is damaged"));
}

struct given {
	EVP_PKEY *keys[4];
	int codes[4];
	size_t count;
};

static int take_plain(void *arg, size_t index, int code, const uint8_t *der, size_t len)
{
	struct given *given = arg;

	assert_int_equal(index, given->count);
	given->codes[index] = code;
	given->keys[index] = code ? NULL : d2i_AutoPrivateKey(NULL, &der, (long)len);
	given->count++;
	return 0;
}

/* Each in its place, those that are damaged or gone with why; one audit row names those there. */
static void many_keys_are_one_use(void **state)
{
	struct place *place = *state;
	struct vault *vault = open_vault(place);
	EVP_PKEY *one = EVP_EC_gen("P-256"), *other = EVP_EC_gen("P-384"),
	         *damaged = EVP_EC_gen("P-256");
	uint8_t ids[4][VAULT_ID_SIZE] = {{0}};
	struct given given = {.count = 0};
	struct raw raw;
	json_t *list;

	store_key(place, vault, one, false, ids[0]);
	store_key(place, vault, damaged, false, ids[2]);
	store_key(place, vault, other, true, ids[3]);
	read_raw(place, ids[2], &raw);
	raw.bytes[raw.len - 1] ^= 1;
	write_raw(place, &raw);
	assert_int_equal(vault_use_all(vault, (const uint8_t(*)[VAULT_ID_SIZE])ids, 4, &place_actor,
	                               "device keys", "box", take_plain, &given),
	                 0);
	assert_int_equal(given.count, 4);
	assert_int_equal(EVP_PKEY_eq(given.keys[0], one), 1);
	assert_int_equal(given.codes[1], SL_ENOENT);
	assert_int_equal(given.codes[2], SL_ECRYPTO);
	assert_int_equal(EVP_PKEY_eq(given.keys[3], other), 1);
	assert_int_equal(place_audited(place, "device keys", "box"), 1);
	assert_int_equal(audit_list(place->store, 0, 1, &list), 0);
	assert_int_equal(json_array_size(json_object_get(
	                         json_object_get(json_array_get(list, 0), "after"), "keys")),
	                 3);
	json_decref(list);
	vault_close(vault);
	EVP_PKEY_free(given.keys[0]);
	EVP_PKEY_free(given.keys[3]);
	EVP_PKEY_free(one);
	EVP_PKEY_free(other);
	EVP_PKEY_free(damaged);
}

static void a_row_exchanged_with_anothers_is_refused(void **state)
{
	struct place *place = *state;
	struct vault *vault = open_vault(place);
	EVP_PKEY *one = EVP_EC_gen("P-256"), *other = EVP_EC_gen("P-256");
	uint8_t one_id[VAULT_ID_SIZE], other_id[VAULT_ID_SIZE];
	struct raw raw;

	store_key(place, vault, one, true, one_id);
	store_key(place, vault, other, true, other_id);
	read_raw(place, other_id, &raw);
	memcpy(raw.id, one_id, sizeof(one_id));
	write_raw(place, &raw);
	assert_damaged(place, vault, one_id);
	assert_opens(place, vault, other_id, other);
	vault_close(vault);
	EVP_PKEY_free(one);
	EVP_PKEY_free(other);
}

static void a_changed_byte_or_a_shorter_row_is_refused(void **state)
{
	struct place *place = *state;
	struct vault *vault = open_vault(place);
	EVP_PKEY *key = EVP_EC_gen("P-256");
	uint8_t id[VAULT_ID_SIZE];
	struct raw raw;

	store_key(place, vault, key, true, id);
	read_raw(place, id, &raw);
	for (size_t at = 0; at < raw.len; at += 7) {
		raw.bytes[at] ^= 1;
		write_raw(place, &raw);
		assert_damaged(place, vault, id);
		raw.bytes[at] ^= 1;
	}
	raw.len = VAULT_SEAL_EXTRA;
	write_raw(place, &raw);
	assert_damaged(place, vault, id);
	vault_close(vault);
	EVP_PKEY_free(key);
}

static void who_writes_the_database_cannot_make_a_key_exportable(void **state)
{
	struct place *place = *state;
	struct vault *vault = open_vault(place);
	EVP_PKEY *key = EVP_EC_gen("P-256"), *got = NULL;
	uint8_t id[VAULT_ID_SIZE];
	struct raw raw;

	store_key(place, vault, key, false, id);
	read_raw(place, id, &raw);
	raw.exportable = 1;
	write_raw(place, &raw);
	assert_int_equal(vault_export(vault, id, &place_actor, &got, &place->problem), SL_ECRYPTO);
	assert_null(got);
	vault_close(vault);
	EVP_PKEY_free(key);
}

static void exportable_can_be_taken_away_and_never_given(void **state)
{
	struct place *place = *state;
	struct vault *vault = open_vault(place);
	EVP_PKEY *key = EVP_EC_gen("P-256"), *got = NULL;
	uint8_t id[VAULT_ID_SIZE];
	bool exportable = false;

	store_key(place, vault, key, true, id);
	assert_int_equal(vault_has(place->store, id, &exportable), 0);
	assert_true(exportable);
	assert_int_equal(vault_export(vault, id, &place_actor, &got, &place->problem), 0);
	assert_int_equal(EVP_PKEY_eq(got, key), 1);
	EVP_PKEY_free(got);
	store_key(place, vault, key, false, id);
	store_key(place, vault, key, true, id);
	assert_int_equal(vault_has(place->store, id, &exportable), 0);
	assert_false(exportable);
	assert_opens(place, vault, id, key);
	vault_close(vault);
	EVP_PKEY_free(key);
}

static void a_use_is_written_down_and_an_export_that_is_refused_too(void **state)
{
	struct place *place = *state;
	struct vault *vault = open_vault(place);
	EVP_PKEY *key = EVP_EC_gen("P-256"), *got = NULL;
	char name[2 * VAULT_ID_SIZE + 1];
	uint8_t id[VAULT_ID_SIZE];

	store_key(place, vault, key, false, id);
	for (size_t i = 0; i < sizeof(id); i++)
		(void)snprintf(name + 2 * i, 3, "%02x", id[i]);
	assert_opens(place, vault, id, key);
	assert_int_equal(place_audited(place, "sign request", name), 1);
	assert_int_equal(vault_export(vault, id, &place_actor, &got, &place->problem), SL_EPERM);
	assert_null(got);
	assert_non_null(strstr(place_told(place), "not exportable"));
	assert_int_equal(place_audited(place, "export refused", name), 1);
	assert_int_equal(place_audited(place, "export", NULL), 0);
	vault_close(vault);
	EVP_PKEY_free(key);
}

static void a_key_that_is_not_there_is_said_so_and_is_no_use(void **state)
{
	struct place *place = *state;
	struct vault *vault = open_vault(place);
	uint8_t id[VAULT_ID_SIZE] = {1};
	EVP_PKEY *key = NULL;
	bool exportable;

	assert_int_equal(use(place, vault, id, &key), SL_ENOENT);
	assert_non_null(strstr(place_told(place), "no private key 0100"));
	assert_int_equal(vault_has(place->store, id, &exportable), SL_ENOENT);
	assert_int_equal(store_write(place->store, drop, id), SL_ENOENT);
	assert_int_equal(place_audited(place, "sign request", NULL), 0);
	vault_close(vault);
}

static void a_dropped_key_is_gone(void **state)
{
	struct place *place = *state;
	struct vault *vault = open_vault(place);
	EVP_PKEY *key = EVP_EC_gen("P-256"), *got = NULL;
	uint8_t id[VAULT_ID_SIZE];

	store_key(place, vault, key, true, id);
	assert_int_equal(store_write(place->store, drop, id), 0);
	assert_int_equal(use(place, vault, id, &got), SL_ENOENT);
	vault_close(vault);
	EVP_PKEY_free(key);
}

static void assert_refused(struct place *place, struct vault_source source, const char *text)
{
	struct vault *vault = NULL;

	assert_int_equal(vault_open(place->store, &source, &vault, &place->problem), SL_EPERM);
	assert_null(vault);
	assert_int_not_equal(place->problem.items[0].remedy[0], 0);
	assert_non_null(strstr(place_told(place), text));
}

static void the_wrong_key_file_or_passphrase_is_refused_in_words(void **state)
{
	struct place *place = *state;
	struct vault *vault = open_vault(place);
	struct vault_source words = {.passphrase = WORDS};

	assert_refused(place, key_file(place, "other.key"), "not the one that opens");
	assert_refused(place, words, "opens by a key file, not by a passphrase");
	assert_int_equal(vault_rotate(vault, &words, &place_actor, &place->problem), 0);
	assert_refused(place, (struct vault_source){.passphrase = WORDS "!"}, "does not open");
	assert_refused(place, key_file(place, "one.key"), "by a passphrase, not by a key file");
	vault_close(vault);
	assert_int_equal(vault_open(place->store, &words, &vault, &place->problem), 0);
	vault_close(vault);
}

static int take_sealed(void *arg, const struct store_row *row)
{
	size_t len;
	const void *sealed = store_row_blob(row, 3, &len);

	assert_int_equal(len, VAULT_KEY_SIZE + VAULT_SEAL_EXTRA);
	memcpy(arg, sealed, len);
	return 0;
}

static void rotation_keeps_the_keys_and_makes_the_old_source_useless(void **state)
{
	struct place *place = *state;
	struct vault *vault = open_vault(place);
	struct vault_source other = key_file(place, "other.key");
	EVP_PKEY *key = EVP_EC_gen("P-256");
	uint8_t id[VAULT_ID_SIZE], old[VAULT_KEY_SIZE + VAULT_SEAL_EXTRA];
	struct raw before, after;

	store_key(place, vault, key, true, id);
	read_raw(place, id, &before);
	assert_int_equal(store_read(place->store, STORE_VAULT_KEY, NULL, 0, take_sealed, old), 0);
	assert_true(place_has_bytes(place, old, sizeof(old)));
	assert_int_equal(vault_rotate(vault, &other, &place_actor, &place->problem), 0);
	assert_int_equal(place_audited(place, "rotate", NULL), 1);
	assert_opens(place, vault, id, key);
	vault_close(vault);
	assert_refused(place, key_file(place, "one.key"), "not the one that opens");

	place_close(place);
	/* Not even who reads the file's free pages finds what the old source opens. */
	assert_false(place_has_bytes(place, old, sizeof(old)));
	place_open(place);
	assert_int_equal(vault_open(place->store, &other, &vault, &place->problem), 0);
	assert_opens(place, vault, id, key);
	read_raw(place, id, &after);
	assert_memory_equal(before.bytes, after.bytes, before.len);
	vault_close(vault);
	EVP_PKEY_free(key);
}

static void a_rotation_to_a_bad_source_changes_nothing(void **state)
{
	struct place *place = *state;
	struct vault *vault = open_vault(place);
	struct vault_source shorter = {.passphrase = "short"},
	                    absent = {.key_file = "/nowhere/key"};

	assert_int_equal(vault_rotate(vault, &shorter, &place_actor, &place->problem), SL_EINVAL);
	(void)place_told(place);
	assert_int_equal(vault_rotate(vault, &absent, &place_actor, &place->problem), SL_ENOENT);
	(void)place_told(place);
	assert_int_equal(place_audited(place, "rotate", NULL), 0);
	vault_close(vault);
	vault_close(open_vault(place));
}

static int drop_data_key(void *arg, struct store_tx *tx)
{
	const struct store_value value = store_integer(0);

	return store_tx_run(tx, STORE_VAULT_KEY_DROP_OTHERS, &value, 1, NULL, NULL);
}

static void no_new_data_key_is_made_where_keys_wait_for_the_old_one(void **state)
{
	struct place *place = *state;
	struct vault_source source = key_file(place, "one.key");
	struct vault *vault = open_vault(place);
	EVP_PKEY *key = EVP_EC_gen("P-256");
	uint8_t id[VAULT_ID_SIZE];

	store_key(place, vault, key, true, id);
	vault_close(vault);
	vault = NULL;
	assert_int_equal(store_write(place->store, drop_data_key, NULL), 0);
	assert_int_equal(vault_open(place->store, &source, &vault, &place->problem), SL_EMALFORMED);
	assert_non_null(strstr(place_told(place), "is gone"));
	assert_null(vault);
	EVP_PKEY_free(key);
}

/* The private number of an EC key. */
static void private_number(const EVP_PKEY *key, uint8_t number[32])
{
	BIGNUM *value = NULL;

	assert_int_equal(EVP_PKEY_get_bn_param(key, OSSL_PKEY_PARAM_PRIV_KEY, &value), 1);
	assert_int_equal(BN_bn2binpad(value, number, 32), 32);
	BN_free(value);
}

static void no_secret_is_in_the_files(void **state)
{
	struct place *place = *state;
	struct vault *vault = open_vault(place);
	EVP_PKEY *key = EVP_EC_gen("P-256");
	uint8_t id[VAULT_ID_SIZE], number[32], data_key[VAULT_KEY_SIZE];
	struct vault_source words = {.passphrase = WORDS};
	struct raw raw;

	store_key(place, vault, key, true, id);
	assert_opens(place, vault, id, key);
	assert_int_equal(vault_rotate(vault, &words, &place_actor, &place->problem), 0);
	private_number(key, number);
	memcpy(data_key, vault->key, sizeof(data_key));
	read_raw(place, id, &raw);
	for (int closed = 0; closed < 2; closed++) {
		/* So that the search is known to find what is there. */
		assert_true(place_has_bytes(place, raw.bytes, raw.len));
		assert_false(place_has_bytes(place, number, sizeof(number)));
		assert_false(place_has_bytes(place, data_key, sizeof(data_key)));
		assert_false(place_has_text(place, WORDS));
		if (!closed) {
			vault_close(vault);
			place_close(place);
		}
	}
	place_open(place);
	EVP_PKEY_free(key);
}

int main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, place_setup, place_teardown)
	const struct CMUnitTest tests[] = {
	        TEST(a_key_of_each_kind_comes_back_as_it_was),
	        TEST(a_key_is_there_when_smsd_starts_again),
	        TEST(a_public_key_alone_is_not_stored),
	        TEST(many_keys_are_one_use),
	        TEST(a_row_exchanged_with_anothers_is_refused),
	        TEST(a_changed_byte_or_a_shorter_row_is_refused),
	        TEST(who_writes_the_database_cannot_make_a_key_exportable),
	        TEST(exportable_can_be_taken_away_and_never_given),
	        TEST(a_use_is_written_down_and_an_export_that_is_refused_too),
	        TEST(a_key_that_is_not_there_is_said_so_and_is_no_use),
	        TEST(a_dropped_key_is_gone),
	        TEST(the_wrong_key_file_or_passphrase_is_refused_in_words),
	        TEST(rotation_keeps_the_keys_and_makes_the_old_source_useless),
	        TEST(a_rotation_to_a_bad_source_changes_nothing),
	        TEST(no_new_data_key_is_made_where_keys_wait_for_the_old_one),
	        TEST(no_secret_is_in_the_files),
	};
	uint8_t byte;
	size_t taken;
	int rc;

	/* As main does it: the bytes of keys are in the secure heap, and all of it is given back.
	 * OpenSSL's generators of random bytes have their states there for good. */
	if (CRYPTO_secure_malloc_init(1024 * 1024, 32) != 1 || RAND_bytes(&byte, 1) != 1 ||
	    RAND_priv_bytes(&byte, 1) != 1)
		return 1;
	taken = CRYPTO_secure_used();
	rc = RUN_TESTS(tests);
	if (CRYPTO_secure_used() != taken) {
		(void)fprintf(stderr, "the secure heap had %zu bytes taken, now it has %zu\n",
		              taken, CRYPTO_secure_used());
		rc = 1;
	}
	return rc;
}
