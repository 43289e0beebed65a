/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Forged leaves (R4, R64). The worker reads a template from the server's certificate, `keys` makes
 * the leaf from the template: it never parses a certificate from outside. What a leaf has and has
 * not: docs/internals/client.md. One thread at a time for one object.
 */
#pragma once

#include <openssl/evp.h>
#include <openssl/x509.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "lib/base/attr.h"

enum {
	PKI_SUBJECT_DER_MAX = 4096,    /* bytes of a subject; a longer one is left out */
	PKI_ALT_NAMES_DER_MAX = 65536, /* bytes of a subjectAltName value: some 3,000 names */
	PKI_LEAF_DER_MAX = 98304,      /* bytes of a forged leaf */
};

/* What is taken over from the server's certificate. Views: of the template's own memory after
 * pki_template_read, of a message in `keys`. */
struct pki_template {
	const uint8_t *subject; /* Name in DER; subject_len 0: an empty one */
	size_t subject_len;
	const uint8_t *alt_names; /* GeneralNames in DER: DNS names and IP addresses; 0: none */
	size_t alt_names_len;
	int64_t not_before, not_after; /* seconds since the epoch */
};

/*
 * Reads the template of a server's leaf, whatever is in it: a site that does not verify gets a
 * leaf too, from the untrusted CA. Left out is what no leaf may have (pki_verify_chain finds it):
 * a subject with a NUL in it or too long, a subjectAltName that is not DER, entries that are no
 * sound DNS name or address, names beyond what fits. No subjectAltName stays none: browsers refuse
 * such a certificate without us, and so they do with us. SL_EMALFORMED: dates that cannot be read;
 * SL_ENOMEM. Free with pki_template_fini.
 */
int pki_template_read(const X509 *leaf, struct pki_template *ret) SL_NONNULL(1, 2) SL_MUST;
void pki_template_fini(struct pki_template *t) SL_NONNULL(1);

struct pki_issuer {
	X509 *certificate;
	EVP_PKEY *key;
};

/*
 * Whether an issuer can sign at `now`, seconds since the epoch (R153). SL_EREFUSED when it is
 * expired or not yet valid, SL_EINVAL when it is no CA for servers (CA true, keyCertSign, no
 * extended key usage that leaves servers out).
 */
int pki_issuer_check(const X509 *certificate, int64_t now) SL_NONNULL(1) SL_MUST;

/*
 * Makes and signs a leaf with `key`'s public half: by SHA-256 (SHA-384 for P-384 issuers and
 * longer), dates within the template's and the issuer's (the template's where the two have none in
 * common). SL_EMALFORMED for a template that does not parse to its last byte or has what
 * pki_template_read leaves out, SL_ELIMIT, SL_EINVAL (issuer), SL_ECRYPTO, SL_ENOMEM. The leaf is
 * to be sent (i2d_X509): its key stands in it as bytes, and OpenSSL has it as a key only where it
 * is read again. X509_free frees.
 */
int pki_forge(const struct pki_issuer *issuer, const struct pki_template *t, EVP_PKEY *key,
              X509 **ret_leaf) SL_NONNULL(1, 2, 3, 4) SL_MUST;
