/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What packages hold, checked as whoever uses it would: tmc before it writes one, smsd before it
 * takes one. Nothing is unpacked beyond its kind's bound. Any thread.
 */
#pragma once

#include <stddef.h>
#include <stdint.h>

#include <jansson.h>

#include "lib/base/attr.h"
#include "lib/package/package.h"

struct buf;

/* What devices fall back to, and a package of it takes the place of (R105). */
#define PUBLISH_POLICY "Default"

/* Bytes of a package of this kind, and of what is in it; 0: a kind that nothing takes. */
uint64_t publish_size_max(enum package_kind kind);
uint64_t publish_content_max(enum package_kind kind);

/* The section of a kind; "" of one that nothing takes. */
const char *publish_section(enum package_kind kind);

/*
 * Checks a content: categories, certificates in PEM, a decryption policy (JSON in its one spelling,
 * which names no file and is called PUBLISH_POLICY), or a licence. *ret_summary: {names,
 * categories: [{category, title, names}]}, {certificates}, {domains, overrides, categories},
 * {devices}. SL_EMALFORMED, SL_ELIMIT, SL_ENOMEM, and lib/conf's codes.
 */
int publish_content_check(enum package_kind kind, const void *bytes, size_t len,
                          json_t **ret_summary, struct pki_error *err) SL_NONNULL(2, 4, 5) SL_MUST;

/* Unpacks a package's content into `out`, whose maximum is publish_content_max, and checks it. */
int publish_content_read(const struct package *package, struct buf *out, json_t **ret_summary,
                         struct pki_error *err) SL_NONNULL(1, 2, 3, 4) SL_MUST;

/*
 * What is different between two checked contents of a kind: {added, removed: {count, first: []}}
 * of names (domains, subjects of certificates, domains of a policy), and the same of categories in
 * `categories_added`, `categories_removed`. `old_len` 0: all is new. SL_EMALFORMED, SL_ENOMEM.
 */
int publish_content_diff(enum package_kind kind, const void *old_bytes, size_t old_len,
                         const void *new_bytes, size_t new_len, json_t **ret_diff)
        SL_NONNULL(4, 6) SL_MUST;
