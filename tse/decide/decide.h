/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Decides which of the queued rules hold and what is done: pass before block before alert, within
 * one feed and transaction. Writes the matches to the result of the feed in hand.
 */
#pragma once

#include "tse/engine_priv.h"

/* Decides all queued rules and empties the queue. */
void decide_queue(struct tse_engine *e) SL_NONNULL(1);

/* Queues the rules of a list. */
void decide_add_list(struct tse_engine *e, enum rs_list_id list) SL_NONNULL(1);

/* Scans the buffers of the head in hand and queues the rules they wake. */
void decide_scan_head(struct tse_engine *e) SL_NONNULL(1);
