/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What smsd shows on its ports: server.crt and server.key in the data directory. Made at the first
 * start (P-256, self-signed, for the host's names and addresses); one's own are put in their place.
 */
#pragma once

#include <openssl/ssl.h>

#include "lib/base/attr.h"

struct problem;

enum { IDENTITY_FINGERPRINT_MAX = 96 }; /* SHA-256 in hexadecimal, ":" between */

/* Makes both files when neither is there. SL_ESYS, SL_ECRYPTO. */
int identity_make(const char *directory, struct problem *problem) SL_NONNULL(1, 2) SL_MUST;

/* TLS 1.2 and later by these files. SL_ENOENT, SL_EPERM (the key can be read by others),
 * SL_EMALFORMED, SL_EMISMATCH. SSL_CTX_free frees. */
int identity_load(const char *directory, SSL_CTX **ret_ctx,
                  char ret_fingerprint[IDENTITY_FINGERPRINT_MAX], struct problem *problem)
        SL_NONNULL(1, 2, 3, 4) SL_MUST;
