/* SPDX-License-Identifier: Apache-2.0 */
/*
 * One value of a document by its row: lists, maps, and scalars by read_scalar.c. Everything that
 * is wrong is added to the list with its remedy, and reading goes on.
 */
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "lib/base/err.h"
#include "lib/conf/name.h"
#include "lib/conf/read_priv.h"
#include "lib/conf/value.h"

enum { ITEM_TEXT_MAX = 1024 }; /* bytes of one text or path in a list */

static void *place_in(const struct conf_field *field, void *base)
{
	return base && field->offset != CONF_NOWHERE ? (char *)base + field->offset : NULL;
}

/* ---- items of lists ---------------------------------------------------------------------- */

static void bad_item(struct build *b, const struct conf_field *f, const struct conf_node *item,
                     int code, const char *remedy)
{
	(void)conf_errors_add(b->errs, item, code, remedy, "%s: \"%s\" %s", f->name, item->value,
	                      code == SL_ERANGE   ? "is out of range"
	                      : code == SL_EINVAL ? "has bits set behind its prefix"
	                                          : "cannot be read");
}

static void read_prefix_item(struct build *b, const struct conf_field *f,
                             const struct conf_node *item, void *at)
{
	struct addr_prefix prefix = {0};
	int rc = addr_parse_prefix(item->value, &prefix);

	if (rc != 0)
		bad_item(b, f, item, rc,
		         "write an address or a CIDR block with zeros behind the prefix: "
		         "10.1.2.3, 10.1.0.0/16");
	read_store(at, &prefix, sizeof(prefix));
}

static void read_ports_item(struct build *b, const struct conf_field *f,
                            const struct conf_node *item, void *at)
{
	struct config_port_range range = {0};
	int rc = value_parse_ports(item->value, &range);

	if (rc != 0)
		bad_item(b, f, item, rc, "write a port or a range from 1 to 65535: \"8443-8450\"");
	read_store(at, &range, sizeof(range));
}

static void read_vlans_item(struct build *b, const struct conf_field *f,
                            const struct conf_node *item, void *at)
{
	struct config_vlan_range range = {0};
	int rc = value_parse_vlans(item->value, &range);

	if (rc != 0)
		bad_item(b, f, item, rc,
		         "write a VLAN or a range from 1 to 4094, \"10-20\", or untagged");
	read_store(at, &range, sizeof(range));
}

/* The list's own maximum is of its items, not of their length. */
static void read_text_item(struct build *b, const struct conf_field *f,
                           const struct conf_node *item, void *at)
{
	static const char *const none = "";
	const struct conf_field one = {
	        .name = f->name,
	        .type = f->type == CONF_TYPE_PATHS ? CONF_TYPE_PATH : CONF_TYPE_TEXT,
	        .max = ITEM_TEXT_MAX,
	};

	read_store(at, &none, sizeof(none));
	read_text(b, &one, item, item->value, at);
}

struct item_kind {
	size_t size;
	void (*read)(struct build *b, const struct conf_field *f, const struct conf_node *item,
	             void *at);
};

static const struct item_kind item_kinds[CONF_TYPE_END] = {
        [CONF_TYPE_PREFIXES] = {sizeof(struct addr_prefix), read_prefix_item},
        [CONF_TYPE_PORTS] = {sizeof(struct config_port_range), read_ports_item},
        [CONF_TYPE_VLANS] = {sizeof(struct config_vlan_range), read_vlans_item},
        [CONF_TYPE_PATHS] = {sizeof(char *), read_text_item},
        [CONF_TYPE_SUITES] = {sizeof(char *), read_text_item},
        [CONF_TYPE_NAMES] = {sizeof(char *), read_text_item},
        [CONF_TYPE_REFS] = {sizeof(void *), read_ref},
};

