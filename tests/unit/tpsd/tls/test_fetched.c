/* SPDX-License-Identifier: Apache-2.0 */
/* Private keys that the SMS sends, and what of a hostile one never becomes a key. */
#include "tpsd/tls/fetched.h"

#include <openssl/x509.h>
#include <stdio.h>
#include <unistd.h>

#include "lib/base/err.h"
#include "lib/pki/ca.h"
#include "lib/pki/hpke.h"
#include "lib/pki/key.h"
#include "tests/unit/unit.h"

#define DEVICE "box"

struct sent {
	uint8_t id[KEY_ID_LEN];
	uint8_t encapsulated[HPKE_ENCAPSULATED];
	uint32_t number;
	uint8_t sealed[8192];
	size_t len;
};

static struct {
	struct fetched *fetched;
	int fd;
	EVP_PKEY *key;
	uint8_t id[KEY_ID_LEN];
} env;

static int setup(void **state)
{
	char path[] = "/tmp/test_fetched.XXXXXX";
	struct pki_error err;

	env.fd = mkstemp(path);
	assert_true(env.fd >= 0);
	(void)unlink(path);
	env.fetched = fetched_create();
	assert_non_null(env.fetched);
	assert_int_equal(fetched_open_sealing(env.fetched, env.fd, "sealing.pem"), 0);
	assert_int_equal(pki_key_make(PKI_KEY_P256, &env.key, &err), 0);
	assert_int_equal(pki_key_id(env.key, env.id), 0);
	return 0;
}

static int teardown(void **state)
{
	fetched_destroy(env.fetched);
	EVP_PKEY_free(env.key);
	(void)close(env.fd);
	return 0;
}

static size_t der_of(EVP_PKEY *key, uint8_t *out)
{
	PKCS8_PRIV_KEY_INFO *info = EVP_PKEY2PKCS8(key);
	uint8_t *at = out;
	int len = i2d_PKCS8_PRIV_KEY_INFO(info, &at);

	PKCS8_PRIV_KEY_INFO_free(info);
	assert_true(len > 0);
	return (size_t)len;
}

/* As the SMS does it: `der` for this id and device. */
static struct sent seal(const uint8_t *id, const char *device, const uint8_t *der, size_t len)
{
	struct sent s = {.len = len + HPKE_TAG};
	uint8_t aad[KEY_ID_LEN + 64];

	memcpy(s.id, id, KEY_ID_LEN);
	memcpy(aad, id, KEY_ID_LEN);
	memcpy(aad + KEY_ID_LEN, device, strlen(device));
	assert_int_equal(hpke_seal(fetched_sealing(env.fetched), HPKE_INFO_DEVICE_KEY, aad,
	                           KEY_ID_LEN + strlen(device), der, len, s.encapsulated, s.sealed),
	                 0);
	return s;
}

static int take(const struct sent *s, int status)
{
	const struct ipc_sealed_key msg = {
	        .status = status,
	        .id = {s->id, KEY_ID_LEN},
	        .encapsulated = {s->encapsulated, HPKE_ENCAPSULATED},
	        .number = s->number,
	        .sealed = {s->sealed, (uint32_t)s->len},
	        .device = ipc_text_of(DEVICE),
	};

	return fetched_take(env.fetched, &msg);
}

static struct sent sealed_key(void)
{
	uint8_t der[4096];

	return seal(env.id, DEVICE, der, der_of(env.key, der));
}

static size_t missing(bool unanswered)
{
	uint8_t ids[8][KEY_ID_LEN];

	return fetched_missing(env.fetched, 0, unanswered, ids, 8);
}

static void a_key_that_is_named_is_opened_and_found(void **state)
{
	struct sent s = sealed_key();

	assert_int_equal(fetched_name(env.fetched, env.id, 1), 0);
	assert_int_equal(missing(true), 1);
	assert_null(fetched_find(env.fetched, env.id));
	assert_int_equal(take(&s, 0), 0);
	assert_int_equal(EVP_PKEY_eq(fetched_find(env.fetched, env.id), env.key), 1);
	assert_int_equal(missing(false), 0);
}

