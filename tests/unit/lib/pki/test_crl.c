/* SPDX-License-Identifier: Apache-2.0 */
#include "lib/pki/crl.h"

#include <openssl/pem.h>
#include <openssl/x509v3.h>
#include <stdlib.h>
#include <time.h>

#include "lib/base/buf.h"
#include "lib/base/err.h"
#include "lib/pki/file.h"
#include "lib/pki/verify.h"
#include "tests/unit/lib/pki/site.h"
#include "tests/unit/unit.h"

/* The lists as PEM, and as DER one behind the other. Caller frees. */
static char *to_pem(X509_CRL *first, X509_CRL *second, size_t *ret_len)
{
	BIO *bio = BIO_new(BIO_s_mem());
	char *data, *copy;

	assert_int_equal(PEM_write_bio_X509_CRL(bio, first), 1);
	if (second)
		assert_int_equal(PEM_write_bio_X509_CRL(bio, second), 1);
	*ret_len = (size_t)BIO_get_mem_data(bio, &data);
	copy = malloc(*ret_len + 1);
	assert_non_null(copy);
	memcpy(copy, data, *ret_len);
	copy[*ret_len] = '\0';
	BIO_free(bio);
	return copy;
}

static int count_and_free(STACK_OF(X509_CRL) * crls)
{
	int count = sk_X509_CRL_num(crls);

	sk_X509_CRL_pop_free(crls, X509_CRL_free);
	return count;
}

static int parse(const void *data, size_t len)
{
	STACK_OF(X509_CRL) * crls;
	struct pki_error err;
	int rc = pki_crls_parse("f", data, len, &crls, &err);

	return rc ? rc : count_and_free(crls);
}

static void lists_are_read_from_pem_and_der_and_come_into_a_store(void **state)
{
	STACK_OF(X509_CRL) * crls;
	struct pki_error err;
	struct buf der;
	struct site s;
	X509_CRL *of_middle, *of_root;
	size_t len;
	char *pem;

	site_open(&s);
	of_middle = make_crl(s.middle, s.middle_key, s.v.leaf, 1);
	of_root = make_crl(s.root, s.root_key, NULL, 1);
	pem = to_pem(of_middle, of_root, &len);
	assert_int_equal(site_verify(&s), PKI_FAULT_NONE);
	assert_int_equal(pki_crls_parse("f", pem, len, &crls, &err), 0);
	buf_init(&der, 1u << 20);
	assert_int_equal(pki_crls_write_der(crls, &der), 0);
	assert_int_equal(count_and_free(crls), 2);
	assert_int_equal(parse(der.data, der.len), 2);
	assert_int_equal(pki_store_add_crls(s.v.trust, "f", der.data, der.len, &err), 0);
	assert_int_equal(site_verify(&s), PKI_FAULT_REVOKED);
	for (size_t cut = 1; cut < der.len; cut += 7)
		assert_true(parse(der.data, cut) < 0 || parse(der.data, cut) == 1);
	assert_int_equal(parse(der.data, der.len - 1), SL_EMALFORMED);
	buf_fini(&der);
	free(pem);
	X509_CRL_free(of_middle);
	X509_CRL_free(of_root);
	site_close(&s);
}

static void what_is_no_list_is_refused(void **state)
{
	static const char certificate[] = "-----BEGIN CERTIFICATE-----\nAAAA\n"
	                                  "-----END CERTIFICATE-----\n";
	static const char torn[] = "-----BEGIN X509 CRL-----\nAAAA\n-----END X509 CRL-----\n";
	uint8_t *large = calloc(1, PKI_FILE_MAX + 1);

	assert_int_equal(parse("", 0), SL_ENOENT);
	assert_int_equal(parse("hello", 5), SL_EMALFORMED);
	assert_int_equal(parse(certificate, sizeof(certificate) - 1), SL_ENOENT);
	assert_int_equal(parse(torn, sizeof(torn) - 1), SL_EMALFORMED);
	assert_int_equal(parse(large, PKI_FILE_MAX + 1), SL_ELIMIT);
	free(large);
}

static void more_lists_than_a_file_may_have_are_refused(void **state)
{
	struct buf text;
	struct site s;
	X509_CRL *crl;
	size_t len;
	char *pem;

	site_open(&s);
	crl = make_crl(s.root, s.root_key, NULL, 1);
	pem = to_pem(crl, NULL, &len);
	buf_init(&text, 1u << 20);
	for (int i = 0; i < PKI_CRLS_MAX; i++)
		assert_int_equal(buf_add(&text, pem, len), 0);
	assert_int_equal(parse(text.data, text.len), PKI_CRLS_MAX);
	assert_int_equal(buf_add(&text, pem, len), 0);
	assert_int_equal(parse(text.data, text.len), SL_ELIMIT);
	buf_fini(&text);
	free(pem);
	X509_CRL_free(crl);
	site_close(&s);
}

