/* SPDX-License-Identifier: Apache-2.0 */
#include "tests/unit/lib/conf/edge.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "lib/base/err.h"
#include "lib/conf/config.h"
#include "lib/conf/error.h"
#include "lib/conf/object.h"
#include "lib/conf/value.h"

enum { POINTER_MAX = 256, LIST_TRIED_MAX = 20000, ITEM_TEXT_MAX = 1024 };

/* Where the walk is: a body that has what leads to the row, and nothing else. */
struct walk {
	const struct conf_object *shape;
	json_t *body;
	char pointer[POINTER_MAX];
	unsigned tried;
};

/* Takes `value` over. Whether something is said of the row's pointer, or below it. */
static bool is_refused(struct walk *w, json_t *map, const struct conf_field *f, json_t *value)
{
	char place[2 * POINTER_MAX];
	struct conf_errors errs;
	bool refused = false;
	size_t len;

	assert_int_equal(json_object_set_new(map, f->name, value), 0);
	(void)snprintf(place, sizeof(place), "%s/%s", w->pointer, f->name);
	len = strlen(place);
	conf_errors_init(&errs);
	if (conf_object_check(w->shape, w->body, &errs) == 0)
		assert_int_equal(errs.count, 0);
	for (size_t i = 0; i < errs.count; i++) {
		const struct conf_error *e = &errs.items[i];

		if (strncmp(e->pointer, place, len) != 0 || !strchr("/", e->pointer[len]))
			continue;
		refused = true;
		if (!e->remedy[0])
			fail_msg("%s%s: no remedy: %s", w->shape->name, e->pointer, e->text);
	}
	conf_errors_fini(&errs);
	assert_int_equal(json_object_del(map, f->name), 0);
	w->tried++;
	return refused;
}

static void taken(struct walk *w, json_t *map, const struct conf_field *f, json_t *value)
{
	if (is_refused(w, map, f, value))
		fail_msg("%s%s/%s: a value at its edge is refused", w->shape->name, w->pointer,
		         f->name);
}

static void refused(struct walk *w, json_t *map, const struct conf_field *f, json_t *value)
{
	if (!is_refused(w, map, f, value))
		fail_msg("%s%s/%s: a value over its edge is taken", w->shape->name, w->pointer,
		         f->name);
}

/* ---- values ------------------------------------------------------------------------------ */

static json_t *number_of(const struct conf_field *f, uint64_t value)
{
	char text[VALUE_TEXT_MAX];

	if (f->type == CONF_TYPE_DURATION)
		return json_string(value_format_duration(value, text));
	if (f->type == CONF_TYPE_SIZE)
		return json_string(value_format_size(value, text));
	return json_integer((json_int_t)value);
}

static void try_number(struct walk *w, json_t *map, const struct conf_field *f)
{
	taken(w, map, f, number_of(f, f->min));
	taken(w, map, f, number_of(f, f->max));
	refused(w, map, f, number_of(f, f->max + 1));
	if (f->min > 0)
		refused(w, map, f, number_of(f, f->min - 1));
	refused(w, map, f, json_string("many"));
}

/* So long a text of its type. */
static json_t *text_of(const struct conf_field *f, size_t len)
{
	char *text = malloc(len + 1);
	json_t *value;

	assert_non_null(text);
	memset(text, 'a', len);
	text[len] = '\0';
	if (f->type == CONF_TYPE_PATH && len > 0)
		text[0] = '/';
	value = json_string(text);
	free(text);
	return value;
}

static void try_text(struct walk *w, json_t *map, const struct conf_field *f)
{
	if (f->max == 0)
		fail_msg("%s%s/%s: a text without a bound", w->shape->name, w->pointer, f->name);
	taken(w, map, f, text_of(f, f->max));
	refused(w, map, f, text_of(f, f->max + 1));
	if (f->min > 0) {
		taken(w, map, f, text_of(f, f->min));
		refused(w, map, f, text_of(f, f->min - 1));
	}
	if (f->flags & CONF_LINES)
		taken(w, map, f, text_of(f, f->min + 1));
	else
		refused(w, map, f, json_string("line\nend"));
	refused(w, map, f, json_string("tab\x01"));
	refused(w, map, f, json_integer(1));
}

static void try_name(struct walk *w, json_t *map, const struct conf_field *f)
{
	static const char *const bad[] = {"", " a", "a ", "a/b", "\xc3\xa4", "a\"b"};

	try_text(w, map, f);
	for (size_t i = 0; i < SL_ARRAY_LEN(bad); i++)
		refused(w, map, f, json_string(bad[i]));
	taken(w, map, f, json_string("aZ 0_-9"));
	if (f->type == CONF_TYPE_NAME)
		taken(w, map, f, json_string("a.b"));
	else
		refused(w, map, f, json_string("a.b"));
}

