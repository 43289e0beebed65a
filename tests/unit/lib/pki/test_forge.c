/* SPDX-License-Identifier: Apache-2.0 */
#include "lib/pki/forge.h"

#include <openssl/x509v3.h>
#include <time.h>

#include "lib/base/err.h"
#include "lib/pki/cert.h"
#include "tests/unit/lib/pki/make.h"
#include "tests/unit/unit.h"

enum { DAY = 86400 };

struct fixture {
	struct pki_issuer issuer;
	EVP_PKEY *rsa;
	EVP_PKEY *ec;
	int64_t now;
};

static int set_up(void **state)
{
	static struct fixture f;

	f.issuer.key = make_rsa(2048);
	f.issuer.certificate = make_ca(f.issuer.key, "Signing CA", NULL, NULL, -100, 100);
	f.rsa = make_rsa(2048);
	f.ec = make_ec("P-256");
	f.now = time(NULL);
	*state = &f;
	return 0;
}

static int tear_down(void **state)
{
	struct fixture *f = *state;

	EVP_PKEY_free(f->issuer.key);
	X509_free(f->issuer.certificate);
	EVP_PKEY_free(f->rsa);
	EVP_PKEY_free(f->ec);
	return 0;
}

/* What strict OpenSSL says of a leaf below the issuer, at `now`. */
static int strict_verify(const struct pki_issuer *issuer, X509 *leaf, const char *name)
{
	X509_STORE *store = X509_STORE_new();
	X509_STORE_CTX *ctx = X509_STORE_CTX_new();
	X509_VERIFY_PARAM *param;
	int error;

	assert_true(X509_STORE_add_cert(store, issuer->certificate));
	assert_true(X509_STORE_CTX_init(ctx, store, leaf, NULL));
	param = X509_STORE_CTX_get0_param(ctx);
	X509_VERIFY_PARAM_set_flags(param, X509_V_FLAG_X509_STRICT);
	assert_true(X509_VERIFY_PARAM_set_purpose(param, X509_PURPOSE_SSL_SERVER));
	if (name)
		assert_true(X509_VERIFY_PARAM_set1_host(param, name, 0));
	(void)X509_verify_cert(ctx);
	error = X509_STORE_CTX_get_error(ctx);
	X509_STORE_CTX_free(ctx);
	X509_STORE_free(store);
	return error;
}

/* As a client reads it. */
static X509 *forge_like(const struct pki_issuer *issuer, const X509 *original, EVP_PKEY *key)
{
	struct pki_template t;
	X509 *leaf = NULL;
	X509 *sent;

	assert_int_equal(pki_template_read(original, &t), 0);
	assert_int_equal(pki_forge(issuer, &t, key, &leaf), 0);
	pki_template_fini(&t);
	sent = X509_dup(leaf);
	assert_non_null(sent);
	X509_free(leaf);
	return sent;
}

static void assert_same_extension(const X509 *a, const X509 *b, int nid, bool critical)
{
	X509_EXTENSION *x = X509_get_ext(a, X509_get_ext_by_NID(a, nid, -1));
	X509_EXTENSION *y = X509_get_ext(b, X509_get_ext_by_NID(b, nid, -1));

	assert_non_null(x);
	assert_non_null(y);
	assert_int_equal(ASN1_STRING_cmp(X509_EXTENSION_get_data(x), X509_EXTENSION_get_data(y)),
	                 0);
	assert_int_equal(X509_EXTENSION_get_critical(y) > 0, critical);
}

