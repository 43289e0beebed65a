/* SPDX-License-Identifier: Apache-2.0 */
#include "smsd/push/state.h"

#include "lib/base/err.h"

#define ON(NAME) (1U << REMOTE_STATE_##NAME)

static const struct {
	unsigned from; /* bits of enum remote_state */
	enum remote_state to;
	const char *text;
} rules[PUSH_EVENT_END] = {
#define RULE(EVENT, from, to, text) [PUSH_##EVENT] = {from, REMOTE_STATE_##to, text},
#include "smsd/push/state.def"
#undef RULE
};

int push_state_next(enum remote_state state, enum push_event event, enum remote_state *ret_next)
{
	if (rules[event].from & 1U << state) {
		*ret_next = rules[event].to;
		return 0;
	}
	return rules[event].to == state ? SL_EEXIST : SL_EREFUSED;
}

int push_state_told(const char *name, unsigned confirm_s, enum push_event *ret_event)
{
	enum remote_state state;

	if (remote_state_parse(name, &state) != 0)
		return SL_EINVAL;
	if (state == REMOTE_STATE_IN_FORCE && confirm_s == 0)
		state = REMOTE_STATE_CONFIRMED;
	for (unsigned i = PUSH_TOLD_FETCHED; i < PUSH_EVENT_END; i++) {
		if (rules[i].to == state) {
			*ret_event = i;
			return 0;
		}
	}
	return SL_EINVAL;
}

const char *push_event_text(enum push_event event)
{
	return rules[event].text;
}

bool push_state_is_final(enum remote_state state)
{
	for (unsigned i = 0; i < PUSH_EVENT_END; i++)
		if (rules[i].from & 1U << state)
			return false;
	return true;
}
