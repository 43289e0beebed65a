/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The certificate faults of the literature, one row each, with a valid twin: the same site without
 * the one thing that is wrong with it.
 */
#include "lib/pki/verify.h"

#include <openssl/core_names.h>
#include <openssl/ocsp.h>
#include <openssl/x509v3.h>

#include "lib/pki/cert.h"
#include "lib/pki/forge.h"
#include "tests/unit/lib/pki/site.h"
#include "tests/unit/unit.h"

/* ---- trust ------------------------------------------------------------------------------- */

static void self_signed(struct site *s, bool good)
{
	struct make_spec spec = site_leaf(s);

	spec.issuer = NULL;
	site_set_leaf(s, &spec);
	site_show(s, NULL);
	if (good)
		site_trust(s, s->v.leaf, NULL);
}

static void unknown_root(struct site *s, bool good)
{
	if (!good)
		site_trust(s, NULL, NULL);
	site_show(s, s->middle, s->root, NULL);
}

static void unknown_issuer(struct site *s, bool good)
{
	if (!good)
		site_trust(s, NULL, NULL);
}

static void missing_intermediate(struct site *s, bool good)
{
	site_show(s, NULL);
	if (good)
		site_trust(s, s->root, s->middle, NULL);
}

/* An intermediate that is not under a trusted root is no root. */
static void intermediate_alone(struct site *s, bool good)
{
	site_trust(s, s->middle, good ? s->root : NULL, NULL);
}

static void own_ca(struct site *s, bool good)
{
	static uint8_t id[1][32];

	assert_int_equal(pki_cert_key_id(s->middle, id[0]), 0);
	id[0][0] ^= good;
	s->v.own_keys = (const uint8_t(*)[32])id;
	s->v.own_keys_count = 1;
}

static void own_root_in_the_store(struct site *s, bool good)
{
	static uint8_t id[1][32];

	assert_int_equal(pki_cert_key_id(s->root, id[0]), 0);
	id[0][0] ^= good;
	s->v.own_keys = (const uint8_t(*)[32])id;
	s->v.own_keys_count = 1;
}

/* ---- dates ------------------------------------------------------------------------------- */

static void leaf_dates(struct site *s, int from, int to)
{
	struct make_spec spec = site_leaf(s);

	spec.from = from;
	spec.to = to;
	site_set_leaf(s, &spec);
}

static void expired_leaf(struct site *s, bool good)
{
	leaf_dates(s, -10, good ? 1 : -1);
}

static void leaf_not_yet_valid(struct site *s, bool good)
{
	leaf_dates(s, good ? -1 : 1, 10);
}

static void expired_intermediate(struct site *s, bool good)
{
	struct make_spec spec = site_middle(s);

	spec.from = -10;
	spec.to = good ? 1 : -1;
	site_set_middle(s, &spec);
}

static void expired_root(struct site *s, bool good)
{
	struct make_spec spec = site_root(s);

	spec.from = -10;
	spec.to = good ? 1 : -1;
	site_set_root(s, &spec);
}

static void expired_and_for_another_name(struct site *s, bool good)
{
	expired_leaf(s, good);
	if (!good)
		s->v.name = "www.b.test";
}

/* ---- names ------------------------------------------------------------------------------- */

static void wrong_name(struct site *s, bool good)
{
	s->v.name = good ? "WWW.A.Test." : "a.test";
}

static void named(struct site *s, const char *asked, const char *names)
{
	struct make_spec spec = site_leaf(s);

	spec.names = names;
	site_set_leaf(s, &spec);
	s->v.name = asked;
}

static void wildcard_of_two_labels(struct site *s, bool good)
{
	named(s, good ? "www.a.test" : "x.www.a.test", "DNS:*.a.test");
}

static void wildcard_for_no_label(struct site *s, bool good)
{
	named(s, "a.test", good ? "DNS:*.a.test,DNS:a.test" : "DNS:*.a.test");
}

