/* SPDX-License-Identifier: Apache-2.0 */
/*
 * One value of a document by its row: checked, and put into the struct. Everything that is wrong
 * is added to the list with its remedy, and reading goes on.
 */
#include "lib/conf/build_priv.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "lib/base/err.h"
#include "lib/conf/value.h"

enum { REMEDY_MAX = 512 };

static void *place_in(const struct conf_field *field, void *base)
{
	return base && field->offset != CONF_NOWHERE ? (char *)base + field->offset : NULL;
}

static void store(void *at, const void *value, size_t len)
{
	if (at)
		memcpy(at, value, len);
}

static const char *range_remedy(const struct conf_field *f, char remedy[REMEDY_MAX])
{
	char min[VALUE_TEXT_MAX];
	char max[VALUE_TEXT_MAX];

	if (f->type == CONF_TYPE_DURATION)
		(void)snprintf(
		        remedy, REMEDY_MAX, "write a number and ms, s, m, h or d, from %s to %s",
		        value_format_duration(f->min, min), value_format_duration(f->max, max));
	else if (f->type == CONF_TYPE_SIZE)
		(void)snprintf(remedy, REMEDY_MAX,
		               "write a number and B, KiB, MiB or GiB, from %s to %s",
		               value_format_size(f->min, min), value_format_size(f->max, max));
	else
		(void)snprintf(remedy, REMEDY_MAX,
		               "write a whole number from %" PRIu64 " to %" PRIu64, f->min, f->max);
	return remedy;
}

static void read_number(struct build *b, const struct conf_field *f, const struct conf_node *node,
                        const char *text, void *at)
{
	char remedy[REMEDY_MAX];
	uint64_t value;
	int rc;

	if (f->type == CONF_TYPE_DURATION)
		rc = value_parse_duration(text, &value);
	else if (f->type == CONF_TYPE_SIZE)
		rc = value_parse_size(text, &value);
	else
		rc = value_parse_uint(text, &value);
	if (rc == 0 && (value < f->min || value > f->max))
		rc = SL_ERANGE;
	if (rc != 0) {
		(void)conf_errors_add(b->errs, node, rc, range_remedy(f, remedy), "%s: \"%s\" %s",
		                      f->name, text,
		                      rc == SL_ERANGE ? "is out of range" : "cannot be read");
		return;
	}
	if (f->type == CONF_TYPE_SIZE)
		store(at, &value, sizeof(uint64_t));
	else if (f->type == CONF_TYPE_PORT)
		store(at, &(uint16_t){(uint16_t)value}, sizeof(uint16_t));
	else
		store(at, &(uint32_t){(uint32_t)value}, sizeof(uint32_t));
}

static void read_bool(struct build *b, const struct conf_field *f, const struct conf_node *node,
                      const char *text, void *at)
{
	bool value = strcmp(text, "true") == 0;

	if (!value && strcmp(text, "false") != 0) {
		(void)conf_errors_add(b->errs, node, SL_EMALFORMED, "write true or false",
		                      "%s: \"%s\" is neither true nor false", f->name, text);
		return;
	}
	store(at, &value, sizeof(value));
}

static bool is_allowed(const struct conf_field *f, size_t choice)
{
	return f->allowed == 0 || (f->allowed & CONFIG_BIT(choice)) != 0;
}

static const char *words_remedy(const struct conf_field *f, char remedy[REMEDY_MAX])
{
	size_t at = (size_t)snprintf(remedy, REMEDY_MAX, "it takes:");

	for (size_t i = 0; i < f->choices->count && at < REMEDY_MAX; i++)
		if (is_allowed(f, i))
			at += (size_t)snprintf(remedy + at, REMEDY_MAX - at, " %s",
			                       f->choices->items[i].text);
	return remedy;
}

