/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What a store is opened with: its statements and its migrations. smsd has one (store_schema); unit
 * tests of the store bring their own. Inside smsd/store and its tests only.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>

#include "lib/base/attr.h"

struct problem;
struct store;
struct store_value;

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
int store_open_schema(const char *directory, const char *connection, unsigned readers,
                      const struct store_schema *schema, struct store **ret_store,
                      struct problem *problem) SL_NONNULL(1, 4, 5, 6) SL_MUST;

/* The value's type is that of the letter; a null's is any. */
bool store_value_fits(const struct store_value *value, char letter) SL_NONNULL(1);
