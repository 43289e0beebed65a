/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Growing tables for the compiler. One thread.
 */
#include "tse/match/table.h"

#include <stdlib.h>

#include "lib/base/err.h"

int table_grow(void **data, uint32_t count, uint32_t *capacity, size_t size, uint32_t more)
{
	uint64_t want = (uint64_t)count + more;
	uint64_t cap = *capacity ? *capacity : 64;
	void *bigger;

	if (want > UINT32_MAX / 2)
		return SL_ELIMIT;
	if (want <= *capacity)
		return 0;
	while (cap < want)
		cap *= 2;
	bigger = realloc(*data, cap * size);
	if (!bigger)
		return SL_ENOMEM;
	*data = bigger;
	*capacity = (uint32_t)cap;
	return 0;
}
