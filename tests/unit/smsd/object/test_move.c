/* SPDX-License-Identifier: Apache-2.0 */
/* Virtual segments have an order of their own (R166): in lists, in documents, and how one moves. */
#include "tests/unit/smsd/object/settings.h"
#include "tests/unit/smsd/object/shelf.h"

#include <stdio.h>

#include "lib/base/err.h"

static const struct setting_change how = {.actor = &place_actor, .comment = "order"};

static void segment(struct desk *d, const char *name, const char *more)
{
	char body[256];

	(void)snprintf(body, sizeof(body), "{'name':'%s','segment':'wan','profile':'p'%s}", name,
	               more);
	assert_int_equal(settings_create(d, OBJECT_VIRTUAL_SEGMENT, body), 0);
}

static int setup(void **state)
{
	int rc = settings_setup(state);

	if (rc == 0)
		rc = settings_create(*state, OBJECT_PROFILE, "{'name':'p'}");
	return rc;
}

static int add_name(void *arg, const struct object *object)
{
	char *names = arg;
	size_t len = strlen(names);

	(void)snprintf(names + len, 256 - len, "%s%s", len ? " " : "", object->name);
	return 0;
}

/* The list, in pages of `limit`: the next begins behind the last name of the one before. */
static const char *listed(struct desk *d, unsigned limit)
{
	static char names[256];
	size_t before;

	names[0] = '\0';
	do {
		const char *last = strrchr(names, ' ');

		before = strlen(names);
		assert_int_equal(object_list(d->place->store, OBJECT_VIRTUAL_SEGMENT,
		                             last ? last + 1 : names, limit, add_name, names),
		                 0);
	} while (strlen(names) > before);
	return names;
}

/* In the device's document, which has no places. */
static const char *drafted(struct desk *d)
{
	static char names[256];
	struct document document;
	json_t *root, *item;
	size_t i;

	names[0] = '\0';
	assert_int_equal(make(d, wan_settings, &document), 0);
	assert_null(strstr(document.text, "\"place\""));
	root = json_loads(document.text, 0, NULL);
	json_array_foreach(json_object_get(root, "virtual_segments"), i, item)
	{
		const struct object object = {.id = 1};
		struct object named = object;

		(void)snprintf(named.name, sizeof(named.name), "%s",
		               json_string_value(json_object_get(item, "name")));
		(void)add_name(names, &named);
	}
	json_decref(root);
	document_fini(&document);
	return names;
}

static void is_order(struct desk *d, const char *names)
{
	assert_string_equal(listed(d, 100), names);
	assert_string_equal(listed(d, 1), names);
	assert_string_equal(listed(d, 2), names);
	assert_string_equal(drafted(d), names);
}

static int move(struct desk *d, const char *name, bool before, const char *other)
{
	const struct setting_move move = {.other = other, .before = before};

	return setting_move(d->place->store, &how, OBJECT_VIRTUAL_SEGMENT, name,
	                    settings_revision(d, OBJECT_VIRTUAL_SEGMENT, name), &move, d->problem);
}

static void places_come_first_and_names_where_there_is_none(void **state)
{
	struct desk *d = *state;

	segment(d, "b", "");
	segment(d, "a", "");
	is_order(d, "a b");
	segment(d, "z", ",'place':7");
	segment(d, "y", ",'place':7");
	segment(d, "x", ",'place':1000000000");
	segment(d, "w", ",'place':1");
	is_order(d, "w y z x a b");
	assert_int_equal(settings_replace(d, OBJECT_VIRTUAL_SEGMENT, "w",
	                                  "{'name':'w','segment':'wan','profile':'p'}"),
	                 0);
	is_order(d, "y z x a b w");
	assert_int_equal(settings_delete(d, OBJECT_VIRTUAL_SEGMENT, "y"), 0);
	assert_int_equal(settings_rollback(d, OBJECT_VIRTUAL_SEGMENT, "y", 1), 0);
	is_order(d, "y z x a b w");
}

