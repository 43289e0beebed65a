/* SPDX-License-Identifier: Apache-2.0 */
/* RFC 8018 (PBKDF2), RFC 7914 (scrypt), and the older ones of RFC 7292. */
#include "lib/pki/pbe_priv.h"

#include <openssl/asn1t.h>
#include <openssl/err.h>
#include <openssl/x509.h>

static uint64_t rounds_of(const ASN1_INTEGER *n)
{
	uint64_t value;

	return n && ASN1_INTEGER_get_uint64(&value, n) == 1 ? value : UINT64_MAX;
}

static uint64_t pbkdf2_rounds(const X509_ALGOR *kdf)
{
	PBKDF2PARAM *p = ASN1_TYPE_unpack_sequence(ASN1_ITEM_rptr(PBKDF2PARAM), kdf->parameter);
	uint64_t rounds = p ? rounds_of(p->iter) : UINT64_MAX;

	PBKDF2PARAM_free(p);
	return rounds;
}

/* A block of scrypt costs about as much as that many rounds: N * r * p of them. */
static uint64_t scrypt_rounds(const X509_ALGOR *kdf)
{
	SCRYPT_PARAMS *p = ASN1_TYPE_unpack_sequence(ASN1_ITEM_rptr(SCRYPT_PARAMS), kdf->parameter);
	uint64_t n = p ? rounds_of(p->costParameter) : UINT64_MAX;
	uint64_t r = p ? rounds_of(p->blockSize) : UINT64_MAX;
	uint64_t parallel = p ? rounds_of(p->parallelizationParameter) : UINT64_MAX;
	uint64_t rounds;

	SCRYPT_PARAMS_free(p);
	if (__builtin_mul_overflow(n, r, &rounds) ||
	    __builtin_mul_overflow(rounds, parallel, &rounds))
		return UINT64_MAX;
	return rounds;
}

static uint64_t pbes2_rounds(const X509_ALGOR *algorithm)
{
	PBE2PARAM *p = ASN1_TYPE_unpack_sequence(ASN1_ITEM_rptr(PBE2PARAM), algorithm->parameter);
	uint64_t rounds = UINT64_MAX;

	if (p) {
		int kdf = OBJ_obj2nid(p->keyfunc->algorithm);

		rounds = kdf == NID_id_pbkdf2   ? pbkdf2_rounds(p->keyfunc)
		         : kdf == NID_id_scrypt ? scrypt_rounds(p->keyfunc)
		                                : 0;
	}
	PBE2PARAM_free(p);
	return rounds;
}

static uint64_t pbes1_rounds(const X509_ALGOR *algorithm)
{
	PBEPARAM *p = ASN1_TYPE_unpack_sequence(ASN1_ITEM_rptr(PBEPARAM), algorithm->parameter);
	uint64_t rounds = p ? rounds_of(p->iter) : UINT64_MAX;

	PBEPARAM_free(p);
	return rounds;
}

uint64_t pbe_rounds(const X509_ALGOR *algorithm)
{
	int nid = OBJ_obj2nid(algorithm->algorithm);
	uint64_t rounds = 0;
	int cipher, digest;
	EVP_PBE_KEYGEN *keygen;

	if (nid == NID_pbes2)
		rounds = pbes2_rounds(algorithm);
	else if (EVP_PBE_find(EVP_PBE_TYPE_OUTER, nid, &cipher, &digest, &keygen) == 1)
		rounds = pbes1_rounds(algorithm);
	ERR_clear_error();
	return rounds;
}

uint64_t pbe_rounds_max(const struct pki_bytes *bytes)
{
	return bytes->rounds_max ? bytes->rounds_max : PKI_ROUNDS_MAX;
}
