/* SPDX-License-Identifier: Apache-2.0 */
/* What handlers read their requests and make their answers with, and how a refusal is told. */
#include <jansson.h>
#include <stdlib.h>

#include "lib/base/err.h"
#include "smsd/api/call.h"
#include "smsd/api/check.h"
#include "smsd/http/refusal.h"
#include "smsd/api/route.h"
#include "tests/unit/unit.h"

struct rig {
	struct http_request request;
	struct api_call call;
};

static void begin(struct rig *rig, const char *if_match, const char *query)
{
	*rig = (struct rig){.request = {.if_match = if_match, .query = (char *)(uintptr_t)query},
	                    .call = {.route = &api_routes[0]}};
	rig->call.request = &rig->request;
	http_response_init(&rig->call.response);
}

static void end(struct rig *rig)
{
	problem_fini(&rig->call.problem);
	http_response_fini(&rig->call.response);
}

static void a_change_names_a_revision(void **state)
{
	static const struct {
		const char *text;
		int code, refusal;
		int64_t revision;
	} cases[] = {
	        {"\"1\"", 0, 0, 1},
	        {"\"9223372036854775807\"", 0, 0, INT64_MAX},
	        {"", SL_EINVAL, 428, 0},
	        {"*", SL_EINVAL, 0, 0},
	        {"1", SL_EINVAL, 0, 0},
	        {"\"\"", SL_EINVAL, 0, 0},
	        {"\"-1\"", SL_EINVAL, 0, 0},
	        {"\"0\"", SL_EINVAL, 0, 0}, /* a change makes nothing */
	        {"\"01\"", SL_EINVAL, 0, 0},
	        {"\"9223372036854775808\"", SL_EINVAL, 0, 0},
	        {"W/\"1\"", SL_EINVAL, 0, 0},
	        {"\"1\", \"2\"", SL_EINVAL, 0, 0},
	};

	for (size_t i = 0; i < SL_ARRAY_LEN(cases); i++) {
		struct rig rig;
		int64_t revision = 0;

		begin(&rig, cases[i].text, "");
		assert_int_equal(api_if_match(&rig.call, &revision), cases[i].code);
		assert_int_equal(revision, cases[i].revision);
		assert_int_equal(rig.call.refusal, cases[i].refusal);
		end(&rig);
	}
}

static void a_revision_is_the_etag(void **state)
{
	struct rig rig;
	int64_t revision;

	begin(&rig, "", "");
	api_set_revision(&rig.call, INT64_MAX);
	rig.request.if_match = rig.call.response.etag;
	assert_int_equal(api_if_match(&rig.call, &revision), 0);
	assert_int_equal(revision, INT64_MAX);
	end(&rig);
}

static int read_limit(const char *query, int64_t *ret)
{
	struct rig rig;
	int rc;

	begin(&rig, "", query);
	rc = api_query_number(&rig.call, "limit", 1, 1000, 100, ret);
	assert_int_equal(rig.call.problem.code, rc);
	end(&rig);
	return rc;
}

static void a_number_of_the_query_is_bounded(void **state)
{
	int64_t limit = 0;

	assert_int_equal(read_limit("", &limit), 0);
	assert_int_equal(limit, 100);
	assert_int_equal(read_limit("after=x&limit=1000", &limit), 0);
	assert_int_equal(limit, 1000);
	assert_int_equal(read_limit("limit=1001", &limit), SL_ERANGE);
	assert_int_equal(read_limit("limit=0", &limit), SL_ERANGE);
	assert_int_equal(read_limit("limit=-1", &limit), SL_ERANGE);
	assert_int_equal(read_limit("limit=", &limit), SL_ERANGE);
	assert_int_equal(read_limit("limit=18446744073709551617", &limit), SL_ERANGE);
}

static void a_parameter_that_the_route_has_not_is_refused(void **state)
{
	static const char *const bad[] = {"limit=1", "&", "=", "a", "%6cimit=1"};

	for (size_t i = 0; i < SL_ARRAY_LEN(bad); i++) {
		struct rig rig;

		begin(&rig, "", bad[i]);
		assert_int_equal(check_query(&rig.call), SL_EINVAL);
		end(&rig);
	}
}

static void a_refusal_tells_places_and_remedies(void **state)
{
	struct http_response response;
	struct problem problem = {0};
	json_t *value, *first;

	http_response_init(&response);
	(void)problem_add(&problem, SL_ECONFLICT, "/name", "read it again", "it is revision %d", 3);
	refusal_answer(&response, &problem, 0);
	assert_int_equal(response.status, 412);
	assert_string_equal(response.content_type, "application/problem+json");
	value = json_loadb((const char *)response.body.data, response.body.len, 0, NULL);
	assert_non_null(value);
	assert_string_equal(json_string_value(json_object_get(value, "type")),
	                    "urn:sluice:conflict");
	assert_string_equal(json_string_value(json_object_get(value, "detail")),
	                    "it is revision 3");
	first = json_array_get(json_object_get(value, "errors"), 0);
	assert_string_equal(json_string_value(json_object_get(first, "pointer")), "/name");
	assert_string_equal(json_string_value(json_object_get(first, "remedy")), "read it again");
	json_decref(value);
	http_response_fini(&response);
	problem_fini(&problem);
}

static void an_error_text_that_is_cut_within_a_character_is_told(void **state)
{
	struct http_response response;
	struct problem problem = {0};

	http_response_init(&response);
	(void)problem_add(&problem, SL_EINVAL, "", "", "%s", "half \xc3");
	refusal_answer(&response, &problem, 0);
	assert_int_equal(response.status, 400);
	assert_true(response.body.len > 0);
	http_response_fini(&response);
	problem_fini(&problem);
}

static void each_code_has_a_status(void **state)
{
	assert_int_equal(refusal_status(SL_ENOENT), 404);
	assert_int_equal(refusal_status(SL_EPERM), 403);
	assert_int_equal(refusal_status(SL_EAGAIN), 503);
	assert_int_equal(refusal_status(SL_EIO), 500);
	assert_int_equal(refusal_status(-100000), 500);
}

static void a_path_has_one_route_or_methods_that_it_knows(void **state)
{
	char parameter[API_PARAMETERS_MAX][API_PARAMETER_MAX], allow[API_ALLOW_MAX];

	assert_ptr_equal(api_route_match(HTTP_GET, "/api/v1/version", parameter, allow)->handler,
	                 api_version);
	assert_null(api_route_match(HTTP_DELETE, "/api/v1/version", parameter, allow));
	assert_string_equal(allow, "GET");
	assert_null(api_route_match(HTTP_GET, "/api/v1/version/", parameter, allow));
	assert_string_equal(allow, "");
	assert_null(api_route_match(HTTP_GET, "/api/v1", parameter, allow));
	assert_null(api_route_match(HTTP_GET, "/version", parameter, allow));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	        cmocka_unit_test(a_change_names_a_revision),
	        cmocka_unit_test(a_revision_is_the_etag),
	        cmocka_unit_test(a_number_of_the_query_is_bounded),
	        cmocka_unit_test(a_parameter_that_the_route_has_not_is_refused),
	        cmocka_unit_test(a_refusal_tells_places_and_remedies),
	        cmocka_unit_test(an_error_text_that_is_cut_within_a_character_is_told),
	        cmocka_unit_test(each_code_has_a_status),
	        cmocka_unit_test(a_path_has_one_route_or_methods_that_it_knows),
	};

	return RUN_TESTS(tests);
}
