/* SPDX-License-Identifier: Apache-2.0 */
/* The thread that writes, and what waits for it. Inside smsd/store only. */
#pragma once

#include "lib/base/attr.h"
#include "smsd/store/store.h"

struct conn;
struct writer;

/* Takes the connection over, whatever it returns. SL_ENOMEM, SL_ESYS. */
int writer_create(struct conn *conn, struct writer **ret_writer) SL_NONNULL(1, 2) SL_MUST;

/* Commits what waits and ends. */
void writer_destroy(struct writer *writer);

/* As store_write. */
int writer_write(struct writer *writer, store_tx_fn *fn, void *arg) SL_NONNULL(1, 2) SL_MUST;
