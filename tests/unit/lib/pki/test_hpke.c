/* SPDX-License-Identifier: Apache-2.0 */
#include "lib/pki/hpke_priv.h"

#include <openssl/ec.h>
#include <stdlib.h>

#include "lib/base/err.h"
#include "tests/unit/unit.h"

/* The vectors published with RFC 9180: mode 0, KEM 0x0020, KDF 0x0001, AEAD 0x0002, message 0. */
#define INFO            "Ode on a Grecian Urn"
#define AAD             "Count-0"
#define PLAIN           "Beauty is truth, truth beauty"
#define EPHEMERAL       "179d4b53b6365c45b600c4163b61d95cbc2f4d9e36f1695558dce265ab8bab11"
#define ENCAPSULATED    "6c93e09869df3402d7bf231bf540fadd35cd56be14f97178f0954db94b7fc256"
#define RECEIVER        "497b4502664cfea5d5af0b39934dac72242a74f8480451e1aee7d6a53320333d"
#define RECEIVER_PUBLIC "430f4b9859665145a6b1ba274024487bd66f03a2dd577d7753c68d7d7d00c00c"
#define SEALED                                                                                     \
	"e5d84cd531cfb583096e7cfa9641bd3079cf3a91cda813c52deb5f512be9931980a41de125a925cdad859d5b" \
	"7a"

enum { PLAIN_LEN = sizeof(PLAIN) - 1, SEALED_LEN = PLAIN_LEN + HPKE_TAG };

static void from_hex(const char *text, uint8_t *ret, size_t len)
{
	assert_int_equal(strlen(text), 2 * len);
	for (size_t i = 0; i < len; i++) {
		char pair[3] = {text[2 * i], text[2 * i + 1]};

		ret[i] = (uint8_t)strtoul(pair, NULL, 16);
	}
}

static EVP_PKEY *private_of(const char *text)
{
	uint8_t raw[32];
	EVP_PKEY *key;

	from_hex(text, raw, sizeof(raw));
	key = EVP_PKEY_new_raw_private_key(EVP_PKEY_X25519, NULL, raw, sizeof(raw));
	assert_non_null(key);
	return key;
}

static void test_vector_is_sealed(void **state)
{
	EVP_PKEY *ephemeral = private_of(EPHEMERAL);
	uint8_t public[HPKE_PUBLIC], encapsulated[HPKE_ENCAPSULATED], sealed[SEALED_LEN];
	uint8_t want_encapsulated[HPKE_ENCAPSULATED], want[SEALED_LEN];
	struct hpke_context context;

	from_hex(RECEIVER_PUBLIC, public, sizeof(public));
	from_hex(ENCAPSULATED, want_encapsulated, sizeof(want_encapsulated));
	from_hex(SEALED, want, sizeof(want));
	assert_int_equal(hpke_send_from(ephemeral, public, INFO, encapsulated, &context), 0);
	assert_int_equal(hpke_context_seal(&context, 0, AAD, strlen(AAD), PLAIN, PLAIN_LEN, sealed),
	                 0);
	assert_memory_equal(encapsulated, want_encapsulated, sizeof(encapsulated));
	assert_memory_equal(sealed, want, sizeof(sealed));
	hpke_context_fini(&context);
	EVP_PKEY_free(ephemeral);
}

static void test_vector_is_opened(void **state)
{
	EVP_PKEY *key = private_of(RECEIVER);
	uint8_t encapsulated[HPKE_ENCAPSULATED], sealed[SEALED_LEN], plain[PLAIN_LEN];
	uint8_t public[HPKE_PUBLIC], want[HPKE_PUBLIC];

	from_hex(RECEIVER_PUBLIC, want, sizeof(want));
	from_hex(ENCAPSULATED, encapsulated, sizeof(encapsulated));
	from_hex(SEALED, sealed, sizeof(sealed));
	assert_int_equal(hpke_public(key, public), 0);
	assert_memory_equal(public, want, sizeof(public));
	assert_int_equal(
	        hpke_open(key, INFO, AAD, strlen(AAD), encapsulated, sealed, sizeof(sealed), plain),
	        0);
	assert_memory_equal(plain, PLAIN, PLAIN_LEN);
	EVP_PKEY_free(key);
}

/* A key of ours and a message for it. */
struct message {
	EVP_PKEY *key;
	uint8_t public[HPKE_PUBLIC], encapsulated[HPKE_ENCAPSULATED], sealed[SEALED_LEN];
};

