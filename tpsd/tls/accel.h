/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A shorter way through libcrypto for what every handshake does: an OpenSSL provider of ours with
 * the key exchange on P-256 and TLS 1.3's key derivation. The arithmetic and the hash functions
 * are libcrypto's own; left out is what libcrypto 3.0 does around them each time (parameters,
 * look-ups, contexts) and a second check of the peer's point. Other groups and digests go to the
 * default provider as ever. Worker's thread. docs/internals/tls.md.
 */
#pragma once

#include <openssl/provider.h>

#include "lib/base/attr.h"

/*
 * Loads it into OpenSSL's default library context. Call it before anything is fetched there: of
 * two providers with the same algorithm the one that was there first is taken. NULL when it cannot
 * be loaded.
 */
OSSL_PROVIDER *accel_load(void) SL_MUST;

/* Once the default provider is there, whose digests it uses: SL_ECRYPTO. */
int accel_start(OSSL_PROVIDER *accel) SL_NONNULL(1) SL_MUST;

/* NULL is allowed. Objects of SSL that are still there can do no more handshakes. */
void accel_unload(OSSL_PROVIDER *accel);
