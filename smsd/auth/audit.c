/* SPDX-License-Identifier: Apache-2.0 */
/* The audit log. */
#include "smsd/auth/audit.h"

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