/* The number of a word, or -1 after an error has been added. */
static int word_number(struct build *b, const struct conf_field *f, const struct conf_node *node,
                       const char *text)
{
	char remedy[REMEDY_MAX];

	for (size_t i = 0; i < f->choices->count; i++)
		if (is_allowed(f, i) && strcmp(text, f->choices->items[i].text) == 0)
			return (int)i;
	(void)conf_errors_add(b->errs, node, SL_EINVAL, words_remedy(f, remedy),
	                      "%s does not take \"%s\"", f->name, text);
	return -1;
}

static void read_choice(struct build *b, const struct conf_field *f, const struct conf_node *node,
                        const char *text, void *at)
{
	int number = word_number(b, f, node, text);

	if (number >= 0)
		store(at, &number, sizeof(number));
}

static bool is_name_char(char c, bool dot)
{
	return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') ||
	       c == '_' || c == '-' || c == ' ' || (dot && c == '.');
}

static bool is_name(const char *text, bool dot)
{
	size_t len = strlen(text);

	if (len == 0 || text[0] == ' ' || text[len - 1] == ' ')
		return false;
	for (size_t i = 0; i < len; i++)
		if (!is_name_char(text[i], dot))
			return false;
	return true;
}

static bool is_interface(const char *text)
{
	if (text[0] == '\0' || strcmp(text, ".") == 0 || strcmp(text, "..") == 0)
		return false;
	for (; *text; text++)
		if (*text <= ' ' || *text > '~' || *text == '/' || *text == ':')
			return false;
	return true;
}

static bool has_control(const char *text)
{
	for (; *text; text++)
		if ((unsigned char)*text < ' ' || *text == 0x7f)
			return true;
	return false;
}

/* NULL when `text` is as the type wants it, else the remedy. */
static const char *text_remedy(const struct conf_field *f, const char *text)
{
	switch (f->type) {
	case CONF_TYPE_NAME:
		return is_name(text, true) ? NULL
		                           : "use letters, digits, \"_\", \"-\", \".\" and spaces "
		                             "within";
	case CONF_TYPE_NAME_STRICT:
		return is_name(text, false) ? NULL
		                            : "use letters, digits, \"_\", \"-\" and spaces within";
	case CONF_TYPE_INTERFACE:
		return is_interface(text) ? NULL : "write the name of a network interface: eth1";
	case CONF_TYPE_PATH:
		return text[0] == '/' && !has_control(text) ? NULL
		                                            : "write the whole path, from \"/\" on";
	default:
		return has_control(text) ? "leave control characters and line ends out" : NULL;
	}
}

static void read_text(struct build *b, const struct conf_field *f, const struct conf_node *node,
                      const char *text, void *at)
{
	const char *remedy = node ? text_remedy(f, text) : NULL;
	char limit[REMEDY_MAX];
	char *copy;

	if (!remedy && f->max > 0 && strlen(text) > f->max) {
		(void)snprintf(limit, sizeof(limit), "shorten it to %" PRIu64 " bytes", f->max);
		remedy = limit;
	}
	if (remedy) {
		(void)conf_errors_add(b->errs, node, SL_EINVAL, remedy, "%s: \"%.64s\" is not a %s",
		                      f->name, text, conf_type_name(f->type));
		return;
	}
	if (!at)
		return;
	copy = build_alloc(b, strlen(text) + 1, 1);
	if (copy) {
		memcpy(copy, text, strlen(text));
		store(at, &copy, sizeof(copy));
	}
}

static void read_address(struct build *b, const struct conf_field *f, const struct conf_node *node,
                         const char *text, void *at)
{
	struct addr addr = {0};

	if (addr_parse(text, &addr) != 0) {
		(void)conf_errors_add(b->errs, node, SL_EMALFORMED, "write an address: 127.0.0.1",
		                      "%s: \"%s\" is not an address", f->name, text);
		return;
	}
	store(at, &addr, sizeof(addr));
}

static void read_ref(struct build *b, const struct conf_field *f, const struct conf_node *node,
                     void *at)
{
	struct build_ref *refs;
	size_t size = b->refs_size ? b->refs_size * 2 : 64;

	if (b->refs_count == b->refs_size) {
		refs = reallocarray(b->refs, size, sizeof(*refs));
		if (!refs) {
			(void)conf_errors_add(b->errs, node, SL_ENOMEM, "", "out of memory");
			return;
		}
		b->refs = refs;
		b->refs_size = size;
	}
	b->refs[b->refs_count++] = (struct build_ref){node, f->ref, at};
}