/* The keys of one answer are messages of one encapsulation, in any order, each under its number. */
static void keys_that_come_together_are_opened(void **state)
{
	enum { KEYS = 3 };
	struct sent sent[KEYS];
	struct hpke_context context;
	uint8_t der[4096], encapsulated[HPKE_ENCAPSULATED], aad[KEY_ID_LEN + sizeof(DEVICE)];

	assert_int_equal(hpke_send(fetched_sealing(env.fetched), HPKE_INFO_DEVICE_KEY, encapsulated,
	                           &context),
	                 0);
	for (uint32_t i = 0; i < KEYS; i++) {
		EVP_PKEY *key = EVP_EC_gen("P-256");
		size_t len = der_of(key, der);

		sent[i] = (struct sent){.number = i, .len = len + HPKE_TAG};
		memcpy(sent[i].encapsulated, encapsulated, sizeof(encapsulated));
		assert_int_equal(pki_key_id(key, sent[i].id), 0);
		memcpy(aad, sent[i].id, KEY_ID_LEN);
		memcpy(aad + KEY_ID_LEN, DEVICE, strlen(DEVICE));
		assert_int_equal(hpke_context_seal(&context, i, aad, KEY_ID_LEN + strlen(DEVICE),
		                                   der, len, sent[i].sealed),
		                 0);
		assert_int_equal(fetched_name(env.fetched, sent[i].id, 1), 0);
		EVP_PKEY_free(key);
	}
	sent[0].number = 1;
	assert_int_equal(take(&sent[0], 0), SL_ECRYPTO);
	sent[0].number = 0;
	for (unsigned i = KEYS; i-- > 0;) {
		struct sent between = sealed_key();

		assert_int_equal(take(&sent[i], 0), 0);
		assert_non_null(fetched_find(env.fetched, sent[i].id));
		assert_int_equal(take(&between, 0), SL_ENOENT);
	}
	hpke_context_fini(&context);
}

static void nothing_else_becomes_a_key(void **state)
{
	uint8_t der[4096], other[KEY_ID_LEN] = {1};
	size_t len = der_of(env.key, der);
	EVP_PKEY *ed = EVP_PKEY_Q_keygen(NULL, NULL, "ED25519");
	struct sent s = seal(env.id, DEVICE, der, len);
	uint8_t ed_id[KEY_ID_LEN];

	assert_int_equal(take(&s, 0), SL_ENOENT); /* nobody names it */
	assert_int_equal(fetched_name(env.fetched, env.id, 1), 0);
	assert_int_equal(fetched_name(env.fetched, other, 1), 0);
	s.sealed[3] ^= 1;
	assert_int_equal(take(&s, 0), SL_ECRYPTO);
	s = seal(env.id, "another", der, len);
	assert_int_equal(take(&s, 0), SL_ECRYPTO);
	s = seal(other, DEVICE, der, len); /* sealed as one, called another */
	memcpy(s.id, env.id, KEY_ID_LEN);
	assert_int_equal(take(&s, 0), SL_ECRYPTO);
	s = seal(other, DEVICE, der, len); /* not the key of that id */
	assert_int_equal(take(&s, 0), SL_EMISMATCH);
	s = seal(env.id, DEVICE, der, len + 1); /* a byte too many */
	assert_int_equal(take(&s, 0), SL_EMALFORMED);
	s = seal(env.id, DEVICE, der, len - 1);
	assert_int_equal(take(&s, 0), SL_EMALFORMED);
	s.len = HPKE_TAG;
	assert_int_equal(take(&s, 0), SL_EMALFORMED);
	assert_int_equal(pki_key_id(ed, ed_id), 0);
	assert_int_equal(fetched_name(env.fetched, ed_id, 1), 0);
	s = seal(ed_id, DEVICE, der, der_of(ed, der));
	assert_int_equal(take(&s, 0), SL_EMALFORMED); /* a kind that signs nothing here */
	EVP_PKEY_free(ed);
	assert_null(fetched_find(env.fetched, env.id));
	assert_int_equal(missing(false), 3);
}