static void message_make(struct message *m)
{
	assert_int_equal(hpke_key_make(&m->key), 0);
	assert_int_equal(hpke_public(m->key, m->public), 0);
	assert_int_equal(hpke_seal(m->public, INFO, AAD, strlen(AAD), PLAIN, PLAIN_LEN,
	                           m->encapsulated, m->sealed),
	                 0);
}

/* Opens it with what is given; what is not opened is left nowhere. */
static int try_open(const struct message *m, const char *info, const char *aad)
{
	static const uint8_t zeros[PLAIN_LEN];
	uint8_t plain[PLAIN_LEN];
	int rc;

	memset(plain, 0xa5, sizeof(plain));
	rc = hpke_open(m->key, info, aad, strlen(aad), m->encapsulated, m->sealed, SEALED_LEN,
	               plain);
	if (rc == 0)
		assert_memory_equal(plain, PLAIN, PLAIN_LEN);
	else
		assert_memory_equal(plain, zeros, sizeof(plain));
	return rc;
}

static void test_each_bit_counts(void **state)
{
	struct message m;

	message_make(&m);
	assert_int_equal(try_open(&m, INFO, AAD), 0);
	for (size_t bit = 0; bit < 8 * sizeof(m.sealed); bit++) {
		m.sealed[bit / 8] ^= (uint8_t)(1 << bit % 8);
		assert_int_equal(try_open(&m, INFO, AAD), SL_ECRYPTO);
		m.sealed[bit / 8] ^= (uint8_t)(1 << bit % 8);
	}
	for (size_t i = 0; i < sizeof(m.encapsulated); i++) {
		m.encapsulated[i] ^= 1;
		assert_int_not_equal(try_open(&m, INFO, AAD), 0);
		m.encapsulated[i] ^= 1;
	}
	/* RFC 7748 passes the highest bit over; the message is bound to it all the same. */
	m.encapsulated[31] ^= 0x80;
	assert_int_equal(try_open(&m, INFO, AAD), SL_ECRYPTO);
	m.encapsulated[31] ^= 0x80;
	assert_int_equal(try_open(&m, INFO, AAD), 0);
	EVP_PKEY_free(m.key);
}

static void test_purpose_and_subject_are_bound(void **state)
{
	struct message m;

	message_make(&m);
	assert_int_equal(try_open(&m, INFO ".", AAD), SL_ECRYPTO);
	assert_int_equal(try_open(&m, "", AAD), SL_ECRYPTO);
	assert_int_equal(try_open(&m, INFO, "Count-1"), SL_ECRYPTO);
	assert_int_equal(try_open(&m, INFO, ""), SL_ECRYPTO);
	EVP_PKEY_free(m.key);
}

static void test_another_key_opens_nothing(void **state)
{
	struct message m;

	message_make(&m);
	EVP_PKEY_free(m.key);
	assert_int_equal(hpke_key_make(&m.key), 0);
	assert_int_equal(try_open(&m, INFO, AAD), SL_ECRYPTO);
	EVP_PKEY_free(m.key);
}

static void test_two_messages_are_different(void **state)
{
	struct message m;
	uint8_t encapsulated[HPKE_ENCAPSULATED], sealed[SEALED_LEN];

	message_make(&m);
	assert_int_equal(
	        hpke_seal(m.public, INFO, AAD, strlen(AAD), PLAIN, PLAIN_LEN, encapsulated, sealed),
	        0);
	assert_memory_not_equal(encapsulated, m.encapsulated, sizeof(encapsulated));
	assert_memory_not_equal(sealed, m.sealed, sizeof(sealed));
	EVP_PKEY_free(m.key);
}

