/* SPDX-License-Identifier: Apache-2.0 */
/* The parts of the certificates' room: what is stored of one, names, chains. Inside smsd/object. */
#pragma once

#include <openssl/x509.h>
#include <stdbool.h>
#include <stdint.h>

#include "lib/base/attr.h"
#include "smsd/object/certificate.h"
#include "smsd/object/object.h"
#include "smsd/store/store.h"
#include "smsd/vault/vault.h"

struct problem;

enum { CERTIFICATE_SHA256_SIZE = 32 };

/* ---- material: an object ready to be written; made before the write, which reads no certificate
 */

struct material {
	enum object_kind kind;
	char name[OBJECT_NAME_MAX];
	json_t *body;
	uint8_t key_id[VAULT_ID_SIZE];
	uint8_t sha256[CERTIFICATE_SHA256_SIZE]; /* of the DER */
	int64_t subject, issuer;                 /* hashes: a chain is found by them, up and down */
	bool ca;                                 /* basicConstraints, or asked for */
	bool has_key;
	struct vault_sealed sealed; /* with has_key */
};

/* What object_key has of a name. */
enum { NAME_HASH_NONE = -1 };
int64_t name_hash(const X509_NAME *name) SL_NONNULL(1);

/* SL_ECRYPTO, SL_ENOMEM. material_fini frees; it takes zeroed ones too. */
int material_of_certificate(X509 *certificate, enum object_kind kind, const char *name,
                            struct material *ret_material) SL_NONNULL(1, 3, 4) SL_MUST;
int material_of_request(X509_REQ *request, const char *name, struct material *ret_material)
        SL_NONNULL(1, 2, 3) SL_MUST;
void material_fini(struct material *material) SL_NONNULL(1);

/* Seals the key for it. */
int material_seal(struct material *material, struct vault *vault, EVP_PKEY *key, bool exportable)
        SL_NONNULL(1, 2, 3) SL_MUST;

/* In a write: the object, its row of object_key, its key. Refused when the same certificate is here
 * already in that kind (SL_EEXIST). */
int material_put(struct store_tx *tx, const struct object_change *how, const struct material *m,
                 struct problem *problem) SL_NONNULL(1, 2, 3, 4) SL_MUST;

/* In a write: the row of object_key of an object. */
int material_set_key(struct store_tx *tx, int64_t object_id, const struct material *m)
        SL_NONNULL(1, 3) SL_MUST;

/* In a write: under which name this certificate is in the kind; "" when it is not. */
int material_find(struct store_tx *tx, enum object_kind kind, const struct material *m,
                  char ret_name[OBJECT_NAME_MAX]) SL_NONNULL(1, 3, 4) SL_MUST;

/* ---- names: those of the device's schema (lib/conf), R69, R76 */

enum { NAME_TRIES_MAX = 10000 };

/* SL_EINVAL in words, at /name. */
int name_check(enum object_kind kind, const char *name, struct problem *problem)
        SL_NONNULL(2, 3) SL_MUST;

/* Made of free text: what a name may not have becomes "_"; `fallback` when nothing is left. */
void name_make(enum object_kind kind, const char *text, const char *fallback,
               char ret_name[OBJECT_NAME_MAX]) SL_NONNULL(2, 3, 4);

/* base + tail, the base cut where both would be too long. */
void name_join(enum object_kind kind, const char *base, const char *tail,
               char ret_name[OBJECT_NAME_MAX]) SL_NONNULL(2, 3, 4);

/* In a write: `base`, or base + separator + number from `first` on, whatever is free. SL_ELIMIT. */
int name_free(struct store_tx *tx, enum object_kind kind, const char *base, const char *separator,
              unsigned first, char ret_name[OBJECT_NAME_MAX], struct problem *problem)
        SL_NONNULL(1, 3, 4, 6, 7) SL_MUST;

