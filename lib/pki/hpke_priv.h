/* SPDX-License-Identifier: Apache-2.0 */
/* Inside lib/pki and its tests: sealing with an ephemeral key that is given, as the vectors do. */
#pragma once

#include "lib/pki/hpke.h"

/* Errors as hpke_send. */
int hpke_send_from(EVP_PKEY *ephemeral, const uint8_t public[HPKE_PUBLIC], const char *info,
                   uint8_t ret_encapsulated[HPKE_ENCAPSULATED], struct hpke_context *ret_context)
        SL_NONNULL(1, 2, 3, 4, 5) SL_MUST;