static bool check_list(struct build *b, const struct conf_field *f, const struct conf_node *node)
{
	if (node->kind != CONF_LIST) {
		(void)conf_errors_add(b->errs, node, SL_EINVAL,
		                      "put it into brackets, or one a line behind a dash",
		                      "%s is a %s", f->name, conf_type_name(f->type));
		return false;
	}
	if (node->children < f->min)
		(void)conf_errors_add(b->errs, node, SL_ERANGE, "name at least one", "%s is empty",
		                      f->name);
	if (f->max > 0 && node->children > f->max) {
		(void)conf_errors_add(b->errs, node, SL_ELIMIT, "leave the least needed out",
		                      "%s has %zu items; at most %" PRIu64 " are taken", f->name,
		                      node->children, f->max);
		return false;
	}
	return true;
}

/* In a document a plain 7 may be a name; in a body, whose JSON is used as it is, it is a number. */
static bool check_quotes(struct build *b, const struct conf_field *f, const struct conf_node *node)
{
	bool is_plain = f->type == CONF_TYPE_BOOL || f->type == CONF_TYPE_UINT ||
	                (f->type == CONF_TYPE_PORT && b->is_body);
	bool is_either = f->type == CONF_TYPE_PORT || f->type == CONF_TYPE_PORTS ||
	                 f->type == CONF_TYPE_VLANS;

	if (node->quoted && is_plain) {
		(void)conf_errors_add(b->errs, node, SL_EINVAL, "leave the quotes out",
		                      "%s is a %s, and this is text", f->name,
		                      conf_type_name(f->type));
		return false;
	}
	if (!node->quoted && !is_plain && !is_either && b->is_body) {
		(void)conf_errors_add(b->errs, node, SL_EINVAL, "put it into quotes",
		                      "%s is text, and this is none", f->name);
		return false;
	}
	return true;
}

static bool check_item(struct build *b, const struct conf_field *f, const struct conf_node *item,
                       enum conf_kind kind)
{
	char remedy[128];

	if (item->kind == kind)
		return kind != CONF_SCALAR || check_quotes(b, f, item);
	(void)snprintf(remedy, sizeof(remedy), "see %s", b->page);
	(void)conf_errors_add(b->errs, item, SL_EINVAL, remedy, "%s is a %s; this item is none",
	                      f->name, conf_type_name(f->type));
	return false;
}

static void read_list(struct build *b, const struct conf_field *f, const struct conf_node *node,
                      void *at)
{
	const struct item_kind *kind = &item_kinds[f->type];
	struct build_list list = {.count = node->children};
	char *items = NULL;
	size_t i = 0;

	if (at) {
		items = build_alloc(b, list.count, kind->size);
		if (!items)
			return;
	}
	for (const struct conf_node *item = node->child; item; item = item->next, i++)
		if (check_item(b, f, item, CONF_SCALAR))
			kind->read(b, f, item, items ? items + i * kind->size : NULL);
	list.items = items;
	read_store(at, &list, sizeof(list));
}

static void read_choices(struct build *b, const struct conf_field *f, const struct conf_node *node,
                         void *at)
{
	uint32_t bits = 0;

	if (node->children == 0)
		(void)conf_errors_add(b->errs, node, SL_ERANGE,
		                      "name at least one, or leave the setting out", "%s is empty",
		                      f->name);
	for (const struct conf_node *item = node->child; item; item = item->next) {
		int number = check_item(b, f, item, CONF_SCALAR)
		                     ? read_word(b, f, item, item->value)
		                     : -1;

		if (number >= 0)
			bits |= CONFIG_BIT((unsigned)number);
	}
	read_store(at, &bits, sizeof(bits));
}

