/* SPDX-License-Identifier: Apache-2.0 */
/* The routes of auth, from the request as http has it to the answer, without sockets. */
#include <stdio.h>
#include <stdlib.h>

#include "lib/base/err.h"
#include "smsd/api/check.h"
#include "smsd/http/refusal.h"
#include "smsd/api/route.h"
#include "tests/unit/smsd/auth/people.h"

/* What a client keeps between its requests. */
struct client {
	struct place *place;
	char cookie[256], csrf[AUTH_SECRET_MAX], authorization[AUTH_SECRET_MAX + 16];
	json_t *answer; /* of the last request; NULL when it had no body */
};

static int begin(void **state)
{
	struct client *client = calloc(1, sizeof(*client));
	void *place;

	assert_non_null(client);
	assert_int_equal(place_setup(&place), 0);
	client->place = place;
	*state = client;
	return 0;
}

static int end(void **state)
{
	struct client *client = *state;
	void *place = client->place;

	json_decref(client->answer);
	free(client);
	return place_teardown(&place);
}

enum { UNAUTHORIZED = 401 };

/* As api.c does it in a thread of the pool. */
static int handle(struct api_call *call)
{
	int rc = check_call(call);

	return rc ? rc : call->route->handler(call);
}

static void keep(struct client *client, const struct http_response *response)
{
	json_decref(client->answer);
	client->answer = NULL;
	if (response->body.len > 0) {
		client->answer =
		        json_loadb((const char *)response->body.data, response->body.len, 0, NULL);
		assert_non_null(client->answer);
	}
	if (response->set_cookie[0])
		(void)snprintf(client->cookie, sizeof(client->cookie), "%.*s",
		               (int)strcspn(response->set_cookie, ";"), response->set_cookie);
}

/* `target` with its query; the answer's status. */
static int ask(struct client *client, enum http_method method, const char *target, const char *body)
{
	const struct api_context context = {.store = client->place->store};
	char path[256], allow[API_ALLOW_MAX], query[64] = "";
	struct http_request request = {.method = method,
	                               .path = path,
	                               .query = query,
	                               .body = (const uint8_t *)body,
	                               .body_len = body ? strlen(body) : 0,
	                               .from = "192.0.2.1",
	                               .authorization = client->authorization,
	                               .cookie = client->cookie,
	                               .csrf_token = client->csrf,
	                               .if_match = "",
	                               .content_type = body ? "application/json" : "",
	                               .accept = "",
	                               .origin = ""};
	struct api_call call = {.context = &context, .request = &request};
	int rc, status;

	(void)snprintf(path, sizeof(path), API_PREFIX "%.*s", (int)strcspn(target, "?"), target);
	if (strchr(target, '?'))
		(void)snprintf(query, sizeof(query), "%s", strchr(target, '?') + 1);
	call.route = api_route_match(method, path, call.parameter, allow);
	assert_non_null(call.route);
	http_response_init(&call.response);
	rc = handle(&call);
	if (rc != 0) {
		assert_int_equal(call.problem.code, rc);
		if (rc == SL_EPERM && call.route->access == API_ACCESS_PUBLIC)
			call.refusal = UNAUTHORIZED;
		refusal_answer(&call.response, &call.problem, call.refusal);
	}
	keep(client, &call.response);
	status = call.response.status;
	json_decref(call.body);
	problem_fini(&call.problem);
	http_response_fini(&call.response);
	return status;
}

static const char *text(const struct client *client, const char *key)
{
	const char *value = json_string_value(json_object_get(client->answer, key));

	assert_non_null(value);
	return value;
}

static const json_t *item(const struct client *client, size_t at)
{
	return json_array_get(json_object_get(client->answer, "items"), at);
}

static void log_in(struct client *client, const char *name)
{
	char body[256];

	(void)snprintf(body, sizeof(body), "{\"name\":\"%s\",\"password\":\"" PEOPLE_PASSWORD "\"}",
	               name);
	client->authorization[0] = '\0';
	assert_int_equal(ask(client, HTTP_POST, "/login", body), 200);
	(void)snprintf(client->csrf, sizeof(client->csrf), "%s", text(client, "csrf"));
}