/* OpenSSL's verification would not look at them, and nobody would know. */
static int parse_with(const struct site *s, int nid, void *value)
{
	X509_CRL *crl = make_crl(s->middle, s->middle_key, s->v.leaf, 1);
	unsigned char *der = NULL;
	int len, rc;

	assert_int_equal(X509_CRL_add1_ext_i2d(crl, nid, value, 1, 0), 1);
	assert_true(X509_CRL_sign(crl, s->middle_key, EVP_sha256()) > 0);
	len = i2d_X509_CRL(crl, &der);
	rc = parse(der, (size_t)len);
	OPENSSL_free(der);
	X509_CRL_free(crl);
	return rc;
}

static void lists_that_would_not_be_looked_at_are_refused(void **state)
{
	ASN1_INTEGER *base = ASN1_INTEGER_new();
	ISSUING_DIST_POINT *scope = ISSUING_DIST_POINT_new();
	struct site s;

	site_open(&s);
	assert_int_equal(ASN1_INTEGER_set(base, 7), 1);
	assert_int_equal(parse_with(&s, NID_delta_crl, base), SL_EUNSUPPORTED);
	scope->onlyuser = 1;
	assert_int_equal(parse_with(&s, NID_issuing_distribution_point, scope), 1);
	scope->onlyuser = 0;
	scope->indirectCRL = 1;
	assert_int_equal(parse_with(&s, NID_issuing_distribution_point, scope), SL_EUNSUPPORTED);
	ASN1_INTEGER_free(base);
	ISSUING_DIST_POINT_free(scope);
	site_close(&s);
}

static enum pki_crl_state state_of(X509_STORE *store, X509_CRL *crl)
{
	enum pki_crl_state state = pki_crl_state(crl, store, time(NULL));

	X509_CRL_free(crl);
	return state;
}

static void what_there_is_to_say_of_a_list(void **state)
{
	X509_STORE *store;
	X509_CRL *early;
	ASN1_TIME *from;
	struct site s;

	site_open(&s);
	store = s.v.trust;
	assert_int_equal(state_of(store, make_crl(s.root, s.root_key, NULL, 1)), PKI_CRL_GOOD);
	assert_int_equal(state_of(store, make_crl(s.root, s.root_key, NULL, -1)), PKI_CRL_EXPIRED);
	assert_int_equal(state_of(store, make_crl(s.root, s.other_key, NULL, 1)),
	                 PKI_CRL_OTHER_KEY);
	assert_int_equal(state_of(store, make_crl(s.middle, s.middle_key, NULL, 1)),
	                 PKI_CRL_UNKNOWN_ISSUER);
	early = make_crl(s.root, s.root_key, NULL, 9);
	from = X509_time_adj_ex(NULL, 1, 0, NULL);
	assert_int_equal(X509_CRL_set1_lastUpdate(early, from), 1);
	assert_int_equal(state_of(store, early), PKI_CRL_NOT_YET_VALID);
	ASN1_TIME_free(from);
	site_close(&s);
}

/* R167: of a server that the box stands before dates do not matter; a revocation does. */
static void a_chain_that_leads_to_a_store_does_not_when_it_is_revoked(void **state)
{
	struct make_spec spec;
	struct site s;

	site_open(&s);
	spec = site_leaf(&s);
	spec.from = -9;
	spec.to = -3;
	site_set_leaf(&s, &spec);
	assert_true(pki_chain_leads_to(s.v.trust, s.v.leaf, s.v.chain));
	assert_false(pki_chain_leads_to(s.v.trust, s.v.leaf, NULL));
	site_trust_crl(&s, make_crl(s.middle, s.middle_key, NULL, 1));
	assert_true(pki_chain_leads_to(s.v.trust, s.v.leaf, s.v.chain));
	site_trust(&s, s.root, NULL);
	site_trust_crl(&s, make_crl(s.middle, s.middle_key, s.v.leaf, 1));
	assert_false(pki_chain_leads_to(s.v.trust, s.v.leaf, s.v.chain));
	site_trust(&s, s.middle, NULL);
	assert_true(pki_chain_leads_to(s.v.trust, s.v.leaf, NULL));
	site_trust(&s, NULL, NULL);
	assert_false(pki_chain_leads_to(s.v.trust, s.v.leaf, s.v.chain));
	site_close(&s);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	        cmocka_unit_test(lists_are_read_from_pem_and_der_and_come_into_a_store),
	        cmocka_unit_test(what_is_no_list_is_refused),
	        cmocka_unit_test(more_lists_than_a_file_may_have_are_refused),
	        cmocka_unit_test(lists_that_would_not_be_looked_at_are_refused),
	        cmocka_unit_test(what_there_is_to_say_of_a_list),
	        cmocka_unit_test(a_chain_that_leads_to_a_store_does_not_when_it_is_revoked),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
