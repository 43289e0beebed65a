/* SPDX-License-Identifier: Apache-2.0 */
/* Servers as they are shown: what people set, what was counted, and what its thread says. */
#include <string.h>

#include "lib/base/err.h"
#include "smsd/base/moment.h"
#include "smsd/base/problem.h"
#include "smsd/forward/forward_priv.h"

static const char *const states[] = {
        [SENDER_DISABLED] = "disabled",
        [SENDER_CONNECTING] = "connecting",
        [SENDER_CONNECTED] = "connected",
        [SENDER_WAITING] = "waiting",
};

static int take_number(void *arg, const struct store_row *row)
{
	*(int64_t *)arg = store_row_integer(row, 0);
	return 1;
}

static int count_waiting(struct store *store, const struct target_row *row, int64_t *ret_waiting)
{
	const struct store_value from = store_integer(row->at.row);

	*ret_waiting = 0;
	if (!row->enabled)
		return 0;
	return SL_MIN(store_read(store, STORE_ARRIVAL_WAITING, &from, 1, take_number, ret_waiting),
	              0);
}

static int add_time(json_t *shown, const char *key, int64_t ms)
{
	char text[MOMENT_TEXT_MAX];

	return ms == 0 ? 0 : json_object_set_new(shown, key, json_string(moment_text(ms, text)));
}

static int add_status(json_t *shown, const struct sender_status *status)
{
	int rc = json_object_set_new(shown, "state", json_string(states[status->state]));

	rc |= json_object_set_new(shown, "testing", json_boolean(status->testing));
	rc |= add_time(shown, "since", status->since_ms);
	rc |= add_time(shown, "error_time", status->error_ms);
	rc |= add_time(shown, "tested", status->tested_ms);
	if (status->error[0])
		rc |= json_object_set_new(shown, "error", json_string(status->error));
	return rc;
}

static int show_row(struct forward *forward, const struct target_row *row, json_t **ret_shown)
{
	struct sender_status status = {.state = row->enabled ? SENDER_WAITING : SENDER_DISABLED};
	json_t *shown = json_deep_copy(row->body);
	int64_t waiting;
	int rc = count_waiting(forward->store, row, &waiting);

	if (rc == 0 && row->enabled)
		forward_status(forward, row->id, &status);
	if (rc == 0 && (!shown || json_object_set_new(shown, "name", json_string(row->name)) != 0 ||
	                json_object_set_new(shown, "revision", json_integer(row->revision)) != 0 ||
	                json_object_set_new(shown, "sent", json_integer(row->sent)) != 0 ||
	                json_object_set_new(shown, "waiting", json_integer(waiting)) != 0 ||
	                json_object_set_new(shown, "skipped", json_integer(row->skipped)) != 0 ||
	                add_status(shown, &status) != 0))
		rc = SL_ENOMEM;
	if (rc == 0)
		*ret_shown = shown;
	else
		json_decref(shown);
	return rc;
}

int forward_show(struct forward *forward, const char *name, json_t **ret_shown,
                 struct problem *problem)
{
	struct target_row row;
	int rc = target_by_name(forward->store, name, &row);

	if (rc == SL_ENOENT)
		return record_missing(&target_kind, name, problem);
	if (rc == 0) {
		rc = show_row(forward, &row, ret_shown);
		target_row_fini(&row);
	}
	return problem_tell(problem, rc);
}

struct listing {
	struct forward *forward;
	json_t *list;
};

static int add_row(void *arg, struct target_row *row)
{
	const struct listing *l = arg;
	json_t *shown = NULL;
	int rc = show_row(l->forward, row, &shown);

	target_row_fini(row);
	return rc == 0 && json_array_append_new(l->list, shown) != 0 ? SL_ENOMEM : rc;
}

int forward_list(struct forward *forward, json_t **ret_list)
{
	struct listing l = {forward, json_array()};
	int rc = l.list ? target_each(forward->store, add_row, &l) : SL_ENOMEM;

	if (rc == 0)
		*ret_list = l.list;
	else
		json_decref(l.list);
	return rc;
}
