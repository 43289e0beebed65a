/* SPDX-License-Identifier: Apache-2.0 */
/* Walks document and schema side by side and makes jansson values of what is written. */
#include "lib/conf/canon.h"

#include <stdlib.h>
#include <string.h>

#include "lib/base/addr.h"
#include "lib/base/buf.h"
#include "lib/base/err.h"
#include "lib/conf/canon_priv.h"
#include "lib/conf/config.h"
#include "lib/conf/digest.h"
#include "lib/conf/node.h"
#include "lib/conf/object.h"
#include "lib/conf/schema.h"
#include "lib/conf/value.h"

static json_t *object_value(const struct conf_object *object, const struct conf_node *node,
                            unsigned flags);

/* Text that cannot be read stays as it is: only checked documents come here. */
json_t *canon_scalar(const struct conf_field *f, const char *text)
{
	char spelled[VALUE_TEXT_MAX];
	uint64_t value;
	int64_t time;

	switch (f->type) {
	case CONF_TYPE_BOOL:
		return json_boolean(strcmp(text, "true") == 0);
	case CONF_TYPE_UINT:
	case CONF_TYPE_PORT:
		if (value_parse_uint(text, &value) == 0 && value <= INT64_MAX)
			return json_integer((json_int_t)value);
		break;
	case CONF_TYPE_DURATION:
		if (value_parse_duration(text, &value) == 0)
			return json_string(value_format_duration(value, spelled));
		break;
	case CONF_TYPE_TIME:
		if (value_parse_time(text, &time) == 0)
			return json_string(value_format_time(time, spelled));
		break;
	case CONF_TYPE_SIZE:
		if (value_parse_size(text, &value) == 0)
			return json_string(value_format_size(value, spelled));
		break;
	default:
		break;
	}
	return json_string(text);
}

static json_t *item_value(const struct conf_field *f, const char *text)
{
	char prefix_text[ADDR_PREFIX_TEXT_MAX];
	char spelled[VALUE_TEXT_MAX];
	struct config_port_range ports;
	struct config_vlan_range vlans;
	struct addr_prefix prefix;

	if (f->type == CONF_TYPE_PREFIXES && addr_parse_prefix(text, &prefix) == 0)
		return json_string(addr_format_prefix(&prefix, prefix_text));
	if (f->type == CONF_TYPE_PORTS && value_parse_ports(text, &ports) == 0)
		return json_string(value_format_ports(&ports, spelled));
	if (f->type == CONF_TYPE_VLANS && value_parse_vlans(text, &vlans) == 0)
		return json_string(value_format_vlans(&vlans, spelled));
	return json_string(text);
}

/* Words in the order of the enumeration, each once. */
static json_t *choices_value(const struct conf_field *f, const struct conf_node *node)
{
	json_t *list = json_array();

	for (size_t i = 0; list && i < f->choices->count; i++)
		for (const struct conf_node *n = node->child; n; n = n->next)
			if (strcmp(n->value, f->choices->items[i].text) == 0) {
				if (json_array_append_new(list, json_string(n->value)) != 0) {
					json_decref(list);
					return NULL;
				}
				break;
			}
	return list;
}

static json_t *list_value(const struct conf_field *f, const struct conf_node *node, unsigned flags)
{
	json_t *list = json_array();

	for (const struct conf_node *n = node->child; list && n; n = n->next) {
		json_t *item = f->type == CONF_TYPE_OBJECTS ? object_value(f->object, n, flags)
		                                            : item_value(f, n->value);

		if (json_array_append_new(list, item) != 0) {
			json_decref(list);
			return NULL;
		}
	}
	return list;
}

static int by_key(const void *a, const void *b)
{
	const struct conf_node *const *x = a;
	const struct conf_node *const *y = b;

	return strcmp((*x)->key, (*y)->key);
}

static json_t *variables_value(const struct conf_node *node)
{
	const struct conf_node **sorted = reallocarray(NULL, node->children + 1, sizeof(*sorted));
	json_t *map = json_object();
	size_t count = 0;
	int rc = sorted && map ? 0 : -1;

	for (const struct conf_node *n = node->child; rc == 0 && n; n = n->next)
		sorted[count++] = n;
	if (rc == 0)
		qsort(sorted, count, sizeof(*sorted), by_key);
	for (size_t i = 0; rc == 0 && i < count; i++)
		rc = json_object_set_new(map, sorted[i]->key, json_string(sorted[i]->value));
	free(sorted);
	if (rc == 0)
		return map;
	json_decref(map);
	return NULL;
}

