/* SPDX-License-Identifier: Apache-2.0 */
/* A minute's tries, by address and of all. As all are few, so are the addresses. */
#include <stdio.h>
#include <string.h>

#include "smsd/device/port_priv.h"

#define MINUTE_NS UINT64_C(60000000000)

static unsigned *tries_of(struct port_limit *limit, const char *from)
{
	for (unsigned i = 0; i < SL_ARRAY_LEN(limit->sources); i++)
		if (limit->sources[i].tries > 0 && strcmp(limit->sources[i].from, from) == 0)
			return &limit->sources[i].tries;
	return NULL;
}

/* There is one: each of the others has at least one of all tries. */
static unsigned *take_place(struct port_limit *limit, const char *from)
{
	unsigned i = 0;

	while (i + 1 < SL_ARRAY_LEN(limit->sources) && limit->sources[i].tries > 0)
		i++;
	(void)snprintf(limit->sources[i].from, sizeof(limit->sources[i].from), "%s", from);
	return &limit->sources[i].tries;
}

bool port_limit_take(struct port_limit *limit, const char *from, uint64_t now_ns)
{
	unsigned *tries;

	if (now_ns - limit->began_ns >= MINUTE_NS)
		*limit = (struct port_limit){.began_ns = now_ns};
	tries = tries_of(limit, from);
	if (limit->all >= DEVICE_WRONG_ALL || (tries && *tries >= DEVICE_WRONG_SOURCE))
		return false;
	if (!tries)
		tries = take_place(limit, from);
	++*tries;
	limit->all++;
	return true;
}

/* One that was taken in the minute before has nothing left to be given back to. */
void port_limit_give(struct port_limit *limit, const char *from)
{
	unsigned *tries = tries_of(limit, from);

	if (tries) {
		--*tries;
		limit->all--;
	}
}
