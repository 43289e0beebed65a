/* SPDX-License-Identifier: Apache-2.0 */
/* Inside smsd/device: rows, the device CA's signature. */
#pragma once

#include "smsd/base/actor.h"
#include "smsd/device/device.h"
#include "smsd/store/store.h"

enum { DEVICE_DIGEST = 32 };

/* read.c. A row, and what of it is nobody's but this room's. */
struct device_row {
	bool found;
	struct device device; /* its document is left out */
	bool has_next;        /* a certificate that was given and not used yet */
	uint8_t next[DEVICE_DIGEST];
};

/* A store_row_fn of DEVICE_BY_… and DEVICE_LIST; `arg` is a struct device_row. */
int device_row_take(void *arg, const struct store_row *row) SL_NONNULL(1, 2);

/* Within a write. SL_ENOENT in words. device_fini frees the row's device. */
int device_get_tx(struct store_tx *tx, const char *name, struct device_row *ret_row,
                  struct problem *problem) SL_NONNULL(1, 2, 3, 4) SL_MUST;

/* A store_row_fn of one integer; `arg` is an int64_t. */
int device_integer_take(void *arg, const struct store_row *row) SL_NONNULL(1, 2);

/* Compact text, to be freed; NULL: none (and when memory is out). */
char *device_json_text(const json_t *value);

/* ca.c. The CA's certificate and key id, without its key. X509_free frees. */
int device_ca_read(struct store *store, X509 **ret_certificate, uint8_t ret_pin[REMOTE_PIN],
                   struct problem *problem) SL_NONNULL(1, 2, 3, 4) SL_MUST;

/* Signs what was found to be in order: an audit row "device certificate" of the CA's key. */
struct device_order {
	EVP_PKEY *key; /* public */
	const char *name;
	bool server; /* else for a device */
	const struct actor *actor;
};
int device_ca_sign(struct store *store, struct vault *vault, const struct device_order *order,
                   X509 **ret_certificate, X509 **ret_ca, struct problem *problem)
        SL_NONNULL(1, 2, 3, 4, 5, 6) SL_MUST;

/* token.c. SHA-256 of a token's secret, which is all that the store has. */
int device_secret_digest(const struct remote_token *token, uint8_t ret_digest[DEVICE_DIGEST])
        SL_NONNULL(1, 2) SL_MUST;

/* A new token of the CA's pin. SL_ECRYPTO. Wipe it. */
int device_token_make(const uint8_t pin[REMOTE_PIN], struct remote_token *ret_token)
        SL_NONNULL(1, 2) SL_MUST;

/* In a write: it is the only one of its device from now on. */
int device_token_put(struct store_tx *tx, int64_t device, const struct remote_token *token,
                     int64_t ends_ms) SL_NONNULL(1, 3) SL_MUST;