static bool is_word_allowed(const struct conf_field *f, size_t i)
{
	return f->allowed == 0 || f->allowed >> i & 1;
}

static void try_choice(struct walk *w, json_t *map, const struct conf_field *f)
{
	for (size_t i = 0; i < f->choices->count; i++) {
		json_t *word = json_string(f->choices->items[i].text);

		if (f->type == CONF_TYPE_CHOICES)
			word = json_pack("[o]", word);
		if (is_word_allowed(f, i))
			taken(w, map, f, word);
		else
			refused(w, map, f, word);
	}
	refused(w, map, f, json_string("no such word"));
	refused(w, map, f, json_pack("[s]", "no such word"));
}

static json_t *item_of(const struct conf_field *f, size_t i)
{
	switch (f->type) {
	case CONF_TYPE_PREFIXES:
		return json_sprintf("10.%zu.%zu.0/24", i / 256, i % 256);
	case CONF_TYPE_PORTS:
		return json_sprintf("%zu", i + 1);
	case CONF_TYPE_VLANS:
		return json_sprintf("%zu", i % 4094 + 1);
	case CONF_TYPE_PATHS:
		return json_sprintf("/files/%zu", i);
	case CONF_TYPE_OBJECTS:
		return json_object();
	default:
		return json_sprintf("n%zu", i);
	}
}

static json_t *list_of(const struct conf_field *f, size_t count)
{
	json_t *list = json_array();

	for (size_t i = 0; i < count; i++)
		assert_int_equal(json_array_append_new(list, item_of(f, i)), 0);
	return list;
}

static void try_list(struct walk *w, json_t *map, const struct conf_field *f)
{
	if (f->max == 0 || f->max > LIST_TRIED_MAX)
		fail_msg("%s%s/%s: a list without a bound", w->shape->name, w->pointer, f->name);
	if (f->type != CONF_TYPE_OBJECTS) /* their items lack what they need */
		taken(w, map, f, list_of(f, f->max));
	refused(w, map, f, list_of(f, f->max + 1));
	if (f->min > 0)
		refused(w, map, f, json_array());
	else
		taken(w, map, f, json_array());
	refused(w, map, f, json_string("no list"));
}

/* Edges of items that are no number of the row's. */
static void try_items(struct walk *w, json_t *map, const struct conf_field *f)
{
	static const struct {
		enum conf_type type;
		const char *item;
		bool good;
	} edges[] = {
	        {CONF_TYPE_PORTS, "1", true},
	        {CONF_TYPE_PORTS, "65535", true},
	        {CONF_TYPE_PORTS, "0", false},
	        {CONF_TYPE_PORTS, "65536", false},
	        {CONF_TYPE_PORTS, "2-1", false},
	        {CONF_TYPE_PORTS, "1-65535", true},
	        {CONF_TYPE_VLANS, "1", true},
	        {CONF_TYPE_VLANS, "4094", true},
	        {CONF_TYPE_VLANS, "4095", false},
	        {CONF_TYPE_VLANS, "untagged", true},
	        {CONF_TYPE_VLANS, "20-10", false},
	        {CONF_TYPE_PREFIXES, "10.0.0.0/8", true},
	        {CONF_TYPE_PREFIXES, "10.0.0.1/8", false},
	        {CONF_TYPE_PREFIXES, "10.0.0.0/33", false},
	        {CONF_TYPE_PREFIXES, "10.0.0.256", false},
	        {CONF_TYPE_PREFIXES, "0.0.0.0/0", true},
	};

	if (f->type == CONF_TYPE_NAMES || f->type == CONF_TYPE_PATHS) {
		const struct conf_field one = {.type = f->type == CONF_TYPE_PATHS ? CONF_TYPE_PATH
		                                                                  : CONF_TYPE_TEXT};

		taken(w, map, f, json_pack("[o]", text_of(&one, ITEM_TEXT_MAX)));
		refused(w, map, f, json_pack("[o]", text_of(&one, ITEM_TEXT_MAX + 1)));
	}
	for (size_t i = 0; i < SL_ARRAY_LEN(edges); i++) {
		if (edges[i].type != f->type)
			continue;
		if (edges[i].good)
			taken(w, map, f, json_pack("[s]", edges[i].item));
		else
			refused(w, map, f, json_pack("[s]", edges[i].item));
	}
}

/* ---- walk -------------------------------------------------------------------------------- */