static void a_leaf_has_the_originals_names_and_passes_strict_verification(void **state)
{
	struct fixture *f = *state;
	X509 *original = make_cert(f->ec, "www.a.test", "www.a.test,*.a.test,xn--bcher-kva.test",
	                           NULL, NULL, -10, 10);
	X509 *leaf = forge_like(&f->issuer, original, f->ec);

	assert_int_equal(strict_verify(&f->issuer, leaf, "www.a.test"), X509_V_OK);
	assert_int_equal(strict_verify(&f->issuer, leaf, "other.a.test"), X509_V_OK);
	assert_int_equal(strict_verify(&f->issuer, leaf, "xn--bcher-kva.test"), X509_V_OK);
	assert_int_equal(
	        X509_NAME_cmp(X509_get_subject_name(leaf), X509_get_subject_name(original)), 0);
	assert_same_extension(original, leaf, NID_subject_alt_name, false);
	X509_free(leaf);
	X509_free(original);
}

static void a_leaf_has_six_extensions_and_nothing_else_of_the_original(void **state)
{
	static const struct {
		int nid;
		bool critical;
	} expected[] = {
	        {NID_basic_constraints, true},       {NID_key_usage, true},
	        {NID_ext_key_usage, false},          {NID_subject_alt_name, false},
	        {NID_subject_key_identifier, false}, {NID_authority_key_identifier, false},
	};
	struct fixture *f = *state;
	X509 *original = make_cert(f->ec, "a.test", "a.test", NULL, NULL, -10, 10);
	X509 *leaf = NULL;

	make_extension(original, NULL, NID_crl_distribution_points, "URI:http://c.test/c.crl");
	make_extension(original, NULL, NID_info_access, "OCSP;URI:http://o.test/");
	make_extension(original, NULL, NID_tlsfeature, "status_request");
	leaf = forge_like(&f->issuer, original, f->ec);
	assert_int_equal(X509_get_version(leaf), X509_VERSION_3);
	assert_int_equal(X509_get_ext_count(leaf), SL_ARRAY_LEN(expected));
	for (size_t i = 0; i < SL_ARRAY_LEN(expected); i++) {
		int at = X509_get_ext_by_NID(leaf, expected[i].nid, -1);

		assert_true(at >= 0);
		assert_int_equal(X509_EXTENSION_get_critical(X509_get_ext(leaf, at)) > 0,
		                 expected[i].critical);
	}
	X509_free(leaf);
	X509_free(original);
}

static void key_usage_follows_the_key_and_identifiers_lead_to_the_issuer(void **state)
{
	struct fixture *f = *state;
	X509 *original = make_cert(f->ec, "a.test", "a.test", NULL, NULL, -10, 10);
	X509 *ec = forge_like(&f->issuer, original, f->ec);
	X509 *rsa = forge_like(&f->issuer, original, f->rsa);

	assert_int_equal(X509_get_key_usage(ec), KU_DIGITAL_SIGNATURE);
	assert_int_equal(X509_get_key_usage(rsa), KU_DIGITAL_SIGNATURE | KU_KEY_ENCIPHERMENT);
	assert_int_equal(X509_get_extended_key_usage(ec), XKU_SSL_SERVER);
	assert_int_equal(ASN1_STRING_cmp(X509_get0_authority_key_id(ec),
	                                 X509_get0_subject_key_id(f->issuer.certificate)),
	                 0);
	assert_int_equal(ASN1_STRING_length(X509_get0_subject_key_id(ec)), 20);
	assert_int_not_equal(
	        ASN1_STRING_cmp(X509_get0_subject_key_id(ec), X509_get0_subject_key_id(rsa)), 0);
	assert_int_equal(X509_get_signature_nid(ec), NID_sha256WithRSAEncryption);
	X509_free(ec);
	X509_free(rsa);
	X509_free(original);
}

