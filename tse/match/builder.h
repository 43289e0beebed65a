/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Builds a rule set: takes drafts one by one, interns texts and address and port sets, chooses the
 * patterns that wake each rule (plan.c, wake.c), and at the end compiles the pattern databases. One
 * thread, in `control` or a tool; never on the data path.
 */
#pragma once

#include "tse/match/ruleset.h"

struct draft;
struct rule_error;

struct builder_pattern {
	uint32_t hash;
	uint8_t group;
	uint8_t nocase;
	uint8_t expression; /* else literal */
	uint8_t single;     /* one hit a stream is enough for all its users */
	uint32_t flags;     /* HS_FLAG_* of an expression */
	uint32_t data, len; /* in the byte pool */
	uint32_t first_ref; /* index + 1 in refs, linked by next; 0: none */
	uint32_t nrefs;
};

struct builder_ref {
	uint32_t target;
	uint32_t next; /* index + 1 */
};

struct builder_set_name {
	uint32_t hash;
	uint32_t text; /* in the byte pool */
	uint32_t number;
};

/* What the builder thinks of a rule that loads but costs much. */
typedef void builder_warn_fn(void *arg, const struct draft *d, const char *text,
                             const char *remedy);

struct builder {
	struct tse_ruleset *set;
#define X(name, type) uint32_t cap_##name;
	RS_TABLES(X)
#undef X
	uint32_t cap_pcre;
	struct builder_pattern *patterns;
	uint32_t npatterns, cap_bpatterns;
	uint32_t *pattern_index; /* open hash of index + 1 */
	uint32_t pattern_index_size;
	struct builder_ref *refs;
	uint32_t nrefs, cap_brefs;
	struct builder_set_name *addr_names, *port_names;
	uint32_t naddr_names, cap_addr_names, nport_names, cap_port_names;
	uint32_t *list[RS_LISTS];
	uint32_t nlist[RS_LISTS], cap_list[RS_LISTS];
	uint32_t last_group_error;
	builder_warn_fn *warn;
	void *warn_arg;
};

/* SL_ENOMEM. Pair with builder_fini; the set is handed out by builder_finish. */
int builder_init(struct builder *b, builder_warn_fn *warn, void *warn_arg) SL_NONNULL(1) SL_MUST;
void builder_fini(struct builder *b) SL_NONNULL(1);

/* Bytes into the pool; *ret_place. Texts are added with their NUL. */
int builder_add_bytes(struct builder *b, const void *data, size_t len, uint32_t *ret_place)
        SL_NONNULL(1, 4) SL_MUST;

/* Sorted, disjoint ranges become a set; `name` (its text in the rules) lets it be found again. */
int builder_add_addr_set(struct builder *b, const char *name, const struct rs_addr_range *ranges,
                         uint32_t n, uint32_t *ret_number) SL_NONNULL(1, 2, 5) SL_MUST;
int builder_add_port_set(struct builder *b, const char *name, const struct rs_port_range *ranges,
                         uint32_t n, uint32_t *ret_number) SL_NONNULL(1, 2, 5) SL_MUST;
bool builder_find_addr_set(const struct builder *b, const char *name, uint32_t *ret_number)
        SL_NONNULL(1, 2, 3);
bool builder_find_port_set(const struct builder *b, const char *name, uint32_t *ret_number)
        SL_NONNULL(1, 2, 3);

/*
 * Takes a draft over. SL_EREFUSED with `err` set when the rule cannot be matched as it is; the
 * set is then as before. SL_ENOMEM, SL_ELIMIT.
 */
int builder_add_rule(struct builder *b, const struct draft *d, const struct tse_action *action,
                     struct rule_error *err) SL_NONNULL(1, 2, 3, 4) SL_MUST;

/*
 * Adds a pattern to a group, or another user of one that is there. For wake.c.
 * SL_ENOMEM, SL_ELIMIT.
 */
int builder_add_literal(struct builder *b, unsigned group, const uint8_t *data, uint32_t len,
                        bool nocase, bool single, uint32_t target) SL_NONNULL(1, 3) SL_MUST;
int builder_add_expression(struct builder *b, unsigned group, const char *expression,
                           uint32_t flags, uint32_t target) SL_NONNULL(1, 3) SL_MUST;
int builder_add_to_list(struct builder *b, unsigned list, uint32_t rule) SL_NONNULL(1) SL_MUST;

/* Compiles the databases and hands the set out. SL_ENOMEM, SL_ELIMIT, SL_EMALFORMED. */
int builder_finish(struct builder *b, struct tse_ruleset **ret_set) SL_NONNULL(1, 2) SL_MUST;