static void wildcard_of_a_part(struct site *s, bool good)
{
	named(s, "www.a.test", good ? "DNS:*.a.test" : "DNS:w*.a.test,DNS:*w.a.test");
}

static void wildcard_not_leftmost(struct site *s, bool good)
{
	named(s, "www.a.test", good ? "DNS:www.a.test" : "DNS:www.*.test,DNS:*.*.test");
}

static void wildcard_of_all(struct site *s, bool good)
{
	named(s, "a.test", good ? "DNS:a.test" : "DNS:*.test,DNS:*");
}

static void address_as_a_dns_name(struct site *s, bool good)
{
	named(s, "192.0.2.1", good ? "IP:192.0.2.1" : "DNS:192.0.2.1,IP:192.0.2.2");
}

static void address_of_version_6(struct site *s, bool good)
{
	named(s, "2001:db8::1", good ? "IP:2001:db8::1" : "IP:2001:db8::2,IP:1.2.3.4");
}

static void common_name_beside_names(struct site *s, bool good)
{
	named(s, "www.a.test", good ? NULL : "DNS:other.a.test");
}

static void common_name_beside_other_names(struct site *s, bool good)
{
	named(s, "www.a.test", good ? NULL : "email:a@a.test");
}

static void nul_in_a_name(struct site *s, bool good)
{
	named(s, "www.a.test", "DNS:www.a.test,DNS:www.a.test_.evil.test");
	if (!good)
		s->v.leaf = site_keep(s, make_patched(s->v.leaf, "test_.evil", "test\0.evil", 10));
	make_sign(s->v.leaf, s->middle_key, EVP_sha256());
}

static void nul_in_the_common_name(struct site *s, bool good)
{
	struct make_spec spec = site_leaf(s);

	spec.common_name = "www.a.test_.evil.test";
	site_set_leaf(s, &spec);
	if (!good)
		s->v.leaf = site_keep(s, make_patched(s->v.leaf, "test_.evil", "test\0.evil", 10));
	make_sign(s->v.leaf, s->middle_key, EVP_sha256());
}

static void many_names(struct site *s, bool good)
{
	make_many_names(s->v.leaf, good ? 2000 : 10000);
	make_sign(s->v.leaf, s->middle_key, EVP_sha256());
	s->v.name = "n1999.many.test";
}

/* ---- signatures -------------------------------------------------------------------------- */

static void broken_signature(struct site *s, bool good)
{
	if (!good)
		s->v.leaf = site_keep(
		        s, make_patched(s->v.leaf, "\x0c\x0awww.a.test", "\x0c\x0awww.b.test", 12));
}

static void broken_signature_of_the_intermediate(struct site *s, bool good)
{
	struct make_spec spec = site_middle(s);

	if (!good)
		spec.issuer_key = s->other_key;
	site_set_middle(s, &spec);
}

static void digest_of_leaf(struct site *s, const EVP_MD *md)
{
	struct make_spec spec = site_leaf(s);

	spec.md = md;
	site_set_leaf(s, &spec);
}

static void signed_by_md5(struct site *s, bool good)
{
	EVP_PKEY_free(s->middle_key);
	s->middle_key = make_rsa(2048);
	site_set_middle(s, &(struct make_spec){.common_name = "Middle",
	                                       .key = s->middle_key,
	                                       .issuer = s->root,
	                                       .issuer_key = s->root_key,
	                                       .basic = "critical,CA:TRUE"});
	digest_of_leaf(s, good ? EVP_sha256() : EVP_md5());
}

static void signed_by_md2(struct site *s, bool good)
{
	/* 1.2.840.113549.1.1.11 and .2: OpenSSL makes no such signature any more. */
	static const uint8_t sha256[] = {0x06, 0x09, 0x2a, 0x86, 0x48, 0x86,
	                                 0xf7, 0x0d, 0x01, 0x01, 0x0b};
	static const uint8_t md2[] = {0x06, 0x09, 0x2a, 0x86, 0x48, 0x86,
	                              0xf7, 0x0d, 0x01, 0x01, 0x02};

	signed_by_md5(s, true);
	if (!good)
		s->v.leaf = site_keep(s, make_patched(s->v.leaf, sha256, md2, sizeof(md2)));
}

