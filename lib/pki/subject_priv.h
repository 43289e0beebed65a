/* SPDX-License-Identifier: Apache-2.0 */
/* Subjects that come from outside. Inside lib/pki. */
#pragma once

#include <openssl/x509.h>
#include <stdbool.h>

#include "lib/base/attr.h"

/* Each value is text that can be read, without a NUL that hides what follows. */
bool subject_is_sound(const X509_NAME *subject) SL_NONNULL(1);
