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
	const uint8_t
	        *alt_names; /* GeneralNames in DER, only DNS names and IP addresses; 0: none */
	size_t alt_names_len;
	int64_t not_before, not_after; /* seconds since the epoch */
};

/*
 * Reads the template of a server's leaf. A certificate without subjectAltName gets its common name
 * as one when that is a DNS name or an IP address. SL_ELIMIT: more names than fit; SL_EMALFORMED.
 * Free with pki_template_fini.
 */
int pki_template_read(const X509 *leaf, struct pki_template *ret) SL_NONNULL(1, 2) SL_MUST;
void pki_template_fini(struct pki_template *t) SL_NONNULL(1);

struct pki_issuer {
	X509 *certificate;
	EVP_PKEY *key;
};

/* Whether an issuer can sign at `now`, seconds since the epoch (R153). SL_EREFUSED when it is
 * expired or not yet valid, SL_EINVAL when it is no CA (CA true, keyCertSign). */
int pki_issuer_check(const X509 *certificate, int64_t now) SL_NONNULL(1) SL_MUST;

/*
 * Makes and signs a leaf with `key`'s public half: by SHA-256 (SHA-384 for P-384 issuers), dates
 * within the template's and the issuer's. SL_EMALFORMED for a template that does not parse to its
 * last byte, SL_ELIMIT, SL_ECRYPTO.
 */
int pki_forge(const struct pki_issuer *issuer, const struct pki_template *t, EVP_PKEY *key,
              X509 **ret_leaf) SL_NONNULL(1, 2, 3, 4) SL_MUST;
