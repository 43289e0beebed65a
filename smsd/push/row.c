/* SPDX-License-Identifier: Apache-2.0 */
/* Rows of distributions: each step of the table is one write. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "lib/base/err.h"
#include "smsd/base/problem.h"
#include "smsd/push/push_priv.h"

enum { OPEN_PAGE = 32 };

static int take_number(void *arg, const struct store_row *row)
{
	*(int64_t *)arg = store_row_integer(row, 0);
	return 1;
}

int row_number(struct store *store, enum store_statement statement,
               const struct store_value *values, size_t count, int64_t otherwise,
               int64_t *ret_number)
{
	int64_t number = otherwise;
	int rc = store_read(store, statement, values, count, take_number, &number);

	if (rc < 0)
		return rc;
	*ret_number = number;
	return 0;
}

int row_number_tx(struct store_tx *tx, enum store_statement statement,
                  const struct store_value *values, size_t count, int64_t otherwise,
                  int64_t *ret_number)
{
	int64_t number = otherwise;
	int rc = store_tx_run(tx, statement, values, count, take_number, &number);

	if (rc < 0)
		return rc;
	*ret_number = number;
	return 0;
}

/* ---- distributions ------------------------------------------------------------------------ */

void distribution_fini(struct distribution *distribution)
{
	free(distribution->comment);
	free(distribution->stopped);
	*distribution = (struct distribution){0};
}

void distribution_from_row(const struct store_row *row, struct distribution *ret)
{
	*ret = (struct distribution){.id = store_row_integer(row, 0),
	                             .made_ms = store_row_integer(row, 2),
	                             .comment = strdup(store_row_text(row, 3)),
	                             .confirm_s = (unsigned)store_row_integer(row, 4),
	                             .staged = store_row_integer(row, 5) != 0,
	                             .wait_s = (unsigned)store_row_integer(row, 6),
	                             .not_before_ms = store_row_integer(row, 7),
	                             .ended_ms = store_row_integer(row, 8),
	                             .stopped = strdup(store_row_text(row, 9))};
	(void)snprintf(ret->who, sizeof(ret->who), "%s", store_row_text(row, 1));
}

static int take_distribution(void *arg, const struct store_row *row)
{
	distribution_from_row(row, arg);
	return 1;
}

int distribution_get(struct store *store, int64_t id, struct distribution *ret,
                     struct problem *problem)
{
	const struct store_value value = store_integer(id);
	struct distribution found = {0};
	int rc = store_read(store, STORE_DISTRIBUTION_BY_ID, &value, 1, take_distribution, &found);

	if (rc >= 0 && found.id == 0)
		return problem_add(problem, SL_ENOENT, "",
		                   "sms distribution list shows those there are",
		                   "there is no distribution %lld", (long long)id);
	if (rc >= 0 && (!found.comment || !found.stopped))
		rc = SL_ENOMEM;
	if (rc < 0) {
		distribution_fini(&found);
		return rc;
	}
	*ret = found;
	return 0;
}

int distribution_end_if_over(struct store_tx *tx, int64_t distribution, int64_t now_ms)
{
	const struct store_value values[] = {store_integer(distribution), store_integer(now_ms)};

	return store_tx_run(tx, STORE_DISTRIBUTION_END, values, 2, NULL, NULL);
}

/* ---- steps -------------------------------------------------------------------------------- */

/* Columns of DISTRIBUTION_DEVICE and DISTRIBUTION_DEVICE_OPEN, which have no device. */
static int take_one(void *arg, const struct store_row *row)
{
	struct place_row *place = arg;

	place->distribution = store_row_integer(row, 0);
	place->revision = store_row_integer(row, 1);
	place->confirm_s = (unsigned)store_row_integer(row, 3);
	return remote_state_parse(store_row_text(row, 2), &place->state) == 0 ? 1 : SL_EIO;
}

int row_of_revision(struct store_tx *tx, int64_t device, int64_t revision,
                    struct place_row *ret_row)
{
	const struct store_value values[] = {store_integer(device), store_integer(revision)};
	struct place_row place = {.device = device};
	int rc = store_tx_run(tx, STORE_DISTRIBUTION_DEVICE, values, 2, take_one, &place);

	if (rc < 0)
		return rc;
	*ret_row = place;
	return 0;
}

int row_step(struct store_tx *tx, const struct place_row *row, enum push_event event,
             const char *text, const json_t *items, int64_t now_ms)
{
	enum remote_state next;
	int rc = push_state_next(row->state, event, &next);
	char *dumped = items ? json_dumps(items, JSON_COMPACT) : NULL;

	if (rc == 0 && items && !dumped)
		rc = SL_ENOMEM;
	if (rc == 0) {
		const struct store_value values[] = {
		        store_integer(row->distribution),
		        store_integer(row->device),
		        store_text(remote_state_name(next)),
		        store_text(text),
		        store_text(dumped),
		        store_integer(now_ms),
		};

		rc = store_tx_run(tx, STORE_DISTRIBUTION_DEVICE_SET, values, SL_ARRAY_LEN(values),
		                  NULL, NULL);
	}
	free(dumped);
	return rc ? rc : distribution_end_if_over(tx, row->distribution, now_ms);
}

struct open_rows {
	struct place_row rows[OPEN_PAGE];
	size_t count;
};

static int take_open(void *arg, const struct store_row *row)
{
	struct open_rows *open = arg;
	int rc = take_one(&open->rows[open->count], row);

	if (rc < 0)
		return rc;
	return ++open->count == OPEN_PAGE;
}

/* Those that run; a page at a time, since rows are not changed while they are read. */
int row_step_older(struct store_tx *tx, int64_t device, int64_t revision, enum push_event event,
                   int64_t now_ms)
{
	struct open_rows open = {.count = OPEN_PAGE};
	int64_t after = 0;
	int rc = 0;

	while (rc == 0 && open.count == OPEN_PAGE) {
		const struct store_value values[] = {store_integer(device), store_integer(revision),
		                                     store_integer(after)};

		open.count = 0;
		rc = store_tx_run(tx, STORE_DISTRIBUTION_DEVICE_OPEN, values, 3, take_open, &open);
		for (size_t i = 0; rc == 0 && i < open.count; i++) {
			open.rows[i].device = device;
			after = open.rows[i].distribution;
			rc = row_step(tx, &open.rows[i], event, push_event_text(event), NULL,
			              now_ms);
			if (rc == SL_EREFUSED || rc == SL_EEXIST)
				rc = 0;
		}
	}
	return rc;
}

/* Documents that the device neither should have nor has nor may go back to. */
static int drop_old(struct store_tx *tx, int64_t device, int64_t revision)
{
	const struct store_value values[] = {store_integer(device), store_integer(revision)};

	return store_tx_run(tx, STORE_DEVICE_DOCUMENT_DROP_OLD, values, 2, NULL, NULL);
}

int row_turn(struct store_tx *tx, int64_t device, int64_t revision, int64_t now_ms)
{
	int rc = row_step_older(tx, device, revision, PUSH_NEWER, now_ms);

	if (rc == 0)
		rc = device_want_tx(tx, device, revision);
	return rc ? rc : drop_old(tx, device, revision);
}
