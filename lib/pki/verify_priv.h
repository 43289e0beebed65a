/* SPDX-License-Identifier: Apache-2.0 */
/* The parts of pki_verify_chain(): paths, names, strength, the staple. Inside lib/pki. */
#pragma once

#include <openssl/x509.h>
#include <stdbool.h>
#include <stdint.h>

#include "lib/base/attr.h"
#include "lib/pki/verify.h"

enum {
	VERIFY_SHOWN_MAX = 32,     /* certificates looked at of those that a server shows */
	VERIFY_DEPTH_MAX = 8,      /* certificates between leaf and root */
	VERIFY_STAPLE_MAX = 65536, /* bytes of an OCSP response */
};

/* What one path came to. */
struct path {
	enum pki_fault fault;
	int depth;
	int x509_error;
	bool leaf_crl_missing;  /* no CRL that holds now says anything of the leaf */
	int64_t crl_until;      /* the first nextUpdate of its CRLs after now; INT64_MAX: none */
	STACK_OF(X509) * certs; /* from the leaf up, each counted; NULL: none was built */
};

/*
 * The best path from the leaf to a root of the trust store, by OpenSSL first and by a search of
 * our own where that one has a fault. `shown`: all that the server showed, the leaf first. Names
 * are not looked at. path_fini frees.
 */
void path_find(const struct pki_verify *v, STACK_OF(X509) * shown, struct path *ret_path)
        SL_NONNULL(1, 2, 3);
void path_fini(struct path *path) SL_NONNULL(1);

/* The path that OpenSSL takes, to one of `roots`; NULL: of the trust store. path_fini frees. */
void path_verify(const struct pki_verify *v, STACK_OF(X509) * untrusted, STACK_OF(X509) * roots,
                 struct path *ret_path) SL_NONNULL(1, 2, 4);

/* The fault that an error of OpenSSL's verification is. */
enum pki_fault path_fault_of(int x509_error);

/* PKI_FAULT_NONE, or what is wrong with the key whatever the settings. */
enum pki_fault strength_of_key(X509 *cert) SL_NONNULL(1);

/* An RSA key of less bits; never for other kinds. */
bool strength_is_short(X509 *cert, uint32_t bits) SL_NONNULL(1);

/* It is signed by way of a digest that can be forged. */
bool strength_is_weak_digest(X509 *cert) SL_NONNULL(1);

/* The subjectAltName can be read, and forged: PKI_FAULT_NONE, MALFORMED or TOO_LARGE. */
enum pki_fault names_check_shape(const X509 *leaf) SL_NONNULL(1);

/* The certificate is for this host name or address (RFC 6125, RFC 2818 section 3.1). */
bool names_match(const X509 *leaf, const char *name) SL_NONNULL(1, 2);

enum staple { STAPLE_NONE, STAPLE_GOOD, STAPLE_REVOKED };

/*
 * What a stapled OCSP response says of the leaf. STAPLE_NONE: nothing that holds now, rightly
 * signed by or for the issuer. *ret_until is set for the others.
 */
enum staple staple_read(const struct pki_verify *v, X509 *issuer, int64_t *ret_until)
        SL_NONNULL(1, 2, 3) SL_MUST;
