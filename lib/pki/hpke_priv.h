/* SPDX-License-Identifier: Apache-2.0 */
/* Inside lib/pki and its tests: sealing with an ephemeral key that is given, as the vectors do. */
#pragma once

#include "lib/pki/hpke.h"

/* Errors as hpke_seal. */
int hpke_seal_from(EVP_PKEY *ephemeral, const uint8_t public[HPKE_PUBLIC], const char *info,
                   const void *aad, size_t aad_len, const void *plain, size_t len,
                   uint8_t ret_encapsulated[HPKE_ENCAPSULATED], uint8_t *ret_sealed)
        SL_NONNULL(1, 2, 3, 6, 8, 9) SL_MUST;
