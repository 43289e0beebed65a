/* SPDX-License-Identifier: Apache-2.0 */
#include "smsd/api/access.h"

#include <stdlib.h>
#include <string.h>

#include "lib/base/err.h"
#include "lib/conf/pointer.h"
#include "lib/conf/value.h"
#include "smsd/api/route.h"
#include "smsd/auth/group.h"

/* Of tables: what lib/conf's references to an item are. */
static const enum conf_collection refs[] = {
#define ITEM(NAME, kind, collection, key, ref, help) CONF_##ref,
#include "smsd/auth/item.def"
#undef ITEM
};

#define DISTRIBUTIONS "/distributions"

/* The kinds of which he has all: asked once a call. */
static int learn_whole(struct api_call *call)
{
	int rc = 0;

	if (!call->items_known)
		rc = auth_items_whole(call->context->store, &call->identity, &call->items_whole);
	call->items_known = rc == 0;
	return rc;
}

static bool has_all(const struct api_call *call, enum auth_item item)
{
	return call->items_whole >> item & 1;
}

/* 0, SL_EPERM, or the store's code. */
static int may(struct api_call *call, enum auth_item item, const char *name)
{
	return has_all(call, item)
	               ? 0
	               : auth_may_item(call->context->store, &call->identity, item, name);
}

/* ---- the path ---------------------------------------------------------------------------- */

/* AUTH_ITEM_END: the path is of none. */
static enum auth_item item_of_path(const char *path)
{
	size_t len = strcspn(path + 1, "/?");

	for (unsigned i = 0; i < AUTH_ITEM_END; i++)
		if (strlen(auth_item_collection(i)) == len &&
		    memcmp(auth_item_collection(i), path + 1, len) == 0)
			return i;
	return AUTH_ITEM_END;
}

static int not_there(struct api_call *call, int rc, enum auth_item item, const char *name,
                     const char *pointer)
{
	if (rc != SL_EPERM)
		return rc;
	return problem_add(&call->problem, SL_ENOENT, pointer, "look at the list of names",
	                   "there is no %s \"%.128s\"", auth_item_kind(item), name);
}

/* "/devices/{name}", and what is behind it; anything else of a collection that is no GET makes one.
 */
static int check_item(struct api_call *call)
{
	const char *path = call->route->path;
	enum auth_item item = item_of_path(path);

	if (item == AUTH_ITEM_END)
		return 0;
	path += 1 + strlen(auth_item_collection(item));
	if (strncmp(path, "/{", 2) == 0)
		return not_there(call, may(call, item, call->parameter[0]), item,
		                 call->parameter[0], "");
	if (call->route->method == HTTP_GET || has_all(call, item))
		return 0;
	return problem_add(
	        &call->problem, SL_EPERM, "", "ask somebody who has all of them",
	        "your groups give you single ones of the kind %s, so you make no new ones",
	        auth_item_kind(item));
}

/* "/distributions/{id}/…" that changes something, or says what one of them has. */
static int check_distribution(struct api_call *call)
{
	const char *path = call->route->path;
	uint64_t id;
	int rc;

	if (strncmp(path, DISTRIBUTIONS "/{", strlen(DISTRIBUTIONS) + 2) != 0 ||
	    call->route->method == HTTP_GET || has_all(call, AUTH_ITEM_DEVICE) ||
	    value_parse_uint(call->parameter[0], &id) != 0 || id > INT64_MAX)
		return 0;
	rc = auth_may_distribution(call->context->store, &call->identity, (int64_t)id);
	if (rc == SL_EPERM)
		return problem_add(&call->problem, rc, "", "ask somebody who has them all",
		                   "it is for devices too that you have not");
	return rc;
}

int access_check_path(struct api_call *call)
{
	int rc = learn_whole(call);

	if (rc == 0)
		rc = check_item(call);
	return rc ? rc : check_distribution(call);
}

/* ---- the body ---------------------------------------------------------------------------- */

/* A name or a list of names. */
static int check_names(struct api_call *call, enum auth_item item, const json_t *value,
                       struct conf_pointer *at)
{
	const char *name = json_string_value(value);
	json_t *one;
	size_t i;
	int rc = 0;

	if (name)
		return not_there(call, may(call, item, name), item, name, at->text);
	json_array_foreach(value, i, one)
	{
		size_t before = conf_pointer_enter_item(at, i);

		if (rc == 0)
			rc = check_names(call, item, one, at);
		conf_pointer_leave(at, before);
	}
	return rc;
}

/* The kind that a field of a body names; AUTH_ITEM_END: none. */
static enum auth_item item_of_field(const struct conf_field *field)
{
	bool names = field->type == CONF_TYPE_NAMES;

