/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A rule while it is read: header, options and conditions in the order they were written. Fixed
 * sizes, so that a hostile rule costs no more than any other. Made by rule/parse.c through the
 * keywords, taken over by match/build.c. One thread, `control` or a test tool.
 */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "tse/include/tse.h"
#include "tse/match/cond.h"
#include "tse/match/ruleset.h"

enum {
	DRAFT_CONDS_MAX = 96,
	DRAFT_BYTES_MAX = 16384,
	DRAFT_CLASSTYPE_MAX = 64,
	DRAFT_METADATA_MAX = 2048,
};

struct draft {
	/* where the rule stands */
	unsigned line;
	/* header */
	bool pass;
	bool block;
	bool reject;     /* reset to who sent what matched */
	bool reject_dst; /* reset to who was to get it */
	bool bidirectional;
	uint8_t services;                                /* bit per enum tse_service */
	uint32_t src_addr, dst_addr, src_port, dst_port; /* set numbers */
	/* options */
	uint32_t gid, sid, rev;
	unsigned priority; /* 0: by class type */
	unsigned class_priority;
	uint8_t dirs; /* enum buffer_dirs asked by flow */
	bool flow_seen;
	bool noalert;
	char msg[TSE_MSG_MAX];
	char classtype[DRAFT_CLASSTYPE_MAX];
	char metadata[DRAFT_METADATA_MAX];
	/* conditions */
	uint8_t buffer; /* the sticky buffer in force */
	int last;       /* the content that modifiers mean; -1: none */
	unsigned nconds;
	struct cond conds[DRAFT_CONDS_MAX];
	uint16_t columns[DRAFT_CONDS_MAX]; /* where each condition was written */
	uint32_t nbytes;
	uint8_t bytes[DRAFT_BYTES_MAX];
};

/* The result of a parse step that failed: static or formatted text, and what to do about it. */
struct rule_error {
	unsigned column; /* from 1 */
	char text[TSE_ERROR_TEXT_MAX];
	char remedy[TSE_ERROR_TEXT_MAX];
};

/* Fill `err` and return SL_EMALFORMED or the code given. */
int rule_error_set(struct rule_error *err, int code, const char *remedy, const char *fmt, ...)
        SL_NONNULL(1, 3, 4) SL_PRINTF(4, 5);

/* Adds a condition in the sticky buffer in force. SL_ELIMIT with err set. */
int draft_add_cond(struct draft *d, struct rule_error *err, const struct cond *c)
        SL_NONNULL(1, 2, 3) SL_MUST;

/* Adds bytes to the pool, *ret_place is where. SL_ELIMIT with err set. */
int draft_add_bytes(struct draft *d, struct rule_error *err, const uint8_t *data, size_t len,
                    uint32_t *ret_place) SL_NONNULL(1, 2, 5) SL_MUST;
