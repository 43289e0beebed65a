/* SPDX-License-Identifier: Apache-2.0 */
/* Walks two canonical values and the schema side by side. */
#include "lib/conf/diff.h"

#include <jansson.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "lib/base/buf.h"
#include "lib/base/err.h"
#include "lib/conf/canon.h"
#include "lib/conf/canon_priv.h"
#include "lib/conf/diff_priv.h"
#include "lib/conf/node.h"

enum { PATH_MAX_LEN = 1024 };

/* Where the walk is: grown at the end, cut again on the way back. */
struct walk {
	struct conf_changes *changes;
	char pointer[PATH_MAX_LEN];
	char label[PATH_MAX_LEN];
};

struct mark {
	size_t pointer, label;
};

static struct mark step(struct walk *w, const char *token, const char *label)
{
	struct mark m = {strlen(w->pointer), strlen(w->label)};

	(void)snprintf(w->pointer + m.pointer, PATH_MAX_LEN - m.pointer, "/%s", token);
	(void)snprintf(w->label + m.label, PATH_MAX_LEN - m.label, "%s", label);
	return m;
}

static struct mark step_field(struct walk *w, const char *name)
{
	char label[128];

	(void)snprintf(label, sizeof(label), "%s%s", w->label[0] ? "." : "", name);
	return step(w, name, label);
}

static struct mark step_item(struct walk *w, size_t index, const char *name)
{
	char token[24];
	char label[256];

	(void)snprintf(token, sizeof(token), "%zu", index);
	(void)snprintf(label, sizeof(label), "[%s]", name ? name : token);
	return step(w, token, label);
}

static void step_back(struct walk *w, struct mark m)
{
	w->pointer[m.pointer] = '\0';
	w->label[m.label] = '\0';
}

/* ---- changes ----------------------------------------------------------------------------- */

static char *value_text(const json_t *value)
{
	if (!value)
		return strdup("");
	return json_dumps(value, JSON_COMPACT | JSON_ENCODE_ANY);
}

static int changes_reserve(struct conf_changes *c)
{
	size_t size = c->size ? c->size * 2 : 16;
	struct conf_change *items;

	if (c->count < c->size)
		return 0;
	items = reallocarray(c->items, size, sizeof(*items));
	if (!items)
		return SL_ENOMEM;
	c->items = items;
	c->size = size;
	return 0;
}

static void change_fini(struct conf_change *c)
{
	free(c->pointer);
	free(c->label);
	free(c->old_value);
	free(c->new_value);
}

static int add_change(struct walk *w, enum conf_change_kind kind, enum conf_scope scope,
                      const json_t *old, const json_t *new)
{
	struct conf_change c = {.kind = kind, .scope = scope};
	int rc = changes_reserve(w->changes);

	if (rc != 0)
		return rc;
	c.pointer = strdup(w->pointer);
	c.label = strdup(w->label);
	c.old_value = value_text(old);
	c.new_value = value_text(new);
	if (!c.pointer || !c.label || !c.old_value || !c.new_value) {
		change_fini(&c);
		return SL_ENOMEM;
	}
	w->changes->items[w->changes->count++] = c;
	return 0;
}

static int one_sided(struct walk *w, enum conf_scope scope, const json_t *old, const json_t *new)
{
	return add_change(w, old ? CONF_REMOVED : CONF_ADDED, scope, old, new);
}

/* ---- walking ----------------------------------------------------------------------------- */

static int diff_object(struct walk *w, const struct conf_object *object, const json_t *old,
                       const json_t *new);

static const char *name_of(const json_t *item)
{
	return json_string_value(json_object_get(item, "name"));
}

/* The item of that name, or the one at `index` where items have none. */
static const json_t *partner(const json_t *list, const json_t *item, size_t index)
{
	const char *name = name_of(item);
	const json_t *other;
	size_t i;

	if (!name)
		return json_array_get(list, index);
	json_array_foreach(list, i, other)
	{
		const char *other_name = name_of(other);

		if (other_name && strcmp(other_name, name) == 0)
			return other;
	}
	return NULL;
}

/* Items that both lists have stand in the same order. */
static bool same_order(const json_t *old, const json_t *new)
{
	size_t at = 0;
	size_t i;
	const json_t *item;

	json_array_foreach(new, i, item)
	{
		const json_t *match = partner(old, item, i);

		if (!match || !name_of(item))
			continue;
		while (at < json_array_size(old) && json_array_get(old, at) != match)
			at++;
		if (at == json_array_size(old))
			return false;
	}
	return true;
}

