/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Certificates with their keys, as somebody hands them in to be kept: bytes of PEM or DER with the
 * key beside them or within, or of PKCS12, which may hold several (R69-R72). What is found is
 * sorted: who has a key, and which other certificates came along. One thread at a time.
 */
#pragma once

#include <openssl/evp.h>
#include <openssl/x509.h>
#include <stddef.h>

#include "lib/base/attr.h"
#include "lib/pki/cert.h"
#include "lib/pki/error.h"

enum { PKI_BUNDLE_MAX = 64 /* entries, and as many others to each at most */, PKI_ALIAS_MAX = 128 };

struct pki_entry {
	X509 *certificate;
	EVP_PKEY *key;             /* NULL: it came without */
	char alias[PKI_ALIAS_MAX]; /* of PKCS12 (friendlyName), UTF-8, cut when too long; "" none */
};

struct pki_bundle {
	struct pki_entry entries[PKI_BUNDLE_MAX]; /* `count` of them, at least one */
	size_t count;
	STACK_OF(X509) * others; /* intermediates and roots, each once; may be empty */
};

/*
 * PEM and DER: the first certificate is the entry, with the key of `key`, or where that is NULL
 * the one in the file if there is one. PKCS12: each certificate that has its key in the file, or
 * is no CA (RFC 5280 basicConstraints), is an entry, in the file's order; if neither holds for any,
 * the first one.
 *
 * Errors say what to do: SL_ENOENT (nothing of that kind in it), SL_EMALFORMED, SL_EPERM
 * (password), SL_EREFUSED (a password stretched too far), SL_EMISMATCH (the key is another's, or of
 * a certificate that is not the first), SL_EINVAL (a PKCS12 file and a key beside it),
 * SL_ELIMIT, SL_EUNSUPPORTED (a kind of key that no device takes). Free with pki_bundle_destroy.
 */
int pki_bundle_read(const struct pki_bytes *certificate, const struct pki_bytes *key,
                    struct pki_bundle **ret_bundle, struct pki_error *err)
        SL_NONNULL(1, 3, 4) SL_MUST;

void pki_bundle_destroy(struct pki_bundle *bundle);

/*
 * Of `others`, the first that no entry's chain leads to, from issuer to issuer; NULL: all belong.
 * Belongs to the bundle.
 */
X509 *pki_bundle_stranger(const struct pki_bundle *bundle) SL_NONNULL(1);