static void signed_by_sha1(struct site *s, bool good)
{
	digest_of_leaf(s, good ? EVP_sha384() : EVP_sha1());
}

static void intermediate_signed_by_sha1(struct site *s, bool good)
{
	struct make_spec spec = site_middle(s);

	spec.md = good ? NULL : EVP_sha1();
	site_set_middle(s, &spec);
}

/* ---- keys -------------------------------------------------------------------------------- */

static void key_of_leaf(struct site *s, EVP_PKEY *key)
{
	struct make_spec spec = site_leaf(s);

	EVP_PKEY_free(s->leaf_key);
	s->leaf_key = spec.key = key;
	site_set_leaf(s, &spec);
}

static void rsa_512(struct site *s, bool good)
{
	key_of_leaf(s, make_rsa(good ? 2048 : 512));
}

static void rsa_1024(struct site *s, bool good)
{
	key_of_leaf(s, make_rsa(good ? 1032 : 1024));
}

static void intermediate_of_rsa_768(struct site *s, bool good)
{
	EVP_PKEY_free(s->middle_key);
	s->middle_key = make_rsa(good ? 2048 : 768);
	site_set_middle(s, &(struct make_spec){.common_name = "Middle",
	                                       .key = s->middle_key,
	                                       .issuer = s->root,
	                                       .issuer_key = s->root_key,
	                                       .basic = "critical,CA:TRUE"});
}

static void below_the_minimum_length(struct site *s, bool good)
{
	s->v.minimum_key_length = good ? 2048 : 3072;
	key_of_leaf(s, make_rsa(2048));
}

static void intermediate_below_the_minimum_length(struct site *s, bool good)
{
	s->v.minimum_key_length = good ? 2048 : 2049;
	intermediate_of_rsa_768(s, true);
}

static void short_curve(struct site *s, bool good)
{
	key_of_leaf(s, make_ec(good ? "P-224" : "P-192"));
}

static void curve_of_its_own(struct site *s, bool good)
{
	EVP_PKEY *key = make_ec("P-256");

	assert_true(EVP_PKEY_set_utf8_string_param(key, OSSL_PKEY_PARAM_EC_ENCODING,
	                                           good ? "named_curve" : "explicit"));
	key_of_leaf(s, key);
	s->v.leaf = site_keep(s, X509_dup(s->v.leaf)); /* so that it is read as it is sent */
}

/* ---- constraints ------------------------------------------------------------------------- */

static void ca_false(struct site *s, bool good)
{
	struct make_spec spec = site_middle(s);

	spec.basic = good ? spec.basic : "critical,CA:FALSE";
	spec.usage = good ? NULL : "digitalSignature";
	site_set_middle(s, &spec);
}

static void no_basic_constraints(struct site *s, bool good)
{
	struct make_spec spec = site_middle(s);

	spec.basic = good ? spec.basic : "";
	spec.usage = good ? NULL : "";
	spec.extended = "";
	site_set_middle(s, &spec);
}

static void intermediate_of_version_1(struct site *s, bool good)
{
	struct make_spec spec = site_middle(s);

	spec.version_1 = !good;
	site_set_middle(s, &spec);
}

static void ca_that_may_not_sign(struct site *s, bool good)
{
	struct make_spec spec = site_middle(s);

	spec.usage = good ? NULL : "critical,cRLSign";
	site_set_middle(s, &spec);
}

static void path_length(struct site *s, bool good)
{
	struct make_spec spec = site_root(s);

	spec.basic = good ? "critical,CA:TRUE,pathlen:1" : "critical,CA:TRUE,pathlen:0";
	site_set_root(s, &spec);
}

