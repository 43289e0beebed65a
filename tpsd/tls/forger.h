/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Forged leaves in `keys`: who signs (signing certificates by the id of their key, the untrusted
 * CA), with which keys leaves are made (the pool), and those that were made already. No certificate
 * from outside is parsed here: lib/pki/forge.h. Also the backend in memory of tests.
 * docs/internals/client.md, docs/internals/keys.md.
 *
 * The keys of issuers are here and not in the keystore, so that no worker can have anything else
 * signed with them than a leaf that pki_forge made.
 */
#pragma once

#include <openssl/x509.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "lib/base/attr.h"
#include "lib/ipc/message.h"
#include "lib/pki/forge.h"
#include "tpsd/tls/keyhandle.h"

struct counter_slab;
struct forger;
struct keystore;

enum {
	FORGER_ISSUERS_MAX = 256,
	/* Leaves in memory that is locked. One is about 1 KiB, so 20,000 of them
	 * (limits.forged_leaves twice) have room; what a server with thousands of names sends
	 * pushes out others, no more. */
	FORGER_CACHE_BYTES_MAX = 64 * 1024 * 1024,
};

/*
 * The pool's keys are added to `ks`, where workers have their handshakes signed. A clock that is
 * before `built_at` (seconds since the epoch) is wrong: nothing is signed by it. `counters` may be
 * NULL. NULL: no memory.
 */
struct forger *forger_create(struct keystore *ks, int64_t built_at, struct counter_slab *counters)
        SL_NONNULL(1) SL_MUST;
/* Before the keystore. */
void forger_destroy(struct forger *f);

/* Leaves kept. */
void forger_set_max(struct forger *f, size_t max) SL_NONNULL(1);

/* Takes the untrusted CA over. */
void forger_set_untrusted(struct forger *f, struct pki_issuer *ca) SL_NONNULL(1, 2);

/*
 * A signing certificate and its key for `revision`; references are taken. The same one again is
 * named by one more revision. SL_EMISMATCH (not its key), SL_ELIMIT, SL_ENOMEM, SL_ECRYPTO.
 */
int forger_add_issuer(struct forger *f, X509 *certificate, EVP_PKEY *key, uint32_t revision)
        SL_NONNULL(1, 2, 3) SL_MUST;

/* `revision` is in force: what only earlier ones name goes, with its leaves. Says in the log which
 * issuers cannot sign at `now`. Forget: what only `revision` names. */
void forger_commit(struct forger *f, uint32_t revision, int64_t now) SL_NONNULL(1);
void forger_forget(struct forger *f, uint32_t revision) SL_NONNULL(1);

/* Drops the issuers of this key, whoever names them, with their leaves. */
void forger_drop(struct forger *f, const uint8_t id[KEY_ID_LEN]) SL_NONNULL(1, 2);

/*
 * Makes the pool: 0 when it is there (the keystore has its keys), SL_EAGAIN to be called again
 * soon, or an error. A call takes about `slice_ms`.
 */
int forger_make_pool(struct forger *f, unsigned slice_ms) SL_NONNULL(1) SL_MUST;

/*
 * The leaf for `what`, signed at `now`; `issuer` as key_request.key. *ret_data is as KEY_FORGE has
 * it, valid until the next call. SL_ENOENT (no such issuer, no untrusted CA), SL_EAGAIN (the pool
 * has no such key yet), SL_EREFUSED (the issuer, or the clock, R153: said in the log once), or as
 * pki_forge.
 */
int forger_forge(struct forger *f, const uint8_t issuer[KEY_ID_LEN], const struct key_forge *what,
                 int64_t now, const uint8_t **ret_data, size_t *ret_len)
        SL_NONNULL(1, 2, 3, 5, 6) SL_MUST;

/* Answers a FORGE: every field is checked (SL_EINVAL), then as forger_forge. *ret is valid until
 * the next call. */
void forger_answer(struct forger *f, const struct ipc_forge *msg, int64_t now,
                   struct ipc_forged *ret) SL_NONNULL(1, 2, 4);

/* Key ids of the pool, the untrusted CA and the issuers, at most `max`; returns how many. */
size_t forger_own_keys(const struct forger *f, uint8_t (*ret_ids)[KEY_ID_LEN], size_t max)
        SL_NONNULL(1, 2);

size_t forger_leaves(const struct forger *f) SL_NONNULL(1);
