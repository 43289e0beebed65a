/* SPDX-License-Identifier: Apache-2.0 */
/*
 * SHA-256 of documents and images. `parent` makes them too, so they leave OpenSSL's default library
 * context alone: what is loaded there before a fork, every process after it has
 * (tpsd/tls/narrow.h).
 */
#pragma once

#include <stddef.h>
#include <stdint.h>

#include "lib/base/attr.h"

enum { CONF_DIGEST_LEN = 32 };

/* `data` may be NULL when `len` is 0. 0 or SL_ECRYPTO. One thread. */
int conf_digest(const void *data, size_t len, uint8_t ret_digest[CONF_DIGEST_LEN])
        SL_NONNULL(3) SL_MUST;
