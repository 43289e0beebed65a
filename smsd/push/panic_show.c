/* SPDX-License-Identifier: Apache-2.0 */
/* Panic mode as a device hears of it, and as people see it. */
#include <string.h>

#include "lib/base/err.h"
#include "smsd/base/moment.h"
#include "smsd/push/panic.h"
#include "smsd/push/push_priv.h"

enum { MS_PER_S = 1000 };

/* ---- for a device -------------------------------------------------------------------------- */

struct steps {
	json_t *list;
	int64_t now_ms, number;
};

/* The number is in every row, so that both are of one moment; a row without a step has it alone. */
static int take_step(void *arg, const struct store_row *row)
{
	struct steps *steps = arg;
	int64_t until_ms = store_row_integer(row, 5);

	steps->number = store_row_integer(row, 0);
	if (store_row_is_null(row, 1))
		return 0;
	return json_array_append_new(
	               steps->list,
	               json_pack("{s:I, s:I, s:s, s:s, s:I}", "id",
	                         (json_int_t)store_row_integer(row, 1), "step",
	                         (json_int_t)store_row_integer(row, 2), "what",
	                         store_row_text(row, 3), "value", store_row_text(row, 4), "left_ms",
	                         (json_int_t)(until_ms ? until_ms - steps->now_ms : 0)))
	               ? SL_ENOMEM
	               : 0;
}

int panic_wanted(struct store *store, int64_t device, int64_t now_ms, json_t **ret_panic)
{
	const struct store_value values[] = {store_integer(device), store_integer(now_ms)};
	struct steps steps = {.list = json_array(), .now_ms = now_ms};
	int rc = steps.list ? store_read(store, STORE_PANIC_STEPS, values, 2, take_step, &steps)
	                    : SL_ENOMEM;
	json_t *panic = rc < 0 ? NULL
	                       : json_pack("{s:I, s:O}", "number", (json_int_t)steps.number,
	                                   "steps", steps.list);

	json_decref(steps.list);
	if (!panic)
		return rc < 0 ? rc : SL_ENOMEM;
	*ret_panic = panic;
	return 0;
}

static int write_told(void *arg, struct store_tx *tx)
{
	return store_tx_run(tx, STORE_PANIC_TOLD, arg, 2, NULL, NULL);
}

/* Looked at first, which costs no write: most statuses say what is known. */
int panic_told(struct store *store, int64_t device, int64_t number)
{
	struct store_value values[] = {store_integer(device), store_integer(number)};
	int64_t known = -1;
	int rc = row_number(store, STORE_PANIC_KNOWN, values, 1, -1, &known);

	return rc || known < 0 || known == number ? rc : store_write(store, write_told, values);
}

/* ---- for people ---------------------------------------------------------------------------- */

static const char *state_of(int64_t number, int64_t told, bool any)
{
	if (told != number)
		return "asked";
	return any ? "on" : "cleared";
}

struct showing {
	json_t *devices, *steps; /* steps of the last device */
	int64_t now_ms;
	char name[DEVICE_NAME_MAX];
};

static int begin_device(struct showing *s, const struct store_row *row)
{
	json_t *device;

	if (s->steps && strcmp(s->name, store_row_text(row, 0)) == 0)
		return 0;
	(void)snprintf(s->name, sizeof(s->name), "%s", store_row_text(row, 0));
	device = json_pack("{s:s, s:s, s:[]}", "name", s->name, "state",
	                   state_of(store_row_integer(row, 1), store_row_integer(row, 2),
	                            !store_row_is_null(row, 3)),
	                   "steps");
	s->steps = json_object_get(device, "steps");
	return json_array_append_new(s->devices, device) == 0 ? 0 : SL_ENOMEM;
}

static int add_end(const struct showing *s, json_t *step, int64_t until_ms)
{
	char text[MOMENT_TEXT_MAX];

	if (until_ms == 0)
		return 0;
	return json_object_set_new(step, "until", json_string(moment_text(until_ms, text))) != 0 ||
	                       json_object_set_new(
	                               step, "left_s",
	                               json_integer((until_ms - s->now_ms) / MS_PER_S)) != 0
	               ? SL_ENOMEM
	               : 0;
}

static int show_row(void *arg, const struct store_row *row)
{
	struct showing *s = arg;
	char since[MOMENT_TEXT_MAX];
	json_t *step;
	int rc = begin_device(s, row);

	if (rc != 0 || store_row_is_null(row, 3))
		return rc;
	step = json_pack("{s:I, s:s, s:s, s:s, s:s, s:s, s:s}", "id",
	                 (json_int_t)store_row_integer(row, 3), "step",
	                 remote_panic_name((enum remote_panic_step)store_row_integer(row, 4)),
	                 "what", store_row_text(row, 5), "value", store_row_text(row, 6), "since",
	                 moment_text(store_row_integer(row, 7), since), "who",
	                 store_row_text(row, 9), "comment", store_row_text(row, 10));
	rc = step ? add_end(s, step, store_row_integer(row, 8)) : SL_ENOMEM;
	if (rc != 0) {
		json_decref(step);
		return rc;
	}
	return json_array_append_new(s->steps, step) == 0 ? 0 : SL_ENOMEM;
}

int panic_show(struct store *store, int64_t now_ms, json_t **ret_shown)
{
	const struct store_value now = store_integer(now_ms);
	struct showing s = {.devices = json_array(), .now_ms = now_ms};
	int rc = s.devices ? store_read(store, STORE_PANIC_ALL, &now, 1, show_row, &s) : SL_ENOMEM;
	json_t *shown = rc < 0 ? NULL : json_pack("{s:O}", "devices", s.devices);

	json_decref(s.devices);
	if (!shown)
		return rc < 0 ? rc : SL_ENOMEM;
	*ret_shown = shown;
	return 0;
}

static int sum_row(void *arg, const struct store_row *row)
{
	enum remote_panic_step step = (enum remote_panic_step)store_row_integer(row, 3);

	return json_object_set_new(arg, store_row_text(row, 0),
	                           json_pack("{s:s, s:s}", "panic", remote_panic_name(step),
	                                     "panic_state",
	                                     state_of(store_row_integer(row, 1),
	                                              store_row_integer(row, 2), step != 0)))
	               ? SL_ENOMEM
	               : 0;
}

int panic_summary(struct store *store, int64_t now_ms, json_t **ret_summary)
{
	const struct store_value now = store_integer(now_ms);
	json_t *summary = json_object();
	int rc = summary ? store_read(store, STORE_PANIC_SUMMARY, &now, 1, sum_row, summary)
	                 : SL_ENOMEM;

	if (rc < 0) {
		json_decref(summary);
		return rc;
	}
	*ret_summary = summary;
	return 0;
}
