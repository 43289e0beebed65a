/* SPDX-License-Identifier: Apache-2.0 */
#include "tpsd/link/minutes.h"

#include <string.h>

enum { MS_A_MINUTE = 60000 };

static const char *const names[] = {
#define X(name, help) #name,
        REMOTE_COUNTERS(X)
#undef X
};

/* Counters that are less than they were are others: nothing is known of what they counted. */
static uint64_t difference(uint64_t before, uint64_t now)
{
	return now > before ? SL_MIN(now - before, REMOTE_COUNTED_MAX) : 0;
}

static void end_minute(struct minutes *m, const uint64_t values[MINUTES_END])
{
	if (m->count == REMOTE_MINUTES_MAX) {
		memmove(m->over, m->over + 1, sizeof(m->over) - sizeof(m->over[0]));
		m->count--;
	}
	m->over[m->count].minute = m->minute;
	for (unsigned i = 0; i < MINUTES_END; i++)
		m->over[m->count].values[i] = difference(m->before[i], values[i]);
	m->over[m->count].values[MINUTES_active] =
	        m->samples ? SL_MIN((m->active + m->samples / 2) / m->samples, REMOTE_COUNTED_MAX)
	                   : 0;
	m->count++;
}

static void begin_minute(struct minutes *m, uint64_t minute, const uint64_t values[MINUTES_END])
{
	m->begun = true;
	m->minute = minute;
	memcpy(m->before, values, sizeof(m->before));
	m->active = m->samples = 0;
}

bool minutes_sample(struct minutes *minutes, uint64_t now_ms, const uint64_t values[MINUTES_END])
{
	uint64_t minute = now_ms / MS_A_MINUTE;
	bool over = minutes->begun && minute > minutes->minute;

	if (over)
		end_minute(minutes, values);
	if (!minutes->begun || over)
		begin_minute(minutes, minute, values);
	minutes->minute = minute; /* a clock that was set back has what was counted go with it */
	minutes->active += SL_MIN(values[MINUTES_active], REMOTE_COUNTED_MAX);
	minutes->samples++;
	return over;
}

json_t *minutes_json(const struct minutes *minutes)
{
	json_t *list = minutes->count ? json_array() : NULL;

	for (size_t i = 0; list && i < minutes->count; i++) {
		json_t *one = json_pack("{s:I}", "minute", (json_int_t)minutes->over[i].minute);

		for (unsigned k = 0; k < MINUTES_END; k++)
			(void)json_object_set_new(
			        one, names[k],
			        json_integer((json_int_t)minutes->over[i].values[k]));
		(void)json_array_append_new(list, one);
	}
	return list ? json_pack("{s:o}", "minutes", list) : NULL;
}

void minutes_drop(struct minutes *minutes, uint64_t minute)
{
	size_t gone = 0;

	while (gone < minutes->count && minutes->over[gone].minute <= minute)
		gone++;
	minutes->count -= gone;
	memmove(minutes->over, minutes->over + gone, minutes->count * sizeof(minutes->over[0]));
}
