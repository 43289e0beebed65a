/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Certificate revocation lists (RFC 5280 section 5): from files into an image, out of it into the
 * trust stores that pki_verify_chain() is asked with. `control` and workers.
 *
 * Measured, one core, OpenSSL 3.0: an entry is 35 to 50 bytes of a list and 240 to 440 of a
 * worker's memory. A list of 4 MiB (85,000 to 120,000 entries) takes 0.1 to 0.2 s to read, in which
 * a worker does nothing else, and 10 ms for its signature with each chain below its issuer that is
 * judged. That is why files and all of them together are bounded (PKI_FILE_MAX, CONF_CRLS_MAX).
 */
#pragma once

#include <openssl/x509.h>
#include <stddef.h>
#include <stdint.h>

#include "lib/base/attr.h"
#include "lib/pki/cert.h"
#include "lib/pki/error.h"

struct buf;

enum { PKI_CRLS_MAX = 64 /* lists of one file: a CA has one or a few, each costs a signature */ };

/*
 * All lists of PEM text, or of DER with one behind the other; at least one or an error. `name` is
 * for errors. SL_EMALFORMED, SL_ENOENT (none in it), SL_ELIMIT, SL_EUNSUPPORTED: a list of changes,
 * of some reasons, or for other issuers (RFC 5280 sections 5.2.4, 5.2.5), which verification would
 * never look at. sk_X509_CRL_pop_free(…, X509_CRL_free) frees.
 */
int pki_crls_parse(const char *name, const void *data, size_t len, STACK_OF(X509_CRL) * *ret_crls,
                   struct pki_error *err) SL_NONNULL(1, 2, 4, 5) SL_MUST;

/* The same from a file of at most PKI_FILE_MAX bytes. */
int pki_crls_load(const char *path, STACK_OF(X509_CRL) * *ret_crls, struct pki_error *err)
        SL_NONNULL(1, 2, 3) SL_MUST;

/* Adds all as DER, one behind the other. */
int pki_crls_write_der(STACK_OF(X509_CRL) * crls, struct buf *out) SL_NONNULL(1, 2) SL_MUST;

/* Adds all lists of what pki_crls_write_der wrote to a store; `name` is for errors. */
int pki_store_add_crls(X509_STORE *store, const char *name, const void *der, size_t len,
                       struct pki_error *err) SL_NONNULL(1, 2, 3, 5) SL_MUST;

enum pki_crl_state {
	PKI_CRL_GOOD,
	PKI_CRL_EXPIRED, /* still revokes, clears nobody */
	PKI_CRL_NOT_YET_VALID,
	PKI_CRL_UNKNOWN_ISSUER, /* not in the store: counts where a server sends its issuer */
	PKI_CRL_OTHER_KEY,      /* of the name of a CA of the store, signed by none of them */
};

/* What there is to say of a list beside the certificates of a store, at `now` (seconds). */
enum pki_crl_state pki_crl_state(X509_CRL *crl, X509_STORE *store, int64_t now) SL_NONNULL(1, 2);

/* As pki_cert_issuer(). */
char *pki_crl_issuer(const X509_CRL *crl, char text[PKI_SUBJECT_MAX]) SL_NONNULL(1, 2);
