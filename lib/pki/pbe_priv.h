/* SPDX-License-Identifier: Apache-2.0 */
/* How much work a password-based encryption asks for. Inside lib/pki. */
#pragma once

#include <openssl/x509.h>
#include <stdint.h>

#include "lib/base/attr.h"
#include "lib/pki/cert.h"

/* The rounds of a hash that this algorithm asks for; 0 for one that is unknown (then OpenSSL
 * refuses it too), UINT64_MAX when they cannot be read. */
uint64_t pbe_rounds(const X509_ALGOR *algorithm) SL_NONNULL(1);

/* What these bytes may ask for. */
uint64_t pbe_rounds_max(const struct pki_bytes *bytes) SL_NONNULL(1);
