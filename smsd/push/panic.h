/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Panic mode from here (R157): steps asked of devices at once, with no distribution. A device that
 * is connected has it by the `wanted` that is held for it, one that is away when it returns, unless
 * it is over by then. Each device has a number that goes up with every change of what is asked of
 * it; what it says it has is compared with that. The end of a step by its timer is the device's own
 * doing, whether it reaches us or not. Pool threads.
 */
#pragma once

#include <stddef.h>
#include <stdint.h>

#include <jansson.h>

#include "lib/base/attr.h"
#include "lib/remote/remote.h"

struct actor;
struct problem;
struct push;
struct store;
struct store_tx;

enum {
	PANIC_MINUTES_MAX = 366 * 24 * 60,
	PANIC_COMMENT_MAX = 1024,
};

struct panic_order {
	const char *const *devices; /* names; none: all that are enrolled */
	size_t devices_count;
	enum remote_panic_step step;
	const char *what,
	        *value;      /* of REMOTE_PANIC_EXCEPT: "client", "server", "domain"; else "" */
	unsigned minutes;    /* 0: until it is cleared */
	const char *comment; /* NULL */
};

/* The same step of the same thing again takes the place of the one before. SL_EINVAL, SL_ENOENT: a
 * device's name; SL_ELIMIT: REMOTE_PANIC_MAX steps of one device. */
int panic_ask(struct push *push, const struct actor *actor, const struct panic_order *order,
              int64_t *ret_id, struct problem *problem) SL_NONNULL(1, 2, 3, 4, 5) SL_MUST;

/* Ends what was asked of these devices (all of whom anything is asked without names): the order
 * `id`, or 0 for all of them. SL_ENOENT: a name, or nothing is asked that could end. */
int panic_clear(struct push *push, const struct actor *actor, const char *const *devices,
                size_t devices_count, int64_t id, struct problem *problem)
        SL_NONNULL(1, 2, 6) SL_MUST;

/* {devices: [{name, state, steps: [{id, step, what, value, since, until, left_s, who, comment}]}]}
 * of all devices that were ever asked, by name; `state` is "asked" until the device says that it
 * has it, then "on", or "cleared" where nothing is asked any more. */
int panic_show(struct store *store, int64_t now_ms, json_t **ret_shown) SL_NONNULL(1, 3) SL_MUST;

/* {NAME: {panic, panic_state}}: the highest step asked of each such device ("": none). */
int panic_summary(struct store *store, int64_t now_ms, json_t **ret_summary)
        SL_NONNULL(1, 3) SL_MUST;

/* ---- for a device ------------------------------------------------------------------------ */

/* The row `panic` of its `wanted` (lib/remote). */
int panic_wanted(struct store *store, int64_t device, int64_t now_ms, json_t **ret_panic)
        SL_NONNULL(1, 4) SL_MUST;

/* It says that it has what has this number. */
int panic_told(struct store *store, int64_t device, int64_t number) SL_NONNULL(1) SL_MUST;

/* Steps that are over go. */
int panic_sweep(struct store *store, int64_t now_ms) SL_NONNULL(1) SL_MUST;