static void constrained(struct site *s, const char *constraints)
{
	struct make_spec spec = site_middle(s);

	spec.constraints = constraints;
	site_set_middle(s, &spec);
}

static void names_not_permitted(struct site *s, bool good)
{
	constrained(s, good ? "critical,permitted;DNS:a.test" : "critical,permitted;DNS:b.test");
}

static void names_excluded(struct site *s, bool good)
{
	constrained(s, good ? "critical,excluded;DNS:b.test" : "critical,excluded;DNS:a.test");
}

static void unknown_critical(struct site *s, bool good)
{
	make_extension(s->v.leaf, NULL, NID_netscape_comment, "x");
	if (!good)
		X509_EXTENSION_set_critical(
		        X509_get_ext(s->v.leaf,
		                     X509_get_ext_by_NID(s->v.leaf, NID_netscape_comment, -1)),
		        1);
	make_sign(s->v.leaf, s->middle_key, EVP_sha256());
}

static void usage_of_leaf(struct site *s, const char *usage, const char *extended)
{
	struct make_spec spec = site_leaf(s);

	spec.usage = usage;
	spec.extended = extended;
	site_set_leaf(s, &spec);
}

static void leaf_for_clients(struct site *s, bool good)
{
	usage_of_leaf(s, NULL, good ? "clientAuth,serverAuth" : "clientAuth");
}

static void leaf_for_signing_certificates(struct site *s, bool good)
{
	usage_of_leaf(s, good ? "critical,keyEncipherment" : "critical,keyCertSign,cRLSign", NULL);
}

static void intermediate_for_mail(struct site *s, bool good)
{
	struct make_spec spec = site_middle(s);

	spec.extended = good ? "serverAuth,emailProtection" : "emailProtection";
	site_set_middle(s, &spec);
}

/* ---- revocation -------------------------------------------------------------------------- */

static void revoked_by_crl(struct site *s, bool good)
{
	site_trust_crl(s, make_crl(s->middle, s->middle_key, good ? s->root : s->v.leaf, 1));
}

static void revoked_by_an_old_crl(struct site *s, bool good)
{
	site_trust_crl(s, make_crl(s->middle, s->middle_key, good ? NULL : s->v.leaf, -1));
}

static void intermediate_revoked_by_crl(struct site *s, bool good)
{
	site_trust_crl(s, make_crl(s->root, s->root_key, good ? NULL : s->middle, 1));
}

static void revoked_by_staple(struct site *s, bool good)
{
	site_staple(s, s->middle, s->middle_key,
	            good ? V_OCSP_CERTSTATUS_GOOD : V_OCSP_CERTSTATUS_REVOKED, 1);
}

static void nothing_known_of_revocation(struct site *s, bool good)
{
	s->v.revocation_required = true;
	if (good)
		site_staple(s, s->middle, s->middle_key, V_OCSP_CERTSTATUS_GOOD, 1);
}

static void crl_that_is_too_old(struct site *s, bool good)
{
	s->v.revocation_required = true;
	site_trust_crl(s, make_crl(s->middle, s->middle_key, NULL, good ? 1 : -1));
}

static void crl_of_another_key(struct site *s, bool good)
{
	s->v.revocation_required = true;
	site_trust_crl(s, make_crl(s->middle, good ? s->middle_key : s->other_key, NULL, 1));
}

static void staple_that_is_too_old(struct site *s, bool good)
{
	s->v.revocation_required = true;
	site_staple(s, s->middle, s->middle_key, V_OCSP_CERTSTATUS_GOOD, good ? 1 : -1);
}

static void staple_that_does_not_know(struct site *s, bool good)
{
	s->v.revocation_required = true;
	site_staple(s, s->middle, s->middle_key,
	            good ? V_OCSP_CERTSTATUS_GOOD : V_OCSP_CERTSTATUS_UNKNOWN, 1);
}

