/* SPDX-License-Identifier: Apache-2.0 */
#include "lib/remote/remote.h"

#include <string.h>

#include "lib/base/err.h"

static const struct conf_object *const shapes[] = {
#define SHAPE(ID, object) [REMOTE_SHAPE_##ID] = &(object),
#include "lib/remote/shape.def"
#undef SHAPE
};

const struct conf_object *remote_shape_object(enum remote_shape shape)
{
	return shapes[shape];
}

/* "/wanted?have&wait" is path and query in one row. */
#define CALL(ID, METHOD, path, body, answer, enrolled, summary)                                    \
	[REMOTE_##ID] = {#ID,      REMOTE_##METHOD,     path,                                      \
	                 enrolled, REMOTE_SHAPE_##body, REMOTE_SHAPE_##answer,                     \
	                 summary},
const struct remote_call remote_calls[REMOTE_CALL_END] = {
#include "lib/remote/call.def"
};
#undef CALL

static const char *const states[] = {
#define X(NAME, name, help) name,
        REMOTE_STATES(X)
#undef X
};

const char *remote_state_name(enum remote_state state)
{
	return (unsigned)state < REMOTE_STATE_END ? states[state] : "?";
}

int remote_state_parse(const char *name, enum remote_state *ret_state)
{
	for (unsigned i = 0; i < REMOTE_STATE_END; i++) {
		if (strcmp(states[i], name) == 0) {
			*ret_state = i;
			return 0;
		}
	}
	return SL_ENOENT;
}

static const char *const panic_steps[] = {[REMOTE_PANIC_NONE] = "",
#define X(NAME, name, help) [REMOTE_PANIC_##NAME] = name,
                                          REMOTE_PANIC_STEPS(X)
#undef X
};

const char *remote_panic_name(enum remote_panic_step step)
{
	return (unsigned)step < REMOTE_PANIC_END ? panic_steps[step] : "";
}
