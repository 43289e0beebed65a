/* SPDX-License-Identifier: Apache-2.0 */
/* What is the same of a day whatever database has it: its name, and places within it. */
#include "smsd/store/event_day.h"

#include <stdio.h>
#include <time.h>

int64_t event_day_of(int64_t time_ms)
{
	int64_t day = time_ms / EVENT_DAY_MS;

	return time_ms % EVENT_DAY_MS < 0 ? day - 1 : day;
}

void event_day_name(int64_t day, char ret_name[EVENT_DAY_NAME_MAX])
{
	time_t seconds = (time_t)(day * (EVENT_DAY_MS / 1000));
	struct tm tm;

	if (!gmtime_r(&seconds, &tm) ||
	    strftime(ret_name, EVENT_DAY_NAME_MAX, "%Y-%m-%d", &tm) == 0)
		ret_name[0] = '\0';
}

int64_t event_day_place(int64_t ms_of_day)
{
	return ms_of_day * EVENT_DAY_PLACES;
}
