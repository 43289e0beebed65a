/* SPDX-License-Identifier: Apache-2.0 */
/* Subjects of certificates. Inside lib/pki. */
#pragma once

#include <openssl/x509.h>
#include <openssl/x509v3.h>
#include <stdbool.h>

#include "lib/base/attr.h"
#include "lib/pki/ca.h"
#include "lib/pki/error.h"

/* Of a certificate from outside: each value is text that can be read, and no NUL hides a part. */
bool subject_is_sound(const X509_NAME *subject) SL_NONNULL(1);

/* A text has a NUL in it, behind which others do not read on. */
bool subject_has_nul(const X509_NAME *subject) SL_NONNULL(1);

/* Checks what was typed and fills in an empty name. SL_EINVAL with what is wrong in `err`. */
int subject_fill_name(const struct pki_subject *s, X509_NAME *name, struct pki_error *err)
        SL_NONNULL(1, 2, 3) SL_MUST;

/* DNS names and user; NULL when there are none. GENERAL_NAMES_free frees. SL_EINVAL. */
int subject_alt_names(const struct pki_subject *s, GENERAL_NAMES **ret_names, struct pki_error *err)
        SL_NONNULL(1, 2, 3) SL_MUST;