static void staple_of_a_delegate(struct site *s, bool good)
{
	struct make_spec spec = site_leaf(s);
	X509 *signer;

	spec.common_name = "OCSP";
	spec.key = s->other_key;
	spec.names = NULL;
	spec.extended = good ? "OCSPSigning" : "serverAuth";
	signer = site_make(s, &spec);
	s->v.revocation_required = true;
	site_staple(s, signer, s->other_key, V_OCSP_CERTSTATUS_GOOD, 1);
}

static void staple_of_a_stranger(struct site *s, bool good)
{
	struct make_spec spec = site_root(s);
	X509 *stranger;

	spec.common_name = "Stranger";
	spec.key = s->other_key;
	spec.extended = "OCSPSigning";
	stranger = site_make(s, &spec);
	s->v.revocation_required = true;
	site_staple(s, good ? s->middle : stranger, good ? s->middle_key : s->other_key,
	            V_OCSP_CERTSTATUS_GOOD, 1);
}

static void staple_of_another_certificate(struct site *s, bool good)
{
	struct make_spec spec = site_leaf(s);

	s->v.revocation_required = true;
	site_staple(s, s->middle, s->middle_key, V_OCSP_CERTSTATUS_GOOD, 1);
	if (!good)
		site_set_leaf(s, &spec);
}

static void staple_that_cannot_be_read(struct site *s, bool good)
{
	s->v.revocation_required = true;
	site_staple(s, s->middle, s->middle_key, V_OCSP_CERTSTATUS_GOOD, 1);
	s->v.staple_len -= !good;
}

/* ---- DER --------------------------------------------------------------------------------- */

static void patch_names(struct site *s, const void *from, const void *to, size_t len, bool good)
{
	named(s, "www.a.test", "DNS:www.a.test,IP:1.2.3.4");
	if (!good)
		s->v.leaf = site_keep(s, make_patched(s->v.leaf, from, to, len));
	make_sign(s->v.leaf, s->middle_key, EVP_sha256());
}

static void names_that_end_early(struct site *s, bool good)
{
	patch_names(s, "\x87\x04\1\2\3\4", "\x87\x05\1\2\3\4", 6, good);
}

static void names_that_end_late(struct site *s, bool good)
{
	patch_names(s, "\x87\x04\1\2\3\4", "\x87\x02\1\2\3\4", 6, good);
}

static void names_that_are_no_general_names(struct site *s, bool good)
{
	patch_names(s, "\x82\x0awww", "\x0c\x0awww", 5, good);
}

static void names_not_in_ascii(struct site *s, bool good)
{
	patch_names(s, "\x82\x0awww", "\x82\x0aw\xc3\xbc", 5, good);
}

static void names_twice(struct site *s, bool good)
{
	X509_EXTENSION *names =
	        X509_get_ext(s->v.leaf, X509_get_ext_by_NID(s->v.leaf, NID_subject_alt_name, -1));

	if (!good)
		assert_true(X509_add_ext(s->v.leaf, names, -1));
	make_sign(s->v.leaf, s->middle_key, EVP_sha256());
}

static void basic_constraints_that_cannot_be_read(struct site *s, bool good)
{
	/* The OCTET STRING with SEQUENCE {TRUE}, and with another tag in it. */
	if (!good)
		s->middle = site_keep(s, make_patched(s->middle, "\x04\x05\x30\x03\x01\x01\xff",
		                                      "\x04\x05\x31\x03\x01\x01\xff", 7));
	make_sign(s->middle, s->root_key, EVP_sha256());
	site_show(s, s->middle, NULL);
}

static void dates_that_cannot_be_read(struct site *s, bool good)
{
	if (!good)
		assert_true(ASN1_STRING_set(X509_getm_notAfter(s->v.leaf), "xxyyzz000000Z", 13));
	make_sign(s->v.leaf, s->middle_key, EVP_sha256());
}

/* ---- the table --------------------------------------------------------------------------- */

