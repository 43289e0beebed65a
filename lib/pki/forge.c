/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Making leaves. `keys` runs this with values that come from a worker, and through it from a
 * server outside: both are parsed to their last byte and made anew, nothing is passed through.
 */
#include "lib/pki/forge.h"

#include <openssl/err.h>
#include <openssl/rand.h>
#include <openssl/x509v3.h>

#include "lib/base/err.h"
#include "lib/pki/alt_names_priv.h"
#include "lib/pki/cert.h"
#include "lib/pki/subject_priv.h"

enum { SERIAL_LEN = 16, KEY_ID_LEN = 20 };

/* What a GeneralizedTime can say; before 1950 nobody made certificates. */
static const int64_t time_min = -631152000;
static const int64_t time_max = 253402300799;

/* ---- issuers ----------------------------------------------------------------------------- */

/* A CA with an extended key usage issues for those uses only, for browsers at least. */
static bool may_issue_servers(X509 *ca)
{
	uint32_t usage = X509_get_extended_key_usage(ca);

	return X509_check_ca(ca) == 1 && (X509_get_key_usage(ca) & KU_KEY_CERT_SIGN) &&
	       (usage & (XKU_SSL_SERVER | XKU_ANYEKU));
}

int pki_issuer_check(const X509 *certificate, int64_t now)
{
	struct pki_validity validity;
	bool ok = may_issue_servers((X509 *)(uintptr_t)certificate);
	int rc = pki_cert_validity(certificate, now, &validity);

	ERR_clear_error();
	if (!ok || rc != 0)
		return SL_EINVAL;
	return validity.status == PKI_VALID ? 0 : SL_EREFUSED;
}

/* ---- the parts of a leaf ----------------------------------------------------------------- */

/* Positive, of full length, so that its encoding never has a superfluous byte. */
static int set_serial(X509 *leaf)
{
	uint8_t serial[SERIAL_LEN];

	if (RAND_bytes(serial, sizeof(serial)) != 1)
		return SL_ECRYPTO;
	serial[0] = (uint8_t)((serial[0] & 0x7f) | 0x40);
	return ASN1_STRING_set(X509_get_serialNumber(leaf), serial, sizeof(serial)) ? 0 : SL_ENOMEM;
}

static int64_t clamp(int64_t time)
{
	return SL_MAX(SL_MIN(time, time_max), time_min);
}

/*
 * Within the original's dates and the issuer's. Where these have no day in common (a site that
 * expired before our CA was made), the original's: its client should see that it expired.
 */
static int set_dates(X509 *leaf, const X509 *issuer, const struct pki_template *t)
{
	struct pki_validity v;
	int64_t from;
	int64_t to;

	if (pki_cert_validity(issuer, 0, &v) != 0)
		return SL_EINVAL;
	from = SL_MAX(t->not_before, v.not_before);
	to = SL_MIN(t->not_after, v.not_after);
	if (from > to) {
		from = t->not_before;
		to = t->not_after;
	}
	return ASN1_TIME_set(X509_getm_notBefore(leaf), (time_t)clamp(from)) &&
	                       ASN1_TIME_set(X509_getm_notAfter(leaf), (time_t)clamp(to))
	               ? 0
	               : SL_ENOMEM;
}

/* Entry by entry, so that what was BER becomes DER. */
static int copy_subject(X509_NAME *to, const X509_NAME *from)
{
	int last = -1;

	for (int i = 0; i < X509_NAME_entry_count(from); i++) {
		X509_NAME_ENTRY *entry = X509_NAME_get_entry(from, i);
		int set = X509_NAME_ENTRY_set(entry);

		if (!X509_NAME_add_entry(to, entry, -1, set == last ? -1 : 0))
			return SL_ENOMEM;
		last = set;
	}
	return 0;
}

static int set_subject(X509 *leaf, const struct pki_template *t)
{
	const unsigned char *at = t->subject;
	X509_NAME *name;
	int rc = SL_EMALFORMED;

	if (t->subject_len > PKI_SUBJECT_DER_MAX)
		return SL_ELIMIT;
	if (t->subject_len == 0)
		return 0;
	name = d2i_X509_NAME(NULL, &at, (long)t->subject_len);
	if (name && at == t->subject + t->subject_len && subject_is_sound(name))
		rc = copy_subject(X509_get_subject_name(leaf), name);
	X509_NAME_free(name);
	return rc;
}

static int add_extension(X509 *leaf, int nid, bool critical, const uint8_t *der, size_t len)
{
	ASN1_OCTET_STRING *value = ASN1_OCTET_STRING_new();
	X509_EXTENSION *extension = NULL;
	int rc = SL_ENOMEM;

	if (value && ASN1_OCTET_STRING_set(value, der, (int)len))
		extension = X509_EXTENSION_create_by_NID(NULL, nid, critical, value);
	if (extension && X509_add_ext(leaf, extension, -1))
		rc = 0;
	X509_EXTENSION_free(extension);
	ASN1_OCTET_STRING_free(value);
	return rc;
}