static void a_login_gives_what_the_next_requests_need(void **state)
{
	struct client *client = *state;

	(void)people_add(client->place, "anna", false);
	assert_int_equal(ask(client, HTTP_GET, "/me", NULL), 401);
	log_in(client, "anna");
	assert_memory_equal(client->cookie, "sluice_session=", 15);
	assert_int_equal(ask(client, HTTP_GET, "/me", NULL), 200);
	assert_string_equal(text(client, "name"), "anna");
	assert_string_equal(text(client, "via"), "session");
	assert_int_equal(json_array_size(json_object_get(client->answer, "capabilities")),
	                 AUTH_CAPABILITY_END);
	assert_null(json_object_get(client->answer, "csrf"));
	assert_int_equal(ask(client, HTTP_POST, "/logout", NULL), 204);
	assert_string_equal(client->cookie, "sluice_session=");
	assert_int_equal(ask(client, HTTP_GET, "/me", NULL), 401);
}

static void a_login_that_fails_says_little_and_one_that_waits_says_how_long(void **state)
{
	struct client *client = *state;
	static const char wrong[] = "{\"name\":\"anna\",\"password\":\"not her password\"}";

	(void)people_add(client->place, "anna", false);
	for (int i = 0; i < AUTH_FAILURES_MAX; i++) {
		assert_int_equal(ask(client, HTTP_POST, "/login", wrong), 401);
		assert_string_equal(text(client, "detail"), "the name or the password is wrong");
	}
	assert_int_equal(ask(client, HTTP_POST, "/login", wrong), 429);
	assert_string_equal(client->cookie, "");
}

static void a_login_needs_its_two_texts_and_no_more(void **state)
{
	struct client *client = *state;
	static const char *const bodies[] = {
	        "{}",
	        "[]",
	        "{\"name\":\"anna\"}",
	        "{\"name\":1,\"password\":\"x\"}",
	        "{\"name\":\"anna\",\"password\":null}",
	        "{\"name\":\"anna\",\"password\":\"x\",\"role\":\"Administrator\"}",
	        "{\"name\":\"an\\u0000na\",\"password\":\"x\"}",
	};

	for (size_t i = 0; i < SL_ARRAY_LEN(bodies); i++)
		assert_int_equal(ask(client, HTTP_POST, "/login", bodies[i]), 400);
}

static void a_change_without_the_csrf_token_changes_nothing(void **state)
{
	struct client *client = *state;

	(void)people_add(client->place, "anna", false);
	log_in(client, "anna");
	client->csrf[0] = '\0';
	assert_int_equal(ask(client, HTTP_POST, "/me/tokens",
	                     "{\"name\":\"a\",\"scopes\":[\"audit\"],\"days\":1}"),
	                 403);
	assert_int_equal(ask(client, HTTP_POST, "/logout", NULL), 403);
	assert_int_equal(ask(client, HTTP_GET, "/me/tokens", NULL), 200);
	assert_int_equal(json_array_size(json_object_get(client->answer, "items")), 0);
}

static void nothing_is_served_before_a_first_password_is_changed(void **state)
{
	struct client *client = *state;

	(void)people_add(client->place, "admin", true);
	log_in(client, "admin");
	assert_true(json_is_true(json_object_get(client->answer, "must_change")));
	assert_int_equal(ask(client, HTTP_GET, "/audit", NULL), 403);
	assert_int_equal(ask(client, HTTP_GET, "/me/tokens", NULL), 403);
	assert_int_equal(ask(client, HTTP_DELETE, "/me/tokens/a", NULL), 403);
	assert_int_equal(ask(client, HTTP_POST, "/me/tokens",
	                     "{\"name\":\"a\",\"scopes\":[\"audit\"],\"days\":1}"),
	                 403);
	assert_int_equal(ask(client, HTTP_POST, "/me/password",
	                     "{\"old\":\"" PEOPLE_PASSWORD "\",\"new\":\"short\"}"),
	                 400);
	assert_int_equal(ask(client, HTTP_POST, "/me/password",
	                     "{\"old\":\"wrong\",\"new\":\"another horse battery\"}"),
	                 403);
	assert_int_equal(ask(client, HTTP_POST, "/me/password",
	                     "{\"old\":\"" PEOPLE_PASSWORD "\",\"new\":\"another horse battery\"}"),
	                 204);
	assert_int_equal(ask(client, HTTP_GET, "/audit", NULL), 200);
}

