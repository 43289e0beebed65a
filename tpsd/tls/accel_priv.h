/* SPDX-License-Identifier: Apache-2.0 */
/* Inside of the accelerating provider: what its operations share. */
#pragma once

#include <openssl/bn.h>
#include <openssl/core.h>
#include <openssl/core_dispatch.h>
#include <openssl/ec.h>
#include <openssl/evp.h>
#include <stddef.h>

#define ACCEL_PROPERTIES "provider=accel"
#define ACCEL_P256       "SLUICE-P256" /* a name of its own: nobody else's EC keys come here */
#define ACCEL_P256_GROUP "prime256v1"

enum { ACCEL_P256_POINT_LEN = 65, ACCEL_P256_SECRET_LEN = 32 };

/* A digest of TLS 1.3, and a context that is used again and again. */
struct accel_hash {
	EVP_MD *md;
	EVP_MD_CTX *ctx;
	size_t len, block;
	uint8_t nothing[EVP_MAX_MD_SIZE]; /* of no bytes at all */
};

enum { ACCEL_HASHES = 2 };

/* The provider's context; empty until accel_start, when its functions only fail. */
struct accel {
	unsigned users; /* accel_start less accel_unload */
	struct accel_hash hashes[ACCEL_HASHES];
	EC_GROUP *p256;
	BN_CTX *bn;
};

extern const OSSL_DISPATCH accel_kdf_tls13[];
extern const OSSL_DISPATCH accel_keymgmt_p256[], accel_keyexch_p256[], accel_kem_p256[];
