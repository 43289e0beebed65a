/* SPDX-License-Identifier: Apache-2.0 */
/*
 * CAs and signing requests (R60, R65): what `tps pki` makes for people without an SMS, and the
 * untrusted CA that a device makes for itself. One thread at a time for one object.
 */
#pragma once

#include <openssl/evp.h>
#include <openssl/x509.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "lib/base/attr.h"
#include "lib/pki/cert.h"
#include "lib/pki/error.h"
#include "lib/pki/forge.h"

struct buf;

/* X(NAME, name): the choices of a new key. */
#define PKI_KEY_TYPES(X)                                                                           \
	X(RSA_2048, "rsa-2048")                                                                    \
	X(RSA_3072, "rsa-3072")                                                                    \
	X(RSA_4096, "rsa-4096")                                                                    \
	X(P256, "p-256")                                                                           \
	X(P384, "p-384")

enum pki_key_type {
#define X(NAME, name) PKI_KEY_##NAME,
	PKI_KEY_TYPES(X)
#undef X
	        PKI_KEY_TYPE_END
};

enum {
	PKI_SUBJECT_UNITS_MAX = 16,
	PKI_SUBJECT_DNS_MAX = 256,
	PKI_DAYS_MAX = 36500,
};

/* Who a certificate is for, UTF-8. Only the common name is required; the others may be NULL. */
struct pki_subject {
	const char *common_name;  /* at most 64 characters, as organization and each unit */
	const char *email;        /* at most 128 */
	const char *const *units; /* OU, several */
	size_t units_count;
	const char *organization;
	const char *locality; /* at most 128, as state */
	const char *state;
	const char *country;    /* two letters */
	const char *const *dns; /* into the subjectAltName; "*." may stand in front (R66) */
	size_t dns_count;
	const char *user; /* RFC822 name, into the subjectAltName */
};

/* "rsa-2048"; NULL behind the last. */
const char *pki_key_type_name(enum pki_key_type type);

/* SL_ENOENT for a name that is none. */
int pki_key_type_parse(const char *name, enum pki_key_type *ret_type) SL_NONNULL(1, 2) SL_MUST;

/* A new key. SL_ECRYPTO. EVP_PKEY_free frees. */
int pki_key_make(enum pki_key_type type, EVP_PKEY **ret_key, struct pki_error *err)
        SL_NONNULL(2, 3) SL_MUST;

/*
 * A new key and its self-signed CA certificate, which issues leaves but no CAs (path length 0),
 * valid from the day before `now` (seconds since the epoch), since clocks of clients may be slow,
 * until `days` after it, 1 to PKI_DAYS_MAX. SL_EINVAL with what is wrong in `err`, SL_ECRYPTO.
 * Free with pki_issuer_fini.
 */
int pki_ca_make(const struct pki_subject *subject, enum pki_key_type type, unsigned days,
                int64_t now, struct pki_issuer *ret_ca, struct pki_error *err)
        SL_NONNULL(1, 5, 6) SL_MUST;

/* The same as a root above signing certificates: no path length. */
int pki_root_make(const struct pki_subject *subject, enum pki_key_type type, unsigned days,
                  int64_t now, struct pki_issuer *ret_ca, struct pki_error *err)
        SL_NONNULL(1, 5, 6) SL_MUST;

void pki_issuer_fini(struct pki_issuer *issuer) SL_NONNULL(1);

/*
 * A signing request (PKCS#10) of `key`. `ca`: asks for a signing certificate. SL_EINVAL with what
 * is wrong in `err`, SL_ECRYPTO. X509_REQ_free frees.
 */
int pki_request_make(const struct pki_subject *subject, EVP_PKEY *key, bool ca,
                     X509_REQ **ret_request, struct pki_error *err) SL_NONNULL(1, 2, 4, 5) SL_MUST;

/* The request asks for a CA (R65, "Make it a Signing Certificate"). */
bool pki_request_is_ca(X509_REQ *request) SL_NONNULL(1);

