/* SPDX-License-Identifier: Apache-2.0 */
#include "smsd/object/object.h"

#include "lib/base/err.h"
#include "tests/unit/smsd/place.h"

/* One change, as a write of its own. */
struct step {
	enum { CREATE, REPLACE, RENAME, DELETE, REFER, FORGET } what;
	const char *name, *new_name;
	int64_t revision, from, to;
	json_t *body;
	const char *comment;
	int64_t id;
	struct problem *problem;
};

static int run(void *arg, struct store_tx *tx)
{
	static const char *const actions[] = {"create", "replace", "rename", "delete"};
	const enum object_kind kind = OBJECT_CERTIFICATE;
	struct step *s = arg;
	const struct object_change how = {.actor = &place_actor,
	                                  .action = s->what < REFER ? actions[s->what] : "",
	                                  .comment = s->comment};

	problem_fini(s->problem);
	switch (s->what) {
	case CREATE:
		return object_create(tx, &how, kind, s->name, s->body, &s->id, s->problem);
	case REPLACE:
		return object_replace(tx, &how, kind, s->name, s->revision, s->body, s->problem);
	case RENAME:
		return object_rename(tx, &how, kind, s->name, s->revision, s->new_name, s->problem);
	case DELETE:
		return object_delete(tx, &how, kind, s->name, s->revision, s->problem);
	case REFER:
		return object_refer(tx, s->from, s->to);
	case FORGET:
		return object_forget(tx, s->from);
	}
	return SL_EINVAL;
}

static int do_step(struct place *place, struct step *s)
{
	int rc;

	s->problem = &place->problem;
	rc = store_write(place->store, run, s);
	json_decref(s->body);
	s->body = NULL;
	return rc;
}

static int64_t create(struct place *place, const char *name, int number)
{
	struct step s = {.what = CREATE,
	                 .name = name,
	                 .body = json_pack("{s:i, s:s}", "z", number, "a", "b"),
	                 .comment = "first"};

	assert_int_equal(do_step(place, &s), 0);
	return s.id;
}

static int64_t revision_of(struct place *place, const char *name)
{
	struct object object;
	int64_t revision;

	if (object_get(place->store, OBJECT_CERTIFICATE, name, &object, &place->problem) != 0) {
		problem_fini(&place->problem);
		return 0;
	}
	revision = object.revision;
	object_fini(&object);
	return revision;
}

static void each_change_is_a_version_and_a_line_of_the_audit_log(void **state)
{
	struct place *place = *state;
	struct step replace = {
	        .what = REPLACE, .name = "one", .revision = 1, .body = json_pack("{s:i}", "z", 2)};
	struct step rename = {.what = RENAME, .name = "one", .revision = 2, .new_name = "two"};
	json_t *list = NULL;
	const char *action, *name, *comment;
	int before, after;

	(void)create(place, "one", 1);
	assert_int_equal(do_step(place, &replace), 0);
	assert_int_equal(do_step(place, &rename), 0);
	assert_int_equal(revision_of(place, "one"), 0);
	assert_int_equal(revision_of(place, "two"), 3);
	assert_int_equal(place_audited(place, "create", "one"), 1);
	assert_int_equal(place_audited(place, "replace", "one"), 1);
	assert_int_equal(place_audited(place, "rename", "two"), 1);
	assert_int_equal(
	        object_history(place->store, OBJECT_CERTIFICATE, "two", 10, &list, &place->problem),
	        0);
	assert_int_equal(json_array_size(list), 3);
	assert_int_equal(json_unpack(json_array_get(list, 1), "{s:s, s:s, s:s, s:{s:i}, s:{s:i}}",
	                             "action", &action, "name", &name, "comment", &comment,
	                             "before", "z", &before, "after", "z", &after),
	                 0);
	assert_string_equal(action, "replace");
	assert_string_equal(name, "one");
	assert_string_equal(comment, "");
	assert_int_equal(before, 1);
	assert_int_equal(after, 2);
	assert_true(json_is_null(json_object_get(json_array_get(list, 2), "before")));
	json_decref(list);
	assert_int_equal(
	        object_history(place->store, OBJECT_CERTIFICATE, "two", 1, &list, &place->problem),
	        0);
	assert_int_equal(json_array_size(list), 1);
	json_decref(list);
}

