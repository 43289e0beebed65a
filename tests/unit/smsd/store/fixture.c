/* SPDX-License-Identifier: Apache-2.0 */
#include "tests/unit/smsd/store/fixture.h"

#include <dirent.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "lib/base/err.h"
#include "tests/unit/smsd/database.h"

static const struct statement_text statements[] = {
#define STATEMENT(ID, parameters, columns, text) {#ID, parameters, columns, text},
#include "tests/unit/smsd/store/statement.def"
#undef STATEMENT
};

static const char *const migrations[] = {
        "-- a lone @ stays\n"
        "CREATE TABLE item (id @ID@, number @INT@ NOT NULL, text TEXT, bytes @BYTES@);"
        "CREATE INDEX item_number ON item (number);"
        "CREATE TABLE unique_name (name TEXT NOT NULL UNIQUE);"
        "CREATE TABLE child (item @INT@ NOT NULL REFERENCES item (id));",
};

const struct store_schema fixture_schema = {statements, FX_END, migrations,
                                            SL_ARRAY_LEN(migrations)};

int fixture_setup_empty(void **state)
{
	struct fixture *fx = calloc(1, sizeof(*fx));

	if (!fx)
		return -1;
	(void)snprintf(fx->directory, sizeof(fx->directory), "/tmp/sluice-store-XXXXXX");
	fx->connection = test_database_make();
	*state = fx;
	return mkdtemp(fx->directory) ? 0 : -1;
}

int fixture_setup(void **state)
{
	return fixture_setup_empty(state) == 0 ? fixture_open(*state) : -1;
}

static void remove_directory(const char *path)
{
	DIR *dir = opendir(path);
	struct dirent *entry;
	char name[512];

	while (dir && (entry = readdir(dir))) {
		(void)snprintf(name, sizeof(name), "%s/%s", path, entry->d_name);
		(void)unlink(name);
	}
	if (dir)
		(void)closedir(dir);
	(void)rmdir(path);
}

int fixture_teardown(void **state)
{
	struct fixture *fx = *state;

	fixture_close(fx);
	test_database_drop(fx->connection);
	remove_directory(fx->directory);
	free(fx);
	return 0;
}

int fixture_open(struct fixture *fx)
{
	problem_fini(&fx->problem);
	return store_open_schema(fx->directory, fx->connection, 4, &fixture_schema, &fx->store,
	                         &fx->problem);
}

void fixture_close(struct fixture *fx)
{
	store_close(fx->store);
	fx->store = NULL;
	problem_fini(&fx->problem);
}

const char *fixture_path(struct fixture *fx, const char *name)
{
	static char path[128];

	(void)snprintf(path, sizeof(path), "%s/%s", fx->directory, name);
	return path;
}

int fixture_read(struct store *store, enum fixture_statement statement,
                 const struct store_value *values, size_t count, store_row_fn *fn, void *arg)
{
	return store_read(store, (enum store_statement)(int)statement, values, count, fn, arg);
}

int fixture_run(struct store_tx *tx, enum fixture_statement statement,
                const struct store_value *values, size_t count, store_row_fn *fn, void *arg)
{
	return store_tx_run(tx, (enum store_statement)(int)statement, values, count, fn, arg);
}

int fixture_put_in(void *arg, struct store_tx *tx)
{
	const struct item *item = arg;
	struct store_value values[] = {
	        store_integer(item->number), store_text(item->text),
	        item->bytes ? store_blob(item->len > 0 ? item->bytes : NULL, item->len)
	                    : store_null()};

	return fixture_run(tx, FX_PUT, values, SL_ARRAY_LEN(values), NULL, NULL);
}

int fixture_put(struct store *store, const struct item *item)
{
	struct item copy = *item;

	return store_write(store, fixture_put_in, &copy);
}

int fixture_first(void *ret_number, const struct store_row *row)
{
	*(int64_t *)ret_number = store_row_integer(row, 0);
	return 1;
}

int64_t fixture_count(struct store *store, int64_t number)
{
	struct store_value value = store_integer(number);
	int64_t count = -1;

	return fixture_read(store, FX_COUNT, &value, 1, fixture_first, &count) == 0 ? count : -1;
}
