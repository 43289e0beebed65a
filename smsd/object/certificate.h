/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Certificates, CA certificates and signing requests (R60-R83): what an import takes, what a status
 * is, what may leave. Stands on lib/pki, which reads bytes; files are no business of this.
 * Pool threads. A body is never trusted for what its certificate says by itself: names, dates and
 * key id are read from the PEM when they are shown.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <jansson.h>
#include <openssl/x509.h>

#include "lib/base/attr.h"
#include "lib/base/buf.h"
#include "lib/pki/ca.h"
#include "lib/pki/cert.h"
#include "smsd/object/object.h"

struct actor;
struct problem;
struct store;
struct vault;

/* X(NAME, "text"): R74 and ours; the first that holds. */
#define CERTIFICATE_STATUSES(X)                                                                    \
	X(BROKEN_KEY, "broken key") /* none in the vault, not readable, or not its */              \
	X(EXPIRED, "expired")                                                                      \
	X(NOT_YET_VALID, "not yet valid")                                                          \
	X(NO_TRUST_ANCHOR,                                                                         \
	  "no trust anchor") /* its chain does not end in a CA certificate here */                 \
	X(VALID, "valid")                                                                          \
	X(ANSWERED, "answered") /* of a request: a certificate with its key is here */             \
	X(WAITING, "waiting for its certificate")

enum certificate_status {
#define X(NAME, text) CERTIFICATE_##NAME,
	CERTIFICATE_STATUSES(X)
#undef X
};

const char *certificate_status_text(enum certificate_status status);

/* Certificates that were read to be shown, for all threads. */
struct certificate_cache;
int certificate_cache_create(struct certificate_cache **ret_cache) SL_NONNULL(1) SL_MUST;
void certificate_cache_destroy(struct certificate_cache *cache);

/* The rooms that a call needs. */
struct certificate_store {
	struct store *store;
	struct vault *vault;
	struct certificate_cache *cache; /* NULL: each is read when it is shown */
};

enum {
	CERTIFICATE_FILE_MAX = 4 * 1024 * 1024,
	CERTIFICATE_IMPORT_MAX = 256, /* CA certificates of one file; a system's bundle has 150 */
	CERTIFICATE_PASSWORD_MAX = 1023,
};

struct certificate_import {
	const char *name; /* or base name, where a PKCS12 file has several (R70) */
	enum pki_format format;
	const void *file;
	size_t file_len;
	const void *key; /* NULL: in the file, or in the vault already (R68, R71) */
	size_t key_len;
	const char *password; /* "" or NULL without */
	bool exportable;      /* R73 */
	const char *comment;  /* NULL */
};

/*
 * R69-R73: a certificate with its key, or several of a PKCS12 file, all or none in one write;
 * intermediates of the file that are not here become CA certificates (R62), named after their
 * common name. *ret_names: an array of the names made. SL_EEXIST, SL_EMALFORMED, SL_EPERM
 * (password), SL_EMISMATCH (key or chain order), SL_ENOENT (no key anywhere), SL_ELIMIT.
 */
int certificate_import(struct certificate_store *at, const struct actor *actor,
                       const struct certificate_import *import, json_t **ret_names,
                       struct problem *problem) SL_NONNULL(1, 2, 3, 4, 5) SL_MUST;

/* R75-R77: keys are passed over; a name "ca" is refused; several: base name and number. */
int certificate_import_ca(struct certificate_store *at, const struct actor *actor,
                          const struct certificate_import *import, json_t **ret_names,
                          struct problem *problem) SL_NONNULL(1, 2, 3, 4, 5) SL_MUST;

/* R80: the old one goes on as NAME_REPLACED (…_2, …_3), the new one has its name and so what refers
 * to it. `import->name` is the one replaced; `kind` a certificate or a CA certificate. SL_EMISMATCH
 * when one of both is a CA and the other is not. */
int certificate_replace(struct certificate_store *at, const struct actor *actor,
                        enum object_kind kind, int64_t revision,
                        const struct certificate_import *import, struct problem *problem)
        SL_NONNULL(1, 2, 5, 6) SL_MUST;

/* R83: the key of a certificate whose status is "broken key"; SL_EEXIST when it is in order. The
 * key is in `key`, or a PKCS12 file in `file`. */