static void who_saw_an_older_revision_is_told_who_changed_it(void **state)
{
	struct place *place = *state;
	struct step replace = {
	        .what = REPLACE, .name = "one", .revision = 1, .body = json_pack("{s:i}", "z", 2)};
	struct step again[] = {
	        {.what = REPLACE, .name = "one", .revision = 1, .body = json_object()},
	        {.what = REPLACE, .name = "one", .revision = 3, .body = json_object()},
	        {.what = RENAME, .name = "one", .revision = 1, .new_name = "two"},
	        {.what = DELETE, .name = "one", .revision = 1}};

	(void)create(place, "one", 1);
	assert_int_equal(do_step(place, &replace), 0);
	for (size_t i = 0; i < SL_ARRAY_LEN(again); i++) {
		const char *text;

		assert_int_equal(do_step(place, &again[i]), SL_ECONFLICT);
		text = place_told(place);
		assert_non_null(strstr(text, "revision 2 is there, by "));
		assert_non_null(strstr(text, place_actor.name));
	}
	assert_int_equal(revision_of(place, "one"), 2);
}

static void a_name_that_is_taken_or_not_there_is_named(void **state)
{
	struct place *place = *state;
	struct step create_again = {.what = CREATE, .name = "one", .body = json_object()};
	struct step rename = {.what = RENAME, .name = "one", .revision = 1, .new_name = "two"};
	struct step none = {.what = DELETE, .name = "none", .revision = 1};

	(void)create(place, "one", 1);
	(void)create(place, "two", 1);
	assert_int_equal(do_step(place, &create_again), SL_EEXIST);
	assert_string_equal(place_told(place), "there is a certificate \"one\" already");
	assert_int_equal(do_step(place, &rename), SL_EEXIST);
	assert_string_equal(place_told(place), "there is a certificate \"two\" already");
	assert_int_equal(do_step(place, &none), SL_ENOENT);
	assert_string_equal(place_told(place), "there is no certificate \"none\"");
	assert_int_equal(revision_of(place, "one"), 1);
	assert_int_equal(place_audited(place, "rename", NULL), 0);
}

static void what_is_in_use_cannot_be_deleted(void **state)
{
	struct place *place = *state;
	struct step refer = {.what = REFER}, forget = {.what = FORGET};
	struct step drop = {.what = DELETE, .name = "used", .revision = 1};
	struct step drop_user = {.what = DELETE, .name = "user", .revision = 1};

	refer.to = create(place, "used", 1);
	refer.from = forget.from = create(place, "user", 1);
	assert_int_equal(do_step(place, &refer), 0);
	assert_int_equal(do_step(place, &refer), 0);
	assert_int_equal(do_step(place, &drop), SL_EBUSY);
	assert_string_equal(place_told(place), "it is in use by the certificate \"user\"");
	assert_int_equal(do_step(place, &forget), 0);
	assert_int_equal(do_step(place, &refer), 0);
	assert_int_equal(do_step(place, &drop_user), 0);
	assert_int_equal(do_step(place, &drop), 0);
	assert_int_equal(revision_of(place, "used"), 0);
	assert_int_equal(place_audited(place, "delete", "used"), 1);
}

static int count_names(void *arg, const struct object *object)
{
	char *names = arg;

	(void)strcat(names, object->name);
	(void)strcat(names, ",");
	return strlen(names) > 60 ? SL_ELIMIT : 0;
}

static void a_list_goes_on_behind_a_name(void **state)
{
	struct place *place = *state;
	char all[128] = "", two[128] = "", rest[128] = "", other[128] = "";

	(void)create(place, "c", 1);
	(void)create(place, "a", 1);
	(void)create(place, "d", 1);
	(void)create(place, "b", 1);
	assert_int_equal(object_list(place->store, OBJECT_CERTIFICATE, "", 10, count_names, all),
	                 0);
	assert_string_equal(all, "a,b,c,d,");
	assert_int_equal(object_list(place->store, OBJECT_CERTIFICATE, "", 2, count_names, two), 0);
	assert_string_equal(two, "a,b,");
	assert_int_equal(object_list(place->store, OBJECT_CERTIFICATE, "b", 10, count_names, rest),
	                 0);
	assert_string_equal(rest, "c,d,");
	assert_int_equal(
	        object_list(place->store, OBJECT_SIGNING_REQUEST, "", 10, count_names, other), 0);
	assert_string_equal(other, "");
}

static void objects_are_there_after_a_restart(void **state)
{
	struct place *place = *state;
	struct object object;

	(void)create(place, "one", 7);
	place_close(place);
	place_open(place);
	assert_int_equal(
	        object_get(place->store, OBJECT_CERTIFICATE, "one", &object, &place->problem), 0);
	assert_int_equal(json_integer_value(json_object_get(object.body, "z")), 7);
	assert_true(object.changed_ms > 0);
	object_fini(&object);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, place_setup, place_teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
	        TEST(each_change_is_a_version_and_a_line_of_the_audit_log),
	        TEST(who_saw_an_older_revision_is_told_who_changed_it),
	        TEST(a_name_that_is_taken_or_not_there_is_named),
	        TEST(what_is_in_use_cannot_be_deleted),
	        TEST(a_list_goes_on_behind_a_name),
	        TEST(objects_are_there_after_a_restart),
	};

	return RUN_TESTS(tests);
}