static int diff_items(struct walk *w, const struct conf_field *f, const json_t *old,
                      const json_t *new)
{
	const json_t *item;
	size_t i;
	int rc = 0;

	json_array_foreach(old, i, item)
	{
		struct mark m = step_item(w, i, name_of(item));

		if (!partner(new, item, i))
			rc = one_sided(w, f->scope, item, NULL);
		step_back(w, m);
		if (rc != 0)
			return rc;
	}
	json_array_foreach(new, i, item)
	{
		const json_t *match = partner(old, item, i);
		struct mark m = step_item(w, i, name_of(item));

		rc = match ? diff_object(w, f->object, match, item)
		           : one_sided(w, f->scope, NULL, item);
		step_back(w, m);
		if (rc != 0)
			return rc;
	}
	if (!same_order(old, new))
		return add_change(w, CONF_MOVED, f->scope, NULL, NULL);
	return 0;
}

static int diff_field(struct walk *w, const struct conf_field *f, const json_t *old,
                      const json_t *new)
{
	if (f->type == CONF_TYPE_OBJECT)
		return diff_object(w, f->object, old, new);
	if (f->type == CONF_TYPE_OBJECTS)
		return diff_items(w, f, old, new);
	if (!old || !new)
		return one_sided(w, f->scope, old, new);
	return json_equal(old, new) ? 0 : add_change(w, CONF_CHANGED, f->scope, old, new);
}

static int diff_object(struct walk *w, const struct conf_object *object, const json_t *old,
                       const json_t *new)
{
	int rc = 0;

	for (size_t i = 0; rc == 0 && i < object->count; i++) {
		const struct conf_field *f = &object->fields[i];
		const json_t *old_value = json_object_get(old, f->name);
		const json_t *new_value = json_object_get(new, f->name);
		struct mark m;

		if (!old_value && !new_value)
			continue;
		m = step_field(w, f->name);
		rc = diff_field(w, f, old_value, new_value);
		step_back(w, m);
	}
	return rc;
}

int diff_values(const struct conf_object *object, const json_t *old_value, const json_t *new_value,
                struct conf_changes *ret_changes)
{
	struct conf_changes changes = {0};
	struct walk w = {.changes = &changes};
	int rc = diff_object(&w, object, old_value, new_value);

	if (rc == 0)
		*ret_changes = changes;
	else
		conf_changes_fini(&changes);
	return rc;
}

int conf_diff(const struct conf_node *old_root, const struct conf_node *new_root,
              struct conf_changes *ret_changes)
{
	json_t *old = canon_value(old_root, CONF_CANON_DEFAULTS);
	json_t *new = canon_value(new_root, CONF_CANON_DEFAULTS);
	int rc = old && new ? diff_values(&conf_schema, old, new, ret_changes) : SL_ENOMEM;

	json_decref(old);
	json_decref(new);
	return rc;
}

void conf_changes_fini(struct conf_changes *changes)
{
	for (size_t i = 0; i < changes->count; i++)
		change_fini(&changes->items[i]);
	free(changes->items);
	*changes = (struct conf_changes){0};
}

enum conf_scope conf_changes_scope(const struct conf_changes *changes)
{
	enum conf_scope scope = CONF_SCOPE_LIVE;

	for (size_t i = 0; i < changes->count; i++)
		scope = SL_MAX(scope, changes->items[i].scope);
	return scope;
}

const char *conf_change_kind_name(enum conf_change_kind kind)
{
	static const char *const names[] = {"added", "removed", "changed", "moved"};

	return (unsigned)kind < SL_ARRAY_LEN(names) ? names[kind] : "?";
}

int conf_changes_print(const struct conf_changes *changes, struct buf *out)
{
	static const char signs[] = {'+', '-', '~', '>'};
	int rc = 0;

	for (size_t i = 0; rc == 0 && i < changes->count; i++) {
		const struct conf_change *c = &changes->items[i];

		rc = buf_printf(out, "%c %s%s%s%s%s (%s)\n", signs[c->kind], c->label,
		                c->old_value[0] || c->new_value[0] ? ": " : "", c->old_value,
		                c->kind == CONF_CHANGED ? " -> " : "", c->new_value,
		                conf_scope_name(c->scope));
	}
	return rc;
}