static void read_objects(struct build *b, const struct conf_field *f, const struct conf_node *node,
                         void *at)
{
	const struct conf_object *object = f->object;
	struct build_list list = {.count = f->builtin_count + node->children};
	char *items = NULL;
	size_t i = f->builtin_count;

	if (at) {
		items = build_alloc(b, list.count, object->size);
		if (!items)
			return;
		if (f->builtin)
			memcpy(items, f->builtin, f->builtin_count * object->size);
	}
	for (const struct conf_node *item = node->child; item; item = item->next, i++) {
		char *base = items ? items + i * object->size : NULL;

		if (base && object->index_offset)
			*(uint32_t *)(void *)(base + object->index_offset) = (uint32_t)i;
		build_read_object(b, object, check_item(b, f, item, CONF_MAP) ? item : NULL, base);
	}
	list.items = items;
	read_store(at, &list, sizeof(list));
}

static void read_variables(struct build *b, const struct conf_field *f,
                           const struct conf_node *node, void *at)
{
	struct build_list list = {.count = node->children};
	struct config_variable *items = build_alloc(b, list.count, sizeof(*items));
	struct conf_field text = {.name = f->name, .type = CONF_TYPE_TEXT, .max = 64 * 1024};
	size_t i = 0;

	if (!items)
		return;
	for (const struct conf_node *item = node->child; item; item = item->next, i++) {
		items[i].name = items[i].value = "";
		if (!conf_is_name(item->key, false) || strchr(item->key, ' ') ||
		    strchr(item->key, '-'))
			(void)conf_errors_add(b->errs, item, SL_EINVAL,
			                      "use letters, digits and \"_\", without the $",
			                      "\"%s\" is not a name of a variable", item->key);
		if (!check_item(b, f, item, CONF_SCALAR))
			continue;
		read_text(b, &text, item, item->key, &items[i].name);
		read_text(b, &text, item, item->value, &items[i].value);
	}
	list.items = items;
	read_store(at, &list, sizeof(list));
}

/* ---- any value --------------------------------------------------------------------------- */

static bool check_map(struct build *b, const struct conf_field *f, const struct conf_node *node)
{
	if (node->kind == CONF_MAP)
		return true;
	(void)conf_errors_add(b->errs, node, SL_EINVAL, "write its settings as \"key: value\"",
	                      "%s is a map", f->name);
	return false;
}

static bool check_scalar(struct build *b, const struct conf_field *f, const struct conf_node *node)
{
	if (node->kind != CONF_SCALAR) {
		(void)conf_errors_add(b->errs, node, SL_EINVAL, "write one value behind the key",
		                      "%s is a %s, not a %s", f->name, conf_type_name(f->type),
		                      node->kind == CONF_MAP ? "map" : "list");
		return false;
	}
	return check_quotes(b, f, node);
}

void build_read_value(struct build *b, const struct conf_field *f, const struct conf_node *node,
                      void *base)
{
	void *at = place_in(f, base);

	if (f->type == CONF_TYPE_ANY)
		return;
	if (f->type == CONF_TYPE_OBJECT) {
		if (check_map(b, f, node))
			build_read_object(b, f->object, node, at);
	} else if (f->type == CONF_TYPE_VARIABLES) {
		if (check_map(b, f, node))
			read_variables(b, f, node, at);
	} else if (f->type == CONF_TYPE_OBJECTS) {
		if (check_list(b, f, node))
			read_objects(b, f, node, at);
	} else if (f->type == CONF_TYPE_CHOICES) {
		if (check_list(b, f, node))
			read_choices(b, f, node, at);
	} else if (item_kinds[f->type].read) {
		if (check_list(b, f, node))
			read_list(b, f, node, at);
	} else if (check_scalar(b, f, node)) {
		read_scalar(b, f, node, node->value, at);
	}
}

void build_read_fallback(struct build *b, const struct conf_field *f, void *base)
{
	void *at = place_in(f, base);
	struct build_list builtin = {f->builtin, f->builtin_count};

	if (f->type == CONF_TYPE_OBJECT)
		build_read_object(b, f->object, NULL, at);
	else if (f->type == CONF_TYPE_OBJECTS)
		read_store(at, &builtin, sizeof(builtin));
	else if (f->fallback)
		read_scalar(b, f, NULL, f->fallback, at);
}
