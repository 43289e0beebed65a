/* SPDX-License-Identifier: Apache-2.0 */
/*
 * libFuzzer: lists of patterns. The map of whatever was taken opens, and finds each of its exact
 * patterns and nothing it was not given.
 */
#include <stdlib.h>

#include "lib/base/buf.h"
#include "lib/domain/map.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct domain_builder *b = domain_builder_create();
	struct domain_match m, again;
	struct domain_map map;
	struct buf bytes;
	size_t at = 0, count = 0;

	buf_init(&bytes, 1u << 26);
	if (!b || domain_builder_add_text(b, (const char *)data, size, 1, NULL, NULL) < 0 ||
	    domain_builder_finish(b, &bytes) != 0 ||
	    domain_map_open(bytes.data, bytes.len, &map) != 0)
		abort();
	for (; domain_map_next(&map, &at, &m); count++)
		if (m.pattern[0] != '*' &&
		    (!domain_map_find(&map, m.pattern, m.pattern_len, &again) ||
		     again.pattern != m.pattern))
			abort();
	if (count != domain_builder_count(b))
		abort();
	domain_builder_destroy(b);
	buf_fini(&bytes);
	return 0;
}