static int add_alt_names(X509 *leaf, const struct pki_template *t)
{
	bool critical = X509_NAME_entry_count(X509_get_subject_name(leaf)) == 0;
	struct reader names;
	struct alt_name name;

	if (t->alt_names_len > PKI_ALT_NAMES_DER_MAX)
		return SL_ELIMIT;
	if (t->alt_names_len == 0)
		return 0;
	if (alt_names_open(t->alt_names, t->alt_names_len, &names) != 0)
		return SL_EMALFORMED;
	while (alt_names_next(&names, &name))
		if (!alt_name_is_sound(&name))
			return SL_EMALFORMED;
	if (names.failed)
		return SL_EMALFORMED;
	return add_extension(leaf, NID_subject_alt_name, critical, t->alt_names, t->alt_names_len);
}

/* basicConstraints, keyUsage and extKeyUsage as they stand in every leaf, in DER. */
static int add_usage(X509 *leaf, const EVP_PKEY *key)
{
	static const uint8_t no_ca[] = {0x30, 0x00};
	static const uint8_t sign[] = {0x03, 0x02, 0x07, 0x80};
	static const uint8_t sign_encipher[] = {0x03, 0x02, 0x05, 0xa0};
	static const uint8_t server[] = {0x30, 0x0a, 0x06, 0x08, 0x2b, 0x06,
	                                 0x01, 0x05, 0x05, 0x07, 0x03, 0x01};
	const uint8_t *usage = EVP_PKEY_is_a(key, "RSA") ? sign_encipher : sign;
	int rc = add_extension(leaf, NID_basic_constraints, true, no_ca, sizeof(no_ca));

	if (rc == 0)
		rc = add_extension(leaf, NID_key_usage, true, usage, sizeof(sign));
	if (rc == 0)
		rc = add_extension(leaf, NID_ext_key_usage, false, server, sizeof(server));
	return rc;
}

/* The first 160 bits of SHA-256 of the public key (RFC 7093 section 2, method 1). */
static int make_key_id(const X509 *cert, ASN1_OCTET_STRING *id)
{
	const ASN1_BIT_STRING *key = X509_get0_pubkey_bitstr(cert);
	uint8_t digest[32];

	if (!key || EVP_Digest(ASN1_STRING_get0_data(key), (size_t)ASN1_STRING_length(key), digest,
	                       NULL, EVP_sha256(), NULL) != 1)
		return SL_ECRYPTO;
	return ASN1_OCTET_STRING_set(id, digest, KEY_ID_LEN) ? 0 : SL_ENOMEM;
}

/* The issuer's own key identifier; where it has none, as it would be made. */
static int issuer_key_id(X509 *issuer, ASN1_OCTET_STRING *id)
{
	const ASN1_OCTET_STRING *own = X509_get0_subject_key_id(issuer);

	if (!own)
		return make_key_id(issuer, id);
	return ASN1_STRING_copy(id, own) ? 0 : SL_ENOMEM;
}

static int add_key_ids(X509 *leaf, X509 *issuer)
{
	ASN1_OCTET_STRING *own = ASN1_OCTET_STRING_new();
	AUTHORITY_KEYID *authority = AUTHORITY_KEYID_new();
	int rc = SL_ENOMEM;

	if (!own || !authority || !(authority->keyid = ASN1_OCTET_STRING_new()))
		goto out;
	rc = make_key_id(leaf, own);
	if (rc == 0)
		rc = issuer_key_id(issuer, authority->keyid);
	if (rc == 0 &&
	    (X509_add1_ext_i2d(leaf, NID_subject_key_identifier, own, 0, 0) != 1 ||
	     X509_add1_ext_i2d(leaf, NID_authority_key_identifier, authority, 0, 0) != 1))
		rc = SL_ENOMEM;
out:
	ASN1_OCTET_STRING_free(own);
	AUTHORITY_KEYID_free(authority);
	return rc;
}

/* ---- the leaf ---------------------------------------------------------------------------- */

static int fill_in(X509 *leaf, const struct pki_issuer *issuer, const struct pki_template *t,
                   EVP_PKEY *key)
{
	int rc = set_serial(leaf);

	if (rc == 0)
		rc = set_dates(leaf, issuer->certificate, t);
	if (rc == 0)
		rc = set_subject(leaf, t);
	if (rc == 0 && (!X509_set_version(leaf, X509_VERSION_3) || !X509_set_pubkey(leaf, key) ||
	                !X509_set_issuer_name(leaf, X509_get_subject_name(issuer->certificate))))
		rc = SL_ECRYPTO;
	if (rc == 0)
		rc = add_usage(leaf, key);
	if (rc == 0)
		rc = add_alt_names(leaf, t);
	if (rc == 0)
		rc = add_key_ids(leaf, issuer->certificate);
	return rc;
}

static const EVP_MD *digest_for(const EVP_PKEY *key)
{
	return EVP_PKEY_is_a(key, "EC") && EVP_PKEY_get_bits(key) >= 384 ? EVP_sha384()
	                                                                 : EVP_sha256();
}

int pki_forge(const struct pki_issuer *issuer, const struct pki_template *t, EVP_PKEY *key,
              X509 **ret_leaf)
{
	X509 *leaf = X509_new();
	int rc = leaf ? fill_in(leaf, issuer, t, key) : SL_ENOMEM;

	if (rc == 0 && X509_sign(leaf, issuer->key, digest_for(issuer->key)) <= 0)
		rc = SL_ECRYPTO;
	if (rc == 0 && i2d_X509(leaf, NULL) > PKI_LEAF_DER_MAX)
		rc = SL_ELIMIT;
	ERR_clear_error();
	if (rc != 0) {
		X509_free(leaf);
		return rc;
	}
	*ret_leaf = leaf;
	return 0;
}