static void a_leaf_has_the_key_as_others_read_it(void **state)
{
	static const char *const curves[] = {"P-256", "P-384", "P-521"};
	struct fixture *f = *state;
	X509 *original = make_cert(f->ec, "a.test", "a.test", NULL, NULL, -10, 10);

	for (size_t i = 0; i <= SL_ARRAY_LEN(curves); i++) {
		EVP_PKEY *key = i < SL_ARRAY_LEN(curves) ? make_ec(curves[i]) : make_rsa(2048);
		X509 *leaf = forge_like(&f->issuer, original, key);
		X509 *usual = X509_new();

		assert_true(X509_set_pubkey(usual, key));
		assert_int_equal(EVP_PKEY_eq(X509_get0_pubkey(leaf), key), 1);
		assert_int_equal(
		        X509_PUBKEY_eq(X509_get_X509_PUBKEY(leaf), X509_get_X509_PUBKEY(usual)), 1);
		assert_int_equal(strict_verify(&f->issuer, leaf, "a.test"), X509_V_OK);
		X509_free(usual);
		X509_free(leaf);
		EVP_PKEY_free(key);
	}
	X509_free(original);
}

static void serials_are_positive_sixteen_bytes_and_never_the_same(void **state)
{
	struct fixture *f = *state;
	X509 *original = make_cert(f->ec, "a.test", "a.test", NULL, NULL, -10, 10);
	X509 *one = forge_like(&f->issuer, original, f->ec);
	X509 *two = forge_like(&f->issuer, original, f->ec);
	const ASN1_INTEGER *serial = X509_get0_serialNumber(one);

	assert_int_equal(ASN1_STRING_length(serial), 16);
	assert_int_equal(ASN1_STRING_get0_data(serial)[0] & 0x80, 0);
	assert_int_equal(ASN1_STRING_type(serial), V_ASN1_INTEGER);
	assert_int_not_equal(ASN1_INTEGER_cmp(serial, X509_get0_serialNumber(two)), 0);
	X509_free(one);
	X509_free(two);
	X509_free(original);
}

/* Days from now of a leaf forged from an original of these days. */
static void forged_days(struct fixture *f, int from, int to, int *ret_from, int *ret_to)
{
	X509 *original = make_cert(f->ec, "a.test", "a.test", NULL, NULL, from, to);
	X509 *leaf = forge_like(&f->issuer, original, f->ec);
	struct pki_validity v;

	assert_int_equal(pki_cert_validity(leaf, f->now, &v), 0);
	/* Whole days from the middle of a day, so that the test's own seconds do not count. */
	*ret_from = (int)((v.not_before - f->now + 1000 * DAY + DAY / 2) / DAY) - 1000;
	*ret_to = (int)((v.not_after - f->now + 1000 * DAY + DAY / 2) / DAY) - 1000;
	X509_free(leaf);
	X509_free(original);
}

static void dates_stay_within_the_originals_and_the_issuers(void **state)
{
	int from;
	int to;

	forged_days(*state, -10, 20, &from, &to);
	assert_int_equal(from, -10);
	assert_int_equal(to, 20);
	forged_days(*state, -300, 300, &from, &to);
	assert_int_equal(from, -100);
	assert_int_equal(to, 100);
}

static void a_site_that_expired_before_our_ca_was_made_keeps_its_dates(void **state)
{
	int from;
	int to;

	forged_days(*state, -400, -200, &from, &to);
	assert_int_equal(from, -400);
	assert_int_equal(to, -200);
}

static X509 *with_alt_names(EVP_PKEY *key, bool subject, const char *names)
{
	X509 *cert = make_cert(key, "x", NULL, NULL, NULL, -10, 10);

	if (!subject) {
		X509_NAME *empty = X509_NAME_new();

		assert_true(X509_set_subject_name(cert, empty));
		X509_NAME_free(empty);
	}
	make_extension(cert, NULL, NID_subject_alt_name, names);
	return cert;
}

