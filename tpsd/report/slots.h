/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Processes by slot, as `control` keeps lists of them: which slot a peer has, its channel, its name
 * for people. `control`.
 */
#pragma once

#include "tpsd/proc/proc.h"

enum { SLOT_NAME_MAX = 24 };

unsigned slot_of(enum ipc_role role, unsigned index);

/* The channel to a slot's process, NULL while it is away and for `control`'s own. */
struct ipc_channel *slot_channel(struct proc *proc, unsigned slot) SL_NONNULL(1);

/* Configurations are offered to it; not to `control` itself and not to `link`. */
bool slot_takes_part(unsigned slot);

/* "wire", "worker 3". Returns `text`. */
const char *slot_name(unsigned slot, char text[SLOT_NAME_MAX]) SL_NONNULL(2);
