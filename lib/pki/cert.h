/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Certificates: loading (PEM, DER, PKCS12), chains, names, validity. Public parts only: loading a
 * chain from a file that holds a private key too never decodes the key, so `control` may read it
 * and workers get the result by the image. One thread at a time per object.
 */
#pragma once

#include <openssl/x509.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <time.h>

#include "lib/base/attr.h"
#include "lib/pki/error.h"

struct buf;

/* Same order as the choices of `format` in a configuration. */
enum pki_format { PKI_FORMAT_AUTO, PKI_FORMAT_PEM, PKI_FORMAT_DER, PKI_FORMAT_PKCS12 };

/* What a configuration says of one certificate; unused paths are "". */
struct pki_files {
	const char *certificate;
	const char *private_key;   /* "": in the file of the certificate */
	const char *password_file; /* of an encrypted key or a PKCS12 file */
	const char *chain;         /* further intermediates */
	enum pki_format format;
};

/* The same as bytes in memory: what the forms that take files stand on. */
struct pki_bytes {
	const char *name; /* for errors: a path, or how the field is called */
	const void *data;
	size_t len;           /* at most PKI_FILE_MAX (file.h) */
	const char *password; /* of an encrypted key or a PKCS12 file; "" without */
	enum pki_format format;
	/* Rounds of a hash that opening it may cost, since the file says how many: whoever made it
	 * could ask for years. 0: PKI_ROUNDS_MAX, seconds of one core; files have 2,048 to a
	 * million. */
	uint32_t rounds_max;
};

enum { PKI_ROUNDS_MAX = 8 * 1000 * 1000 };

enum pki_key_kind { PKI_RSA, PKI_ECDSA };

/* A server's certificate and the intermediates that are sent behind it, without any root. */
struct pki_chain {
	X509 *leaf;
	STACK_OF(X509) * intermediates; /* may be empty, never NULL */
	enum pki_key_kind kind;
	uint8_t key_id[32]; /* SHA-256 of the leaf's SubjectPublicKeyInfo: the key's name */
};

enum { PKI_CHAIN_MAX = 16 /* intermediates of one chain */ };

/*
 * Loads the public part of a certificate. The leaf is the first certificate of the file, or of a
 * PKCS12 file the one of the key. SL_EUNSUPPORTED for keys other than RSA from 1024 bits on and
 * ECDSA on P-224, P-256, P-384, P-521. Free with pki_chain_destroy.
 */
int pki_chain_load(const struct pki_files *files, struct pki_chain **ret_chain,
                   struct pki_error *err) SL_NONNULL(1, 2, 3) SL_MUST;

/* The same from bytes. */
int pki_chain_read(const struct pki_bytes *bytes, struct pki_chain **ret_chain,
                   struct pki_error *err) SL_NONNULL(1, 2, 3) SL_MUST;

/* From PEM text (as pki_chain_write_pem makes it, from an image); `name` is for errors. */
int pki_chain_parse(const char *name, const void *pem, size_t len, struct pki_chain **ret_chain,
                    struct pki_error *err) SL_NONNULL(1, 2, 4, 5) SL_MUST;

/* Adds leaf and intermediates as PEM. */
int pki_chain_write_pem(const struct pki_chain *chain, struct buf *out) SL_NONNULL(1, 2) SL_MUST;

/* Adds `leaf` (may be NULL) and `certificates` (may be NULL) as PEM; one certificate in DER.
 * SL_ELIMIT, SL_ENOMEM, SL_ECRYPTO. */
int pki_certificates_add_pem(X509 *leaf, STACK_OF(X509) * certificates, struct buf *out)
        SL_NONNULL(3) SL_MUST;
int pki_certificate_add_der(X509 *certificate, struct buf *out) SL_NONNULL(1, 2) SL_MUST;

void pki_chain_destroy(struct pki_chain *chain);

/* Of `certs` (NULL: none), another one that issued and signed `cert`, a root before others; NULL.
 * Belongs to `certs`. */
X509 *pki_find_issuer(STACK_OF(X509) * certs, X509 *cert) SL_NONNULL(2);

/*
 * R62: adds behind the last intermediate those of `cas` (NULL: none) that lead on from it, up to a
 * root, which is left out. *ret_rooted: that root is in `cas`, or the leaf is one. SL_ELIMIT,
 * SL_ENOMEM.
 */
int pki_chain_complete(struct pki_chain *chain, STACK_OF(X509) * cas, bool *ret_rooted)
        SL_NONNULL(1, 3) SL_MUST;

