/* SPDX-License-Identifier: Apache-2.0 */
/*
 * libFuzzer: bytes of categories. Whatever opens can be asked for everything in it, and every name
 * in its map has a set.
 */
#include <stdlib.h>
#include <string.h>

#include "lib/domain/category.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void ask(const struct categories *c, const char *name, size_t len)
{
	struct domain_match m;

	if (!categories_lookup(c, name, len, &m))
		return;
	for (size_t i = 0; i < category_set_size(c, m.value); i++)
		if (category_set_member(c, m.value, i) >= c->count)
			abort();
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct categories c;
	struct domain_match m;
	size_t at = 0;

	if (categories_open(data, size, &c) != 0)
		return 0;
	for (uint32_t i = 0; i < c.count; i++)
		if (strlen(category_name(&c, i)) >= CATEGORY_NAME_MAX ||
		    strlen(category_title(&c, i)) >= CATEGORY_TITLE_MAX)
			abort();
	while (domain_map_next(&c.map, &at, &m))
		ask(&c, m.pattern, m.pattern_len);
	return 0;
}
