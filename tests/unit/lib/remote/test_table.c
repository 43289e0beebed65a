/* SPDX-License-Identifier: Apache-2.0 */
/* The tables that both ends are made of: calls, shapes, states. */
#include <jansson.h>

#include "lib/base/err.h"
#include "lib/remote/remote.h"
#include "tests/unit/unit.h"

static void test_calls_are_whole(void **state)
{
	for (unsigned i = 0; i < REMOTE_CALL_END; i++) {
		const struct remote_call *call = &remote_calls[i];
		size_t len = strcspn(call->path, "?");

		assert_non_null(call->id);
		assert_int_equal(call->path[0], '/');
		assert_true(len > 1);
		assert_int_equal(strspn(call->path + 1, "abcdefghijklmnopqrstuvwxyz"), len - 1);
		assert_true(call->summary[0] != '\0');
		/* A GET has no body, and what is no file is a shape or nothing. */
		assert_true(call->method == REMOTE_POST || call->body == REMOTE_SHAPE_NONE);
		/* Bytes that no shape bounds come from devices that are known. */
		assert_true(call->enrolled || call->body == REMOTE_SHAPE_NONE ||
		            remote_shape_object(call->body));
	}
}

static void test_calls_have_paths_of_their_own(void **state)
{
	for (unsigned i = 0; i < REMOTE_CALL_END; i++)
		for (unsigned k = 0; k < i; k++) {
			size_t a = strcspn(remote_calls[i].path, "?");
			size_t b = strcspn(remote_calls[k].path, "?");

			assert_false(a == b &&
			             memcmp(remote_calls[i].path, remote_calls[k].path, a) == 0);
		}
}

/* Whoever has no certificate yet can ask for one, and for nothing else. */
static void test_enrolment_alone_is_open(void **state)
{
	for (unsigned i = 0; i < REMOTE_CALL_END; i++)
		assert_int_equal(remote_calls[i].enrolled, i != REMOTE_ENROL);
}

static void check_rows(const struct conf_object *object)
{
	assert_non_null(object->name);
	assert_true(object->count > 0);
	for (size_t i = 0; i < object->count; i++) {
		const struct conf_field *field = &object->fields[i];

		assert_non_null(field->name);
		assert_ptr_equal(conf_object_field(object, field->name), field);
		assert_true(field->help && field->help[0]);
		assert_null(field->source);
		if (field->type == CONF_TYPE_TEXT || field->type == CONF_TYPE_UINT ||
		    field->type == CONF_TYPE_NAMES || field->type == CONF_TYPE_OBJECTS)
			assert_true(field->max > 0);
		if (field->type == CONF_TYPE_OBJECT || field->type == CONF_TYPE_OBJECTS)
			check_rows(field->object);
	}
}

static void test_shapes_are_bounded(void **state)
{
	static const enum remote_shape shapes[] = {
#define SHAPE(ID, object) REMOTE_SHAPE_##ID,
#include "lib/remote/shape.def"
#undef SHAPE
	};

	assert_null(remote_shape_object(REMOTE_SHAPE_NONE));
	assert_null(remote_shape_object(REMOTE_SHAPE_FILE));
	for (size_t i = 0; i < sizeof(shapes) / sizeof(shapes[0]); i++) {
		json_t *schema;

		check_rows(remote_shape_object(shapes[i]));
		schema = conf_object_json_schema(remote_shape_object(shapes[i]));
		assert_non_null(schema);
		json_decref(schema);
	}
}

static void test_states(void **state)
{
	enum remote_state found;

	for (unsigned i = 0; i < REMOTE_STATE_END; i++) {
		assert_int_equal(remote_state_parse(remote_state_name(i), &found), 0);
		assert_int_equal(found, i);
	}
	assert_string_equal(remote_state_name(REMOTE_STATE_END), "?");
	assert_int_equal(remote_state_parse("", &found), SL_ENOENT);
	assert_int_equal(remote_state_parse("Waiting", &found), SL_ENOENT);
	assert_int_equal(remote_state_parse("in  force", &found), SL_ENOENT);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	        cmocka_unit_test(test_calls_are_whole),
	        cmocka_unit_test(test_calls_have_paths_of_their_own),
	        cmocka_unit_test(test_enrolment_alone_is_open),
	        cmocka_unit_test(test_shapes_are_bounded),
	        cmocka_unit_test(test_states),
	};

	return RUN_TESTS(tests);
}
