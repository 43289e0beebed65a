/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Would every document be right after a change? Devices that have the same virtual segments have
 * the same objects in their documents, so one of them is asked for all; only documents that the
 * changed object is in are made. What is wrong without the change as well is not its fault, and not
 * said. In the writer's thread: nothing is read but the shelf.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "lib/base/err.h"
#include "lib/conf/config.h"
#include "smsd/base/problem.h"
#include "smsd/object/document_priv.h"
#include "smsd/store/store.h"

enum {
	/* Documents made for one change, heirs looked at where none is: the writer's thread has
	 * others to serve. What is beyond is found when a distribution is looked at. */
	GROUPS_MAX = 16,
};

struct check {
	struct store_tx *tx;
	struct document_shelf shelf;
	struct shelf_object *changed; /* NULL: all is said, or what is not so `before` */
	struct document_shelf *before;
	json_t *devices; /* {name: settings} */
	json_t *notices;
	struct problem *problem;
};

/* ---- one document ------------------------------------------------------------------------ */

/* Where documents of a check would have files; nothing is laid down. */
#define NOWHERE "/files"

static int make_errors(const struct document_shelf *shelf, struct reach *reach,
                       const struct document_device *device, struct conf_errors *errs,
                       struct draft *ret_draft)
{
	struct config *config = NULL;
	int rc = draft_make(shelf, reach, device, errs, ret_draft);

	if (rc != 0)
		return rc;
	rc = draft_build(ret_draft, errs, &config, NULL);
	config_put(config);
	if (rc != 0)
		draft_fini(ret_draft);
	return rc;
}

/* "the profile a/filters/0", "the device's settings/limits"; `heir`: who has it inherited. */
static void name_spot(const struct draft_spot *spot, char text[PROBLEM_TEXT_MAX])
{
	if (!spot->object)
		(void)snprintf(text, PROBLEM_TEXT_MAX, "the device's settings%s", spot->within);
	else if (!spot->heir)
		(void)snprintf(text, PROBLEM_TEXT_MAX, "the %s %s%s",
		               object_kind_name(spot->object->kind), spot->object->name,
		               spot->within);
	else
		(void)snprintf(text, PROBLEM_TEXT_MAX, "the %s %s, which inherits %s%s",
		               object_kind_name(spot->heir->kind), spot->heir->name,
		               spot->object->name, spot->within);
}

/* At a place of the changed object where it is one: what it inherits is there by its parent. What
 * is another's is told in words. */
static void say_error(struct check *c, const struct draft *draft, const struct conf_error *e)
{
	const struct draft_spot spot = draft_spot(draft, e->pointer);
	char where[PROBLEM_TEXT_MAX];

	name_spot(&spot, where);
	if (spot.object && spot.object == c->changed && !spot.heir)
		(void)problem_add(c->problem, e->code, spot.within, e->remedy, "%s", e->text);
	else if (spot.object && spot.object == c->changed)
		(void)problem_add(c->problem, e->code, spot.within, e->remedy, "%s: %s", where,
		                  e->text);
	else
		(void)problem_add(c->problem, e->code,
		                  spot.heir && spot.heir == c->changed ? "/parent" : "", e->remedy,
		                  "%s: %s", where, e->text);
}

static bool is_same(const struct shelf_object *a, const struct shelf_object *b)
{
	return a && b ? a->id == b->id : a == b;
}

/* The same thing is said of the same place of the same object. */
static bool says_same(const struct draft *a, const struct conf_error *x, const struct draft *b,
                      const struct conf_error *y)
{
	const struct draft_spot s = draft_spot(a, x->pointer);
	const struct draft_spot t = draft_spot(b, y->pointer);

	return strcmp(x->text, y->text) == 0 && is_same(s.object, t.object) &&
	       is_same(s.heir, t.heir) && strcmp(s.within, t.within) == 0;
}

static bool was_there(const struct draft *draft, const struct conf_error *e,
                      const struct draft *before, const struct conf_errors *old)
{
	for (size_t i = 0; i < old->count; i++)
		if (!old->items[i].notice && says_same(draft, e, before, &old->items[i]))
			return true;
	return false;
}

