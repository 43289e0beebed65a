/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The key backend of a worker: requests become messages to `keys`, its answers completions. When
 * `keys` ends, what was open waits for the one that is started in its place, and so does what comes
 * meanwhile, up to the time limit. Worker's thread.
 */
#pragma once

#include <stdint.h>

#include "lib/base/attr.h"
#include "lib/base/loop.h"
#include "tpsd/tls/keyhandle.h"

struct ipc_channel;
struct keyclient;

enum { KEYCLIENT_OPEN_MAX = 8192 };

struct keyclient *keyclient_create(struct loop *loop) SL_NONNULL(1) SL_MUST;
/* No request may be open any more. */
void keyclient_destroy(struct keyclient *kc);
struct key_backend *keyclient_backend(struct keyclient *kc) SL_NONNULL(1);

/* The channel to `keys`, NULL while it is away. A new one is asked again for all that is open. */
void keyclient_set_channel(struct keyclient *kc, struct ipc_channel *keys) SL_NONNULL(1);

/* A request without an answer for so long fails with SL_ETIMEOUT. */
void keyclient_set_timeout(struct keyclient *kc, uint32_t timeout_ms) SL_NONNULL(1);

/* SIGN_DONE or DECRYPT_DONE. An answer to a request that was cancelled is nothing; with SL_EAGAIN
 * (`keys` has not read its files yet) it is asked again soon. */
void keyclient_answer(struct keyclient *kc, uint64_t id, int32_t status,
                      const struct ipc_bytes *data) SL_NONNULL(1, 4);

/* FORGED, by the same rules. */
void keyclient_forged(struct keyclient *kc, const struct ipc_forged *msg) SL_NONNULL(1, 2);
