/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Private keys that the SMS sends (docs/internals/link.md), as `keys` keeps them: which ones the
 * documents of now name, which of those are here, and the key that they are sealed for. `link`
 * brings them and can open none. What was fetched is in this process's locked memory and nowhere
 * else, until tpsd ends or no document names it any more.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <openssl/evp.h>

#include "lib/base/attr.h"
#include "lib/ipc/message.h"
#include "tpsd/tls/keyhandle.h"

struct fetched;

enum {
	FETCHED_WAIT_S = 8, /* that a document waits for its keys, below TRANSACTION_ANSWER_S */
};

struct fetched *fetched_create(void) SL_MUST;
void fetched_destroy(struct fetched *r);

/*
 * The key that private keys are sealed for, from a file open for reading and writing; an empty or
 * broken one gets a new key, which is said in the log. `path` is for the log. SL_ECRYPTO.
 */
int fetched_open_sealing(struct fetched *r, int fd, const char *path) SL_NONNULL(1, 3);
/* Its public part (32 bytes); NULL: there is none. */
const uint8_t *fetched_sealing(const struct fetched *r) SL_NONNULL(1);

/* `revision` names this key. SL_ENOMEM, SL_ELIMIT. */
int fetched_name(struct fetched *r, const uint8_t id[KEY_ID_LEN], uint32_t revision)
        SL_NONNULL(1, 2) SL_MUST;
/* What only earlier revisions name goes; what only `revision` names. */
void fetched_retire_before(struct fetched *r, uint32_t revision) SL_NONNULL(1);
void fetched_forget(struct fetched *r, uint32_t revision) SL_NONNULL(1);
/* All that was fetched is wiped; what is named is missing then. */
void fetched_wipe(struct fetched *r) SL_NONNULL(1);

/* NULL: it is not here. Stays this one's. */
EVP_PKEY *fetched_find(const struct fetched *r, const uint8_t id[KEY_ID_LEN]) SL_NONNULL(1, 2);

/*
 * What came of one: opened and checked to be the key that it is called, or noted as not to be had.
 * 0: it is here. SL_ENOENT: nobody names it; SL_EREFUSED: not to be had, now or ever; SL_ECRYPTO,
 * SL_EMISMATCH, SL_EMALFORMED: it came and is not the key (the log says so).
 */
int fetched_take(struct fetched *r, const struct ipc_sealed_key *msg) SL_NONNULL(1, 2);

/* Ids that `revision` or a later one names and that are not here, at most `max`; returns how many.
 * `unanswered`: only those of which nothing was heard since they were named or wiped. */
size_t fetched_missing(const struct fetched *r, uint32_t revision, bool unanswered,
                       uint8_t (*ret_ids)[KEY_ID_LEN], size_t max) SL_NONNULL(1, 4);
