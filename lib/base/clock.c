/* SPDX-License-Identifier: Apache-2.0 */
#include "lib/base/clock.h"

#include <stdio.h>
#include <time.h>

uint64_t clock_now_ns(void)
{
	struct timespec ts;

	(void)clock_gettime(CLOCK_MONOTONIC, &ts);
	return (uint64_t)ts.tv_sec * CLOCK_NS_PER_S + (uint64_t)ts.tv_nsec;
}

uint64_t clock_wall_us(void)
{
	struct timespec ts;

	(void)clock_gettime(CLOCK_REALTIME, &ts);
	return (uint64_t)ts.tv_sec * 1000000ULL + (uint64_t)ts.tv_nsec / 1000ULL;
}

int64_t clock_wall_s(void)
{
	return (int64_t)(clock_wall_us() / 1000000ULL);
}

char *clock_format_us(uint64_t wall_us, char text[CLOCK_TEXT_MAX])
{
	time_t seconds = (time_t)(wall_us / 1000000ULL);
	struct tm tm;
	size_t used;

	if (!gmtime_r(&seconds, &tm)) {
		seconds = 0;
		(void)gmtime_r(&seconds, &tm);
	}
	used = strftime(text, CLOCK_TEXT_MAX, "%Y-%m-%dT%H:%M:%S", &tm);
	(void)snprintf(text + used, CLOCK_TEXT_MAX - used, ".%06u+0000",
	               (unsigned)(wall_us % 1000000ULL));
	return text;
}