static void an_empty_subject_makes_the_names_critical(void **state)
{
	struct fixture *f = *state;
	X509 *original = with_alt_names(f->ec, false, "DNS:a.test,IP:192.0.2.1,IP:2001:db8::1");
	X509 *leaf = forge_like(&f->issuer, original, f->ec);

	assert_int_equal(X509_NAME_entry_count(X509_get_subject_name(leaf)), 0);
	assert_same_extension(original, leaf, NID_subject_alt_name, true);
	assert_int_equal(strict_verify(&f->issuer, leaf, "a.test"), X509_V_OK);
	assert_int_equal(X509_check_ip_asc(leaf, "192.0.2.1", 0), 1);
	assert_int_equal(X509_check_ip_asc(leaf, "2001:db8::1", 0), 1);
	X509_free(leaf);
	X509_free(original);
}

static void entries_that_are_no_name_or_address_are_left_out(void **state)
{
	struct fixture *f = *state;
	X509 *original = with_alt_names(f->ec, true,
	                                "email:a@a.test,DNS:a.test,URI:http://a.test/,"
	                                "RID:1.2.3,DNS:b c.test");
	X509 *wanted = with_alt_names(f->ec, true, "DNS:a.test");
	X509 *none = with_alt_names(f->ec, true, "email:a@a.test");
	X509 *leaf = forge_like(&f->issuer, original, f->ec);

	assert_same_extension(wanted, leaf, NID_subject_alt_name, false);
	X509_free(leaf);
	leaf = forge_like(&f->issuer, none, f->ec);
	assert_int_equal(X509_get_ext_by_NID(leaf, NID_subject_alt_name, -1), -1);
	X509_free(leaf);
	X509_free(original);
	X509_free(wanted);
	X509_free(none);
}

static void a_certificate_without_alternative_names_gets_none(void **state)
{
	struct fixture *f = *state;
	X509 *original = make_cert(f->ec, "a.test", NULL, NULL, NULL, -10, 10);
	X509 *leaf = forge_like(&f->issuer, original, f->ec);

	assert_int_equal(X509_get_ext_by_NID(leaf, NID_subject_alt_name, -1), -1);
	assert_int_equal(strict_verify(&f->issuer, leaf, NULL), X509_V_OK);
	X509_free(leaf);
	X509_free(original);
}

static void a_subject_with_several_values_in_one_part_stays_as_it_is(void **state)
{
	struct fixture *f = *state;
	X509 *original = make_cert(f->ec, "a.test", "a.test", NULL, NULL, -10, 10);
	X509_NAME *name = X509_get_subject_name(original);
	char a[PKI_SUBJECT_MAX];
	char b[PKI_SUBJECT_MAX];
	X509 *leaf;

	assert_true(X509_NAME_add_entry_by_txt(name, "OU", MBSTRING_UTF8,
	                                       (const unsigned char *)"B\xc3\xbc"
	                                                              "cher",
	                                       -1, -1, -1));
	assert_true(X509_NAME_add_entry_by_txt(name, "O", MBSTRING_UTF8,
	                                       (const unsigned char *)"A, Ltd.", -1, -1, 0));
	leaf = forge_like(&f->issuer, original, f->ec);
	assert_string_equal(pki_cert_subject(original, a), pki_cert_subject(leaf, b));
	assert_non_null(strchr(a, '+'));
	assert_int_equal(X509_NAME_cmp(name, X509_get_subject_name(leaf)), 0);
	X509_free(leaf);
	X509_free(original);
}

static void a_subject_with_a_nul_is_left_out_and_refused(void **state)
{
	static const uint8_t evil[] = "bank.test\0.evil.test";
	struct fixture *f = *state;
	X509 *original = make_cert(f->ec, "x", "a.test", NULL, NULL, -10, 10);
	X509_NAME *name = X509_get_subject_name(original);
	struct pki_template t;
	unsigned char *der = NULL;
	X509 *leaf = NULL;

	assert_true(X509_NAME_add_entry_by_NID(name, NID_commonName, V_ASN1_UTF8STRING, evil,
	                                       sizeof(evil) - 1, -1, 0));
	assert_int_equal(pki_template_read(original, &t), 0);
	assert_int_equal(t.subject_len, 0);
	pki_template_fini(&t);
	t = (struct pki_template){.not_after = f->now};
	t.subject_len = (size_t)i2d_X509_NAME(name, &der);
	t.subject = der;
	assert_int_equal(pki_forge(&f->issuer, &t, f->ec, &leaf), SL_EMALFORMED);
	OPENSSL_free(der);
	X509_free(original);
}