/* Each opens under its own number and no other's; the first is what a single message is. */
static void test_messages_of_one_encapsulation(void **state)
{
	enum { COUNT = 3, FAR = 70000 };
	static const uint32_t numbers[COUNT] = {0, 1, FAR};
	uint8_t encapsulated[HPKE_ENCAPSULATED], sealed[COUNT][SEALED_LEN], plain[PLAIN_LEN];
	struct hpke_context send, receive;
	struct message m;

	message_make(&m);
	assert_int_equal(hpke_send(m.public, INFO, encapsulated, &send), 0);
	assert_int_equal(hpke_receive(m.key, INFO, encapsulated, &receive), 0);
	assert_memory_equal(send.nonce, receive.nonce, sizeof(send.nonce));
	for (unsigned i = 0; i < COUNT; i++)
		assert_int_equal(hpke_context_seal(&send, numbers[i], AAD, strlen(AAD), PLAIN,
		                                   PLAIN_LEN, sealed[i]),
		                 0);
	for (unsigned i = 0; i < COUNT; i++)
		for (unsigned n = 0; n < COUNT; n++)
			assert_int_equal(hpke_context_open(&receive, numbers[n], AAD, strlen(AAD),
			                                   sealed[i], SEALED_LEN, plain),
			                 i == n ? 0 : SL_ECRYPTO);
	assert_int_equal(hpke_open(m.key, INFO, AAD, strlen(AAD), encapsulated, sealed[0],
	                           SEALED_LEN, plain),
	                 0);
	assert_memory_equal(plain, PLAIN, PLAIN_LEN);
	hpke_context_fini(&send);
	hpke_context_fini(&receive);
	EVP_PKEY_free(m.key);
}

/* Points by which both ends would agree on zeros (RFC 7748, section 6.1), whoever listens too. */
static void test_small_orders_are_refused(void **state)
{
	static const char *const points[] = {
	        "0000000000000000000000000000000000000000000000000000000000000000",
	        "0100000000000000000000000000000000000000000000000000000000000000",
	        "e0eb7a7c3b41b8ae1656e3faf19fc46ada098deb9c32b1fd866205165f49b800",
	        "5f9c95bca3508c24b1d0b1559c83ef5b04445cc4581c8e86d8224eddd09f1157",
	        "ecffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff7f",
	        "edffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff7f",
	        "eeffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff7f",
	};
	struct message m;

	message_make(&m);
	for (size_t i = 0; i < sizeof(points) / sizeof(points[0]); i++) {
		uint8_t encapsulated[HPKE_ENCAPSULATED], sealed[SEALED_LEN];

		from_hex(points[i], m.encapsulated, sizeof(m.encapsulated));
		assert_int_equal(try_open(&m, INFO, AAD), SL_EINVAL);
		assert_int_equal(hpke_seal(m.encapsulated, INFO, AAD, strlen(AAD), PLAIN, PLAIN_LEN,
		                           encapsulated, sealed),
		                 SL_EINVAL);
	}
	EVP_PKEY_free(m.key);
}

static void test_lengths(void **state)
{
	char info[HPKE_INFO_MAX + 2];
	uint8_t sealed[HPKE_TAG], encapsulated[HPKE_ENCAPSULATED], plain[1];
	struct message m;

	message_make(&m);
	for (size_t len = 0; len < HPKE_TAG; len++)
		assert_int_equal(
		        hpke_open(m.key, INFO, NULL, 0, m.encapsulated, m.sealed, len, plain),
		        SL_EINVAL);
	memset(info, 'x', sizeof(info));
	info[HPKE_INFO_MAX + 1] = '\0';
	assert_int_equal(hpke_seal(m.public, info, NULL, 0, "", 0, encapsulated, sealed),
	                 SL_EINVAL);
	info[HPKE_INFO_MAX] = '\0';
	assert_int_equal(hpke_seal(m.public, info, NULL, 0, "", 0, encapsulated, sealed), 0);
	assert_int_equal(
	        hpke_open(m.key, info, NULL, 0, encapsulated, sealed, sizeof(sealed), plain), 0);
	EVP_PKEY_free(m.key);
}

static void test_keys_of_another_kind(void **state)
{
	EVP_PKEY *key = EVP_EC_gen("P-256");
	uint8_t public[HPKE_PUBLIC];
	struct message m;

	assert_int_equal(hpke_public(key, public), SL_ECRYPTO);
	message_make(&m);
	EVP_PKEY_free(m.key);
	m.key = key;
	assert_int_equal(try_open(&m, INFO, AAD), SL_ECRYPTO);
	EVP_PKEY_free(key);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	        cmocka_unit_test(test_vector_is_sealed),
	        cmocka_unit_test(test_vector_is_opened),
	        cmocka_unit_test(test_each_bit_counts),
	        cmocka_unit_test(test_purpose_and_subject_are_bound),
	        cmocka_unit_test(test_another_key_opens_nothing),
	        cmocka_unit_test(test_two_messages_are_different),
	        cmocka_unit_test(test_messages_of_one_encapsulation),
	        cmocka_unit_test(test_small_orders_are_refused),
	        cmocka_unit_test(test_lengths),
	        cmocka_unit_test(test_keys_of_another_kind),
	};

	return RUN_TESTS(tests);
}