static json_t *field_value(const struct conf_field *f, const struct conf_node *node, unsigned flags)
{
	if (f->type == CONF_TYPE_OBJECT)
		return object_value(f->object, node, flags);
	if (f->type == CONF_TYPE_VARIABLES)
		return variables_value(node);
	if (f->type == CONF_TYPE_CHOICES)
		return choices_value(f, node);
	if (node->kind == CONF_LIST)
		return list_value(f, node, flags);
	return canon_scalar(f, node->value);
}

static bool is_empty(const json_t *value)
{
	return (json_is_object(value) && json_object_size(value) == 0) ||
	       (json_is_array(value) && json_array_size(value) == 0);
}

/* What is not written and has a default; NULL and *ret_none when there is nothing to say. */
static json_t *fallback_value(const struct conf_field *f, unsigned flags, bool *ret_none)
{
	*ret_none = true;
	if (!(flags & CONF_CANON_DEFAULTS) || (f->flags & CONF_UNAVAILABLE))
		return NULL;
	if (f->type == CONF_TYPE_OBJECT) {
		*ret_none = false;
		return object_value(f->object, NULL, flags);
	}
	if (!f->fallback || f->fallback[0] == '\0' || f->fallback_help)
		return NULL;
	*ret_none = false;
	return canon_scalar(f, f->fallback);
}

static int add_field(json_t *map, const struct conf_field *f, const struct conf_node *node,
                     unsigned flags)
{
	bool none = false;
	json_t *value;

	if (f->flags & CONF_SECRET)
		return 0;
	if (node && node->kind != CONF_NULL)
		value = field_value(f, node, flags);
	else
		value = fallback_value(f, flags, &none);
	if (none)
		return 0;
	if (value && is_empty(value) && !(f->flags & CONF_EMPTY)) {
		json_decref(value);
		return 0;
	}
	return json_object_set_new(map, f->name, value);
}

static json_t *object_value(const struct conf_object *object, const struct conf_node *node,
                            unsigned flags)
{
	json_t *map = json_object();

	for (size_t i = 0; map && i < object->count; i++) {
		const struct conf_field *f = &object->fields[i];
		const struct conf_node *child = node ? conf_node_find(node, f->name) : NULL;

		if (add_field(map, f, child, flags) != 0) {
			json_decref(map);
			return NULL;
		}
	}
	return map;
}

json_t *canon_object(const struct conf_object *object, const struct conf_node *node, unsigned flags)
{
	return object_value(object, node, flags);
}

json_t *canon_value(const struct conf_node *root, unsigned flags)
{
	return object_value(&conf_schema, root, flags);
}

static int pass_over(void *arg, const char *pointer, const struct conf_field *field)
{
	(void)arg;
	(void)pointer;
	(void)field;
	return 0;
}

/* Of a document of before, rows that came later: it cannot have them, their defaults neither. */
static int drop_later(json_t *value)
{
	const json_int_t version = json_integer_value(json_object_get(value, "version"));

	return conf_leave_out_later(value, (uint32_t)version, pass_over, NULL);
}

int conf_canonical(const struct conf_node *root, unsigned flags, struct buf *out)
{
	json_t *value = canon_value(root, flags);
	char *text;
	int rc;

	if (!value)
		return SL_ENOMEM;
	if (flags & CONF_CANON_DEFAULTS && drop_later(value) != 0) {
		json_decref(value);
		return SL_ENOMEM;
	}
	text = json_dumps(value, flags & CONF_CANON_INDENT ? JSON_INDENT(2) : JSON_COMPACT);
	json_decref(value);
	if (!text)
		return SL_ENOMEM;
	rc = buf_add(out, text, strlen(text));
	free(text);
	return rc;
}

int conf_canonical_sha256(const struct conf_node *root, uint8_t ret_sha256[32])
{
	struct buf text;
	int rc;

	buf_init(&text, 4 * (size_t)CONF_DOCUMENT_MAX);
	rc = conf_canonical(root, 0, &text);
	if (rc == 0)
		rc = conf_digest(text.data, text.len, ret_sha256);
	buf_fini(&text);
	return rc;
}
