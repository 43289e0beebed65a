/* SPDX-License-Identifier: Apache-2.0 */
/*
 * RFC 9180, base mode: DHKEM(X25519, HKDF-SHA256), HKDF-SHA256, AES-256-GCM. For private keys on
 * their way from the SMS to one device: TLS ends in a process that must not see them. OpenSSL 3.0
 * has none of its own. The RFC's vectors are its test. Any thread.
 */
#pragma once

#include <openssl/evp.h>
#include <stddef.h>
#include <stdint.h>

#include "lib/base/attr.h"

enum { HPKE_PUBLIC = 32, HPKE_ENCAPSULATED = 32, HPKE_TAG = 16, HPKE_INFO_MAX = 128 };

/* A receiver's key pair. SL_ECRYPTO. EVP_PKEY_free frees. */
int hpke_key_make(EVP_PKEY **ret_key) SL_NONNULL(1) SL_MUST;
int hpke_public(const EVP_PKEY *key, uint8_t ret_public[HPKE_PUBLIC]) SL_NONNULL(1, 2) SL_MUST;

/*
 * Several messages by one encapsulation (section 5.2), which is what costs: message `number` has
 * the base nonce with that number added by XOR, so a sender never gives one twice. What is inside
 * opens all of them: hpke_context_fini wipes and frees it, and takes one that was never made if it
 * is zeros. It is scheduled for its one direction: a sender seals, a receiver opens.
 */
struct hpke_context {
	EVP_CIPHER_CTX *cipher; /* with the key: a thousand messages set it up once */
	uint8_t nonce[12];
};

/* A new key pair each time. Errors as hpke_seal. */
int hpke_send(const uint8_t public[HPKE_PUBLIC], const char *info,
              uint8_t ret_encapsulated[HPKE_ENCAPSULATED], struct hpke_context *ret_context)
        SL_NONNULL(1, 2, 3, 4) SL_MUST;
/* SL_ECRYPTO, SL_EINVAL: no point to agree with. */
int hpke_receive(EVP_PKEY *key, const char *info, const uint8_t encapsulated[HPKE_ENCAPSULATED],
                 struct hpke_context *ret_context) SL_NONNULL(1, 2, 3, 4) SL_MUST;
void hpke_context_fini(struct hpke_context *context) SL_NONNULL(1);

/* As hpke_seal and hpke_open, of one of them. */
int hpke_context_seal(struct hpke_context *context, uint32_t number, const void *aad,
                      size_t aad_len, const void *plain, size_t len, uint8_t *ret_sealed)
        SL_NONNULL(1, 5, 7) SL_MUST;
int hpke_context_open(struct hpke_context *context, uint32_t number, const void *aad,
                      size_t aad_len, const uint8_t *sealed, size_t len, uint8_t *ret_plain)
        SL_NONNULL(1, 5, 7) SL_MUST;

/*
 * One message: number 0. `info` binds the message to its purpose, `aad` to what it is about: the
 * same two open it. `ret_sealed` has room for `len` + HPKE_TAG bytes. A new key pair each time.
 * SL_ECRYPTO, SL_EINVAL: `public` is no point to agree with (a small order).
 */
int hpke_seal(const uint8_t public[HPKE_PUBLIC], const char *info, const void *aad, size_t aad_len,
              const void *plain, size_t len, uint8_t ret_encapsulated[HPKE_ENCAPSULATED],
              uint8_t *ret_sealed) SL_NONNULL(1, 2, 5, 7, 8) SL_MUST;

/* `ret_plain` has room for `len` - HPKE_TAG bytes and is wiped when it fails. SL_ECRYPTO: not for
 * this key, or changed on the way; SL_EINVAL: too short, or no point. */
int hpke_open(EVP_PKEY *key, const char *info, const void *aad, size_t aad_len,
              const uint8_t encapsulated[HPKE_ENCAPSULATED], const uint8_t *sealed, size_t len,
              uint8_t *ret_plain) SL_NONNULL(1, 2, 5, 6, 8) SL_MUST;

/* What a private key in PKCS8 DER is sealed with; `aad` is its id (32 bytes), then the device's
 * name. */
#define HPKE_INFO_DEVICE_KEY "sluice device key 1"
