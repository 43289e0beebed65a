/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Panic mode (R157): what is left alone or stopped, and until when. It is kept in STATE/panic, told
 * to wire and workers whenever it changes and when one of them comes up, and ends by itself when a
 * timer was given. Step 3 can also be set with the daemon dead: `tps` writes the same file and the
 * pinned map, and it is found here at start. What the SMS asks for is kept apart from what people
 * set here: neither clears the other's, and both count. `control`.
 */
#pragma once

#include <stdint.h>

#include <jansson.h>

#include "lib/base/attr.h"
#include "lib/ipc/message.h"

struct control;
struct panic;
struct request;

enum { PANIC_ENTRIES_MAX = 64 }; /* set here; the SMS has REMOTE_PANIC_MAX */
enum panic_step { PANIC_NONE = 0, PANIC_EXCEPT = 1, PANIC_STOP = 2, PANIC_FALLBACK = 3 };

int panic_open(struct control *control, struct panic **ret_panic) SL_NONNULL(1, 2) SL_MUST;
void panic_close(struct panic *panic);

/* The highest step that is on. */
enum panic_step panic_step(const struct panic *panic) SL_NONNULL(1);

/* {"step":0} or {"step":N,"entries":[{step, what, value, source, left_s}]}; `source` is "local" or
 * "sms". */
json_t *panic_describe(const struct panic *panic) SL_NONNULL(1);

/* What the SMS asks for now, in place of what it asked for before; PANIC_DONE answers it. */
void panic_on_remote(struct control *control, const struct ipc_panic *msg) SL_NONNULL(1, 2);

/* What stands against new decryption has changed: panic mode, drain, the licence. */
void panic_tell_stop(struct panic *panic) SL_NONNULL(1);

void panic_peer_up(struct panic *panic, enum ipc_role role) SL_NONNULL(1);