/* SL_EINVAL in words, at /comment; NULL is fine. */
int comment_check(const char *comment, struct problem *problem) SL_NONNULL(2) SL_MUST;

/* ---- reading what is stored */

/* The certificate or request of an object; one of both is NULL. SL_EIO: a damaged row. */
struct stored {
	X509 *certificate;
	X509_REQ *request;
};
int stored_read(const struct object *object, struct stored *ret_stored, struct problem *problem)
        SL_NONNULL(1, 2, 3) SL_MUST;
void stored_fini(struct stored *stored) SL_NONNULL(1);

/* basicConstraints say so; a root of version 1 counts too. */
bool certificate_is_ca(X509 *certificate) SL_NONNULL(1);

/* The certificate of an object that is no request, from `cache` where it is there (NULL: none);
 * X509_free. *ret_root as chain_is_root. SL_EIO: a damaged row. */
int certificate_read(struct certificate_cache *cache, const struct object *object,
                     X509 **ret_certificate, bool *ret_root, struct problem *problem)
        SL_NONNULL(2, 3, 4, 5) SL_MUST;

/* It signed itself, verified. */
bool chain_is_root(X509 *cert) SL_NONNULL(1);

/* Its issuers among the CA certificates. chain_fini frees. */
struct chain {
	STACK_OF(X509) * intermediates;
	X509 *root; /* NULL: none is here */
};
int chain_find(struct store *store, X509 *leaf, struct chain *ret_chain)
        SL_NONNULL(1, 2, 3) SL_MUST;
void chain_fini(struct chain *chain) SL_NONNULL(1);

/* The same from where a write sees it (`tx`), or what is committed (`store`). */
struct reading {
	struct store *store;
	struct store_tx *tx; /* NULL: `store` */
};
int reading_run(const struct reading *at, enum store_statement statement,
                const struct store_value *values, size_t count, store_row_fn *fn, void *arg)
        SL_NONNULL(1) SL_MUST;
int chain_find_in(const struct reading *at, X509 *leaf, struct chain *ret_chain)
        SL_NONNULL(1, 2, 3) SL_MUST;

/* CA certificates that may have this subject (a hash says so); sk_X509_pop_free. */
int chain_candidates(const struct reading *at, const X509_NAME *subject,
                     STACK_OF(X509) * *ret_candidates) SL_NONNULL(1, 2, 3) SL_MUST;

/* The first certificate of a stored body; NULL: there is none that could be read. */
X509 *certificate_of_body(const char *body) SL_NONNULL(1);

/* In a write: SL_EBUSY and in `problem` which certificates in use have it in their chains, unless
 * another one of its key takes its place there. */
enum { CHAIN_USERS_TOLD = 8 };
int chain_check_unused(struct store_tx *tx, X509 *ca, struct problem *problem)
        SL_NONNULL(1, 2, 3) SL_MUST;

/* What an error of lib/pki is of: /password, /key or /file. */
int import_problem(struct problem *problem, const struct certificate_import *import,
                   const struct pki_error *err) SL_NONNULL(1, 2, 3);

/* The bytes of an import, by the names that import_problem knows. */
struct import_bytes {
	struct pki_bytes file, key;
	const struct pki_bytes *key_or_null;
};
void import_bytes(const struct certificate_import *import, struct import_bytes *ret_bytes)
        SL_NONNULL(1, 2);

/* Sizes, comment and format; in words. */
int import_check(const struct certificate_import *import, struct problem *problem)
        SL_NONNULL(1, 2) SL_MUST;

/* The key that an entry comes with, or that is in the vault already (then *ret_seal is false).
 * SL_ENOENT in words. */
struct pki_entry;
int import_key(struct certificate_store *at, const struct pki_entry *entry, bool *ret_seal,
               struct problem *problem) SL_NONNULL(1, 2, 3, 4) SL_MUST;

/* SL_ENOMEM and such, of our own. */
int certificate_failed(int code, struct problem *problem) SL_NONNULL(2);
