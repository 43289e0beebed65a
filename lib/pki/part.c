/* SPDX-License-Identifier: Apache-2.0 */
/* Serial numbers, dates, extensions and key identifiers of certificates that we make. */
#include "lib/pki/part_priv.h"

#include <openssl/rand.h>
#include <openssl/x509v3.h>

#include "lib/base/err.h"

enum { SERIAL_LEN = 16, KEY_ID_LEN = 20 };

/* What a GeneralizedTime can say; before 1950 nobody made certificates. */
static const int64_t time_min = -631152000;
static const int64_t time_max = 253402300799;

/* Positive, of full length, so that its encoding never has a superfluous byte. */
int part_set_serial(X509 *cert)
{
	uint8_t serial[SERIAL_LEN];

	if (RAND_bytes(serial, sizeof(serial)) != 1)
		return SL_ECRYPTO;
	serial[0] = (uint8_t)((serial[0] & 0x7f) | 0x40);
	return ASN1_STRING_set(X509_get_serialNumber(cert), serial, sizeof(serial)) ? 0 : SL_ENOMEM;
}

/* The key's bits and the name of its curve; X509_set_pubkey would read back what it has written. */
static int set_curve_key(X509 *cert, EVP_PKEY *key)
{
	char curve[64];
	unsigned char *bits = NULL;
	size_t len;
	int nid;

	if (!EVP_PKEY_get_group_name(key, curve, sizeof(curve), NULL) ||
	    (nid = OBJ_sn2nid(curve)) == NID_undef)
		return SL_ENOENT;
	len = EVP_PKEY_get1_encoded_public_key(key, &bits);
	if (len > 0 && X509_PUBKEY_set0_param(X509_get_X509_PUBKEY(cert),
	                                      OBJ_nid2obj(NID_X9_62_id_ecPublicKey), V_ASN1_OBJECT,
	                                      OBJ_nid2obj(nid), bits, (int)len))
		return 0;
	OPENSSL_free(bits);
	return SL_ECRYPTO;
}

int part_set_key(X509 *cert, EVP_PKEY *key)
{
	int rc = EVP_PKEY_is_a(key, "EC") ? set_curve_key(cert, key) : SL_ENOENT;

	if (rc == SL_ENOENT)
		rc = X509_set_pubkey(cert, key) ? 0 : SL_ECRYPTO;
	return rc;
}

static int64_t clamp(int64_t time)
{
	return SL_MAX(SL_MIN(time, time_max), time_min);
}

int part_set_dates(X509 *cert, int64_t not_before, int64_t not_after)
{
	return ASN1_TIME_set(X509_getm_notBefore(cert), (time_t)clamp(not_before)) &&
	                       ASN1_TIME_set(X509_getm_notAfter(cert), (time_t)clamp(not_after))
	               ? 0
	               : SL_ENOMEM;
}

int part_add_extension(X509 *cert, int nid, bool critical, const uint8_t *der, size_t len)
{
	ASN1_OCTET_STRING *value = ASN1_OCTET_STRING_new();
	X509_EXTENSION *extension = NULL;
	int rc = SL_ENOMEM;

	if (value && ASN1_OCTET_STRING_set(value, der, (int)len))
		extension = X509_EXTENSION_create_by_NID(NULL, nid, critical, value);
	if (extension && X509_add_ext(cert, extension, -1))
		rc = 0;
	X509_EXTENSION_free(extension);
	ASN1_OCTET_STRING_free(value);
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

static int add_subject_key_id(X509 *cert)
{
	ASN1_OCTET_STRING *id = ASN1_OCTET_STRING_new();
	int rc = id ? make_key_id(cert, id) : SL_ENOMEM;

	if (rc == 0 && X509_add1_ext_i2d(cert, NID_subject_key_identifier, id, 0, 0) != 1)
		rc = SL_ENOMEM;
	ASN1_OCTET_STRING_free(id);
	return rc;
}

static int add_authority_key_id(X509 *cert, X509 *issuer)
{
	AUTHORITY_KEYID *id = AUTHORITY_KEYID_new();
	int rc = SL_ENOMEM;

	if (id && (id->keyid = ASN1_OCTET_STRING_new()))
		rc = issuer_key_id(issuer, id->keyid);
	if (rc == 0 && X509_add1_ext_i2d(cert, NID_authority_key_identifier, id, 0, 0) != 1)
		rc = SL_ENOMEM;
	AUTHORITY_KEYID_free(id);
	return rc;
}

int part_add_key_ids(X509 *cert, X509 *issuer)
{
	int rc = add_subject_key_id(cert);

	return rc || !issuer ? rc : add_authority_key_id(cert, issuer);
}

const EVP_MD *part_digest_for(const EVP_PKEY *issuer_key)
{
	return EVP_PKEY_is_a(issuer_key, "EC") && EVP_PKEY_get_bits(issuer_key) >= 384
	               ? EVP_sha384()
	               : EVP_sha256();
}