static int say_notice(struct check *c, const struct draft *draft, const struct conf_error *e)
{
	const struct draft_spot spot = draft_spot(draft, e->pointer);
	size_t count = json_array_size(c->notices);
	int rc;

	if (c->changed && spot.object != c->changed)
		return 0;
	rc = draft_add_notice(draft, e, c->notices);
	/* Said of another group already. */
	for (size_t i = 0; rc == 0 && i < count; i++)
		if (json_equal(json_array_get(c->notices, i), json_array_get(c->notices, count)))
			return json_array_remove(c->notices, count) == 0 ? 0 : SL_ENOMEM;
	return rc;
}

/* ---- before ------------------------------------------------------------------------------ */

static int take_before(void *arg, const struct store_row *row)
{
	json_t **ret_body = arg;

	if (!store_row_is_null(row, 0))
		*ret_body = json_loads(store_row_text(row, 0), 0, NULL);
	return 1;
}

/* The changed object as it was, under the name that it has; hidden when it was not there. */
static int go_back(struct check *c, json_t **ret_now)
{
	const struct store_value value = store_integer(c->changed->id);
	json_t *before = NULL;
	int rc = store_tx_run(c->tx, STORE_DOCUMENT_BEFORE, &value, 1, take_before, &before);

	if (rc < 0)
		return rc;
	if (before && json_object_set_new(before, "name", json_string(c->changed->name)) != 0) {
		json_decref(before);
		return SL_ENOMEM;
	}
	*ret_now = c->changed->own;
	c->changed->own = before;
	c->changed->hidden = !before;
	return shelf_resolve(&c->shelf);
}

static int come_forward(struct check *c, json_t *now)
{
	json_decref(c->changed->own);
	c->changed->own = now;
	c->changed->hidden = false;
	return shelf_resolve(&c->shelf);
}

/* ---- a group of devices ------------------------------------------------------------------ */

typedef int reach_fn(const struct check *c, const struct document_shelf *shelf, struct reach *reach,
                     const struct document_device *device);

static int make_reached(struct check *c, const struct document_shelf *shelf, reach_fn *fill,
                        const struct document_device *device, struct conf_errors *errs,
                        struct draft *ret_draft)
{
	struct reach reach;
	int rc = reach_init(&reach, shelf);

	if (rc == 0)
		rc = fill(c, shelf, &reach, device);
	if (rc == 0)
		rc = make_errors(shelf, &reach, device, errs, ret_draft);
	reach_fini(&reach);
	return rc;
}

/* The errors of the same document before the change. */
static int make_before(struct check *c, reach_fn *fill, const struct document_device *device,
                       struct conf_errors *errs, struct draft *ret_draft)
{
	json_t *now = NULL;
	int rc, back = 0;

	if (c->before)
		return make_reached(c, c->before, fill, device, errs, ret_draft);
	rc = go_back(c, &now);
	if (rc == 0)
		rc = make_reached(c, &c->shelf, fill, device, errs, ret_draft);
	if (now)
		back = come_forward(c, now);
	return rc ? rc : back;
}

static int say_new_errors(struct check *c, reach_fn *fill, const struct document_device *device,
                          const struct draft *draft, const struct conf_errors *errs)
{
	struct conf_errors old;
	struct draft before = {0};
	int rc = 0;

	conf_errors_init(&old);
	if (c->changed || c->before)
		rc = make_before(c, fill, device, &old, &before);
	for (size_t i = 0; rc == 0 && i < errs->count; i++)
		if (!errs->items[i].notice && !was_there(draft, &errs->items[i], &before, &old))
			say_error(c, draft, &errs->items[i]);
	draft_fini(&before);
	conf_errors_fini(&old);
	return rc;
}

static int check_reached(struct check *c, struct reach *reach, reach_fn *fill,
                         const struct document_device *device)
{
	struct conf_errors errs;
	struct draft draft;
	int rc;

	conf_errors_init(&errs);
	rc = make_errors(&c->shelf, reach, device, &errs, &draft);
	if (rc == 0) {
		if (errs.refusals > 0)
			rc = say_new_errors(c, fill, device, &draft, &errs);
		for (size_t i = 0; rc == 0 && i < errs.count; i++)
			if (errs.items[i].notice)
				rc = say_notice(c, &draft, &errs.items[i]);
		draft_fini(&draft);
	}
	conf_errors_fini(&errs);
	return rc;
}

