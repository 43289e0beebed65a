/* SPDX-License-Identifier: Apache-2.0 */
/* The parts that leaves and CAs are put together from. Inside lib/pki. */
#pragma once

#include <openssl/x509.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "lib/base/attr.h"

/* A random serial number of 127 bits. SL_ECRYPTO, SL_ENOMEM. */
int part_set_serial(X509 *cert) SL_NONNULL(1) SL_MUST;

/* Seconds since the epoch, cut to what an X.509 time can say. SL_ENOMEM. */
int part_set_dates(X509 *cert, int64_t not_before, int64_t not_after) SL_NONNULL(1) SL_MUST;

/* SL_ECRYPTO, SL_ENOMEM. */
int part_set_key(X509 *cert, EVP_PKEY *key) SL_NONNULL(1, 2) SL_MUST;

/* Adds an extension of this value in DER. SL_ENOMEM. */
int part_add_extension(X509 *cert, int nid, bool critical, const uint8_t *der, size_t len)
        SL_NONNULL(1, 4) SL_MUST;

/* Subject and authority key identifiers; `issuer` NULL: the first alone (a root). */
int part_add_key_ids(X509 *cert, X509 *issuer) SL_NONNULL(1) SL_MUST;

/* What this key signs certificates with. */
const EVP_MD *part_digest_for(const EVP_PKEY *issuer_key) SL_NONNULL(1);