static void walk_object(struct walk *w, const struct conf_object *object, json_t *map);

/* Into the map, or the one item of the list. */
static void walk_into(struct walk *w, const struct conf_field *f, json_t *map)
{
	size_t len = strlen(w->pointer);
	json_t *below = json_object();

	(void)snprintf(w->pointer + len, sizeof(w->pointer) - len, "/%s%s", f->name,
	               f->type == CONF_TYPE_OBJECTS ? "/0" : "");
	assert_int_equal(json_object_set_new(map, f->name,
	                                     f->type == CONF_TYPE_OBJECTS ? json_pack("[O]", below)
	                                                                  : json_incref(below)),
	                 0);
	walk_object(w, f->object, below);
	json_decref(below);
	assert_int_equal(json_object_del(map, f->name), 0);
	w->pointer[len] = '\0';
}

/* Whatever it says, but nothing. */
static void try_refused(struct walk *w, json_t *map, const struct conf_field *f)
{
	if (f->type == CONF_TYPE_BOOL)
		refused(w, map, f, json_true());
	else if (f->type == CONF_TYPE_OBJECT)
		refused(w, map, f, json_pack("{s:s}", "a", "b"));
	else
		refused(w, map, f, json_string("a"));
}

static void try_field(struct walk *w, const struct conf_field *f, json_t *map)
{
	if (f->flags & (CONF_UNAVAILABLE | CONF_SMS_MADE)) {
		try_refused(w, map, f);
		return;
	}
	switch (f->type) {
	case CONF_TYPE_UINT:
	case CONF_TYPE_PORT:
	case CONF_TYPE_DURATION:
	case CONF_TYPE_SIZE:
		try_number(w, map, f);
		break;
	case CONF_TYPE_NAME:
	case CONF_TYPE_NAME_STRICT:
		try_name(w, map, f);
		break;
	case CONF_TYPE_TEXT:
	case CONF_TYPE_PATH:
		try_text(w, map, f);
		break;
	case CONF_TYPE_CHOICE:
	case CONF_TYPE_CHOICES:
		try_choice(w, map, f);
		break;
	case CONF_TYPE_BOOL:
		taken(w, map, f, json_true());
		taken(w, map, f, json_false());
		refused(w, map, f, json_string("true"));
		refused(w, map, f, json_integer(1));
		break;
	case CONF_TYPE_TIME:
		taken(w, map, f, json_string("2027-01-31T00:00:00Z"));
		refused(w, map, f, json_string("2027-02-30"));
		break;
	case CONF_TYPE_PREFIXES:
	case CONF_TYPE_PORTS:
	case CONF_TYPE_VLANS:
	case CONF_TYPE_PATHS:
	case CONF_TYPE_SUITES:
	case CONF_TYPE_NAMES:
	case CONF_TYPE_REFS:
		try_list(w, map, f);
		try_items(w, map, f);
		break;
	case CONF_TYPE_OBJECTS:
		try_list(w, map, f);
		walk_into(w, f, map);
		break;
	case CONF_TYPE_OBJECT:
		walk_into(w, f, map);
		refused(w, map, f, json_string("no map"));
		break;
	case CONF_TYPE_VARIABLES:
		taken(w, map, f, json_pack("{s:s}", "HOME_NET", "[10.0.0.0/8]"));
		refused(w, map, f, json_pack("{s:s}", "$HOME", "x"));
		refused(w, map, f, json_pack("{s:i}", "HOME_NET", 1));
		break;
	case CONF_TYPE_INTERFACE:
		taken(w, map, f, json_string("eth0"));
		refused(w, map, f, json_string("eth/0"));
		refused(w, map, f, json_string(""));
		break;
	case CONF_TYPE_ADDRESS:
		taken(w, map, f, json_string("127.0.0.1"));
		refused(w, map, f, json_string("127.0.0.256"));
		break;
	case CONF_TYPE_ANY:
		break;
	case CONF_TYPE_REF:
		refused(w, map, f, json_integer(1));
		refused(w, map, f, json_pack("[s]", "a"));
		break;
	default:
		fail_msg("%s/%s: the test does not know this type", w->shape->name, f->name);
	}
}

static void walk_object(struct walk *w, const struct conf_object *object, json_t *map)
{
	for (size_t i = 0; i < object->count; i++)
		try_field(w, &object->fields[i], map);
}

unsigned edge_walk(const struct conf_object *shape)
{
	struct walk w = {.shape = shape, .body = json_object()};

	assert_non_null(w.body);
	walk_object(&w, shape, w.body);
	json_decref(w.body);
	return w.tried;
}
