/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Lists of ranges of 16-byte numbers. Used by the rule parser only.
 */
#include "tse/rule/ranges.h"

#include <stdlib.h>
#include <string.h>

#include "lib/base/err.h"
#include "tse/match/table.h"

enum { RANGES_MAX = 1 << 20 };

int ranges_add(struct ranges *r, const uint8_t lo[16], const uint8_t hi[16])
{
	void *items = r->items;
	int rc;

	if (r->n >= RANGES_MAX)
		return SL_ELIMIT;
	rc = table_grow(&items, r->n, &r->cap, sizeof(*r->items), 1);
	if (rc != 0)
		return rc;
	r->items = items;
	memcpy(r->items[r->n].lo, lo, 16);
	memcpy(r->items[r->n].hi, hi, 16);
	r->n++;
	return 0;
}

void ranges_fini(struct ranges *r)
{
	free(r->items);
	*r = (struct ranges){0};
}

static int compare(const void *a, const void *b)
{
	return memcmp(((const struct rs_addr_range *)a)->lo, ((const struct rs_addr_range *)b)->lo,
	              16);
}

/* The next or the previous number; false when there is none. */
static bool step(uint8_t v[16], bool up)
{
	for (int i = 15; i >= 0; i--) {
		v[i] = (uint8_t)(v[i] + (up ? 1 : -1));
		if (v[i] != (up ? 0 : 0xff))
			return true;
	}
	return false;
}

void ranges_normalise(struct ranges *r)
{
	uint32_t out = 0;

	if (r->n == 0)
		return;
	qsort(r->items, r->n, sizeof(*r->items), compare);
	for (uint32_t i = 1; i < r->n; i++) {
		struct rs_addr_range *last = &r->items[out];
		uint8_t next[16];

		memcpy(next, last->hi, 16);
		if (!step(next, true) || memcmp(r->items[i].lo, next, 16) <= 0) {
			if (memcmp(r->items[i].hi, last->hi, 16) > 0)
				memcpy(last->hi, r->items[i].hi, 16);
		} else {
			r->items[++out] = r->items[i];
		}
	}
	r->n = out + 1;
}

int ranges_subtract(const struct ranges *from, const struct ranges *take, struct ranges *out)
{
	uint32_t t = 0;
	int rc;

	for (uint32_t i = 0; i < from->n; i++) {
		struct rs_addr_range left = from->items[i];
		bool rest = true;

		while (t < take->n && memcmp(take->items[t].hi, left.lo, 16) < 0)
			t++;
		for (uint32_t k = t; rest && k < take->n; k++) {
			const struct rs_addr_range *cut = &take->items[k];

			if (memcmp(cut->lo, left.hi, 16) > 0)
				break;
			if (memcmp(cut->lo, left.lo, 16) > 0) {
				uint8_t hi[16];

				memcpy(hi, cut->lo, 16);
				(void)step(hi, false);
				rc = ranges_add(out, left.lo, hi);
				if (rc != 0)
					return rc;
			}
			memcpy(left.lo, cut->hi, 16);
			rest = step(left.lo, true) && memcmp(left.lo, left.hi, 16) <= 0;
		}
		if (rest) {
			rc = ranges_add(out, left.lo, left.hi);
			if (rc != 0)
				return rc;
		}
	}
	return 0;
}
