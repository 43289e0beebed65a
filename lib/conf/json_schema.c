/* SPDX-License-Identifier: Apache-2.0 */
/* Rows as JSON Schema, draft 2020-12: of a device's document, of bodies of requests to the SMS. */
#include <stdlib.h>
#include <string.h>

#include "lib/conf/config.h"
#include "lib/conf/object.h"
#include "lib/conf/version.h"

static json_t *text_pattern(const char *pattern)
{
	return json_pack("{s:s, s:s}", "type", "string", "pattern", pattern);
}

static json_t *words(const struct conf_field *f)
{
	json_t *list = json_array();

	for (size_t i = 0; list && i < f->choices->count; i++)
		if (f->allowed == 0 || f->allowed & CONFIG_BIT(i))
			if (json_array_append_new(list, json_string(f->choices->items[i].text))) {
				json_decref(list);
				return NULL;
			}
	return list;
}

/* A list of `items`, which is taken over. */
static json_t *list_of(const struct conf_field *f, json_t *items)
{
	json_t *list = json_pack("{s:s, s:o}", "type", "array", "items", items);

	if (list && f->min > 0)
		(void)json_object_set_new(list, "minItems", json_integer((json_int_t)f->min));
	if (list && f->max > 0)
		(void)json_object_set_new(list, "maxItems", json_integer((json_int_t)f->max));
	return list;
}

static json_t *ports_item(void)
{
	return json_pack("{s:[{s:s, s:i, s:i}, {s:s, s:s}]}", "anyOf", "type", "integer", "minimum",
	                 1, "maximum", 65535, "type", "string", "pattern",
	                 "^[1-9][0-9]{0,4}(-[1-9][0-9]{0,4})?$");
}

static json_t *vlans_item(void)
{
	return json_pack("{s:[{s:s, s:i, s:i}, {s:s, s:s}]}", "anyOf", "type", "integer", "minimum",
	                 1, "maximum", 4094, "type", "string", "pattern",
	                 "^(untagged|[1-9][0-9]{0,3}(-[1-9][0-9]{0,3})?)$");
}

static json_t *text_schema(const struct conf_field *f)
{
	json_t *text = json_pack("{s:s}", "type", "string");

	if (text && f->max > 0)
		(void)json_object_set_new(text, "maxLength", json_integer((json_int_t)f->max));
	if (text && f->min > 0)
		(void)json_object_set_new(text, "minLength", json_integer((json_int_t)f->min));
	return text;
}

static json_t *name_schema(const struct conf_field *f, const char *pattern)
{
	json_t *name = text_schema(f);

	if (name)
		(void)json_object_set_new(name, "pattern", json_string(pattern));
	return name;
}

static json_t *value_schema(const struct conf_field *f)
{
	switch (f->type) {
	case CONF_TYPE_BOOL:
		return json_pack("{s:s}", "type", "boolean");
	case CONF_TYPE_UINT:
	case CONF_TYPE_PORT:
		return json_pack("{s:s, s:I, s:I}", "type", "integer", "minimum",
		                 (json_int_t)f->min, "maximum", (json_int_t)f->max);
	case CONF_TYPE_DURATION:
		return text_pattern("^(0|(0|[1-9][0-9]*)(ms|s|m|h|d))$");
	case CONF_TYPE_TIME:
		return text_pattern("^[0-9]{4}-[0-9]{2}-[0-9]{2}(T[0-9]{2}:[0-9]{2}:[0-9]{2}Z)?$");
	case CONF_TYPE_SIZE:
		return text_pattern("^(0|(0|[1-9][0-9]*)(B|KiB|MiB|GiB))$");
	case CONF_TYPE_NAME:
		return name_schema(f, "^[A-Za-z0-9_.-]([A-Za-z0-9_. -]*[A-Za-z0-9_.-])?$");
	case CONF_TYPE_NAME_STRICT:
		return name_schema(f, "^[A-Za-z0-9_-]([A-Za-z0-9_ -]*[A-Za-z0-9_-])?$");
	case CONF_TYPE_PATH:
		return name_schema(f, "^/");
	case CONF_TYPE_CHOICE:
		return json_pack("{s:o}", "enum", words(f));
	case CONF_TYPE_CHOICES:
		return json_pack("{s:s, s:{s:o}, s:i}", "type", "array", "items", "enum", words(f),
		                 "minItems", 1);
	case CONF_TYPE_PORTS:
		return list_of(f, ports_item());
	case CONF_TYPE_VLANS:
		return list_of(f, vlans_item());
	case CONF_TYPE_PATHS:
		return list_of(f, text_pattern("^/"));
	case CONF_TYPE_PREFIXES:
	case CONF_TYPE_SUITES:
	case CONF_TYPE_NAMES:
	case CONF_TYPE_REFS:
		return list_of(f, json_pack("{s:s}", "type", "string"));
	case CONF_TYPE_OBJECT:
		return conf_object_json_schema(f->object);
	case CONF_TYPE_OBJECTS:
		return list_of(f, conf_object_json_schema(f->object));
	case CONF_TYPE_ANY:
		return json_object();
	case CONF_TYPE_VARIABLES:
		return json_pack("{s:s, s:{s:s}}", "type", "object", "additionalProperties", "type",
		                 "string");
	default:
		return text_schema(f);
	}
}

/* The default in the type that the document writes. */
static json_t *default_value(const struct conf_field *f)
{
	if (f->type == CONF_TYPE_BOOL)
		return json_boolean(strcmp(f->fallback, "true") == 0);
	if (f->type == CONF_TYPE_UINT || f->type == CONF_TYPE_PORT)
		return json_integer((json_int_t)strtoull(f->fallback, NULL, 10));
	return json_string(f->fallback);
}

static json_t *field_schema(const struct conf_field *f)
{
	json_t *value = value_schema(f);

	if (!value)
		return NULL;
	(void)json_object_set_new(value, "description", json_string(f->help));
	if (f->fallback && !f->fallback_help && f->fallback[0])
		(void)json_object_set_new(value, "default", default_value(f));
	if (f->flags & CONF_SECRET)
		(void)json_object_set_new(value, "writeOnly", json_true());
	if (f->source)
		(void)json_object_set_new(value, "x-scope", json_string(conf_scope_name(f->scope)));
	if (f->source && f->source[0])
		(void)json_object_set_new(value, "x-requirements", json_string(f->source));
	if (conf_since(f) > 1)
		(void)json_object_set_new(value, "x-since", json_integer(conf_since(f)));
	if (f->flags & CONF_UNAVAILABLE)
		(void)json_object_set_new(value, "x-refused", json_string(f->unavailable));
	if (f->flags & CONF_SMS_ONLY)
		(void)json_object_set_new(value, "x-sms-only", json_string(f->unavailable));
	if (f->flags & CONF_SMS_MADE)
		(void)json_object_set_new(value, "readOnly", json_true());
	return value;
}

json_t *conf_object_json_schema(const struct conf_object *object)
{
	json_t *properties = json_object();
	json_t *required = json_array();
	json_t *schema;

	for (size_t i = 0; properties && required && i < object->count; i++) {
		const struct conf_field *f = &object->fields[i];

		(void)json_object_set_new(properties, f->name, field_schema(f));
		if (f->flags & CONF_REQUIRED)
			(void)json_array_append_new(required, json_string(f->name));
	}
	schema = json_pack("{s:s, s:o, s:b}", "type", "object", "properties", properties,
	                   "additionalProperties", 0);
	if (schema && json_array_size(required) > 0)
		(void)json_object_set(schema, "required", required);
	json_decref(required);
	return schema;
}