	for (unsigned i = 0; i < AUTH_ITEM_END; i++)
		if ((field->ref != CONF_NO_COLLECTION && field->ref == refs[i]) ||
		    (names && strcmp(field->name, auth_item_key(i)) == 0))
			return i;
	return AUTH_ITEM_END;
}

static int check_object(struct api_call *call, const struct conf_object *object,
                        const json_t *value, struct conf_pointer *at);

static int check_objects(struct api_call *call, const struct conf_object *object,
                         const json_t *value, struct conf_pointer *at)
{
	json_t *one;
	size_t i;
	int rc = 0;

	if (json_is_object(value))
		return check_object(call, object, value, at);
	json_array_foreach(value, i, one)
	{
		size_t before = conf_pointer_enter_item(at, i);

		if (rc == 0)
			rc = check_object(call, object, one, at);
		conf_pointer_leave(at, before);
	}
	return rc;
}

/* As deep as the tables are, which have no circle. */
static int check_object(struct api_call *call, const struct conf_object *object,
                        const json_t *value, struct conf_pointer *at)
{
	int rc = 0;

	for (size_t i = 0; i < object->count && rc == 0; i++) {
		const struct conf_field *field = &object->fields[i];
		const json_t *part = json_object_get(value, field->name);
		enum auth_item item = item_of_field(field);
		size_t before = conf_pointer_enter(at, field->name);

		if (part && item != AUTH_ITEM_END)
			rc = check_names(call, item, part, at);
		else if (part && field->object)
			rc = check_objects(call, field->object, part, at);
		conf_pointer_leave(at, before);
	}
	return rc;
}

/* A distribution that names no devices is one to all. */
static int check_all_devices(struct api_call *call, const struct conf_object *shape)
{
	const char *key = auth_item_key(AUTH_ITEM_DEVICE);
	const struct conf_field *field = conf_object_field(shape, key);

	if (!field || field->type != CONF_TYPE_NAMES || has_all(call, AUTH_ITEM_DEVICE) ||
	    json_array_size(json_object_get(call->body, key)) > 0)
		return 0;
	return problem_add(&call->problem, SL_EPERM, "/devices", "name the devices",
	                   "without names it is all devices, and you have not all");
}

int access_check_body(struct api_call *call)
{
	const struct conf_object *shape = api_shape_object(call->route->body);
	struct conf_pointer at = {.len = 0};
	int rc = learn_whole(call);

	if (rc != 0 || !shape || call->items_whole == AUTH_ITEMS_ALL)
		return rc;
	rc = check_object(call, shape, call->body, &at);
	return rc ? rc : check_all_devices(call, shape);
}

/* ---- the answer -------------------------------------------------------------------------- */

static enum auth_item item_of_kind(const json_t *value)
{
	const char *kind = json_string_value(json_object_get(value, "kind"));

	for (unsigned i = 0; kind && i < AUTH_ITEM_END; i++)
		if (strcmp(auth_item_kind(i), kind) == 0)
			return i;
	return AUTH_ITEM_END;
}

/* What the objects of a list under this key are, where they do not say it themselves. */
static enum auth_item item_of_list(const struct api_call *call, const char *key)
{
	if (strcmp(key, "items") == 0)
		return item_of_path(call->route->path);
	for (unsigned i = 0; i < AUTH_ITEM_END; i++)
		if (strcmp(auth_item_key(i), key) == 0)
			return i;
	return AUTH_ITEM_END;
}

static int filter_value(struct api_call *call, json_t *value);

static int filter_list(struct api_call *call, json_t *list, enum auth_item of_list)
{
	size_t i = 0;
	int rc = 0;

	while (rc == 0 && i < json_array_size(list)) {
		json_t *one = json_array_get(list, i);
		const char *name = json_string_value(json_object_get(one, "name"));
		enum auth_item item = item_of_kind(one);

		if (item == AUTH_ITEM_END)
			item = of_list;
		rc = name && item != AUTH_ITEM_END ? may(call, item, name) : 0;
		if (rc == SL_EPERM)
			rc = json_array_remove(list, i) == 0 ? 0 : SL_ENOMEM;
		else if (rc == 0) {
			rc = filter_value(call, one);
			i++;
		}
	}
	return rc;
}

/* As deep as jansson reads. */
static int filter_value(struct api_call *call, json_t *value)
{
	const char *key;
	json_t *part;
	int rc = 0;

	json_object_foreach(value, key, part)
	{
		if (rc == 0)
			rc = json_is_array(part) ? filter_list(call, part, item_of_list(call, key))
			                         : filter_value(call, part);
	}
	return rc;
}

int access_filter(struct api_call *call, json_t *value)
{
	int rc;

	if (call->route->access == API_ACCESS_PUBLIC)
		return 0;
	rc = learn_whole(call);
	return rc == 0 && call->items_whole != AUTH_ITEMS_ALL ? filter_value(call, value) : rc;
}
