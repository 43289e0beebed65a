/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Linux shows the memory where argv was; the environment stands right behind it, so moving that
 * elsewhere makes room. Process-wide by nature, hence the one static.
 */
#include "tpsd/proc/title.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <unistd.h>

static struct {
	char *at;
	size_t size;
} room;

void title_init(int argc, char **argv)
{
	char *end = argv[0];

	for (int i = 0; i < argc; i++)
		if (argv[i] == end)
			end = argv[i] + strlen(argv[i]) + 1;
	for (char **e = environ; *e; e++) {
		if (*e != end)
			break;
		end += strlen(*e) + 1;
		*e = strdup(*e);
		if (!*e)
			return;
	}
	room.at = argv[0];
	room.size = (size_t)(end - argv[0]);
}

void title_set(const char *title)
{
	(void)prctl(PR_SET_NAME, strncmp(title, "tpsd: ", 6) == 0 ? title + 6 : title, 0, 0, 0);
	if (room.size == 0)
		return;
	memset(room.at, 0, room.size);
	(void)snprintf(room.at, room.size, "%s", title);
}
