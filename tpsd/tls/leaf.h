/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A forged leaf, parsed, with what OpenSSL needs of its key and its chain. Both are counted: a leaf
 * by those who show it, its series by the leaves, parsed or not, that have the same key and are
 * sent with the same chain. Worker's thread.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "lib/base/attr.h"
#include "lib/pki/cert.h"
#include "tpsd/tls/context.h"
#include "tpsd/tls/keyhandle.h"

/* What makes two leaves different. */
struct leaf_name {
	uint8_t print[PKI_PRINT_LEN]; /* of the server's chain */
	uint8_t issuer[KEY_ID_LEN];   /* key of the signing certificate */
	uint8_t trusted;              /* signed by it; 0: by the untrusted CA */
	uint8_t kind;                 /* enum pki_key_kind */
};

struct leaf {
	unsigned refs;
	struct leaf_name name;
	struct tls_certificate certificate; /* chain: the issuer's, for a trusted one */
	uint8_t digest[32];                 /* SHA-256 of the leaf: tickets are bound to it */
};

struct leaf_series {
	unsigned refs;
	uint8_t id[KEY_ID_LEN]; /* of the key */
	EVP_PKEY *key;          /* keyprov's: its private half is in `keys` */
	STACK_OF(X509) * chain; /* sent behind the leaf; may be NULL */
};

/* Takes references of `key` and of the certificates. NULL: no memory. */
struct leaf_series *leaf_series_create(const uint8_t id[KEY_ID_LEN], EVP_PKEY *key,
                                       STACK_OF(X509) * chain) SL_NONNULL(1, 2) SL_MUST;
struct leaf_series *leaf_series_get(struct leaf_series *s) SL_NONNULL(1) SL_MUST;
/* NULL is nothing. */
void leaf_series_put(struct leaf_series *s);

/* Whether it is the one of this key and these very certificates. */
bool leaf_series_is(const struct leaf_series *s, const uint8_t id[KEY_ID_LEN],
                    const STACK_OF(X509) * chain) SL_NONNULL(1, 2);

/* The certificate of exactly these bytes, the caller's to free; NULL: it is none, or no memory. */
X509 *leaf_parse(const uint8_t *der, size_t len) SL_NONNULL(1) SL_MUST;

/* From `x`, which was parsed of `der`, with the series' key. References are taken. SL_ENOMEM,
 * SL_ECRYPTO. */
int leaf_create(const struct leaf_name *name, X509 *x, const struct leaf_series *series,
                const uint8_t *der, size_t len, struct leaf **ret)
        SL_NONNULL(1, 2, 3, 4, 6) SL_MUST;
struct leaf *leaf_get(struct leaf *l) SL_NONNULL(1) SL_MUST;
/* One reference less. NULL is nothing. */
void leaf_put(struct leaf *l);
