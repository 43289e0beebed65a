/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The compiled rule set: flat tables that name each other by index, pattern databases, compiled
 * expressions. Flat, so that the image that `control` writes is these tables as they are. Written
 * by match/build.c or image/image.c, read-only afterwards, by any number of threads.
 *
 * Groups: what is scanned together. Two stream groups a direction (the raw bytes, the decoded
 * body) and one for each buffer that is whole when the header block is.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <hs/hs.h>

#define PCRE2_CODE_UNIT_WIDTH 8
#include <pcre2.h>

#include "tse/include/tse.h"
#include "tse/match/cond.h"
#include "tse/proto/buffer.h"

enum rs_group_id {
	RS_GROUP_RAW = 0,   /* + direction */
	RS_GROUP_BODY = 2,  /* + direction */
	RS_GROUP_WHOLE = 4, /* + enum tse_buffer */
	RS_GROUPS = RS_GROUP_WHOLE + TSE_BUF_COUNT,
	RS_STREAM_GROUPS = RS_GROUP_WHOLE,
};

enum rs_rule_flag {
	RS_RULE_PASS = 1 << 0,
	RS_RULE_BIDIRECTIONAL = 1 << 1,
	RS_RULE_TX = 1 << 2, /* has a condition on an HTTP message */
	RS_RULE_NOALERT = 1 << 3,
};

struct rs_rule {
	uint32_t gid, sid, rev;
	uint32_t msg, classtype, metadata;               /* NUL-terminated texts in the byte pool */
	uint32_t src_addr, dst_addr, src_port, dst_port; /* set numbers; 0: any */
	uint32_t chain[2];                               /* first chain, by direction */
	uint16_t nchains[2];
	uint8_t flags;    /* enum rs_rule_flag */
	uint8_t services; /* bit per enum tse_service */
	uint8_t dirs;     /* enum buffer_dirs */
	uint8_t priority;
	struct tse_action action;
	uint8_t pad;
};

enum rs_chain_flag {
	RS_CHAIN_NEGATED = 1 << 0, /* one negated condition: must not be seen */
	RS_CHAIN_SIMPLE = 1 << 1,  /* its pattern's hit decides, but for the place */
	RS_CHAIN_LAZY = 1 << 2,    /* has no pattern: tried when the rest of the rule holds */
	RS_CHAIN_AT_END = 1 << 3,  /* can be told at the end of the buffer only */
};

struct rs_chain {
	uint32_t rule;
	uint32_t cond; /* first of nconds */
	uint16_t nconds;
	uint8_t buffer; /* enum tse_buffer */
	uint8_t group;  /* enum rs_group_id */
	uint32_t flags;
	uint32_t bit;  /* its number within its stream group */
	uint32_t span; /* most bytes from its first to its last; UINT32_MAX: no bound */
};

struct rs_pattern {
	uint32_t ref; /* first of nrefs */
	uint32_t nrefs;
	uint32_t len;   /* of a literal; 0 for an expression */
	uint32_t group; /* enum rs_group_id */
};

struct rs_set {
	uint32_t first, count;
};

struct rs_addr_range {
	uint8_t lo[16], hi[16];
};

struct rs_port_range {
	uint16_t lo, hi;
};

struct rs_group {
	uint32_t nchains; /* bits of a stream's state */
	uint32_t window;  /* bytes of history a stream keeps */
};

/* Lists of rules that no pattern wakes. */
enum rs_list_id {
	RS_LIST_HEADER = 0, /* no condition: by addresses and ports alone */
	RS_LIST_ALWAYS = 1, /* + direction: tried with each header block */
	RS_LIST_END = 3,    /* + direction: tried at the end of each body */
	RS_LISTS = 5,
};

/* The tables: X(name, element type). Texts and patterns are in `bytes`; refs are rules for groups
 * of whole buffers and chains for stream groups. */
#define RS_TABLES(X)                                                                               \
	X(rules, struct rs_rule)                                                                   \
	X(chains, struct rs_chain)                                                                 \
	X(conds, struct cond)                                                                      \
	X(patterns, struct rs_pattern)                                                             \
	X(refs, uint32_t)                                                                          \
	X(addr_sets, struct rs_set)                                                                \
	X(addr_ranges, struct rs_addr_range)                                                       \
	X(port_sets, struct rs_set)                                                                \
	X(port_ranges, struct rs_port_range)                                                       \
	X(groups, struct rs_group)                                                                 \
	X(lists, struct rs_set)                                                                    \
	X(list_items, uint32_t)                                                                    \
	X(bytes, uint8_t)

struct tse_ruleset {
	uint32_t magic;
#define X(name, type)                                                                              \
	type *name;                                                                                \
	uint32_t n##name;
	RS_TABLES(X)
#undef X
	uint32_t npcre;
	pcre2_code **pcre;
	hs_database_t *db[RS_GROUPS]; /* NULL: no pattern in that group */
	struct tse_ruleset_info info;
};

enum { RS_MAGIC = 0x54534552 };

static inline bool rs_group_is_stream(unsigned group)
{
	return group < RS_STREAM_GROUPS;
}

static inline const char *rs_text(const struct tse_ruleset *set, uint32_t place)
{
	return (const char *)set->bytes + place;
}

/* Is the address (or port) in the set? Set 0 is "any". */
bool rs_addr_matches(const struct tse_ruleset *set, uint32_t number, const struct addr *addr)
        SL_NONNULL(1, 3);
bool rs_port_matches(const struct tse_ruleset *set, uint32_t number, uint16_t port) SL_NONNULL(1);
