/* SPDX-License-Identifier: Apache-2.0 */
/* The parts of forwarding. Inside smsd/forward. */
#pragma once

#include <pthread.h>
#include <stdatomic.h>
#include <stdbool.h>

#include "smsd/auth/record.h"
#include "smsd/forward/forward.h"
#include "smsd/forward/message.h"
#include "smsd/ingest/arrival.h"
#include "smsd/store/store.h"

struct sender;

struct forward {
	struct store *store;
	struct ingest *ingest;
	atomic_bool stopping;
	pthread_mutex_t mutex;
	struct sender *senders; /* under the mutex */
};

/* ---- target.c: rows ---------------------------------------------------------------------- */

struct target_row {
	int64_t id, revision;
	char name[64 + 1];
	json_t *body;
	bool enabled;
	struct arrival_place at; /* all before it is there */
	int64_t sent, skipped, skipped_ms, failing_ms;
};

void target_row_fini(struct target_row *row) SL_NONNULL(1);
/* SL_ENOENT. target_row_fini after 0. */
int target_by_id(struct store *store, int64_t id, struct target_row *ret_row)
        SL_NONNULL(1, 3) SL_MUST;
int target_by_name(struct store *store, const char *name, struct target_row *ret_row)
        SL_NONNULL(1, 2, 3) SL_MUST;
typedef int target_fn(void *arg, struct target_row *row); /* takes it over */
int target_each(struct store *store, target_fn *fn, void *arg) SL_NONNULL(1, 2) SL_MUST;
/* Where it is, and what it has counted; and arrivals that no target waits for go. */
int target_save(struct store *store, const struct target_row *row) SL_NONNULL(1, 2) SL_MUST;

extern const struct record_kind target_kind;

const char *target_text(const struct target_row *row, const char *key) SL_NONNULL(1, 2);
int64_t target_number(const struct target_row *row, const char *key) SL_NONNULL(1, 2);

/* ---- sender.c: a thread a target ---------------------------------------------------------- */

enum sender_state { SENDER_DISABLED, SENDER_CONNECTING, SENDER_CONNECTED, SENDER_WAITING };

/* What its thread says of itself. */
struct sender_status {
	enum sender_state state;
	int64_t since_ms, error_ms, tested_ms; /* 0: never */
	bool testing;
	char error[FORWARD_ERROR_MAX];
};

/* Begins its thread. SL_ENOMEM, SL_ESYS. */
int sender_start(struct forward *forward, int64_t id, struct sender **ret_sender)
        SL_NONNULL(1, 3) SL_MUST;
/* Waits for the end of its thread, which has ended or was told to. */
void sender_join(struct sender *sender) SL_NONNULL(1);
/* What people set is another, or all is to end. */
void sender_order(struct sender *sender) SL_NONNULL(1);
/* Something came. */
void sender_tell(struct sender *sender) SL_NONNULL(1);
/* With forward->mutex: */
bool sender_has_ended(const struct sender *sender) SL_NONNULL(1);
struct sender **sender_next(struct sender *sender) SL_NONNULL(1);
int64_t sender_id(const struct sender *sender) SL_NONNULL(1);
struct sender_status *sender_status(struct sender *sender) SL_NONNULL(1);

/* ---- forward.c --------------------------------------------------------------------------- */

/* Rows have changed: each has its thread, and each thread looks at its row. */
int forward_changed(struct forward *forward) SL_NONNULL(1) SL_MUST;
/* Leaves *status alone where it has no thread yet. */
void forward_status(struct forward *forward, int64_t id, struct sender_status *status)
        SL_NONNULL(1, 3);