static const struct row {
	const char *what;
	void (*make)(struct site *s, bool good);
	enum pki_fault fault;
} table[] = {
#define ROW(function, FAULT)                                                                       \
	{                                                                                          \
#function, function, PKI_FAULT_##FAULT                                             \
	}
        ROW(self_signed, SELF_SIGNED),
        ROW(unknown_root, UNTRUSTED_ROOT),
        ROW(unknown_issuer, UNKNOWN_ISSUER),
        ROW(missing_intermediate, UNKNOWN_ISSUER),
        ROW(intermediate_alone, UNKNOWN_ISSUER),
        ROW(own_ca, OWN_CERTIFICATE),
        ROW(own_root_in_the_store, OWN_CERTIFICATE),
        ROW(expired_leaf, EXPIRED),
        ROW(leaf_not_yet_valid, NOT_YET_VALID),
        ROW(expired_intermediate, EXPIRED),
        ROW(expired_root, EXPIRED),
        ROW(expired_and_for_another_name, NAME_MISMATCH),
        ROW(wrong_name, NAME_MISMATCH),
        ROW(wildcard_of_two_labels, NAME_MISMATCH),
        ROW(wildcard_for_no_label, NAME_MISMATCH),
        ROW(wildcard_of_a_part, NAME_MISMATCH),
        ROW(wildcard_not_leftmost, NAME_MISMATCH),
        ROW(wildcard_of_all, NAME_MISMATCH),
        ROW(address_as_a_dns_name, NAME_MISMATCH),
        ROW(address_of_version_6, NAME_MISMATCH),
        ROW(common_name_beside_names, NAME_MISMATCH),
        ROW(common_name_beside_other_names, NAME_MISMATCH),
        ROW(nul_in_a_name, MALFORMED),
        ROW(nul_in_the_common_name, MALFORMED),
        ROW(many_names, TOO_LARGE),
        ROW(broken_signature, BAD_SIGNATURE),
        ROW(broken_signature_of_the_intermediate, BAD_SIGNATURE),
        ROW(signed_by_md5, WEAK_DIGEST),
        ROW(signed_by_md2, WEAK_DIGEST),
        ROW(signed_by_sha1, WEAK_DIGEST),
        ROW(intermediate_signed_by_sha1, WEAK_DIGEST),
        ROW(rsa_512, WEAK_KEY),
        ROW(rsa_1024, WEAK_KEY),
        ROW(intermediate_of_rsa_768, WEAK_KEY),
        ROW(below_the_minimum_length, SHORT_KEY),
        ROW(intermediate_below_the_minimum_length, SHORT_KEY),
        ROW(short_curve, WEAK_KEY),
        ROW(curve_of_its_own, MALFORMED),
        ROW(ca_false, NOT_A_CA),
        ROW(no_basic_constraints, NOT_A_CA),
        ROW(intermediate_of_version_1, NOT_A_CA),
        ROW(ca_that_may_not_sign, NOT_A_CA),
        ROW(path_length, PATH_LENGTH),
        ROW(names_not_permitted, NAME_CONSTRAINTS),
        ROW(names_excluded, NAME_CONSTRAINTS),
        ROW(unknown_critical, UNKNOWN_CRITICAL),
        ROW(leaf_for_clients, PURPOSE),
        ROW(leaf_for_signing_certificates, PURPOSE),
        ROW(intermediate_for_mail, PURPOSE),
        ROW(revoked_by_crl, REVOKED),
        ROW(revoked_by_an_old_crl, REVOKED),
        ROW(intermediate_revoked_by_crl, REVOKED),
        ROW(revoked_by_staple, REVOKED),
        ROW(nothing_known_of_revocation, REVOCATION_UNKNOWN),
        ROW(crl_that_is_too_old, REVOCATION_UNKNOWN),
        ROW(crl_of_another_key, REVOCATION_UNKNOWN),
        ROW(staple_that_is_too_old, REVOCATION_UNKNOWN),
        ROW(staple_that_does_not_know, REVOCATION_UNKNOWN),
        ROW(staple_of_a_delegate, REVOCATION_UNKNOWN),
        ROW(staple_of_a_stranger, REVOCATION_UNKNOWN),
        ROW(staple_of_another_certificate, REVOCATION_UNKNOWN),
        ROW(staple_that_cannot_be_read, REVOCATION_UNKNOWN),
        ROW(names_that_end_early, MALFORMED),
        ROW(names_that_end_late, MALFORMED),
        ROW(names_that_are_no_general_names, MALFORMED),
        ROW(names_not_in_ascii, MALFORMED),
        ROW(names_twice, MALFORMED),
        ROW(basic_constraints_that_cannot_be_read, MALFORMED),
        ROW(dates_that_cannot_be_read, MALFORMED),
#undef ROW
};

