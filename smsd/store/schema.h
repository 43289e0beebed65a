/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What a store is opened with: its statements and its migrations. smsd has one (store_schema); unit
 * tests of the store bring their own. Inside smsd/store and its tests only.
 */
#pragma once

#include <stddef.h>

#include "lib/base/attr.h"

struct problem;
struct store;

/* A row of statement.def. */
struct statement_text {
	const char *id; /* "OBJECT_BY_NAME", for messages */
	const char *parameters;
	const char *columns;
	const char *text;
};

struct store_schema {
	const struct statement_text *statements; /* by enum store_statement */
	size_t statement_count;
	const char *const *migrations; /* texts of migration/NNNN.sql, from 0001 on */
	size_t migration_count;
};

/* smsd's own. */
extern const struct store_schema store_schema;

/* store_open with another schema, which stays until store_close. */
int store_open_schema(const char *directory, unsigned readers, const struct store_schema *schema,
                      struct store **ret_store, struct problem *problem)
        SL_NONNULL(1, 3, 4, 5) SL_MUST;