/* *ret_part: the changed object is in that document. */
static int check_document(struct check *c, reach_fn *fill, const struct document_device *device,
                          bool *ret_part)
{
	struct reach reach;
	int rc = reach_init(&reach, &c->shelf);

	if (rc == 0)
		rc = fill(c, &c->shelf, &reach, device);
	*ret_part = rc == 0 && (!c->changed || reach_has(&reach, &c->shelf, c->changed));
	if (*ret_part)
		rc = check_reached(c, &reach, fill, device);
	reach_fini(&reach);
	return rc;
}

/* ---- which documents --------------------------------------------------------------------- */

static int fill_device(const struct check *c, const struct document_shelf *shelf,
                       struct reach *reach, const struct document_device *device)
{
	return reach_of_settings(reach, shelf, device->settings);
}

static int fill_everything(const struct check *c, const struct document_shelf *shelf,
                           struct reach *reach, const struct document_device *device)
{
	int rc = 0;

	for (size_t i = 0; rc == 0 && i < shelf->count; i++) {
		struct shelf_object *o = &shelf->items[i];

		if (object_kind_key(o->kind)[0] != '\0' && !o->hidden)
			rc = reach_add(reach, shelf, o);
	}
	return rc;
}

static bool descends(const struct shelf_object *o, const struct shelf_object *from)
{
	for (const struct shelf_object *p = o->parent; p; p = p->parent)
		if (p == from)
			return true;
	return false;
}

/* With who inherits of it. */
static int fill_changed(const struct check *c, const struct document_shelf *shelf,
                        struct reach *reach, const struct document_device *device)
{
	unsigned heirs = 0;
	int rc = c->changed->hidden ? 0 : reach_add(reach, shelf, c->changed);

	for (size_t i = 0; rc == 0 && i < shelf->count && heirs < GROUPS_MAX; i++) {
		if (!descends(&shelf->items[i], c->changed))
			continue;
		rc = reach_add(reach, shelf, &shelf->items[i]);
		heirs++;
	}
	return rc;
}

/* A segment for each that a virtual segment names. */
static int add_segments(const struct check *c, json_t *segments)
{
	json_t *seen = json_object();
	int rc = seen ? 0 : SL_ENOMEM;

	for (size_t i = 0; rc == 0 && i < c->shelf.count; i++) {
		const struct shelf_object *o = &c->shelf.items[i];
		const char *name = o->kind == OBJECT_VIRTUAL_SEGMENT
		                           ? json_string_value(json_object_get(o->body, "segment"))
		                           : NULL;
		size_t count = json_array_size(segments);
		char a[16], b[16];

		if (!name || json_object_get(seen, name))
			continue;
		(void)snprintf(a, sizeof(a), "a%zu", count);
		(void)snprintf(b, sizeof(b), "b%zu", count);
		if (json_object_set_new(seen, name, json_true()) != 0 ||
		    json_array_append_new(segments, json_pack("{s:s, s:s, s:s}", "name", name,
		                                              "port_a", a, "port_b", b)) != 0)
			rc = SL_ENOMEM;
	}
	json_decref(seen);
	return rc;
}

/* On a device that has every segment. */
static int check_anywhere(struct check *c, reach_fn *fill)
{
	json_t *settings = json_object();
	json_t *segments = json_array();
	const struct document_device device = {
	        .name = "anywhere", .files = NOWHERE, .settings = settings};
	bool part;
	int rc = settings && segments ? add_segments(c, segments) : SL_ENOMEM;

	if (rc == 0 && json_array_size(segments) > 0 &&
	    json_object_set(settings, "segments", segments) != 0)
		rc = SL_ENOMEM;
	if (rc == 0)
		rc = check_document(c, fill, &device, &part);
	json_decref(segments);
	json_decref(settings);
	return rc;
}

/* Names of segments that virtual segments name, as keys. */
static json_t *named_segments(const struct check *c)
{
	json_t *names = json_object();

	for (size_t i = 0; names && i < c->shelf.count; i++) {
		const struct shelf_object *o = &c->shelf.items[i];
		const char *name = o->kind == OBJECT_VIRTUAL_SEGMENT
		                           ? json_string_value(json_object_get(o->body, "segment"))
		                           : NULL;

		if (name && json_object_set_new(names, name, json_true()) != 0) {
			json_decref(names);
			return NULL;
		}
	}
	return names;
}

