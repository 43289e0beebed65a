/* SPDX-License-Identifier: Apache-2.0 */
/* A device's way through a distribution: state.def as a function. Any thread. */
#pragma once

#include <stdbool.h>

#include "lib/base/attr.h"
#include "lib/remote/remote.h"

enum push_event {
#define RULE(EVENT, from, to, text) PUSH_##EVENT,
#include "smsd/push/state.def"
#undef RULE
	PUSH_EVENT_END
};

/* What happens to a device that is in `state`. SL_EEXIST: it is in that state already. SL_EREFUSED:
 * not from here. */
int push_state_next(enum remote_state state, enum push_event event, enum remote_state *ret_next)
        SL_NONNULL(3) SL_MUST;

/* The event of a state that a device tells. With nothing to confirm (`confirm_s` 0) what is in
 * force is so for good. SL_EINVAL: none that a device may tell. */
int push_state_told(const char *name, unsigned confirm_s, enum push_event *ret_event)
        SL_NONNULL(1, 3) SL_MUST;

/* "a newer revision took its place before it was in force". */
const char *push_event_text(enum push_event event);

/* Nothing more becomes of it. */
bool push_state_is_final(enum remote_state state);
