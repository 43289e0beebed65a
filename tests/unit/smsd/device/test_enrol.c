/* SPDX-License-Identifier: Apache-2.0 */
/* Certificates for devices: by a token, once, and by a certificate that holds. */
#include <openssl/ec.h>
#include <openssl/x509v3.h>
#include <stdlib.h>

#include "lib/base/err.h"
#include "tests/unit/smsd/device/kit.h"

enum { DAY_S = 86400 };

static void make(struct kit *kit, const char *name, char token[REMOTE_TOKEN_MAX])
{
	assert_int_equal(device_create(kit->store, &place_actor, name, NULL, token, kit->problem),
	                 0);
}

static void test_a_token_gives_a_certificate(void **state)
{
	struct kit *kit = *state;
	EVP_PKEY *key = kit_key();
	char token[REMOTE_TOKEN_MAX], name[DEVICE_NAME_MAX];
	struct device device;
	json_t *answer;
	X509 *cert, *ca;

	make(kit, "north", token);
	assert_int_equal(kit_enrol(kit, token, key, &answer), 0);
	assert_string_equal(json_string_value(json_object_get(answer, "name")), "north");
	cert = kit_certificate(answer, "certificate");
	ca = kit_certificate(answer, "ca");
	assert_int_equal(X509_verify(cert, X509_get0_pubkey(ca)), 1);
	assert_int_equal(EVP_PKEY_eq(X509_get0_pubkey(cert), key), 1);
	/* A client's, and never a server's: it could stand for the SMS. */
	assert_int_equal(X509_check_purpose(cert, X509_PURPOSE_SSL_CLIENT, 0), 1);
	assert_int_equal(X509_check_purpose(cert, X509_PURPOSE_SSL_SERVER, 0), 0);
	assert_int_equal(X509_check_ca(cert), 0);
	assert_int_equal(kit_identify(kit, cert, name), 0);
	assert_string_equal(name, "north");
	assert_int_equal(device_get(kit->store, "north", &device, kit->problem), 0);
	assert_int_equal(device.state, DEVICE_ENROLLED);
	assert_string_equal(json_string_value(json_object_get(device.capabilities, "model")),
	                    "vTPS");
	assert_true(device.enrolled_ms > 0 && device.seen_ms >= device.enrolled_ms);
	assert_true(device.certificate_ends_ms > device.enrolled_ms + 89LL * DAY_S * 1000);
	assert_int_equal(place_audited(kit->place, "enrol", "north"), 1);
	assert_int_equal(place_audited(kit->place, "device certificate", NULL), 1);
	device_fini(&device);
	X509_free(cert);
	X509_free(ca);
	json_decref(answer);
	EVP_PKEY_free(key);
}

/* R162: one whose documents are not made here is not taken, and may come back with its token. */
static void test_another_version(void **state)
{
	struct kit *kit = *state;
	EVP_PKEY *key = kit_key();
	char token[REMOTE_TOKEN_MAX];
	json_t *body, *answer;

	make(kit, "north", token);
	body = kit_enrolment(token, key);
	assert_int_equal(json_object_set_new(json_object_get(body, "capabilities"),
	                                     "document_version", json_integer(9)),
	                 0);
	assert_int_equal(
	        device_enrol(kit->store, kit->vault, "192.0.2.9", body, &answer, kit->problem),
	        SL_EUNSUPPORTED);
	assert_string_equal(kit->problem->items[0].pointer, "/capabilities/document_version");
	assert_string_equal(kit->problem->items[0].remedy,
	                    "bring the management system up to date first");
	problem_fini(kit->problem);
	json_decref(body);
	assert_int_equal(kit_enrol(kit, token, key, &answer), 0);
	json_decref(answer);
	EVP_PKEY_free(key);
}

static void test_a_token_counts_once(void **state)
{
	struct kit *kit = *state;
	EVP_PKEY *key = kit_key(), *other = kit_key();
	char token[REMOTE_TOKEN_MAX];
	json_t *answer;

	make(kit, "north", token);
	assert_int_equal(kit_enrol(kit, token, key, &answer), 0);
	json_decref(answer);
	assert_int_equal(kit_enrol(kit, token, key, &answer), SL_EREFUSED);
	assert_int_equal(kit_enrol(kit, token, other, &answer), SL_EREFUSED);
	assert_int_equal(place_audited(kit->place, "enrol refused", ""), 2);
	/* No key of the CA was used for what was refused. */
	assert_int_equal(place_audited(kit->place, "device certificate", NULL), 1);
	EVP_PKEY_free(key);
	EVP_PKEY_free(other);
}

