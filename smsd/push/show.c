/* SPDX-License-Identifier: Apache-2.0 */
/* Distributions as they are shown, and what one would do. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "lib/base/err.h"
#include "lib/licence/licence.h"
#include "smsd/base/moment.h"
#include "smsd/base/problem.h"
#include "smsd/push/licence.h"
#include "smsd/push/push_priv.h"

static int set_time(json_t *object, const char *key, int64_t ms)
{
	char text[MOMENT_TEXT_MAX];

	return ms == 0 ? 0 : json_object_set_new(object, key, json_string(moment_text(ms, text)));
}

/* ---- one of them, or a list ------------------------------------------------------------------ */

static int take_count(void *arg, const struct store_row *row)
{
	return json_object_set_new(arg, store_row_text(row, 0),
	                           json_integer(store_row_integer(row, 1)))
	               ? SL_ENOMEM
	               : 0;
}

/* Without its devices. */
static int show_head(struct push *push, const struct distribution *d, json_t **ret_shown)
{
	const struct store_value id = store_integer(d->id);
	json_t *counts = json_object(), *shown;
	int rc = counts ? store_read(push->store, STORE_DISTRIBUTION_COUNTS, &id, 1, take_count,
	                             counts)
	                : SL_ENOMEM;

	if (rc < 0) {
		json_decref(counts);
		return rc;
	}
	shown = json_pack("{s:I, s:s, s:s, s:s, s:s, s:i, s:b, s:i, s:o}", "id", (json_int_t)d->id,
	                  "who", d->who, "comment", d->comment, "state",
	                  d->ended_ms ? "ended" : "running", "stopped", d->stopped, "confirm_s",
	                  (int)d->confirm_s, "staged", d->staged, "wait_s", (int)d->wait_s,
	                  "counts", counts);
	if (!shown || set_time(shown, "made", d->made_ms) != 0 ||
	    set_time(shown, "not_before", d->not_before_ms) != 0 ||
	    set_time(shown, "ended", d->ended_ms) != 0) {
		json_decref(shown);
		return SL_ENOMEM;
	}
	*ret_shown = shown;
	return 0;
}

struct devices {
	json_t *list;
	const struct distribution *of;
	int64_t now_ms;
};

/* What is to be said of a row that says nothing itself. */
static const char *words_of(const struct devices *devices, const struct store_row *row, bool online)
{
	const struct distribution *d = devices->of;
	const char *text = store_row_text(row, 5);

	if (text[0] || strcmp(store_row_text(row, 4), remote_state_name(REMOTE_STATE_WAITING)) != 0)
		return text;
	if (d->stopped[0])
		return d->stopped;
	if (store_row_integer(row, 3) == 0)
		return "its document is being made";
	if (d->not_before_ms > devices->now_ms)
		return "scheduled";
	if (!online)
		return "offline: it gets it when it returns";
	return d->staged && store_row_integer(row, 2) > 0 ? "waits for the first device" : "";
}

static int take_device(void *arg, const struct store_row *row)
{
	struct devices *devices = arg;
	bool online = devices->now_ms - store_row_integer(row, 8) < (int64_t)DEVICE_SILENT_S * 1000;
	json_t *items = json_loads(store_row_text(row, 6), 0, NULL), *device;

	device = json_pack("{s:s, s:s, s:I, s:b, s:I, s:s, s:o}", "name", store_row_text(row, 1),
	                   "state", store_row_text(row, 4), "revision",
	                   (json_int_t)store_row_integer(row, 3), "online", online, "changed_ms",
	                   (json_int_t)store_row_integer(row, 7), "text",
	                   words_of(devices, row, online), "items", items ? items : json_array());
	if (!device || set_time(device, "changed", store_row_integer(row, 7)) != 0 ||
	    json_array_append(devices->list, device) != 0) {
		json_decref(device);
		return SL_ENOMEM;
	}
	json_decref(device);
	return 0;
}

/* What was distributed and is not in effect: as it is now, not when it was distributed. */
static int add_licences(struct store *store, const json_t *devices)
{
	const char *categories = licence_capability_name(LICENCE_CATEGORIES);
	json_t *summary = NULL, *device;
	int rc = licence_summary(store, &summary);
	size_t i;

	json_array_foreach(devices, i, device)
	{
		const char *name = json_string_value(json_object_get(device, "name"));
		bool uses = false;

		if (rc == 0 && licence_denies(summary, name, categories))
			rc = licence_uses_categories(
			        store, name,
			        json_integer_value(json_object_get(device, "revision")), &uses);
		if (rc == 0)
			rc = licence_add_items(summary, name, uses,
			                       json_object_get(device, "items"));
	}
	json_decref(summary);
	return rc;
}

int push_show(struct push *push, int64_t id, int64_t since_ms, json_t **ret_shown,
              struct problem *problem)
{
	const struct store_value values[] = {store_integer(id), store_integer(since_ms)};
	struct devices devices = {.list = json_array(), .now_ms = moment_now_ms()};
	struct distribution d = {0};
	json_t *shown = NULL;
	int rc = devices.list ? distribution_get(push->store, id, &d, problem) : SL_ENOMEM;

	devices.of = &d;
	if (rc == 0)
		rc = show_head(push, &d, &shown);
	if (rc == 0)
		rc = store_read(push->store, STORE_DISTRIBUTION_DEVICES, values, 2, take_device,
		                &devices);
	if (rc >= 0)
		rc = add_licences(push->store, devices.list);
	if (rc >= 0 && json_object_set(shown, "devices", devices.list) != 0)
		rc = SL_ENOMEM;
	json_decref(devices.list);
	distribution_fini(&d);
	if (rc < 0) {
		json_decref(shown);
		return push_failed(rc, problem);
	}
	*ret_shown = shown;
	return 0;
}

