/* SPDX-License-Identifier: Apache-2.0 */
/* What CAs and signed requests have in common. Inside lib/pki. */
#pragma once

#include <openssl/x509.h>
#include <stdbool.h>
#include <stdint.h>

#include "lib/base/attr.h"
#include "lib/pki/error.h"
#include "lib/pki/forge.h"

/* From the day before `now` on. SL_EINVAL with what is wrong in `err`. */
int ca_set_days(X509 *cert, unsigned days, int64_t now, struct pki_error *err)
        SL_NONNULL(1, 4) SL_MUST;

/* basicConstraints and keyUsage of a CA; `issues_cas`: without a path length, else 0. SL_ENOMEM. */
int ca_add_usage(X509 *cert, bool issues_cas) SL_NONNULL(1) SL_MUST;

/* It signs now, and CAs where that is asked. SL_EREFUSED, SL_EINVAL, in words. */
int ca_check_issuer(const struct pki_issuer *issuer, bool ca, int64_t now, struct pki_error *err)
        SL_NONNULL(1, 4) SL_MUST;
