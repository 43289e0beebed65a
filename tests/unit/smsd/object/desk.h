/* SPDX-License-Identifier: Apache-2.0 */
/* Where certificates are tested: a store, a vault, a small PKI, and files made of it. */
#pragma once

#include "tests/unit/smsd/place.h"

#include <openssl/x509.h>

#include "lib/base/buf.h"
#include "smsd/object/certificate.h"
#include "smsd/object/object.h"
#include "smsd/vault/vault.h"

/* root -> middle -> leaf and second; `foreign` is a root of somebody else, `old` is expired. */
struct desk {
	struct place *place;
	struct vault *vault;
	struct certificate_store at;
	struct problem *problem; /* the place's */
	EVP_PKEY *root_key, *middle_key, *leaf_key, *second_key;
	X509 *root, *middle, *leaf, *second, *foreign, *old;
};

/* cmocka's setup and teardown: *state is a struct desk. */
int desk_setup(void **state);
int desk_teardown(void **state);

/* PEM of certificates (NULL ends the list) and of a key, freed with the desk's next turn: valid for
 * the test. `key` NULL: none; `password` NULL: in the clear. */
struct buf desk_pem(EVP_PKEY *key, const char *password, X509 *first, ...);

/* A PKCS12 file of up to two keys with their certificates and aliases. */
struct buf desk_pkcs12(const char *password, EVP_PKEY *key, X509 *cert, const char *alias,
                       EVP_PKEY *key2, X509 *cert2, const char *alias2, X509 *ca);

/* An import of such a file. */
struct certificate_import desk_import(const char *name, const struct buf *file,
                                      const struct buf *key, const char *password);

/* Imports and frees the file; the code. The names are checked against `names`, commas between, when
 * it was 0. */
int desk_take(struct desk *d, const char *name, struct buf file, const char *names);
int desk_take_ca(struct desk *d, const char *name, struct buf file, const char *names);

/* What is shown of one; the caller's to json_decref. NULL: it is not there. */
json_t *desk_show(struct desk *d, enum object_kind kind, const char *name);

/* A text of what is shown of one, valid until the next call; "" when it is not there. */
const char *desk_text(struct desk *d, enum object_kind kind, const char *name, const char *key);

/* How many there are. */
size_t desk_count(struct desk *d, enum object_kind kind);

/* The problem is this one, and is forgotten. */
void desk_refused(struct desk *d, int rc, int code, const char *pointer, const char *text);