struct heads {
	struct distribution *list;
	size_t count, size;
};

static int take_head(void *arg, const struct store_row *row)
{
	struct heads *heads = arg;
	struct distribution *d = &heads->list[heads->count];

	distribution_from_row(row, d);
	heads->count++;
	return !d->comment || !d->stopped ? SL_ENOMEM : heads->count == heads->size;
}

int push_list(struct push *push, int64_t before, unsigned limit, json_t **ret_page,
              struct problem *problem)
{
	const struct store_value values[] = {store_integer(before > 0 ? before : INT64_MAX),
	                                     store_integer(limit)};
	struct heads heads = {.list = calloc(limit, sizeof(*heads.list)), .size = limit};
	json_t *items = json_array(), *page = NULL, *shown;
	int rc = heads.list && items ? store_read(push->store, STORE_DISTRIBUTION_LIST, values, 2,
	                                          take_head, &heads)
	                             : SL_ENOMEM;

	for (size_t i = 0; rc >= 0 && i < heads.count; i++) {
		rc = show_head(push, &heads.list[i], &shown);
		if (rc == 0 && json_array_append_new(items, shown) != 0)
			rc = SL_ENOMEM;
	}
	for (size_t i = 0; i < heads.count; i++)
		distribution_fini(&heads.list[i]);
	free(heads.list);
	if (rc >= 0)
		page = json_pack("{s:O}", "items", items);
	json_decref(items);
	if (rc < 0 || !page)
		return push_failed(rc < 0 ? rc : SL_ENOMEM, problem);
	*ret_page = page;
	return 0;
}

/* ---- what one would do ----------------------------------------------------------------------- */

static int show_preview(const struct device *device, const struct made *made, int64_t now_ms,
                        json_t **ret_shown)
{
	bool online = now_ms - device->seen_ms < (int64_t)DEVICE_SILENT_S * 1000;
	json_t *diff = NULL, *shown;
	int rc = made->document.text ? document_diff(device->document, &made->document, &diff) : 0;

	if (rc != 0)
		return rc;
	shown = json_pack("{s:s, s:b, s:b, s:O}", "name", device->name, "online", online, "refused",
	                  made->refused, "items", made->items);
	if (shown && diff)
		(void)json_object_update(shown, diff);
	json_decref(diff);
	*ret_shown = shown;
	return shown ? 0 : SL_ENOMEM;
}

static int preview_one(struct push *push, struct templates *templates, int64_t id,
                       const json_t *licences, json_t *list, struct problem *problem)
{
	struct device device = {0};
	struct made made = {0};
	json_t *shown;
	int rc = device_get_id(push->store, id, &device, problem);

	if (rc == 0)
		rc = made_for(templates, push->store, &device, &made, problem);
	if (rc == 0)
		rc = licence_add_items(licences, device.name,
		                       made.document.text &&
		                               licence_has_categories(made.document.text),
		                       made.items);
	if (rc == 0)
		rc = show_preview(&device, &made, moment_now_ms(), &shown);
	if (rc == 0 && json_array_append_new(list, shown) != 0)
		rc = SL_ENOMEM;
	made_fini(&made);
	device_fini(&device);
	return rc;
}

int push_preview(struct push *push, const struct push_options *options, json_t **ret_preview,
                 struct problem *problem)
{
	struct templates templates = {0};
	struct target *targets = NULL;
	json_t *list = json_array(), *licences = NULL, *preview;
	size_t count = 0;
	int rc = list ? push_targets(push, options, &targets, &count, problem) : SL_ENOMEM;

	if (rc == 0)
		rc = licence_summary(push->store, &licences);
	for (size_t i = 0; rc == 0 && i < count; i++)
		rc = preview_one(push, &templates, targets[i].id, licences, list, problem);
	json_decref(licences);
	templates_fini(&templates);
	free(targets);
	preview = rc == 0 ? json_pack("{s:O}", "devices", list) : NULL;
	json_decref(list);
	if (!preview)
		return push_failed(rc ? rc : SL_ENOMEM, problem);
	*ret_preview = preview;
	return 0;
}

/* ---- R81 ------------------------------------------------------------------------------------ */

static int take_holder(void *arg, const struct store_row *row)
{
	return json_array_append_new(arg, json_string(store_row_text(row, 0))) ? SL_ENOMEM : 0;
}

int push_holders(struct push *push, const char *certificate, json_t **ret_names,
                 struct problem *problem)
{
	json_t *names = json_array();
	struct object object = {0};
	char like[64];
	int rc = names ? object_get(push->store, OBJECT_CERTIFICATE, certificate, &object, problem)
	               : SL_ENOMEM;

	/* As objects_text() writes it; a replaced certificate keeps its id. */
	(void)snprintf(like, sizeof(like), "%%{\"id\":%lld,\"kind\":%%", (long long)object.id);
	if (rc == 0)
		rc = store_read(push->store, STORE_PUSH_DEVICES_WITH,
		                &(struct store_value){STORE_TEXT, 0, like, strlen(like)}, 1,
		                take_holder, names);
	object_fini(&object);
	if (rc < 0) {
		json_decref(names);
		return push_failed(rc, problem);
	}
	*ret_names = names;
	return 0;
}
