/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Private keys by id, and what may be done with them. Used by the `keys` process alone (and by
 * tests, as the backend in memory). Keys are counted by configuration revisions; one that no
 * revision names is wiped. docs/internals/keys.md.
 */
#pragma once

#include <openssl/evp.h>
#include <stddef.h>
#include <stdint.h>

#include "lib/base/attr.h"
#include "tpsd/tls/keyhandle.h"

struct keystore;

enum { KEYSTORE_KEYS_MAX = 4096 };

/* As a revision: the key stays until the end, whatever becomes of revisions. */
#define KEYSTORE_FOREVER UINT32_MAX

struct keystore *keystore_create(void) SL_MUST;
/* Wipes and frees every key. */
void keystore_destroy(struct keystore *ks);

/* SHA-256 of the key's SubjectPublicKeyInfo. SL_ECRYPTO. */
int keystore_key_id(EVP_PKEY *key, uint8_t ret_id[KEY_ID_LEN]) SL_NONNULL(1, 2) SL_MUST;

/*
 * Takes a reference of `key` for `revision`; a key that is there already is only named by one more
 * revision. SL_ELIMIT, SL_ENOMEM, SL_EUNSUPPORTED for other types than RSA and EC.
 */
int keystore_add(struct keystore *ks, EVP_PKEY *key, uint32_t revision) SL_NONNULL(1, 2) SL_MUST;

/* Drops what only revisions before `revision` name, or (forget) what only `revision` names. */
void keystore_retire_before(struct keystore *ks, uint32_t revision) SL_NONNULL(1);
void keystore_forget(struct keystore *ks, uint32_t revision) SL_NONNULL(1);

/* Drops it whoever names it; nothing happens when it is not there. */
void keystore_drop(struct keystore *ks, const uint8_t id[KEY_ID_LEN]) SL_NONNULL(1, 2);

size_t keystore_count(const struct keystore *ks) SL_NONNULL(1);

/*
 * Signs a digest; `algorithm` is enum ipc_algorithm | enum ipc_digest << 8. SL_ENOENT for an
 * unknown key, SL_EINVAL for an algorithm that does not suit the key or the digest's length,
 * SL_ECRYPTO.
 */
int keystore_sign(struct keystore *ks, const uint8_t id[KEY_ID_LEN], uint16_t algorithm,
                  const uint8_t *digest, size_t len, uint8_t ret_signature[KEY_SIGNATURE_MAX],
                  size_t *ret_len) SL_NONNULL(1, 2, 4, 6, 7) SL_MUST;

/*
 * Decrypts a TLS RSA premaster secret (RFC 5246 section 7.4.7.1). With a key that is there it gives
 * 48 bytes in any case: those of the client, or made-up ones that make its Finished fail, in
 * constant time. SL_ENOENT, SL_EINVAL (no RSA key).
 */
int keystore_decrypt(struct keystore *ks, const uint8_t id[KEY_ID_LEN], uint16_t client_version,
                     const uint8_t *ciphertext, size_t len, uint8_t ret_secret[KEY_PREMASTER_LEN])
        SL_NONNULL(1, 2, 4, 6) SL_MUST;
