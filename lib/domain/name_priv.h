/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Inside lib/domain: a name or pattern taken apart and normalised, the hashes of its suffixes, and
 * the layout of a map, which builder.c writes and map.c reads.
 */
#pragma once

#include <endian.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include "lib/base/attr.h"
#include "lib/domain/map.h"

enum {
	DOMAIN_LABEL_MAX = 63,
	DOMAIN_LABELS_MAX = 127, /* of a name of DOMAIN_NAME_MAX bytes */
	DOMAIN_WORD = 8,         /* a label is hashed in words of this many bytes */
};

/* What a pattern covers; part of its hash. DOMAIN_TREE: the name and all below, in maps that have
 * nothing else. */
enum domain_cover { DOMAIN_EXACT, DOMAIN_BELOW, DOMAIN_TREE };

struct domain_name {
	char text[DOMAIN_NAME_MAX + DOMAIN_WORD]; /* lower case; a word behind it may be read */
	uint8_t starts[DOMAIN_LABELS_MAX];        /* of the labels, the first at 0 */
	uint8_t labels, len;
};

/* Lower case, without the final dot; its labels. False when it is no name. */
bool domain_name_parse(struct domain_name *n, const char *text, size_t len) SL_NONNULL(1, 2);

/* The same for a pattern: what stands behind "*." and whether that was there. */
bool domain_pattern_parse(struct domain_name *n, enum domain_cover *ret_kind, const char *text,
                          size_t len) SL_NONNULL(1, 2, 3);

/*
 * The state after each label, read from the last to the first, so that all suffixes of a name cost
 * no more than the name: ret_states[i] is of the suffix that begins with label i.
 */
void domain_name_states(const struct domain_name *n, uint64_t seed, uint64_t *ret_states)
        SL_NONNULL(1, 3);

/* The hash of a pattern from the state of its suffix. */
uint64_t domain_hash(uint64_t state, enum domain_cover kind);

/*
 * A map: this header, the slots, the names. All numbers little-endian, nothing is aligned.
 *
 * A slot's home is its tag scaled to `homes`; slots stand in the order of their tags, each at its
 * home or behind it without a gap, so a look-up ends at the first larger tag. As many slots as
 * homes and DOMAIN_REACH more: nothing wraps around.
 */
struct domain_header {
	uint32_t magic, version;
	uint32_t trees; /* 1: all patterns are DOMAIN_TREE; 0: none is */
	uint32_t seed;  /* of the hash: the first with which no slot is past DOMAIN_REACH */
	uint32_t count;
	uint32_t homes;
	uint32_t names_len;
};

struct domain_slot {
	uint32_t tag;
	uint32_t value;
	uint32_t name; /* offset of the pattern's text, "*." included */
	uint8_t len;   /* 0: empty */
	uint8_t kind;
	uint16_t zero;
};

enum {
	DOMAIN_MAGIC = 0x504d4d44, /* "DMMP" */
	DOMAIN_VERSION = 1,
	DOMAIN_REACH = 255,
	DOMAIN_WILDCARD_LEN = 2, /* of "*." */
};

/* Bytes before the name itself in the text of a pattern. */
static inline size_t domain_skip(enum domain_cover kind)
{
	return kind == DOMAIN_BELOW ? DOMAIN_WILDCARD_LEN : 0;
}

static inline uint32_t domain_home(uint32_t tag, uint32_t homes)
{
	return (uint32_t)((uint64_t)tag * homes >> 32);
}

/* A map's hash is keyed by its seed, from 0 on. */
static inline uint64_t domain_seed(uint32_t seed)
{
	return 0x736c756963650000u + seed;
}
