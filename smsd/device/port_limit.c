/* SPDX-License-Identifier: Apache-2.0 */
/* A minute's wrong tokens, by address and of all. As all are few, so are the addresses. */
#include <stdio.h>
#include <string.h>

#include "smsd/device/port_priv.h"

#define MINUTE_NS UINT64_C(60000000000)

/* What is under way goes on into the next minute, and is wrong in that if it is. */
static void begin_minute(struct port_limit *limit, uint64_t now_ns)
{
	if (now_ns - limit->began_ns < MINUTE_NS)
		return;
	limit->began_ns = now_ns;
	limit->all.wrong = 0;
	for (unsigned i = 0; i < SL_ARRAY_LEN(limit->sources); i++)
		limit->sources[i].tries.wrong = 0;
}

static unsigned sum(const struct port_tries *tries)
{
	return tries->wrong + tries->under_way;
}

static struct port_tries *tries_of(struct port_limit *limit, const char *from)
{
	for (unsigned i = 0; i < SL_ARRAY_LEN(limit->sources); i++)
		if (sum(&limit->sources[i].tries) > 0 && strcmp(limit->sources[i].from, from) == 0)
			return &limit->sources[i].tries;
	return NULL;
}

/* There is one: each of the others has at least one of all tries. */
static struct port_tries *take_place(struct port_limit *limit, const char *from)
{
	unsigned i = 0;

	while (i + 1 < SL_ARRAY_LEN(limit->sources) && sum(&limit->sources[i].tries) > 0)
		i++;
	(void)snprintf(limit->sources[i].from, sizeof(limit->sources[i].from), "%s", from);
	return &limit->sources[i].tries;
}

enum port_turn port_limit_take(struct port_limit *limit, const char *from, uint64_t now_ns)
{
	struct port_tries *tries;

	begin_minute(limit, now_ns);
	tries = tries_of(limit, from);
	if (limit->all.wrong >= DEVICE_WRONG_ALL || (tries && tries->wrong >= DEVICE_WRONG_SOURCE))
		return PORT_TURN_NEVER;
	if (sum(&limit->all) >= DEVICE_WRONG_ALL || (tries && sum(tries) >= DEVICE_WRONG_SOURCE))
		return PORT_TURN_LATER;
	if (!tries)
		tries = take_place(limit, from);
	tries->under_way++;
	limit->all.under_way++;
	return PORT_TURN_NOW;
}

void port_limit_end(struct port_limit *limit, const char *from, bool wrong, uint64_t now_ns)
{
	struct port_tries *tries = tries_of(limit, from);

	begin_minute(limit, now_ns);
	if (!tries || tries->under_way == 0)
		return;
	tries->under_way--;
	limit->all.under_way--;
	tries->wrong += wrong;
	limit->all.wrong += wrong;
}
