/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Connections that have been told their last (a block page) and whose ends may still be sending.
 * A kernel socket that is closed with bytes unread sends a RST, at which a client throws away the
 * answer that it has not read yet. So what still comes is read and dropped, until its end, for a
 * short while and up to a bound. Worker's thread.
 */
#pragma once

#include "lib/base/attr.h"

struct farewells;
struct loop;

/* NULL for want of memory. */
struct farewells *farewells_create(struct loop *loop) SL_NONNULL(1) SL_MUST;

/* Closes them all. NULL is none. */
void farewells_destroy(struct farewells *all);

/*
 * Ends our direction with a FIN and takes `fd`, which is to be in no loop. SL_ELIMIT when there are
 * too many, SL_ENOMEM, SL_ESYS: the caller still has it.
 */
int farewell_begin(struct farewells *all, int fd) SL_NONNULL(1) SL_MUST;