static void a_refusal_is_an_answer_and_the_key_may_come_later(void **state)
{
	struct sent s = sealed_key();

	assert_int_equal(fetched_name(env.fetched, env.id, 1), 0);
	assert_int_equal(take(&s, SL_EREFUSED), SL_EREFUSED);
	assert_int_equal(missing(true), 0);
	assert_int_equal(missing(false), 1);
	assert_int_equal(take(&s, 0), 0);
	assert_int_equal(missing(false), 0);
}

static void what_no_revision_names_goes(void **state)
{
	struct sent s = sealed_key();
	uint8_t no_id[KEY_ID_LEN];

	assert_int_equal(fetched_name(env.fetched, env.id, 1), 0);
	assert_int_equal(take(&s, 0), 0);
	assert_int_equal(fetched_name(env.fetched, env.id, 2), 0);
	fetched_forget(env.fetched, 2); /* aborted: revision 1 has it still */
	assert_non_null(fetched_find(env.fetched, env.id));
	fetched_retire_before(env.fetched, 2);
	assert_non_null(fetched_find(env.fetched, env.id));
	fetched_retire_before(env.fetched, 3);
	assert_null(fetched_find(env.fetched, env.id));
	assert_int_equal(missing(false), 0);
	assert_int_equal(fetched_name(env.fetched, env.id, 4), 0);
	assert_int_equal(missing(false), 1);
	assert_int_equal(fetched_missing(env.fetched, 5, false, &no_id, 1), 0);
	fetched_forget(env.fetched, 4);
	assert_int_equal(missing(false), 0);
}

static void after_a_wipe_all_are_missing_and_asked_for(void **state)
{
	struct sent s = sealed_key();

	assert_int_equal(fetched_name(env.fetched, env.id, 1), 0);
	assert_int_equal(take(&s, 0), 0);
	fetched_wipe(env.fetched);
	assert_null(fetched_find(env.fetched, env.id));
	assert_int_equal(missing(true), 1);
}

static void the_sealing_key_stays_and_a_broken_file_gets_another(void **state)
{
	struct fetched *again = fetched_create();

	assert_int_equal(fetched_open_sealing(again, env.fd, "sealing.pem"), 0);
	assert_memory_equal(fetched_sealing(again), fetched_sealing(env.fetched), HPKE_PUBLIC);
	assert_int_equal(ftruncate(env.fd, 20), 0);
	assert_int_equal(fetched_open_sealing(again, env.fd, "sealing.pem"), 0);
	assert_memory_not_equal(fetched_sealing(again), fetched_sealing(env.fetched), HPKE_PUBLIC);
	fetched_destroy(again);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	        cmocka_unit_test_setup_teardown(keys_that_come_together_are_opened, setup,
	                                        teardown),
	        cmocka_unit_test_setup_teardown(a_key_that_is_named_is_opened_and_found, setup,
	                                        teardown),
	        cmocka_unit_test_setup_teardown(nothing_else_becomes_a_key, setup, teardown),
	        cmocka_unit_test_setup_teardown(a_refusal_is_an_answer_and_the_key_may_come_later,
	                                        setup, teardown),
	        cmocka_unit_test_setup_teardown(what_no_revision_names_goes, setup, teardown),
	        cmocka_unit_test_setup_teardown(after_a_wipe_all_are_missing_and_asked_for, setup,
	                                        teardown),
	        cmocka_unit_test_setup_teardown(
	                the_sealing_key_stays_and_a_broken_file_gets_another, setup, teardown),
	};

	return RUN_TESTS(tests);
}