/* The intermediates do not lead on from the leaf, one issuing the other (R74). */
bool pki_chain_is_broken(const struct pki_chain *chain) SL_NONNULL(1);

/*
 * All certificates of PEM or DER bytes, in order; private keys are passed over (R77). At least one
 * or an error. sk_X509_pop_free(…, X509_free) frees.
 */
int pki_certificates_parse(const char *name, const void *data, size_t len,
                           STACK_OF(X509) * *ret_certificates, struct pki_error *err)
        SL_NONNULL(1, 2, 4, 5) SL_MUST;

/* The same of any format; of a PKCS12 file the certificate of its key is the first. SL_EPERM: the
 * password. No key is decrypted. */
int pki_certificates_read(const struct pki_bytes *bytes, STACK_OF(X509) * *ret_certificates,
                          struct pki_error *err) SL_NONNULL(1, 2, 3) SL_MUST;

/* The same from a file, as PEM text without anything else, added to `out`. */
int pki_certificates_load_pem(const char *path, struct buf *out, struct pki_error *err)
        SL_NONNULL(1, 2, 3) SL_MUST;

/* Adds all certificates of PEM text to a store; *ret_count (may be NULL) gets how many. */
int pki_store_add_pem(X509_STORE *store, const char *name, const void *pem, size_t len,
                      size_t *ret_count, struct pki_error *err) SL_NONNULL(1, 2, 3, 6) SL_MUST;

/* SHA-256 of the SubjectPublicKeyInfo. SL_ECRYPTO. */
int pki_cert_key_id(const X509 *cert, uint8_t ret_id[32]) SL_NONNULL(1, 2) SL_MUST;

/* SL_EUNSUPPORTED for keys that pki_chain_load does not take. */
int pki_cert_key_kind(const X509 *cert, enum pki_key_kind *ret_kind) SL_NONNULL(1, 2) SL_MUST;

/* R74, R82. */
enum pki_status { PKI_VALID, PKI_EXPIRED, PKI_NOT_YET_VALID };

struct pki_validity {
	enum pki_status status;
	int days_left;      /* whole days until it ends; negative: since it ended */
	int days_until;     /* whole days until it begins; 0 when it has begun */
	int64_t not_before; /* seconds since the epoch */
	int64_t not_after;
};

/* At `now`, seconds since the epoch. SL_EMALFORMED when the dates cannot be read. */
int pki_cert_validity(const X509 *cert, int64_t now, struct pki_validity *ret_validity)
        SL_NONNULL(1, 3) SL_MUST;

/*
 * R82: the warning that `days_left` calls for: 30, 14, 7 or 1 (the smallest that is not below it),
 * 0 when it has ended, -1 when it is too early for any.
 */
int pki_expiry_step(const struct pki_validity *validity) SL_NONNULL(1);

/* "valid", "expired", "not yet valid"; never NULL. */
const char *pki_status_name(enum pki_status status);

enum { PKI_SUBJECT_MAX = 256, PKI_SERIAL_MAX = 64 };

/* Subject on one line, and the serial number in hexadecimal; cut when too long. Return `text`. */
char *pki_cert_subject(const X509 *cert, char text[PKI_SUBJECT_MAX]) SL_NONNULL(1, 2);
char *pki_cert_issuer(const X509 *cert, char text[PKI_SUBJECT_MAX]) SL_NONNULL(1, 2);
char *pki_cert_serial(const X509 *cert, char text[PKI_SERIAL_MAX]) SL_NONNULL(1, 2);

enum { PKI_NAME_MAX = 254 }; /* a DNS name, NUL included */

typedef void pki_name_fn(void *arg, const char *name);

/*
 * The names a server certificate is for: the DNS names of its subjectAltName, or else its last
 * common name (RFC 6125 section 6.4.4), lower case, without a final dot, each a valid DNS name or
 * one behind "*.". Others are passed over. Returns how many.
 */
size_t pki_cert_names(const X509 *cert, pki_name_fn *fn, void *arg) SL_NONNULL(1, 2);

/*
 * Lower case, without the final dot: what names are compared by. SL_EMALFORMED for what is no DNS
 * name (letters, digits, "-", "_", labels up to 63 bytes). `wildcard`: "*." may stand in front.
 */
int pki_name_normalise(const char *name, size_t len, bool wildcard, char ret_name[PKI_NAME_MAX])
        SL_NONNULL(1, 4) SL_MUST;
