/* SPDX-License-Identifier: Apache-2.0 */
/* A document for who reads an older version: without the rows that came later. */
#include <stdio.h>
#include <string.h>

#include "lib/base/err.h"
#include "lib/conf/canon_priv.h"
#include "lib/conf/object.h"
#include "lib/conf/pointer.h"
#include "lib/conf/version.h"

struct leaving {
	uint32_t version;
	conf_later_fn *fn;
	void *arg;
	struct conf_pointer at;
};

/* ---- what says no more than nothing ------------------------------------------------------ */

static bool says_nothing(const struct conf_object *object, const json_t *map);

static bool is_default_scalar(const struct conf_field *f, const json_t *value)
{
	const char *fallback = f->fallback ? f->fallback : "";
	char number[24];
	const char *text = number;
	json_t *one, *other;
	bool same;

	if (f->fallback_help || f->flags & CONF_REQUIRED)
		return false;
	if (json_is_string(value))
		text = json_string_value(value);
	else if (json_is_boolean(value))
		text = json_is_true(value) ? "true" : "false";
	else
		(void)snprintf(number, sizeof(number), "%" JSON_INTEGER_FORMAT,
		               json_integer_value(value));
	if (strcmp(text, fallback) == 0)
		return true;
	one = canon_scalar(f, text);
	other = canon_scalar(f, fallback);
	same = one && other && json_equal(one, other);
	json_decref(one);
	json_decref(other);
	return same;
}

static bool is_default(const struct conf_field *f, const json_t *value)
{
	if (json_is_null(value))
		return true;
	if (f->type == CONF_TYPE_OBJECT)
		return json_is_object(value) && says_nothing(f->object, value);
	if (json_is_array(value) || json_is_object(value))
		return !(f->flags & (CONF_EMPTY | CONF_REQUIRED)) &&
		       (json_is_array(value) ? json_array_size(value) : json_object_size(value)) ==
		               0;
	return is_default_scalar(f, value);
}

/* What is no row of it says something: whoever reads the document refuses it. */
static bool says_nothing(const struct conf_object *object, const json_t *map)
{
	const char *key;
	const json_t *value;
	void *at = json_object_iter((json_t *)(uintptr_t)map);

	for (; at; at = json_object_iter_next((json_t *)(uintptr_t)map, at)) {
		const struct conf_field *f;

		key = json_object_iter_key(at);
		value = json_object_iter_value(at);
		f = conf_object_field(object, key);
		if (!f || !is_default(f, value))
			return false;
	}
	return true;
}

/* ---- the walk ---------------------------------------------------------------------------- */

static int leave_out(struct leaving *l, const struct conf_object *object, json_t *map);

static int leave_out_of_list(struct leaving *l, const struct conf_object *object, json_t *list)
{
	json_t *item;
	size_t i;
	int rc = 0;

	json_array_foreach(list, i, item)
	{
		size_t was = conf_pointer_enter_item(&l->at, i);

		rc = leave_out(l, object, item);
		conf_pointer_leave(&l->at, was);
		if (rc != 0)
			break;
	}
	return rc;
}

static int leave_out_row(struct leaving *l, const struct conf_field *f, json_t *map, json_t *value)
{
	if (conf_since(f) > l->version) {
		int rc = is_default(f, value) ? 0 : l->fn(l->arg, l->at.text, f);

		return rc ? rc : json_object_del(map, f->name);
	}
	if (f->type == CONF_TYPE_OBJECT)
		return leave_out(l, f->object, value);
	return f->type == CONF_TYPE_OBJECTS ? leave_out_of_list(l, f->object, value) : 0;
}

/* Depth is the schema's, which has no loops. */
static int leave_out(struct leaving *l, const struct conf_object *object, json_t *map)
{
	int rc = 0;

	for (size_t i = 0; rc == 0 && json_is_object(map) && i < object->count; i++) {
		const struct conf_field *f = &object->fields[i];
		json_t *value = json_object_get(map, f->name);
		size_t was;

		if (!value)
			continue;
		was = conf_pointer_enter(&l->at, f->name);
		rc = leave_out_row(l, f, map, value);
		conf_pointer_leave(&l->at, was);
	}
	return rc;
}

int conf_leave_out_later(json_t *document, uint32_t version, conf_later_fn *fn, void *arg)
{
	struct leaving l = {.version = version, .fn = fn, .arg = arg};

	return version < conf_version() ? leave_out(&l, &conf_schema, document) : 0;
}
