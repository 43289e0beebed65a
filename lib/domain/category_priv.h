/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The bytes of categories, little-endian: this header; two offsets into the texts a category (name,
 * title); the texts, each with a NUL; where each set ends among the members; the members, two bytes
 * each; a map (map.h).
 */
#pragma once

#include <endian.h>
#include <stdint.h>

struct category_header {
	uint32_t magic, version;
	uint32_t count, texts_len, sets, members;
};

enum { CATEGORY_MAGIC = 0x54434d44 /* "DMCT" */, CATEGORY_VERSION = 1 };

/* From the bytes' order to ours, or back. */
static inline void category_header_swap(struct category_header *h)
{
	h->magic = le32toh(h->magic);
	h->version = le32toh(h->version);
	h->count = le32toh(h->count);
	h->texts_len = le32toh(h->texts_len);
	h->sets = le32toh(h->sets);
	h->members = le32toh(h->members);
}
