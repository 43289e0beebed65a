/* SPDX-License-Identifier: Apache-2.0 */
/* A transaction as its files see it. `control`. */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "lib/base/attr.h"
#include "lib/base/loop.h"
#include "tpsd/report/compile.h"
#include "tpsd/report/control.h"
#include "tpsd/report/origin.h"
#include "tpsd/report/transaction.h"

enum phase { IDLE, COMPILING, OFFERED, COMMITTED };

struct transaction {
	struct control *control;
	enum phase phase;
	struct origin *origin; /* the order as a copy, and what is on the disk */
	struct compile *compile;
	struct compiled next;
	uint32_t revision; /* of the one that goes on */
	bool waits[PROC_SLOTS];
	unsigned nwaits;
	int status; /* first refusal */
	struct loop_timer answer, first, confirm;
	bool first_done; /* the first one was tried */
	bool hangup;     /* SIGHUP came while one went on */
	/* In force: */
	int fd;
	size_t size;
	uint32_t in_force;
	uint8_t sha256[32]; /* of the canonical text */
	void *document;
	size_t document_len;
	bool reverted;
	uint32_t offered_alone[PROC_SLOTS]; /* revision that a late process was offered */
};

#define OF_TIMER(timer, member)                                                                    \
	((struct transaction *)(void *)((char *)(timer)-offsetof(struct transaction, member)))

/* ---- transaction_send.c: what goes to another process; a slot without one is passed over ---- */
/* PREPARE. SL_ECLOSED: it is not there. */
int transaction_offer(struct transaction *t, unsigned slot, uint32_t revision, int fd, size_t size)
        SL_NONNULL(1) SL_MUST;
/* COMMIT or ABORT. */
void transaction_send_end(struct transaction *t, unsigned slot, enum ipc_type type,
                          uint32_t revision) SL_NONNULL(1);
/* For one that came up after the COMMIT: the same two steps, alone. */
void transaction_offer_alone(struct transaction *t, unsigned slot) SL_NONNULL(1);

/* ---- transaction_own.c ---- */
/* After one has ended: the file again, if SIGHUP came while it went on. */
void transaction_hangup_due(struct transaction *t) SL_NONNULL(1);
/* After a commit: what is left of the time to confirm it, if it is to be confirmed. */
void transaction_schedule_confirm(struct transaction *t) SL_NONNULL(1);
