/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Who the device is to its SMS: a P-256 key made here, and the certificate that the SMS gave for
 * it. As a file: the key, then the certificate, PEM. `link`'s one thread.
 */
#pragma once

#include <openssl/evp.h>
#include <openssl/x509.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "lib/base/attr.h"

struct buf;

enum { IDENTITY_TEXT_MAX = 128 * 1024 };

struct identity {
	EVP_PKEY *key;
	X509 *certificate;    /* NULL: asked for, not given yet */
	int64_t begins, ends; /* of the certificate, seconds since the epoch */
};

/* A new key. SL_ECRYPTO. */
int identity_make(struct identity *ret_identity) SL_NONNULL(1) SL_MUST;
void identity_fini(struct identity *identity) SL_NONNULL(1);

/* Adds a signing request, PEM; its subject says nothing that counts. SL_ECRYPTO. */
int identity_request(const struct identity *identity, struct buf *out) SL_NONNULL(1, 2) SL_MUST;

/* The certificate for its key, from PEM. SL_EMALFORMED, SL_EMISMATCH: it is another key's. */
int identity_certify(struct identity *identity, const char *pem, size_t len)
        SL_NONNULL(1, 2) SL_MUST;

/* When it is to be renewed: two thirds of its life. */
int64_t identity_renew_at(const struct identity *identity) SL_NONNULL(1);

/* Whole, with its certificate. `out` has the key in it: the caller wipes it. */
int identity_write(const struct identity *identity, struct buf *out) SL_NONNULL(1, 2) SL_MUST;
int identity_read(const void *pem, size_t len, struct identity *ret_identity)
        SL_NONNULL(1, 3) SL_MUST;
