/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Private keys at rest, and their few uses. Each is encrypted by the vault's data key (AES-256-GCM,
 * the key's id is associated data, so rows cannot be exchanged), which itself is encrypted by the
 * key-encryption key: from a file, or from a passphrase (argon2id). Decrypted bytes live in
 * OpenSSL's secure heap for the one use that asked, and that use is an audit row. The heap is
 * main's to make, before any thread: CRYPTO_secure_malloc_init(1 MiB, 32); without it the bytes
 * are in plain memory, wiped all the same. Any number of pool threads at once.
 * docs/internals/sms.md, "Vault".
 */
#pragma once

#include <openssl/evp.h>
#include <stdbool.h>
#include <stdint.h>

#include "lib/base/attr.h"

struct actor;
struct problem;
struct store;
struct store_tx;
struct vault;

enum { VAULT_ID_SIZE = 32, VAULT_PASSPHRASE_MIN = 12, VAULT_PASSPHRASE_MAX = 1024 };

struct vault_source {
	/* 32 bytes, or 64 hexadecimal digits; only root or who runs smsd can get at it */
	const char *key_file;
	const char *passphrase; /* the other way; one of both is NULL */
};

/*
 * Opens the vault of a store; makes its data key when there is none yet. SL_EPERM: the key file can
 * be read by others (remedy: the chmod), or it or the passphrase is not the right one. SL_ENOENT,
 * SL_EMALFORMED, SL_ECRYPTO.
 */
int vault_open(struct store *store, const struct vault_source *source, struct vault **ret_vault,
               struct problem *problem) SL_NONNULL(1, 2, 3, 4) SL_MUST;
void vault_close(struct vault *vault);

/* A new key file, 0600, never over one that is there (SL_EEXIST). */
int vault_key_file_make(const char *path, struct problem *problem) SL_NONNULL(1, 2) SL_MUST;

/* A private key made ready to be stored: what vault_put writes. vault_sealed_fini wipes. */
struct vault_sealed {
	uint8_t id[VAULT_ID_SIZE]; /* pki_key_id */
	uint8_t *bytes;
	size_t len;
	bool exportable;
};

/* Outside the writer's thread, since it encrypts. `exportable` is sealed with it: a row in which it
 * was changed does not open. SL_ECRYPTO (no private part, or larger than any key), SL_ENOMEM. */
int vault_seal(struct vault *vault, EVP_PKEY *key, bool exportable, struct vault_sealed *ret_sealed)
        SL_NONNULL(1, 2, 4) SL_MUST;
void vault_sealed_fini(struct vault_sealed *sealed) SL_NONNULL(1);

/* In a write. A key that is there stays; `exportable` can only be taken away, never given. One that
 * is damaged stays damaged: vault_drop comes before its repair (R83). */
int vault_put(struct store_tx *tx, const struct vault_sealed *sealed) SL_NONNULL(1, 2) SL_MUST;

/* In a write: SL_ENOENT when there was none. */
int vault_drop(struct store_tx *tx, const uint8_t id[VAULT_ID_SIZE]) SL_NONNULL(1, 2) SL_MUST;

/* Whether the key is there, and whether it may leave. SL_ENOENT. */
int vault_has(struct store *store, const uint8_t id[VAULT_ID_SIZE], bool *ret_exportable)
        SL_NONNULL(1, 2, 3) SL_MUST;

/* Whether the key is there and can be read (R74), without giving it to anyone: no use, no audit
 * row. SL_ENOENT, SL_ECRYPTO (damaged). */
int vault_check(struct vault *vault, const uint8_t id[VAULT_ID_SIZE]) SL_NONNULL(1, 2) SL_MUST;

/*
 * The key, for one use that is written down first: an audit row says who, for what (`purpose`:
 * "sign request", "export"), which. SL_ENOENT, SL_ECRYPTO (damaged: R74 "broken key"). The caller
 * frees it as soon as it is used.
 */
int vault_use(struct vault *vault, const uint8_t id[VAULT_ID_SIZE], const struct actor *actor,
              const char *purpose, EVP_PKEY **ret_key, struct problem *problem)
        SL_NONNULL(1, 2, 3, 4, 5, 6) SL_MUST;

/*
 * Many keys for one use, read together and written down by one audit row before the first is
 * opened; its `after` has the ids of those that are there ({"keys": [...]}), its name is `about`.
 * Then `fn` is called for each id in their order with its key's PKCS8 in DER, which is wiped when
 * it returns; `code` says why there is none (SL_ENOENT, SL_ECRYPTO: damaged). Ends with fn's code
 * when that is not 0. Codes as store_read and store_write.
 */
typedef int vault_plain_fn(void *arg, size_t index, int code, const uint8_t *der, size_t len);

int vault_use_all(struct vault *vault, const uint8_t (*ids)[VAULT_ID_SIZE], size_t count,
                  const struct actor *actor, const char *purpose, const char *about,
                  vault_plain_fn *fn, void *arg) SL_NONNULL(1, 2, 4, 5, 6, 7) SL_MUST;

/* As vault_use, and SL_EPERM for one that is not exportable (R73), which is an audit row too. */
int vault_export(struct vault *vault, const uint8_t id[VAULT_ID_SIZE], const struct actor *actor,
                 EVP_PKEY **ret_key, struct problem *problem) SL_NONNULL(1, 2, 3, 4, 5) SL_MUST;

/* Encrypts the data key by another source, in one write; private keys stay as they are, and the old
 * source opens this database no more. It does open a backup from before. Errors as vault_open. */
int vault_rotate(struct vault *vault, const struct vault_source *source, const struct actor *actor,
                 struct problem *problem) SL_NONNULL(1, 2, 3, 4) SL_MUST;