static void templates_are_parsed_to_their_last_byte(void **state)
{
#define NAMES(text)                                                                                \
	{                                                                                          \
		(const uint8_t *)(text), sizeof(text) - 1                                          \
	}
	static const struct {
		const uint8_t *der;
		size_t len;
	} bad[] = {
	        NAMES("\x30\x00"),         /* empty */
	        NAMES("\x30\x03\x82\x01"), /* ends early */
	        NAMES("\x30\x03\x82\x01"
	              "aX"), /* more behind it */
	        NAMES("\x30\x81\x03\x82\x01"
	              "a"), /* a length that is too long */
	        NAMES("\x30\x80\x82\x01"
	              "a\0\0"), /* indefinite length */
	        NAMES("\x30\x04\x82\x81\x01"
	              "a"), /* within */
	        NAMES("\x30\x05\x82\x03"
	              "a\0b"), /* NUL */
	        NAMES("\x30\x04\x82\x02"
	              "\xc3\xbc"),                     /* not IA5 */
	        NAMES("\x30\x02\x82\x00"),             /* no text */
	        NAMES("\x30\x05\x87\x03\x01\x02\x03"), /* three bytes of address */
	        NAMES("\x30\x05\x81\x03"
	              "a@b"), /* an email */
	        NAMES("\x30\x03\x02\x01"
	              "a"), /* no GeneralName */
	        NAMES("\x31\x03\x82\x01"
	              "a"), /* no SEQUENCE */
	        NAMES("\x30"),
	};
#undef NAMES
	struct fixture *f = *state;
	struct pki_template t = {.not_after = f->now};
	X509 *leaf = NULL;

	for (size_t i = 0; i < SL_ARRAY_LEN(bad); i++) {
		t.alt_names = bad[i].der;
		t.alt_names_len = bad[i].len;
		assert_int_equal(pki_forge(&f->issuer, &t, f->ec, &leaf), SL_EMALFORMED);
	}
	t.alt_names_len = 0;
	t.subject = (const uint8_t *)"\x30\x00X";
	t.subject_len = 3;
	assert_int_equal(pki_forge(&f->issuer, &t, f->ec, &leaf), SL_EMALFORMED);
	t.subject_len = 1;
	assert_int_equal(pki_forge(&f->issuer, &t, f->ec, &leaf), SL_EMALFORMED);
	t.subject_len = PKI_SUBJECT_DER_MAX + 1;
	assert_int_equal(pki_forge(&f->issuer, &t, f->ec, &leaf), SL_ELIMIT);
	assert_null(leaf);
}

static void of_too_many_names_those_that_fit_are_taken(void **state)
{
	struct fixture *f = *state;
	X509 *original = make_cert(f->ec, "x", NULL, NULL, NULL, -10, 10);
	struct pki_template t;
	X509 *leaf = NULL;

	make_many_names(original, 10000);
	assert_int_equal(pki_template_read(original, &t), 0);
	assert_true(t.alt_names_len <= PKI_ALT_NAMES_DER_MAX);
	assert_true(t.alt_names_len > PKI_ALT_NAMES_DER_MAX - 32);
	assert_int_equal(pki_forge(&f->issuer, &t, f->ec, &leaf), 0);
	assert_int_equal(X509_check_host(leaf, "n0.many.test", 0, 0, NULL), 1);
	pki_template_fini(&t);
	X509_free(leaf);
	X509_free(original);
}

