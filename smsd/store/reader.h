/* SPDX-License-Identifier: Apache-2.0 */
/* Connections that read, lent to one thread at a time. Inside smsd/store only. */
#pragma once

#include "lib/base/attr.h"
#include "smsd/store/store.h"

struct conn;
struct database;
struct problem;
struct readers;
struct store_schema;

int readers_create(struct database *database, unsigned count, const struct store_schema *schema,
                   struct readers **ret_readers, struct problem *problem)
        SL_NONNULL(1, 3, 4, 5) SL_MUST;
void readers_destroy(struct readers *readers);

/* Waits until one is free; to be given back soon. */
struct conn *readers_take(struct readers *readers) SL_NONNULL(1);
void readers_give(struct readers *readers, struct conn *conn) SL_NONNULL(1, 2);
