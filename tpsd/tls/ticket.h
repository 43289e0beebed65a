/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Session tickets for clients: the keys that protect them come from `keys`, the same for all
 * workers, newest first. A ticket is bound to what its session was made under by the session id
 * context (struct tls_leg.binding): another proxy, certificate, name, ALPN or setting means a full
 * handshake. Worker's thread.
 */
#pragma once

#include <openssl/ssl.h>
#include <stdint.h>

#include "lib/base/attr.h"

enum { TICKET_SECRET_LEN = 80, TICKET_KEYS_MAX = 3 };

struct ticket_key {
	uint32_t generation; /* 0: none */
	uint8_t name[16], cipher_key[32], mac_key[32];
};

struct ticket_keys {
	struct ticket_key keys[TICKET_KEYS_MAX]; /* newest first */
};

/* A TICKET_KEY message; an older generation than the newest is ignored. SL_ERANGE for the length.
 */
int ticket_keys_add(struct ticket_keys *tk, uint32_t generation, const uint8_t *secret, size_t len)
        SL_NONNULL(1, 3);

/* Wipes them. */
void ticket_keys_fini(struct ticket_keys *tk) SL_NONNULL(1);

/*
 * OpenSSL's callback for one ticket: 1 use, 2 use and renew (an older key), 0 none; the contexts
 * are initialised. Negative: failed.
 */
int ticket_keys_apply(const struct ticket_keys *tk, unsigned char name[16], unsigned char *iv,
                      EVP_CIPHER_CTX *cipher, EVP_MAC_CTX *mac, int encrypt)
        SL_NONNULL(1, 2, 3, 4, 5);
