/* SPDX-License-Identifier: Apache-2.0 */
/* Times of the SMS. */
#include "smsd/base/moment.h"

#include <time.h>

#include "lib/base/clock.h"

enum { YEAR_MAX = 9999, YEAR_BASE = 1900 };

int64_t moment_now_ms(void)
{
	return (int64_t)(clock_wall_us() / 1000);
}

char *moment_text(int64_t ms, char text[MOMENT_TEXT_MAX])
{
	time_t seconds = (time_t)(ms / 1000);
	struct tm tm;

	if (!gmtime_r(&seconds, &tm) || tm.tm_year > YEAR_MAX - YEAR_BASE ||
	    strftime(text, MOMENT_TEXT_MAX, "%Y-%m-%dT%H:%M:%SZ", &tm) == 0)
		text[0] = '\0';
	return text;
}
