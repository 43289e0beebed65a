/* SPDX-License-Identifier: Apache-2.0 */
/* The audit log. */
#include "smsd/auth/audit.h"

#include <stdlib.h>

#include "lib/base/err.h"
#include "smsd/base/moment.h"
#include "smsd/store/store.h"

int audit_add(struct store_tx *tx, const struct actor *actor, const struct audit_line *line)
{
	const struct store_value values[] = {
	        store_integer(moment_now_ms()), store_integer(actor->person),
	        store_text(actor->name),        store_text(actor->from),
	        store_text(actor->via),         store_text(line->action),
	        store_text(line->kind),         store_text(line->name),
	        store_text(line->before),       store_text(line->after),
	};

	return store_tx_run(tx, STORE_AUDIT_ADD, values, SL_ARRAY_LEN(values), NULL, NULL);
}

/* Left out when there is none, or when a damaged database has text there that is no JSON. */
static int add_snapshot(json_t *line, const char *key, const struct store_row *row, unsigned column)
{
	json_t *value = store_row_is_null(row, column)
	                        ? NULL
	                        : json_loads(store_row_text(row, column), JSON_DECODE_ANY, NULL);

	return value ? json_object_set_new(line, key, value) : 0;
}

static int add_row(void *arg, const struct store_row *row)
{
	char time[MOMENT_TEXT_MAX];
	json_t *line = json_pack("{s:I, s:s, s:s, s:s, s:s, s:s, s:s, s:s}", "id",
	                         (json_int_t)store_row_integer(row, 0), "time",
	                         moment_text(store_row_integer(row, 1), time), "who",
	                         store_row_text(row, 2), "from", store_row_text(row, 3), "via",
	                         store_row_text(row, 4), "action", store_row_text(row, 5), "kind",
	                         store_row_text(row, 6), "name", store_row_text(row, 7));

	/* Text that is no UTF-8 is of a damaged database: nothing of ours writes it. */
	if (!line || add_snapshot(line, "before", row, 8) != 0 ||
	    add_snapshot(line, "after", row, 9) != 0) {
		json_decref(line);
		return SL_EIO;
	}
	return json_array_append_new(arg, line) == 0 ? 0 : SL_ENOMEM;
}

int audit_list(struct store *store, int64_t before_id, unsigned limit, json_t **ret_list)
{
	const struct store_value values[] = {store_integer(before_id > 0 ? before_id : INT64_MAX),
	                                     store_integer(limit)};
	json_t *list = json_array();
	int rc = list ? store_read(store, STORE_AUDIT_LIST, values, 2, add_row, list) : SL_ENOMEM;

	if (rc == 0)
		*ret_list = list;
	else
		json_decref(list);
	return rc;
}

/* ---- what is too old --------------------------------------------------------------------- */

enum { SWEEP_ROWS = 2000 }; /* of one write */

#define MS_PER_DAY (24LL * 3600 * 1000)

struct sweeping {
	int64_t before_ms;
	unsigned rows;
	int64_t dropped; /* by the last write */
};

static int take_newest(void *arg, const struct store_row *row)
{
	*(int64_t *)arg = store_row_integer(row, 0);
	return 0;
}

static int audit_dropped(struct store_tx *tx, int64_t count)
{
	json_t *value = json_pack("{s:I}", "rows", (json_int_t)count);
	char *before = value ? json_dumps(value, JSON_COMPACT) : NULL;
	const struct audit_line line = {
	        .action = "drop old", .kind = "audit", .name = "", .before = before};
	int rc = before ? audit_add(tx, &actor_smsd, &line) : SL_ENOMEM;

	free(before);
	json_decref(value);
	return rc;
}

/* Ids count up with time, so the oldest are looked at alone. */
static int write_sweep(void *arg, struct store_tx *tx)
{
	struct sweeping *s = arg;
	int64_t newest = 0;
	int rc = store_tx_run(tx, STORE_AUDIT_NEWEST, NULL, 0, take_newest, &newest);
	const struct store_value values[] = {store_integer(s->before_ms),
	                                     store_integer(newest - (int64_t)s->rows),
	                                     store_integer(SWEEP_ROWS)};

	if (rc == 0)
		rc = store_tx_run(tx, STORE_AUDIT_DROP_OLDEST, values, 3, NULL, NULL);
	s->dropped = rc == 0 ? store_tx_changed(tx) : 0;
	return s->dropped > 0 ? audit_dropped(tx, s->dropped) : rc;
}

int audit_sweep(struct store *store, const struct audit_keep *keep, int64_t now_ms)
{
	struct sweeping s = {.before_ms = now_ms - keep->days * MS_PER_DAY, .rows = keep->rows};
	int rc;

	do
		rc = store_write(store, write_sweep, &s);
	while (rc == 0 && s.dropped == SWEEP_ROWS);
	return rc;
}