int certificate_repair(struct certificate_store *at, const struct actor *actor, int64_t revision,
                       const struct certificate_import *import, struct problem *problem)
        SL_NONNULL(1, 2, 4, 5) SL_MUST;

/* Of any of the three kinds. The key goes with the last certificate or request that it is of. */
int certificate_delete(struct certificate_store *at, const struct actor *actor,
                       enum object_kind kind, const char *name, int64_t revision,
                       struct problem *problem) SL_NONNULL(1, 2, 4, 6) SL_MUST;

/* R60, R61: a new signing certificate, self-signed, with its key in the vault. */
int certificate_make_signing(struct certificate_store *at, const struct actor *actor,
                             const char *name, const struct pki_subject *subject,
                             enum pki_key_type type, unsigned days, bool exportable,
                             struct problem *problem) SL_NONNULL(1, 2, 3, 4, 8) SL_MUST;

/* R65: a signing request; its answer is imported as a certificate and finds its key (R68). */
int certificate_make_request(struct certificate_store *at, const struct actor *actor,
                             const char *name, const struct pki_subject *subject,
                             enum pki_key_type type, bool ca, bool exportable,
                             struct problem *problem) SL_NONNULL(1, 2, 3, 4, 8) SL_MUST;

/*
 * What the API shows of a certificate, CA certificate or request: {name, kind, status, subject,
 * issuer, serial, names, not_before, not_after, days_left, key{type, bits, id, exportable}, ca,
 * self_signed, sha256, revision, changed}. Never a key. A request has what it can have of these.
 */
int certificate_show(struct certificate_store *at, const struct object *object, json_t **ret_shown,
                     struct problem *problem) SL_NONNULL(1, 2, 3, 4) SL_MUST;

/* A page of them: {items, next}; `next` is "" at the end, else what `after` is for the next page.
 * `limit` from 1 on. */
int certificate_list(struct certificate_store *at, enum object_kind kind, const char *after,
                     unsigned limit, json_t **ret_page, struct problem *problem)
        SL_NONNULL(1, 3, 5, 6) SL_MUST;

/* X(NAME, "format", "content type", "file ending") */
#define CERTIFICATE_FORMATS(X)                                                                     \
	X(PEM, "pem", "application/x-pem-file", "pem")                                             \
	X(DER, "der", "application/pkix-cert", "cer")                                              \
	X(PKCS12, "pkcs12", "application/x-pkcs12", "p12")

enum certificate_format {
#define X(NAME, name, type, ending) CERTIFICATE_##NAME,
	CERTIFICATE_FORMATS(X)
#undef X
	        CERTIFICATE_FORMAT_END
};

const char *certificate_format_type(enum certificate_format format);
const char *certificate_format_ending(enum certificate_format format);

/* SL_ENOENT for a name that is none. */
int certificate_format_parse(const char *name, enum certificate_format *ret_format)
        SL_NONNULL(1, 2) SL_MUST;

/*
 * R67, R73, R75: PEM with its chain, DER alone; PKCS12 with the private key, encrypted with
 * `password`, and only when it is exportable (SL_EPERM) and the password is one (SL_EINVAL).
 */
int certificate_export(struct certificate_store *at, const struct actor *actor,
                       const struct object *object, enum certificate_format format,
                       const char *password, struct buf *out, struct problem *problem)
        SL_NONNULL(1, 2, 3, 6, 7) SL_MUST;

/* R63: what endpoints must trust for this signing certificate: itself, or the root of its chain.
 * SL_EINVAL for what is none, SL_ENOENT when the root is not among the CA certificates. */
int certificate_client_root(struct certificate_store *at, const struct object *object,
                            struct buf *ret_der, struct problem *problem)
        SL_NONNULL(1, 2, 3, 4) SL_MUST;

/* Whether a certificate that an object names has this CA certificate in its chain, and no other one
 * that could take its place there. */
int certificate_is_needed(struct store *store, X509 *ca, bool *ret_needed)
        SL_NONNULL(1, 2, 3) SL_MUST;

/* At the start: what rows of an earlier release lack, by which the above is found. */
int certificate_index(struct store *store, struct problem *problem) SL_NONNULL(1, 2) SL_MUST;
