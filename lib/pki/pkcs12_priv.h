/* SPDX-License-Identifier: Apache-2.0 */
/* PKCS12 files: certificates without any key, the first key alone, or all. Inside lib/pki. */
#pragma once

#include <openssl/evp.h>
#include <openssl/x509.h>
#include <stdbool.h>
#include <stddef.h>

#include "lib/base/attr.h"
#include "lib/pki/bundle.h"
#include "lib/pki/cert.h"
#include "lib/pki/error.h"

/* The bytes are a PKCS12 structure. */
bool pkcs12_detect(const void *data, size_t len) SL_NONNULL(1);

/* The bytes are to be read as PKCS12: by their format, or because they look like it. */
bool pkcs12_is_meant(const struct pki_bytes *bytes) SL_NONNULL(1);

/* All certificates, that of the first key first. The keys' bags are not decrypted. */
int pkcs12_certificates(const struct pki_bytes *bytes, STACK_OF(X509) * *ret_certificates,
                        struct pki_error *err) SL_NONNULL(1, 2, 3) SL_MUST;

/* The first key. EVP_PKEY_free frees. */
int pkcs12_key(const struct pki_bytes *bytes, EVP_PKEY **ret_key, struct pki_error *err)
        SL_NONNULL(1, 2, 3) SL_MUST;

struct pkcs12_key {
	EVP_PKEY *key;
	char *alias; /* OPENSSL_free'd; NULL: none */
};

/* Certificates have their friendlyName as X509_alias. */
struct pkcs12_content {
	STACK_OF(X509) * certs; /* may be empty */
	struct pkcs12_key keys[PKI_BUNDLE_MAX];
	size_t keys_count;
};

/* Everything. pkcs12_content_fini frees. SL_ELIMIT: more than PKI_BUNDLE_MAX keys. */
int pkcs12_content(const struct pki_bytes *bytes, struct pkcs12_content *ret_content,
                   struct pki_error *err) SL_NONNULL(1, 2, 3) SL_MUST;
void pkcs12_content_fini(struct pkcs12_content *content) SL_NONNULL(1);
