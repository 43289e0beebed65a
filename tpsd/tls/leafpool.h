/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The keys of forged leaves: one P-256 and one RSA-2048, never one a site. An RSA key takes from a
 * tenth of a second to several, so it is made in slices, between which the caller's loop signs for
 * others and tells that it lives: a fiber of OpenSSL (ASYNC_JOB) that pauses within the search for
 * primes. A thread could not be started any more (system call list). One pool at a time a thread;
 * used by `keys`.
 */
#pragma once

#include <openssl/evp.h>
#include <stdint.h>

#include "lib/base/attr.h"
#include "lib/pki/cert.h"
#include "tpsd/tls/keyhandle.h"

struct leafpool;

struct leafpool_key {
	EVP_PKEY *key; /* NULL: not made yet */
	uint8_t id[KEY_ID_LEN];
};

/* Makes nothing yet. NULL: no memory. */
struct leafpool *leafpool_create(void) SL_MUST;
/* At any time. */
void leafpool_destroy(struct leafpool *p);

/* Goes on for about `slice_ms` (0: to the next pause): 0 when all keys are there, SL_EAGAIN to be
 * called again, SL_ECRYPTO. */
int leafpool_step(struct leafpool *p, unsigned slice_ms) SL_NONNULL(1) SL_MUST;

/* Never NULL; valid as long as the pool. */
const struct leafpool_key *leafpool_key(const struct leafpool *p, enum pki_key_kind kind)
        SL_NONNULL(1);