static void test_wrong_and_ended_tokens(void **state)
{
	struct kit *kit = *state;
	EVP_PKEY *key = kit_key();
	char token[REMOTE_TOKEN_MAX], wrong[REMOTE_TOKEN_MAX];
	struct remote_token parts;
	json_t *answer;

	make(kit, "north", token);
	assert_int_equal(remote_token_parse(token, &parts), 0);
	parts.secret[3] ^= 1;
	remote_token_format(&parts, wrong);
	assert_int_equal(kit_enrol(kit, wrong, key, &answer), SL_EREFUSED);
	parts.secret[3] ^= 1;
	parts.id[0] ^= 1;
	remote_token_format(&parts, wrong);
	assert_int_equal(kit_enrol(kit, wrong, key, &answer), SL_EREFUSED);
	assert_int_equal(kit_enrol(kit, "slt1.no.such.token", key, &answer), SL_EREFUSED);
	place_wait(DEVICE_TOKEN_S - 60);
	assert_int_equal(kit_enrol(kit, wrong, key, &answer), SL_EREFUSED);
	place_wait(61);
	assert_int_equal(kit_enrol(kit, token, key, &answer), SL_EREFUSED);
	EVP_PKEY_free(key);
}

/* Refused for another reason, it is still good. */
static void test_a_bad_request_costs_no_token(void **state)
{
	struct kit *kit = *state;
	EVP_PKEY *key = kit_key(), *weak = EVP_RSA_gen(2048);
	char token[REMOTE_TOKEN_MAX];
	static const char *const keys[] = {"request", "sealing_key", "document"};
	json_t *body, *answer;

	make(kit, "north", token);
	for (size_t i = 0; i < SL_ARRAY_LEN(keys); i++) {
		body = kit_enrolment(token, key);
		(void)json_object_set_new(
		        body, keys[i], json_string("AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA="));
		assert_int_equal(
		        device_enrol(kit->store, kit->vault, "", body, &answer, kit->problem),
		        SL_EINVAL);
		assert_string_equal(kit->problem->items[0].pointer + 1, keys[i]);
		problem_fini(kit->problem);
		json_decref(body);
	}
	assert_int_equal(kit_enrol(kit, token, weak, &answer), SL_EINVAL);
	assert_int_equal(kit_enrol(kit, token, key, &answer), 0);
	json_decref(answer);
	EVP_PKEY_free(key);
	EVP_PKEY_free(weak);
}

static void test_the_document_comes_along(void **state)
{
	static const char document[] =
	        "{\"device\":{\"name\":\"north\"},\"trust_stores\":[],\"profiles\":[]}";
	struct kit *kit = *state;
	EVP_PKEY *key = kit_key();
	char token[REMOTE_TOKEN_MAX];
	uint8_t sha256[32];
	struct device device;
	json_t *body, *answer;

	make(kit, "north", token);
	body = kit_enrolment(token, key);
	(void)json_object_set_new(body, "document", json_string(document));
	assert_int_equal(device_enrol(kit->store, kit->vault, "", body, &answer, kit->problem), 0);
	assert_int_equal(device_get(kit->store, "north", &device, kit->problem), 0);
	assert_string_equal(device.document, document);
	assert_int_equal(EVP_Digest(document, strlen(document), sha256, NULL, EVP_sha256(), NULL),
	                 1);
	assert_memory_equal(device.document_sha256, sha256, sizeof(sha256));
	/* Objects of the SMS are no settings of one device. */
	assert_int_equal(json_object_size(device.settings), 1);
	assert_non_null(json_object_get(device.settings, "device"));
	device_fini(&device);
	json_decref(body);
	json_decref(answer);
	EVP_PKEY_free(key);
}

static void test_a_renewal_ends_the_old_one_when_it_is_used(void **state)
{
	struct kit *kit = *state;
	EVP_PKEY *first = kit_key(), *second = kit_key(), *third = kit_key();
	X509 *old = kit_device(kit, "north", first), *unused, *new;

	assert_int_equal(kit_renew(kit, "north", first, &new), SL_EINVAL);
	assert_int_equal(kit_renew(kit, "north", second, &unused), 0);
	assert_int_equal(kit_identify(kit, old, NULL), 0);
	/* Given again before it was used: the one in between counts for nothing. */
	assert_int_equal(kit_renew(kit, "north", third, &new), 0);
	assert_int_equal(kit_identify(kit, unused, NULL), SL_EREVOKED);
	assert_int_equal(kit_identify(kit, old, NULL), 0);
	assert_int_equal(kit_identify(kit, new, NULL), 0);
	assert_int_equal(kit_identify(kit, old, NULL), SL_EREVOKED);
	assert_int_equal(kit_identify(kit, new, NULL), 0);
	kit_reopen(kit);
	assert_int_equal(kit_identify(kit, new, NULL), 0);
	assert_int_equal(place_audited(kit->place, "renew", "north"), 2);
	X509_free(old);
	X509_free(unused);
	X509_free(new);
	EVP_PKEY_free(first);
	EVP_PKEY_free(second);
	EVP_PKEY_free(third);
}

