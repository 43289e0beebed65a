/* SPDX-License-Identifier: Apache-2.0 */
/*
 * From a name in a ClientHello to the certificates for it (R120): one hash look-up for the name as
 * it is, one for the name with "*" in place of its first label (R66, R166: a wildcard covers one
 * label). Built once a configuration, then only read: any thread.
 */
#pragma once

#include <openssl/x509.h>
#include <stddef.h>
#include <stdint.h>

#include "lib/base/attr.h"

struct pki_name_index;

enum { PKI_NAMES_MAX = 200000 /* pairs of name and certificate */ };

/* Certificates of one name, in the order in which they were added, each once. */
struct pki_name_set {
	const uint32_t *items; /* as given to pki_name_index_add; valid as long as the index */
	size_t count;
};

struct pki_name_match {
	struct pki_name_set exact;
	struct pki_name_set wildcard;
};

/* NULL: out of memory. */
struct pki_name_index *pki_name_index_create(void) SL_MUST;
void pki_name_index_destroy(struct pki_name_index *index);

/*
 * `item` is for `name`, which may start with "*.". The same pair again is nothing new.
 * SL_EMALFORMED for what is no such name, SL_ELIMIT, SL_ENOMEM.
 */
int pki_name_index_add(struct pki_name_index *index, const char *name, uint32_t item)
        SL_NONNULL(1, 2) SL_MUST;

/* All names of a certificate (pki_cert_names). SL_ELIMIT, SL_ENOMEM. */
int pki_name_index_add_cert(struct pki_name_index *index, const X509 *cert, uint32_t item)
        SL_NONNULL(1, 2) SL_MUST;

/*
 * `len` bytes of a name as a client sent it; anything may be in it. Both sets are empty when no
 * certificate is for it.
 */
struct pki_name_match pki_name_index_find(const struct pki_name_index *index, const char *name,
                                          size_t len) SL_NONNULL(1, 2);

/* Names in the index. */
size_t pki_name_index_count(const struct pki_name_index *index) SL_NONNULL(1);