/*
 * Signs a request: as a CA of path length 0 when it asks for that, else as a server's leaf with
 * the request's subject, DNS names and addresses (as pki_forge makes it). The request must be
 * signed with its own key: else SL_EMISMATCH. SL_EINVAL, SL_ECRYPTO; SL_EREFUSED for an issuer
 * that cannot sign now. X509_free frees.
 */
int pki_request_sign(const struct pki_issuer *issuer, X509_REQ *request, unsigned days, int64_t now,
                     X509 **ret_certificate, struct pki_error *err) SL_NONNULL(1, 2, 5, 6) SL_MUST;

/* What the one that has the certificate may be in a handshake of TLS. */
enum pki_end { PKI_END_CLIENT, PKI_END_SERVER };

/*
 * A certificate for a key that the issuer knows to be the named one's: subject alone `name` (a
 * common name), for digital signatures at this end of TLS, from the day before `now` until `days`
 * after it, never past the issuer's own end. SL_EINVAL, SL_ECRYPTO, SL_EREFUSED as
 * pki_request_sign. X509_free frees.
 */
int pki_end_issue(const struct pki_issuer *issuer, EVP_PKEY *key, const char *name,
                  enum pki_end end, unsigned days, int64_t now, X509 **ret_certificate,
                  struct pki_error *err) SL_NONNULL(1, 2, 3, 7, 8) SL_MUST;

/* The request is signed with its own key: SL_EMISMATCH. *ret_key is the request's. */
int pki_request_key(X509_REQ *request, EVP_PKEY **ret_key, struct pki_error *err)
        SL_NONNULL(1, 2, 3) SL_MUST;

/*
 * The key and then the certificate as PEM into an open file (what pki_chain_parse and
 * pki_key_load_fd read back), written to the disk. `path` is for errors. SL_ESYS.
 */
int pki_issuer_write_fd(const struct pki_issuer *issuer, int fd, const char *path,
                        struct pki_error *err) SL_NONNULL(1, 3, 4) SL_MUST;

/*
 * New files, never over one that is there (SL_EEXIST). A key is for its owner alone from the first
 * moment, encrypted when `password` is not NULL. SL_ESYS.
 */
int pki_key_write(const char *path, EVP_PKEY *key, const char *password, struct pki_error *err)
        SL_NONNULL(1, 2, 4) SL_MUST;
int pki_certificates_write(const char *path, X509 *leaf, STACK_OF(X509) * chain,
                           struct pki_error *err) SL_NONNULL(1, 2, 4) SL_MUST;
int pki_request_write(const char *path, X509_REQ *request, struct pki_error *err)
        SL_NONNULL(1, 2, 3) SL_MUST;

/* One certificate in DER. */
int pki_certificate_write_der(const char *path, X509 *certificate, struct pki_error *err)
        SL_NONNULL(1, 2, 3) SL_MUST;

/* Reads a request in PEM or DER. SL_ENOENT, SL_ESYS, SL_EMALFORMED. X509_REQ_free frees. */
int pki_request_load(const char *path, X509_REQ **ret_request, struct pki_error *err)
        SL_NONNULL(1, 2, 3) SL_MUST;

/* The same from bytes; into memory, added to `out` (SL_ELIMIT, SL_ENOMEM, SL_ECRYPTO). */
int pki_request_read(const struct pki_bytes *bytes, X509_REQ **ret_request, struct pki_error *err)
        SL_NONNULL(1, 2, 3) SL_MUST;
int pki_request_add_pem(X509_REQ *request, struct buf *out) SL_NONNULL(1, 2) SL_MUST;
int pki_request_add_der(X509_REQ *request, struct buf *out) SL_NONNULL(1, 2) SL_MUST;

/*
 * Adds a PKCS12 file (RFC 7292: AES-256, PBKDF2, HMAC-SHA-256) of a key, its certificate and
 * `chain` (may be NULL), under this friendly name. `password` must not be "". SL_ECRYPTO,
 * SL_ELIMIT.
 */
int pki_pkcs12_add(EVP_PKEY *key, X509 *leaf, STACK_OF(X509) * chain, const char *name,
                   const char *password, struct buf *out, struct pki_error *err)
        SL_NONNULL(1, 2, 4, 5, 6, 7) SL_MUST;
