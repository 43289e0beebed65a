/* SPDX-License-Identifier: Apache-2.0 */
/* smsd's own statements and migrations. */
#include "smsd/store/schema.h"

#include "smsd/store/migrations.h"
#include "smsd/store/store.h"

/* The empty row is past the end. */
static const struct statement_text statements[] = {
#define STATEMENT(ID, parameters, columns, text) {#ID, parameters, columns, text},
#include "smsd/store/statement.def"
#undef STATEMENT
        {0},
};

const struct store_schema store_schema = {
        .statements = statements,
        .statement_count = STORE_STATEMENT_END,
        .migrations = migrations,
        .migration_count = SL_ARRAY_LEN(migrations),
};