static void one_goes_before_or_behind_another(void **state)
{
	struct desk *d = *state;

	segment(d, "a", "");
	segment(d, "b", "");
	segment(d, "c", "");
	segment(d, "d", "");
	assert_int_equal(move(d, "c", true, "b"), 0);
	is_order(d, "a c b d");
	/* a and c have places since, d and b are as they were. */
	assert_int_equal(settings_revision(d, OBJECT_VIRTUAL_SEGMENT, "a"), 2);
	assert_int_equal(settings_revision(d, OBJECT_VIRTUAL_SEGMENT, "b"), 1);
	assert_int_equal(settings_revision(d, OBJECT_VIRTUAL_SEGMENT, "d"), 1);
	assert_int_equal(place_audited(d->place, "move", "c"), 1);
	assert_int_equal(move(d, "d", true, "a"), 0);
	is_order(d, "d a c b");
	assert_int_equal(settings_revision(d, OBJECT_VIRTUAL_SEGMENT, "a"), 2);
	assert_int_equal(move(d, "d", false, "b"), 0);
	is_order(d, "a c b d");
	assert_int_equal(move(d, "a", false, "c"), 0);
	is_order(d, "c a b d");
	assert_int_equal(move(d, "c", false, "d"), 0);
	is_order(d, "a b d c");
}

static void where_it_is_already_nothing_changes(void **state)
{
	struct desk *d = *state;

	segment(d, "a", "");
	segment(d, "b", "");
	assert_int_equal(move(d, "a", true, "b"), 0);
	assert_int_equal(move(d, "b", false, "a"), 0);
	assert_int_equal(settings_revision(d, OBJECT_VIRTUAL_SEGMENT, "a"), 1);
	assert_int_equal(settings_revision(d, OBJECT_VIRTUAL_SEGMENT, "b"), 1);
	desk_refused(d, move(d, "a", true, "x"), SL_ENOENT, "/before", "it is not there: x");
	desk_refused(d, move(d, "a", false, "a"), SL_EINVAL, "/after", "that is itself");
	desk_refused(d, move(d, "x", false, "a"), SL_ENOENT, "", "there is no virtual segment");
}

/* Between two again and again: there is always a place, by numbering anew. */
static void there_is_always_a_place_between(void **state)
{
	struct desk *d = *state;

	segment(d, "a", ",'place':1");
	segment(d, "b", ",'place':2");
	segment(d, "c", ",'place':1000000000");
	for (unsigned i = 0; i < 30; i++) {
		assert_int_equal(move(d, "c", false, "a"), 0);
		assert_string_equal(listed(d, 10), "a c b");
		assert_int_equal(move(d, "b", false, "a"), 0);
		assert_string_equal(listed(d, 10), "a b c");
	}
	segment(d, "d", "");
	assert_int_equal(settings_replace(d, OBJECT_VIRTUAL_SEGMENT, "c",
	                                  "{'name':'c','segment':'wan','profile':'p',"
	                                  "'place':1000000000}"),
	                 0);
	assert_int_equal(move(d, "a", false, "c"), 0);
	is_order(d, "b c a d");
}

static void who_has_seen_another_revision_moves_nothing(void **state)
{
	const struct setting_move before = {.other = "a", .before = true};
	const struct setting_change look = {.actor = &place_actor, .check_only = true};
	struct desk *d = *state;

	segment(d, "a", "");
	segment(d, "b", "");
	assert_int_equal(setting_move(d->place->store, &how, OBJECT_VIRTUAL_SEGMENT, "b", 2,
	                              &before, d->problem),
	                 SL_ECONFLICT);
	problem_fini(d->problem);
	assert_int_equal(setting_move(d->place->store, &look, OBJECT_VIRTUAL_SEGMENT, "b", 1,
	                              &before, d->problem),
	                 0);
	is_order(d, "a b");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	        cmocka_unit_test_setup_teardown(places_come_first_and_names_where_there_is_none,
	                                        setup, desk_teardown),
	        cmocka_unit_test_setup_teardown(one_goes_before_or_behind_another, setup,
	                                        desk_teardown),
	        cmocka_unit_test_setup_teardown(where_it_is_already_nothing_changes, setup,
	                                        desk_teardown),
	        cmocka_unit_test_setup_teardown(there_is_always_a_place_between, setup,
	                                        desk_teardown),
	        cmocka_unit_test_setup_teardown(who_has_seen_another_revision_moves_nothing, setup,
	                                        desk_teardown),
	};

	return RUN_TESTS(tests);
}