static void an_issuer_must_be_a_ca_for_servers_and_in_its_time(void **state)
{
	struct fixture *f = *state;
	X509 *leaf = make_cert(f->ec, "x", "x", NULL, NULL, -1, 1);
	X509 *signs_code = make_ca(f->ec, "Code CA", NULL, NULL, -1, 1);
	X509 *no_signing = make_ca(f->ec, "CRL CA", NULL, NULL, -1, 1);

	make_extension(signs_code, NULL, NID_ext_key_usage, "codeSigning");
	make_extension(no_signing, NULL, NID_key_usage, "critical,cRLSign");
	assert_int_equal(pki_issuer_check(f->issuer.certificate, f->now), 0);
	assert_int_equal(pki_issuer_check(f->issuer.certificate, f->now + 101 * DAY), SL_EREFUSED);
	assert_int_equal(pki_issuer_check(f->issuer.certificate, f->now - 101 * DAY), SL_EREFUSED);
	assert_int_equal(pki_issuer_check(leaf, f->now), SL_EINVAL);
	assert_int_equal(pki_issuer_check(signs_code, f->now), SL_EINVAL);
	assert_int_equal(pki_issuer_check(no_signing, f->now), SL_EINVAL);
	X509_free(leaf);
	X509_free(signs_code);
	X509_free(no_signing);
}

static void elliptic_issuers_sign_with_a_digest_of_their_size(void **state)
{
	struct fixture *f = *state;
	static const struct {
		const char *curve;
		int nid;
	} cases[] = {{"P-256", NID_ecdsa_with_SHA256}, {"P-384", NID_ecdsa_with_SHA384}};
	X509 *original = make_cert(f->ec, "a.test", "a.test", NULL, NULL, -10, 10);

	for (size_t i = 0; i < SL_ARRAY_LEN(cases); i++) {
		struct pki_issuer issuer = {.key = make_ec(cases[i].curve)};
		X509 *leaf;

		issuer.certificate = make_ca(issuer.key, "CA", NULL, NULL, -10, 10);
		leaf = forge_like(&issuer, original, f->rsa);
		assert_int_equal(X509_get_signature_nid(leaf), cases[i].nid);
		assert_int_equal(strict_verify(&issuer, leaf, "a.test"), X509_V_OK);
		X509_free(leaf);
		X509_free(issuer.certificate);
		EVP_PKEY_free(issuer.key);
	}
	X509_free(original);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	        cmocka_unit_test(a_leaf_has_the_originals_names_and_passes_strict_verification),
	        cmocka_unit_test(a_leaf_has_six_extensions_and_nothing_else_of_the_original),
	        cmocka_unit_test(key_usage_follows_the_key_and_identifiers_lead_to_the_issuer),
	        cmocka_unit_test(a_leaf_has_the_key_as_others_read_it),
	        cmocka_unit_test(serials_are_positive_sixteen_bytes_and_never_the_same),
	        cmocka_unit_test(dates_stay_within_the_originals_and_the_issuers),
	        cmocka_unit_test(a_site_that_expired_before_our_ca_was_made_keeps_its_dates),
	        cmocka_unit_test(an_empty_subject_makes_the_names_critical),
	        cmocka_unit_test(entries_that_are_no_name_or_address_are_left_out),
	        cmocka_unit_test(a_certificate_without_alternative_names_gets_none),
	        cmocka_unit_test(a_subject_with_several_values_in_one_part_stays_as_it_is),
	        cmocka_unit_test(a_subject_with_a_nul_is_left_out_and_refused),
	        cmocka_unit_test(templates_are_parsed_to_their_last_byte),
	        cmocka_unit_test(of_too_many_names_those_that_fit_are_taken),
	        cmocka_unit_test(an_issuer_must_be_a_ca_for_servers_and_in_its_time),
	        cmocka_unit_test(elliptic_issuers_sign_with_a_digest_of_their_size),
	};

	return cmocka_run_group_tests(tests, set_up, tear_down);
}
