/* SPDX-License-Identifier: Apache-2.0 */
/* A store with tables of the tests' own, in a folder, and over PostgreSQL a database, that is gone
 * with the test. */
#pragma once

#include "smsd/store/schema.h"
#include "smsd/store/store.h"
#include "tests/unit/unit.h"

#include "smsd/base/problem.h"

enum fixture_statement {
#define STATEMENT(ID, parameters, columns, text) FX_##ID,
#include "tests/unit/smsd/store/statement.def"
#undef STATEMENT
	FX_END
};

extern const struct store_schema fixture_schema;

struct fixture {
	char directory[64];
	char *connection; /* of a database of its own; NULL: SQLite */
	struct store *store;
	struct problem problem;
};

/* cmocka's setup and teardown: *state is a struct fixture with an open store. */
int fixture_setup(void **state);
int fixture_teardown(void **state);

/* The test is about a file of SQLite's: over PostgreSQL it says so, with the reason, and is left
 * out. */
#define ONLY_WITH_SQLITE(fx, reason)                                                               \
	do {                                                                                       \
		if ((fx)->connection) {                                                            \
			print_message("only with SQLite: " reason "\n");                           \
			return;                                                                    \
		}                                                                                  \
	} while (0)

/* The same without a store yet. */
int fixture_setup_empty(void **state);

/* Opens with fixture_schema, four readers; the code. */
int fixture_open(struct fixture *fx);
void fixture_close(struct fixture *fx);

/* "DIRECTORY/NAME", valid until the next call. */
const char *fixture_path(struct fixture *fx, const char *name);

/* A write of one row of `item`, a row of a number, a text and bytes. */
struct item {
	int64_t number;
	const char *text;
	const void *bytes;
	size_t len;
};
int fixture_put(struct store *store, const struct item *item);
int fixture_put_in(void *item, struct store_tx *tx);

/* How many rows of `item` have the number, as readers see it; -1: the read failed. */
int64_t fixture_count(struct store *store, int64_t number);

/* store_read and store_tx_run of a statement of the fixture. */
int fixture_read(struct store *store, enum fixture_statement statement,
                 const struct store_value *values, size_t count, store_row_fn *fn, void *arg);
int fixture_run(struct store_tx *tx, enum fixture_statement statement,
                const struct store_value *values, size_t count, store_row_fn *fn, void *arg);

/* A row function: the first column, an integer. */
int fixture_first(void *ret_number, const struct store_row *row);