static void read_scalar(struct build *b, const struct conf_field *f, const struct conf_node *node,
                        const char *text, void *at)
{
	switch (f->type) {
	case CONF_TYPE_BOOL:
		read_bool(b, f, node, text, at);
		break;
	case CONF_TYPE_UINT:
	case CONF_TYPE_PORT:
	case CONF_TYPE_DURATION:
	case CONF_TYPE_SIZE:
		read_number(b, f, node, text, at);
		break;
	case CONF_TYPE_CHOICE:
		read_choice(b, f, node, text, at);
		break;
	case CONF_TYPE_ADDRESS:
		read_address(b, f, node, text, at);
		break;
	case CONF_TYPE_REF:
		read_ref(b, f, node, at);
		break;
	default:
		read_text(b, f, node, text, at);
		break;
	}
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
	store(at, &prefix, sizeof(prefix));
}

static void read_ports_item(struct build *b, const struct conf_field *f,
                            const struct conf_node *item, void *at)
{
	struct config_port_range range = {0};
	int rc = value_parse_ports(item->value, &range);

	if (rc != 0)
		bad_item(b, f, item, rc, "write a port or a range from 1 to 65535: \"8443-8450\"");
	store(at, &range, sizeof(range));
}

static void read_vlans_item(struct build *b, const struct conf_field *f,
                            const struct conf_node *item, void *at)
{
	struct config_vlan_range range = {0};
	int rc = value_parse_vlans(item->value, &range);

	if (rc != 0)
		bad_item(b, f, item, rc,
		         "write a VLAN or a range from 1 to 4094, \"10-20\", or untagged");
	store(at, &range, sizeof(range));
}

static void read_text_item(struct build *b, const struct conf_field *f,
                           const struct conf_node *item, void *at)
{
	static const char *const none = "";

	store(at, &none, sizeof(none));
	read_text(b, f, item, item->value, at);
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

static bool check_item(struct build *b, const struct conf_field *f, const struct conf_node *item,
                       enum conf_kind kind)
{
	if (item->kind == kind)
		return true;
	(void)conf_errors_add(b->errs, item, SL_EINVAL, "see docs/configuration.md",
	                      "%s is a %s; this item is none", f->name, conf_type_name(f->type));
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
	store(at, &list, sizeof(list));
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
		                     ? word_number(b, f, item, item->value)
		                     : -1;

		if (number >= 0)
			bits |= CONFIG_BIT((unsigned)number);
	}
	store(at, &bits, sizeof(bits));
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
	store(at, &list, sizeof(list));
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
		if (!is_name(item->key, false) || strchr(item->key, ' ') || strchr(item->key, '-'))
			(void)conf_errors_add(b->errs, item, SL_EINVAL,
			                      "use letters, digits and \"_\", without the $",
			                      "\"%s\" is not a name of a variable", item->key);
		if (!check_item(b, f, item, CONF_SCALAR))
			continue;
		read_text(b, &text, item, item->key, &items[i].name);
		read_text(b, &text, item, item->value, &items[i].value);
	}
	list.items = items;
	store(at, &list, sizeof(list));
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
	if (node->quoted && (f->type == CONF_TYPE_BOOL || f->type == CONF_TYPE_UINT)) {
		(void)conf_errors_add(b->errs, node, SL_EINVAL, "leave the quotes out",
		                      "%s is a %s, and this is text", f->name,
		                      conf_type_name(f->type));
		return false;
	}
	return true;
}

void build_read_value(struct build *b, const struct conf_field *f, const struct conf_node *node,
                      void *base)
{
	void *at = place_in(f, base);

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
		store(at, &builtin, sizeof(builtin));
	else if (f->fallback)
		read_scalar(b, f, NULL, f->fallback, at);
}