/* What decides which objects a device gets: those of its segments that are named, in any order. */
static char *group_of(const json_t *settings, const json_t *named)
{
	json_t *own = json_object();
	json_t *segment;
	char *key = NULL;
	size_t i;

	json_array_foreach(json_object_get(settings, "segments"), i, segment)
	{
		const char *name = json_string_value(json_object_get(segment, "name"));

		if (own && name && json_object_get(named, name) &&
		    json_object_set_new(own, name, json_true()) != 0) {
			json_decref(own);
			return NULL;
		}
	}
	if (own)
		key = json_dumps(own, JSON_SORT_KEYS | JSON_COMPACT);
	json_decref(own);
	return key;
}

/* One device of each group: {group: device's name}. */
static int make_groups(const struct check *c, json_t *groups)
{
	json_t *named = named_segments(c);
	json_t *settings;
	const char *name;
	int rc = named ? 0 : SL_ENOMEM;

	json_object_foreach(c->devices, name, settings)
	{
		char *key = rc == 0 ? group_of(settings, named) : NULL;

		if (!key)
			rc = SL_ENOMEM;
		else if (!json_object_get(groups, key) &&
		         json_object_set_new(groups, key, json_string(name)) != 0)
			rc = SL_ENOMEM;
		free(key);
	}
	json_decref(named);
	return rc;
}

static int check_groups(struct check *c)
{
	json_t *groups = json_object();
	unsigned made = 0;
	const char *key;
	json_t *name;
	int rc = groups ? make_groups(c, groups) : SL_ENOMEM;

	json_object_foreach(groups, key, name)
	{
		const struct document_device device = {
		        .name = json_string_value(name),
		        .files = NOWHERE,
		        .settings = json_object_get(c->devices, json_string_value(name))};
		bool part = false;

		if (rc == 0 && made < GROUPS_MAX && c->problem->code == 0)
			rc = check_document(c, fill_device, &device, &part);
		made += part;
	}
	json_decref(groups);
	/* In none of them yet: alone, with what it names. */
	if (rc == 0 && made == 0 && c->changed)
		rc = check_anywhere(c, fill_changed);
	return rc;
}

/* ---- the whole --------------------------------------------------------------------------- */

static int take_device(void *arg, const struct store_row *row)
{
	json_t *settings = json_loads(store_row_text(row, 1), 0, NULL);

	if (!settings)
		return SL_EIO;
	return json_object_set_new(arg, store_row_text(row, 0), settings) == 0 ? 0 : SL_ENOMEM;
}

static int check_all(struct check *c, int64_t id)
{
	int rc;

	c->changed = id != 0 ? shelf_find_id(&c->shelf, id) : NULL;
	/* Deleted: what nothing names is missed by nothing. */
	if (id != 0 && !c->changed)
		return 0;
	/* A certificate or a file has no settings of its own to be wrong. */
	if (c->changed && object_kind_key(c->changed->kind)[0] == '\0')
		return 0;
	rc = store_tx_run(c->tx, STORE_DOCUMENT_DEVICES, NULL, 0, take_device, c->devices);
	if (rc < 0)
		return rc;
	return json_object_size(c->devices) > 0 ? check_groups(c)
	                                        : check_anywhere(c, fill_everything);
}

static int run_check(struct check *c, int64_t id, json_t **ret_notices)
{
	struct problem *problem = c->problem;
	int rc = c->devices && c->notices ? shelf_load_tx(c->tx, &c->shelf) : SL_ENOMEM;

	if (rc == 0)
		rc = check_all(c, id);
	shelf_fini(&c->shelf);
	json_decref(c->devices);
	if (rc == 0)
		rc = problem->code;
	if (rc == 0)
		*ret_notices = c->notices;
	else
		json_decref(c->notices);
	if (rc != 0 && problem->code == 0)
		return problem_add(problem, rc, "", "", "the documents cannot be checked: %s",
		                   err_text(rc));
	return rc;
}

int document_check_tx(struct store_tx *tx, int64_t id, json_t **ret_notices,
                      struct problem *problem)
{
	struct check c = {
	        .tx = tx, .devices = json_object(), .notices = json_array(), .problem = problem};

	return run_check(&c, id, ret_notices);
}

int document_check_since_tx(struct store_tx *tx, struct document_shelf *before,
                            json_t **ret_notices, struct problem *problem)
{
	struct check c = {.tx = tx,
	                  .before = before,
	                  .devices = json_object(),
	                  .notices = json_array(),
	                  .problem = problem};

	return run_check(&c, 0, ret_notices);
}
