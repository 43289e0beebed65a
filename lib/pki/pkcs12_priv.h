/* SPDX-License-Identifier: Apache-2.0 */
/* PKCS12 files in two halves: certificates without the key, and the key alone. Inside lib/pki. */
#pragma once

#include <openssl/x509.h>
#include <stddef.h>

#include "lib/base/attr.h"
#include "lib/pki/error.h"

/* The bytes are a PKCS12 structure. */
int pkcs12_detect(const void *data, size_t len) SL_NONNULL(1);

/* All certificates, that of the key first. The key's bags are not decrypted. */
int pkcs12_certificates(const char *name, const void *data, size_t len, const char *password,
                        STACK_OF(X509) * *ret_certificates, struct pki_error *err)
        SL_NONNULL(1, 2, 4, 5, 6) SL_MUST;

/* The key. EVP_PKEY_free frees. */
int pkcs12_key(const char *name, const void *data, size_t len, const char *password,
               EVP_PKEY **ret_key, struct pki_error *err) SL_NONNULL(1, 2, 4, 5, 6) SL_MUST;