static void a_token_does_what_its_scopes_say_until_it_is_withdrawn(void **state)
{
	struct client *client = *state;
	static const char request[] =
	        "{\"name\":\"night job\",\"scopes\":[\"people\"],\"days\":30}";
	char token[AUTH_SECRET_MAX + 16];

	(void)people_add(client->place, "anna", false);
	log_in(client, "anna");
	assert_int_equal(ask(client, HTTP_POST, "/me/tokens", request), 201);
	(void)snprintf(token, sizeof(token), "Bearer %s", text(client, "token"));
	assert_int_equal(ask(client, HTTP_POST, "/me/tokens", request), 409);
	assert_int_equal(ask(client, HTTP_POST, "/me/tokens",
	                     "{\"name\":\"b\",\"scopes\":[\"everything\"],\"days\":30}"),
	                 400);

	memcpy(client->authorization, token, sizeof(token));
	assert_int_equal(ask(client, HTTP_GET, "/me", NULL), 200);
	assert_string_equal(text(client, "via"), "token");
	assert_int_equal(ask(client, HTTP_GET, "/audit", NULL), 403);
	assert_int_equal(ask(client, HTTP_GET, "/me/tokens", NULL), 200);
	assert_int_equal(json_array_size(json_object_get(client->answer, "items")), 1);
	assert_string_equal(json_string_value(json_object_get(item(client, 0), "name")),
	                    "night job");
	assert_non_null(json_object_get(item(client, 0), "used"));
	assert_null(json_object_get(item(client, 0), "token"));
	assert_int_equal(ask(client, HTTP_DELETE, "/me/tokens/night job", NULL), 204);
	assert_int_equal(ask(client, HTTP_GET, "/me", NULL), 401);
	client->authorization[0] = '\0';
	assert_int_equal(ask(client, HTTP_DELETE, "/me/tokens/night job", NULL), 404);
}

static void a_token_of_which_only_the_name_is_said_may_all_for_ninety_days(void **state)
{
	struct client *client = *state;
	char token[AUTH_SECRET_MAX + 16];

	(void)people_add(client->place, "anna", false);
	log_in(client, "anna");
	assert_int_equal(ask(client, HTTP_POST, "/me/tokens", "{\"name\":\"a\"}"), 201);
	(void)snprintf(token, sizeof(token), "Bearer %s", text(client, "token"));
	assert_int_equal(ask(client, HTTP_POST, "/me/tokens", "{\"name\":\"b\",\"scopes\":[]}"),
	                 400);
	assert_int_equal(ask(client, HTTP_POST, "/me/tokens", "{\"name\":\"b\",\"days\":0}"), 400);
	assert_int_equal(ask(client, HTTP_GET, "/me/tokens", NULL), 200);
	assert_int_equal(json_array_size(json_object_get(item(client, 0), "scopes")),
	                 AUTH_CAPABILITY_END);
	memcpy(client->authorization, token, sizeof(token));
	place_wait(90LL * 24 * 3600 - 300);
	assert_int_equal(ask(client, HTTP_GET, "/me", NULL), 200);
	place_wait(300);
	assert_int_equal(ask(client, HTTP_GET, "/me", NULL), 401);
}

static void the_audit_log_comes_page_by_page(void **state)
{
	struct client *client = *state;
	char target[64];

	(void)people_add(client->place, "anna", false);
	log_in(client, "anna");
	log_in(client, "anna");
	assert_int_equal(ask(client, HTTP_GET, "/audit?limit=1", NULL), 200);
	assert_int_equal(json_array_size(json_object_get(client->answer, "items")), 1);
	assert_string_equal(json_string_value(json_object_get(item(client, 0), "action")), "login");
	(void)snprintf(target, sizeof(target), "/audit?before=%lld&limit=10",
	               (long long)json_integer_value(json_object_get(item(client, 0), "id")));
	assert_int_equal(ask(client, HTTP_GET, target, NULL), 200);
	assert_int_equal(json_array_size(json_object_get(client->answer, "items")), 1);
	assert_int_equal(ask(client, HTTP_GET, "/audit?limit=1001", NULL), 400);
	assert_int_equal(ask(client, HTTP_GET, "/audit?since=1", NULL), 400);
}

int main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, begin, end)
	const struct CMUnitTest tests[] = {
	        TEST(a_login_gives_what_the_next_requests_need),
	        TEST(a_login_that_fails_says_little_and_one_that_waits_says_how_long),
	        TEST(a_login_needs_its_two_texts_and_no_more),
	        TEST(a_change_without_the_csrf_token_changes_nothing),
	        TEST(nothing_is_served_before_a_first_password_is_changed),
	        TEST(a_token_does_what_its_scopes_say_until_it_is_withdrawn),
	        TEST(a_token_of_which_only_the_name_is_said_may_all_for_ninety_days),
	        TEST(the_audit_log_comes_page_by_page),
	};

	return RUN_TESTS(tests);
}