static bool is(const struct row *row, bool good, enum pki_fault expected)
{
	struct pki_verdict verdict;
	struct site s;

	site_open(&s);
	row->make(&s, good);
	pki_verify_chain(&s.v, &verdict);
	site_close(&s);
	if (verdict.fault == expected)
		return true;
	print_error("%s%s: %s at depth %d (%s), not %s\n", row->what, good ? ", valid twin" : "",
	            pki_fault_name(verdict.fault), verdict.depth,
	            X509_verify_cert_error_string(verdict.x509_error), pki_fault_name(expected));
	return false;
}

static void each_fault_is_told_by_its_name_and_its_valid_twin_verifies(void **state)
{
	bool ok = true;

	for (size_t i = 0; i < SL_ARRAY_LEN(table); i++) {
		ok = is(&table[i], false, table[i].fault) && ok;
		ok = is(&table[i], true, PKI_FAULT_NONE) && ok;
	}
	assert_true(ok);
}

/* A session goes on with the untrusted CA where blocking is off. */
static void a_leaf_can_be_forged_for_each_fault_but_dates_that_cannot_be_read(void **state)
{
	struct pki_issuer issuer = {.key = make_ec("P-256")};

	issuer.certificate = make_ca(issuer.key, "Untrusted Server CA", NULL, NULL, -1, 10);
	for (size_t i = 0; i < SL_ARRAY_LEN(table); i++) {
		struct pki_template t;
		X509 *leaf = NULL;
		struct site s;

		site_open(&s);
		table[i].make(&s, false);
		if (table[i].make != dates_that_cannot_be_read) {
			assert_int_equal(pki_template_read(s.v.leaf, &t), 0);
			assert_int_equal(pki_forge(&issuer, &t, issuer.key, &leaf), 0);
			pki_template_fini(&t);
		}
		X509_free(leaf);
		site_close(&s);
	}
	X509_free(issuer.certificate);
	EVP_PKEY_free(issuer.key);
}

static void each_fault_has_a_name_a_text_and_a_kind(void **state)
{
	for (unsigned i = 0; i < PKI_FAULT_END; i++) {
		assert_non_null(pki_fault_name(i));
		assert_non_null(pki_fault_text(i));
		assert_int_equal(pki_fault_kind(i) == PKI_KIND_NONE, i == PKI_FAULT_NONE);
	}
	assert_string_equal(pki_fault_name(PKI_FAULT_SELF_SIGNED), "self_signed");
	assert_string_equal(pki_fault_name(PKI_FAULT_END), "other");
	assert_int_equal(pki_fault_kind(PKI_FAULT_OWN_CERTIFICATE), PKI_KIND_NEVER);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	        cmocka_unit_test(each_fault_is_told_by_its_name_and_its_valid_twin_verifies),
	        cmocka_unit_test(a_leaf_can_be_forged_for_each_fault_but_dates_that_cannot_be_read),
	        cmocka_unit_test(each_fault_has_a_name_a_text_and_a_kind),
	};

	return RUN_TESTS(tests);
}
