/* SPDX-License-Identifier: Apache-2.0 */
#include "tpsd/link/identity.h"

#include <openssl/pem.h>

#include "lib/base/buf.h"
#include "lib/base/err.h"
#include "lib/pki/ca.h"
#include "tests/unit/unit.h"

enum { DAY = 24 * 3600, NOW = 1790000000 };

/* As an SMS would: the request's key under a CA of its own, for 90 days. */
static void give(struct identity *identity, struct buf *pem)
{
	const struct pki_subject subject = {.common_name = "ca"};
	struct pki_bytes bytes = {.name = "request", .password = "", .format = PKI_FORMAT_AUTO};
	struct pki_issuer ca;
	struct pki_error err;
	struct buf request;
	X509_REQ *parsed;
	X509 *certificate;

	buf_init(&request, IDENTITY_TEXT_MAX);
	assert_int_equal(identity_request(identity, &request), 0);
	bytes.data = request.data;
	bytes.len = request.len;
	assert_int_equal(pki_request_read(&bytes, &parsed, &err), 0);
	assert_int_equal(pki_ca_make(&subject, PKI_KEY_P256, 365, NOW, &ca, &err), 0);
	assert_int_equal(pki_request_sign(&ca, parsed, 90, NOW, &certificate, &err), 0);
	assert_int_equal(pki_certificates_add_pem(certificate, NULL, pem), 0);
	X509_free(certificate);
	X509_REQ_free(parsed);
	pki_issuer_fini(&ca);
	buf_fini(&request);
}

static void a_certificate_for_its_key_makes_it_whole_and_survives_a_file(void **state)
{
	struct identity identity, back;
	struct buf pem, file;

	buf_init(&pem, IDENTITY_TEXT_MAX);
	buf_init(&file, IDENTITY_TEXT_MAX);
	assert_int_equal(identity_make(&identity), 0);
	give(&identity, &pem);
	assert_int_equal(identity_certify(&identity, (const char *)pem.data, pem.len), 0);
	assert_true(identity_renew_at(&identity) > NOW + 59 * DAY &&
	            identity_renew_at(&identity) < NOW + 61 * DAY);
	assert_int_equal(identity_write(&identity, &file), 0);
	assert_int_equal(identity_read(file.data, file.len, &back), 0);
	assert_int_equal(EVP_PKEY_eq(back.key, identity.key), 1);
	assert_true(back.ends == identity.ends && back.begins == identity.begins);
	assert_int_equal(identity_read(file.data, file.len / 2, &identity), SL_EMALFORMED);
	identity_fini(&back);
	identity_fini(&identity);
	buf_fini(&pem);
	buf_fini(&file);
}

static void a_certificate_of_another_key_is_not_taken(void **state)
{
	struct identity one, other;
	struct buf pem;

	buf_init(&pem, IDENTITY_TEXT_MAX);
	assert_int_equal(identity_make(&one), 0);
	assert_int_equal(identity_make(&other), 0);
	give(&other, &pem);
	assert_int_equal(identity_certify(&one, (const char *)pem.data, pem.len), SL_EMISMATCH);
	assert_int_equal(identity_certify(&one, "-----BEGIN", 10), SL_EMALFORMED);
	assert_null(one.certificate);
	identity_fini(&one);
	identity_fini(&other);
	buf_fini(&pem);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	        cmocka_unit_test(a_certificate_for_its_key_makes_it_whole_and_survives_a_file),
	        cmocka_unit_test(a_certificate_of_another_key_is_not_taken),
	};

	return RUN_TESTS(tests);
}