static void test_a_new_token_takes_the_place_when_it_is_redeemed(void **state)
{
	struct kit *kit = *state;
	EVP_PKEY *first = kit_key(), *second = kit_key();
	X509 *old = kit_device(kit, "north", first);
	char one[REMOTE_TOKEN_MAX], two[REMOTE_TOKEN_MAX];
	json_t *answer;

	assert_int_equal(device_new_token(kit->store, &place_actor, "north", one, kit->problem), 0);
	assert_int_equal(device_new_token(kit->store, &place_actor, "north", two, kit->problem), 0);
	assert_int_equal(kit_enrol(kit, one, second, &answer), SL_EREFUSED);
	assert_int_equal(kit_identify(kit, old, NULL), 0);
	assert_int_equal(kit_enrol(kit, two, second, &answer), 0);
	json_decref(answer);
	assert_int_equal(kit_identify(kit, old, NULL), SL_EREVOKED);
	X509_free(old);
	EVP_PKEY_free(first);
	EVP_PKEY_free(second);
}

/* Neither of the same device nor of another, and not when the row is gone either. */
static void test_a_revoked_key_is_never_given_a_certificate(void **state)
{
	struct kit *kit = *state;
	EVP_PKEY *first = kit_key(), *second = kit_key(), *fresh = kit_key();
	X509 *cert = kit_device(kit, "north", first), *renewed;
	char token[REMOTE_TOKEN_MAX];
	json_t *answer;

	assert_int_equal(kit_renew(kit, "north", second, &renewed), 0);
	assert_int_equal(device_revoke(kit->store, &place_actor, "north", kit->problem), 0);
	assert_int_equal(kit_identify(kit, cert, NULL), SL_EREVOKED);
	assert_int_equal(kit_identify(kit, renewed, NULL), SL_EREVOKED);
	assert_int_equal(kit_renew(kit, "north", fresh, &renewed), SL_EREVOKED);
	assert_int_equal(device_new_token(kit->store, &place_actor, "north", token, kit->problem),
	                 0);
	assert_int_equal(kit_enrol(kit, token, first, &answer), SL_EINVAL);
	assert_int_equal(kit_enrol(kit, token, second, &answer), SL_EINVAL);
	assert_int_equal(device_delete(kit->store, &place_actor, "north", kit->problem), 0);
	make(kit, "south", token);
	assert_int_equal(kit_enrol(kit, token, first, &answer), SL_EINVAL);
	assert_int_equal(kit_enrol(kit, token, second, &answer), SL_EINVAL);
	assert_int_equal(kit_enrol(kit, token, fresh, &answer), 0);
	json_decref(answer);
	X509_free(cert);
	X509_free(renewed);
	EVP_PKEY_free(first);
	EVP_PKEY_free(second);
	EVP_PKEY_free(fresh);
}

static void test_a_key_is_one_device_s(void **state)
{
	struct kit *kit = *state;
	EVP_PKEY *key = kit_key();
	X509 *cert = kit_device(kit, "north", key);
	char token[REMOTE_TOKEN_MAX];
	json_t *answer;

	make(kit, "south", token);
	assert_int_equal(kit_enrol(kit, token, key, &answer), SL_EINVAL);
	assert_int_equal(kit_identify(kit, cert, NULL), 0);
	X509_free(cert);
	EVP_PKEY_free(key);
}

static void test_secrets_are_nowhere(void **state)
{
	struct kit *kit = *state;
	char token[REMOTE_TOKEN_MAX];
	struct remote_token parts;

	make(kit, "north", token);
	assert_int_equal(remote_token_parse(token, &parts), 0);
	place_close(kit->place);
	assert_false(place_has_bytes(kit->place, parts.secret, sizeof(parts.secret)));
	assert_false(place_has_text(kit->place, token));
	place_open(kit->place);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
#define TEST(name) cmocka_unit_test_setup_teardown(name, kit_setup, kit_teardown)
	        TEST(test_a_token_gives_a_certificate),
	        TEST(test_another_version),
	        TEST(test_a_token_counts_once),
	        TEST(test_wrong_and_ended_tokens),
	        TEST(test_a_bad_request_costs_no_token),
	        TEST(test_the_document_comes_along),
	        TEST(test_a_renewal_ends_the_old_one_when_it_is_used),
	        TEST(test_a_new_token_takes_the_place_when_it_is_redeemed),
	        TEST(test_a_revoked_key_is_never_given_a_certificate),
	        TEST(test_a_key_is_one_device_s),
	        TEST(test_secrets_are_nowhere),
#undef TEST
	};

	return RUN_TESTS(tests);
}
