/* SPDX-License-Identifier: Apache-2.0 */
/*
 * libFuzzer: maps of names from any bytes, with the header's lengths put right so that the slots
 * are reached; the input's last part is the name that is looked up. What is found lies in the map.
 */
#include <stdlib.h>
#include <string.h>

#include "lib/domain/map.h"

enum { HEADER_LEN = 28, HOMES_AT = 20, NAMES_LEN_AT = 24, SLOTS_LEN = (255 + 9) * 16 };

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void must_lie_in(const struct domain_map *map, const struct domain_match *m)
{
	if (m->pattern < map->names || m->pattern + m->pattern_len > map->names + map->names_len)
		abort();
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	const uint32_t homes = 9, names_len = 64;
	uint8_t bytes[HEADER_LEN + SLOTS_LEN + 64];
	struct domain_match m;
	struct domain_map map;
	size_t used = size < sizeof(bytes) ? size : sizeof(bytes), at = 0;

	if (domain_map_open(data, size, &map) == 0)
		(void)domain_map_find(&map, "www.bank.test", 13, &m);
	memset(bytes, 0, sizeof(bytes));
	memcpy(bytes, data, used);
	memcpy(bytes + HOMES_AT, &homes, 4);
	memcpy(bytes + NAMES_LEN_AT, &names_len, 4);
	if (domain_map_open(bytes, sizeof(bytes), &map) != 0)
		return 0;
	if (domain_map_find(&map, (const char *)data + used / 2, size - used / 2, &m))
		must_lie_in(&map, &m);
	while (domain_map_next(&map, &at, &m))
		must_lie_in(&map, &m);
	return 0;
}
