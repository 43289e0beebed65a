/* SPDX-License-Identifier: Apache-2.0 */
/*
 * JSON into nodes, by jansson. It keeps no places of values, so errors of such documents name the
 * pointer only. Counting brackets and commas first keeps jansson itself, which allocates for each
 * value, within the same bounds as the tree.
 */
#include <inttypes.h>
#include <jansson.h>
#include <stdio.h>
#include <string.h>

#include "lib/base/err.h"
#include "lib/conf/error.h"
#include "lib/conf/json_priv.h"
#include "lib/conf/node_priv.h"

struct json_load {
	struct conf_document *doc;
	struct conf_errors *errs;
	size_t scalar_max;
};

/* Values and nesting of a text, without understanding it: never less than there are. */
static void measure(const char *text, size_t len, size_t *ret_values, size_t *ret_depth)
{
	size_t values = 1;
	size_t depth = 0;
	size_t deepest = 0;
	bool in_string = false;

	for (size_t i = 0; i < len; i++) {
		char c = text[i];

		if (in_string) {
			if (c == '\\')
				i++;
			else if (c == '"')
				in_string = false;
			continue;
		}
		in_string = c == '"';
		values += c == ',' || c == '[' || c == '{';
		depth += c == '[' || c == '{';
		deepest = SL_MAX(deepest, depth);
		depth -= (c == ']' || c == '}') && depth > 0;
	}
	*ret_values = values;
	*ret_depth = deepest;
}

static char *scalar_text(struct json_load *l, const json_t *value)
{
	char number[64];

	switch (json_typeof(value)) {
	case JSON_STRING:
		return arena_text(&l->doc->arena, json_string_value(value),
		                  json_string_length(value));
	case JSON_INTEGER:
		(void)snprintf(number, sizeof(number), "%" JSON_INTEGER_FORMAT,
		               json_integer_value(value));
		break;
	case JSON_REAL:
		(void)snprintf(number, sizeof(number), "%.17g", json_real_value(value));
		break;
	default:
		(void)snprintf(number, sizeof(number), "%s",
		               json_is_true(value) ? "true" : "false");
		break;
	}
	return arena_text(&l->doc->arena, number, strlen(number));
}

static enum conf_kind kind_of(const json_t *value)
{
	switch (json_typeof(value)) {
	case JSON_OBJECT:
		return CONF_MAP;
	case JSON_ARRAY:
		return CONF_LIST;
	case JSON_NULL:
		return CONF_NULL;
	default:
		return CONF_SCALAR;
	}
}

static int add_value(struct json_load *l, struct conf_node *parent, const char *key, json_t *value);

static int add_children(struct json_load *l, struct conf_node *node, json_t *value)
{
	const char *key;
	json_t *item;
	size_t i;
	int rc = 0;

	if (node->kind == CONF_LIST)
		json_array_foreach(value, i, item)
		{
			rc = add_value(l, node, NULL, item);
			if (rc != 0)
				return rc;
		}
	if (node->kind == CONF_MAP)
		json_object_foreach(value, key, item)
		{
			rc = add_value(l, node, key, item);
			if (rc != 0)
				return rc;
		}
	return 0;
}

/* Recursion is bounded by CONF_DEPTH_MAX, which conf_node_add() keeps. */
static int add_value(struct json_load *l, struct conf_node *parent, const char *key, json_t *value)
{
	struct conf_node what = {.kind = kind_of(value), .parent = parent, .file = l->doc->file};
	struct conf_node *node;
	int rc = 0;

	what.quoted = json_is_string(value);
	what.index = parent ? parent->children : 0;
	if (key) {
		what.key = arena_text(&l->doc->arena, key, strlen(key));
		if (!what.key)
			return conf_errors_add(l->errs, NULL, SL_ENOMEM, "", "out of memory");
		rc = conf_node_check_key(parent, &what, l->errs);
	}
	if (rc == 0 && json_is_string(value) && json_string_length(value) > l->scalar_max)
		return conf_errors_add(l->errs, &what, SL_ELIMIT, "shorten it",
		                       "a value is too long");
	if (rc == 0 && what.kind == CONF_SCALAR) {
		what.value = scalar_text(l, value);
		if (!what.value)
			rc = conf_errors_add(l->errs, NULL, SL_ENOMEM, "", "out of memory");
	}
	if (rc != 0)
		return rc;
	node = conf_node_add(l->doc, parent, &what, l->errs);
	return node ? add_children(l, node, value) : SL_ELIMIT;
}

int json_parse(const char *file, const void *text, size_t len, size_t len_max,
               struct conf_errors *errs, json_t **ret_value)
{
	json_error_t error;
	size_t values = 0;
	size_t depth = 0;
	json_t *value;

	measure(text, len, &values, &depth);
	if (len > len_max || values > CONF_NODES_MAX || depth > CONF_DEPTH_MAX)
		return conf_errors_add_at(errs, file, 0, 0, "", SL_ELIMIT,
		                          "put long lists into files that the document names",
		                          "the document is too large or nested too deeply");
	value = json_loadb(text, len, JSON_REJECT_DUPLICATES, &error);
	if (!value)
		return conf_errors_add_at(errs, file, error.line > 0 ? (unsigned)error.line : 0,
		                          error.column > 0 ? (unsigned)error.column : 0, "",
		                          SL_EMALFORMED, "check the text there",
		                          "this is not JSON: %s", error.text);
	*ret_value = value;
	return 0;
}

int conf_load_json(const char *file, const void *text, size_t len, struct conf_errors *errs,
                   struct conf_document **ret)
{
	json_t *value;
	int rc =
	        json_parse(file, text ? text : "", text ? len : 0, CONF_DOCUMENT_MAX, errs, &value);

	if (rc == 0) {
		rc = json_tree(file, value, CONF_SCALAR_MAX, errs, ret);
		json_decref(value);
	}
	return rc;
}

int json_tree(const char *file, json_t *value, size_t scalar_max, struct conf_errors *errs,
              struct conf_document **ret)
{
	struct json_load l = {.errs = errs, .scalar_max = scalar_max};
	int rc;

	l.doc = conf_document_create(file);
	if (l.doc)
		rc = add_value(&l, NULL, NULL, value);
	else
		rc = conf_errors_add(errs, NULL, SL_ENOMEM, "", "out of memory");
	if (rc != 0) {
		conf_document_destroy(l.doc);
		return rc;
	}
	*ret = l.doc;
	return 0;
}
