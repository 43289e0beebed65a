/* SPDX-License-Identifier: Apache-2.0 */
/* Inside smsd/vault: sealed bytes, and where the key-encryption key comes from. */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "smsd/vault/vault.h"

enum {
	VAULT_KEY_SIZE = 32,  /* AES-256, of both keys */
	VAULT_SALT_SIZE = 16, /* of argon2id */
	VAULT_SEAL_EXTRA = 1 + 12 + 16,
	VAULT_ID_TEXT = 2 * VAULT_ID_SIZE + 1,
	VAULT_SEALED_MAX = 64 * 1024, /* an RSA key of 16,384 bits has 10 KiB */
};

struct store_row;

struct vault {
	struct store *store;
	uint8_t *key; /* the data key; VAULT_KEY_SIZE bytes of the secure heap */
};

/*
 * What is sealed is: a version (1), a random nonce (12), the ciphertext, the tag (16), so
 * VAULT_SEAL_EXTRA bytes more than `plain`. What is opened must be told the same `context`, which
 * is not kept. seal_open: SL_ECRYPTO when one bit is not what was sealed; then nothing is left in
 * `ret_plain` (len - VAULT_SEAL_EXTRA bytes, 0 and less: SL_ECRYPTO).
 */
int seal_bytes(const uint8_t key[VAULT_KEY_SIZE], const void *context, size_t context_len,
               const uint8_t *plain, size_t len, uint8_t *ret_sealed)
        SL_NONNULL(1, 2, 4, 6) SL_MUST;
int seal_open(const uint8_t key[VAULT_KEY_SIZE], const void *context, size_t context_len,
              const uint8_t *sealed, size_t len, uint8_t *ret_plain) SL_NONNULL(1, 2, 4, 6) SL_MUST;

/* The same for many that are sealed by one key: it is scheduled once. One thread at a time. */
struct seal_opener {
	EVP_CIPHER_CTX *cipher;
};

/* SL_ECRYPTO. */
int seal_opener_make(const uint8_t key[VAULT_KEY_SIZE], struct seal_opener *ret_opener)
        SL_NONNULL(1, 2) SL_MUST;
void seal_opener_fini(struct seal_opener *opener) SL_NONNULL(1);
int seal_opener_open(struct seal_opener *opener, const void *context, size_t context_len,
                     const uint8_t *sealed, size_t len, uint8_t *ret_plain)
        SL_NONNULL(1, 2, 4, 6) SL_MUST;

#define VAULT_KEY_LABEL "sluice private key 1"

/* What a private key is sealed with: rows cannot be exchanged, and whoever can write the database
 * cannot make a key exportable. */
struct private_context {
	char label[sizeof(VAULT_KEY_LABEL)];
	uint8_t id[VAULT_ID_SIZE];
	uint8_t exportable;
};

struct private_context private_context(const uint8_t id[VAULT_ID_SIZE], bool exportable)
        SL_NONNULL(1);

/* A row of private_key. */
struct private_row {
	bool found, exportable;
	uint8_t *bytes; /* sealed; NULL: damaged, which opening says */
	size_t len;
};

/* Sealed bytes and whether they are exportable, from this column on. SL_ENOMEM. */
int private_row_take(struct private_row *key, const struct store_row *row, unsigned column)
        SL_NONNULL(1, 2) SL_MUST;
/* What is in it, which is what was sealed under this id: in the secure heap,
 * OPENSSL_secure_clear_free frees. SL_ECRYPTO, SL_ENOMEM. */
int private_row_open(struct seal_opener *opener, const uint8_t id[VAULT_ID_SIZE],
                     const struct private_row *row, uint8_t **ret_der, size_t *ret_len)
        SL_NONNULL(1, 2, 3, 4, 5) SL_MUST;
void private_row_fini(struct private_row *row) SL_NONNULL(1);

/* "file" or "passphrase", as the store has it; NULL when it is not just one of them. */
const char *source_name(const struct vault_source *source) SL_NONNULL(1);

/* The key-encryption key; `salt` has VAULT_SALT_SIZE bytes for a passphrase. Errors as vault_open.
 */
int source_key(const struct vault_source *source, const uint8_t *salt,
               uint8_t ret_key[VAULT_KEY_SIZE], struct problem *problem)
        SL_NONNULL(1, 3, 4) SL_MUST;

/* The bytes of a key file: 32, or 64 hexadecimal digits and perhaps a line end. SL_EMALFORMED. */
int source_parse(const uint8_t *bytes, size_t len, uint8_t ret_key[VAULT_KEY_SIZE])
        SL_NONNULL(1, 3) SL_MUST;
