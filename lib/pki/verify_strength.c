/* SPDX-License-Identifier: Apache-2.0 */
/* Keys and digests that hold nobody off. */
#include <openssl/err.h>
#include <openssl/evp.h>

#include "lib/pki/verify_priv.h"

/* 1024 bits are too few since 2013 (NIST SP 800-131A), and browsers take none from public CAs. */
enum { RSA_BITS_WEAK = 1024, EC_BITS_MIN = 224 };

static bool is_rsa(const EVP_PKEY *key)
{
	return EVP_PKEY_is_a(key, "RSA") || EVP_PKEY_is_a(key, "RSA-PSS");
}

enum pki_fault strength_of_key(X509 *cert)
{
	const EVP_PKEY *key = X509_get0_pubkey(cert);
	bool too_short;

	if (!key)
		return PKI_FAULT_MALFORMED;
	if (is_rsa(key))
		too_short = EVP_PKEY_get_bits(key) <= RSA_BITS_WEAK;
	else if (EVP_PKEY_is_a(key, "EC"))
		too_short = EVP_PKEY_get_bits(key) < EC_BITS_MIN;
	else
		too_short = EVP_PKEY_is_a(key, "DSA");
	return too_short ? PKI_FAULT_WEAK_KEY : PKI_FAULT_NONE;
}

bool strength_is_short(X509 *cert, uint32_t bits)
{
	const EVP_PKEY *key = X509_get0_pubkey(cert);

	return key && is_rsa(key) && (uint32_t)EVP_PKEY_get_bits(key) < bits;
}

bool strength_is_weak_digest(X509 *cert)
{
	int digest = NID_undef;

	/* Its result says whether OpenSSL knows the digest at all; MD2 it does not. */
	(void)X509_get_signature_info(cert, &digest, NULL, NULL, NULL);
	switch (digest) {
	case NID_md2:
	case NID_md4:
	case NID_md5:
	case NID_mdc2:
	case NID_sha1:
		return true;
	default:
		return false;
	}
}
