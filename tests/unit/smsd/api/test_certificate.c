/* SPDX-License-Identifier: Apache-2.0 */
/* The routes of certificates as api calls them: matched, the body checked by its shape, handled. */
#include "smsd/api/route.h"

#include <openssl/evp.h>
#include <stdio.h>
#include <stdlib.h>

#include "lib/base/err.h"
#include "lib/conf/error.h"
#include "tests/unit/smsd/object/desk.h"

/* One call and its answer. */
struct ask {
	struct api_call call;
	struct http_request request;
	struct api_context context;
	json_t *answer; /* NULL: no JSON */
	int rc;
};

static int read_body(struct ask *a, const json_t *body)
{
	const struct conf_object *shape = api_shape_object(a->call.route->body);
	struct conf_errors errs;
	char *text;
	int rc;

	assert_int_equal(shape != NULL, body != NULL);
	if (!shape)
		return 0;
	text = json_dumps(body, 0);
	conf_errors_init(&errs);
	rc = conf_object_read(shape, text, strlen(text), &errs, &a->call.body);
	if (rc != 0)
		(void)problem_add_conf(&a->call.problem, &errs);
	conf_errors_fini(&errs);
	free(text);
	return rc;
}

/* `path` below /api/v1, with its query; `revision` 0: no If-Match. Takes `body` over. */
static void ask(struct ask *a, struct desk *d, enum http_method method, const char *path,
                int64_t revision, json_t *body)
{
	char whole[512], allow[API_ALLOW_MAX], if_match[32] = "";
	char *query;

	(void)snprintf(whole, sizeof(whole), "%s%s", API_PREFIX, path);
	query = strchr(whole, '?');
	if (query)
		*query++ = '\0';
	if (revision)
		(void)snprintf(if_match, sizeof(if_match), "\"%lld\"", (long long)revision);
	*a = (struct ask){.context = {.store = d->at.store, .vault = d->vault}};
	a->request = (struct http_request){.method = method,
	                                   .query = query ? query : whole + strlen(whole),
	                                   .if_match = if_match};
	a->call.context = &a->context;
	a->call.request = &a->request;
	a->call.identity.actor = place_actor;
	http_response_init(&a->call.response);
	a->call.route = api_route_match(method, whole, a->call.parameter, allow);
	assert_non_null(a->call.route);
	assert_int_equal(a->call.route->access, method == HTTP_GET
	                                                ? API_ACCESS_VIEW_CONFIGURATION
	                                                : API_ACCESS_DEVICE_CERTIFICATES);
	a->rc = read_body(a, body);
	json_decref(body);
	if (a->rc == 0)
		a->rc = a->call.route->handler(&a->call);
	if (a->rc == 0 && a->call.route->answer > API_SHAPE_STREAM)
		a->answer = json_loadb((char *)a->call.response.body.data,
		                       a->call.response.body.len, 0, NULL);
}

static void done(struct ask *a)
{
	json_decref(a->answer);
	json_decref(a->call.body);
	http_response_fini(&a->call.response);
	problem_fini(&a->call.problem);
}

static void must(struct ask *a, int status)
{
	if (a->rc != 0)
		fail_msg("%s: %s", err_text(a->rc),
		         a->call.problem.count ? a->call.problem.items[0].text : "");
	assert_int_equal(a->call.response.status, status);
}

static void must_not(struct ask *a, int code, const char *pointer, const char *text)
{
	const struct problem *p = &a->call.problem;

	if (a->rc != code || p->count == 0 || strcmp(p->items[0].pointer, pointer) != 0 ||
	    !strstr(p->items[0].text, text))
		fail_msg("wanted %s at %s: %s; got %s at %s: %s", err_text(code), pointer, text,
		         err_text(a->rc), p->count ? p->items[0].pointer : "-",
		         p->count ? p->items[0].text : "-");
	done(a);
}

static const char *text_of(const struct ask *a, const char *key)
{
	const char *text = json_string_value(json_object_get(a->answer, key));

	return text ? text : "";
}

/* Takes the file over. */
static json_t *base64(struct buf file)
{
	unsigned char *text = calloc(1, file.len * 4 / 3 + 8);
	json_t *value;

	assert_non_null(text);
	(void)EVP_EncodeBlock(text, file.data, (int)file.len);
	value = json_string((char *)text);
	free(text);
	buf_fini(&file);
	return value;
}

/* ---- tests ------------------------------------------------------------------------------- */

static void a_certificate_is_imported_shown_exported_and_deleted(void **state)
{
	struct desk *d = *state;
	struct ask a;

	ask(&a, d, HTTP_POST, "/certificates", 0,
	    json_pack("{s:s, s:o, s:o, s:s, s:b}", "name", "web", "file",
	              base64(desk_pem(NULL, NULL, d->leaf, d->middle, d->root, NULL)), "key",
	              base64(desk_pem(d->leaf_key, "secret", NULL)), "password", "secret",
	              "exportable", 1));
	must(&a, 201);
	assert_string_equal(
	        json_string_value(json_array_get(json_object_get(a.answer, "names"), 0)), "web");
	done(&a);
	ask(&a, d, HTTP_GET, "/certificates/web", 0, NULL);
	must(&a, 200);
	assert_string_equal(text_of(&a, "status"), "valid");
	assert_string_equal(a.call.response.etag, "\"1\"");
	done(&a);
	ask(&a, d, HTTP_POST, "/certificates/web/export", 0,
	    json_pack("{s:s, s:s}", "format", "pkcs12", "password", "pw"));
	must(&a, 200);
	assert_string_equal(a.call.response.content_type, "application/x-pkcs12");
	assert_string_equal(a.call.response.filename, "web.p12");
	assert_true(a.call.response.body.len > 100);
	done(&a);
	ask(&a, d, HTTP_POST, "/certificates/web/export", 0, json_object());
	must(&a, 200);
	assert_string_equal(a.call.response.filename, "web.pem");
	assert_null(memmem(a.call.response.body.data, a.call.response.body.len, "PRIVATE", 7));
	done(&a);
	ask(&a, d, HTTP_DELETE, "/certificates/web", 0, NULL);
	assert_int_equal(a.call.refusal, 428);
	must_not(&a, SL_EINVAL, "", "a change must say which revision it is of");
	ask(&a, d, HTTP_DELETE, "/certificates/web", 7, NULL);
	must_not(&a, SL_ECONFLICT, "", "revision 1 is there");
	ask(&a, d, HTTP_DELETE, "/certificates/web", 1, NULL);
	must(&a, 204);
	assert_int_equal(a.call.response.body.len, 0);
	done(&a);
	ask(&a, d, HTTP_GET, "/certificates/web", 0, NULL);
	must_not(&a, SL_ENOENT, "", "there is no certificate \"web\"");
}

static void a_replacement_keeps_the_old_one_and_its_history(void **state)
{
	struct desk *d = *state;
	struct ask a;

	assert_int_equal(desk_take(d, "web", desk_pem(d->leaf_key, NULL, d->leaf, NULL), "web"), 0);
	ask(&a, d, HTTP_POST, "/certificates/web/replace", 1,
	    json_pack("{s:o, s:s}", "file", base64(desk_pem(d->second_key, NULL, d->second, NULL)),
	              "comment", "renewed"));
	must(&a, 200);
	assert_string_equal(text_of(&a, "subject"), "CN=c.test");
	assert_string_equal(a.call.response.etag, "\"2\"");
	done(&a);
	ask(&a, d, HTTP_GET, "/certificates?after=web&limit=1", 0, NULL);
	must(&a, 200);
	assert_string_equal(json_string_value(json_object_get(
	                            json_array_get(json_object_get(a.answer, "items"), 0), "name")),
	                    "web_REPLACED");
	assert_string_equal(text_of(&a, "next"), "");
	done(&a);
	ask(&a, d, HTTP_GET, "/certificates/web/history?limit=1", 0, NULL);
	must(&a, 200);
	assert_string_equal(
	        json_string_value(json_object_get(
	                json_array_get(json_object_get(a.answer, "items"), 0), "comment")),
	        "renewed");
	done(&a);
	ask(&a, d, HTTP_POST, "/certificates/web/repair", 2,
	    json_pack("{s:o}", "key", base64(desk_pem(d->second_key, NULL, NULL))));
	must_not(&a, SL_EEXIST, "", "is in order, there is nothing to repair");
	ask(&a, d, HTTP_GET, "/certificates?limit=0", 0, NULL);
	must_not(&a, SL_ERANGE, "", "limit is from 1 to 1000");
}

static void signing_certificates_and_requests_are_made_of_all_that_was_asked(void **state)
{
	struct desk *d = *state;
	json_t *subject = json_pack("{s:s, s:s, s:[s,s], s:s, s:s, s:s, s:s, s:[s], s:s}",
	                            "common_name", "Corp", "email", "a@corp.test", "units", "One",
	                            "Two", "organization", "O", "locality", "L", "state", "S",
	                            "country", "NL", "dns", "*.corp.test", "user", "u@corp.test");
	struct ask a;

	ask(&a, d, HTTP_POST, "/signing-certificates", 0,
	    json_pack("{s:s, s:O, s:s, s:i}", "name", "sign", "subject", subject, "key_type",
	              "p-256", "days", 30));
	must(&a, 201);
	assert_string_equal(text_of(&a, "subject"),
	                    "emailAddress=a@corp.test,CN=Corp,OU=Two,OU=One,O=O,L=L,ST=S,C=NL");
	done(&a);
	ask(&a, d, HTTP_GET, "/certificates/sign/client-root", 0, NULL);
	must(&a, 200);
	assert_string_equal(a.call.response.filename, "client-root.cer");
	done(&a);
	ask(&a, d, HTTP_POST, "/signing-requests", 0,
	    json_pack("{s:s, s:O, s:s, s:b}", "name", "req", "subject", subject, "key_type",
	              "p-256", "ca", 1));
	must(&a, 201);
	assert_string_equal(text_of(&a, "status"), "waiting for its certificate");
	assert_true(json_is_true(json_object_get(a.answer, "ca")));
	done(&a);
	ask(&a, d, HTTP_POST, "/signing-requests/req/export", 0,
	    json_pack("{s:s}", "format", "pem"));
	must(&a, 200);
	assert_non_null(memmem(a.call.response.body.data, a.call.response.body.len,
	                       "BEGIN CERTIFICATE REQUEST", 25));
	done(&a);
	(void)json_object_set_new(subject, "country", json_string("Netherlands"));
	ask(&a, d, HTTP_POST, "/signing-requests", 0,
	    json_pack("{s:s, s:o, s:s}", "name", "other", "subject", subject, "key_type", "p-256"));
	must_not(&a, SL_EINVAL, "/subject", "the country 'Netherlands' is not possible");
}

static void ca_certificates_have_routes_of_their_own(void **state)
{
	struct desk *d = *state;
	struct ask a;

	ask(&a, d, HTTP_POST, "/ca-certificates", 0,
	    json_pack("{s:s, s:o}", "name", "root", "file",
	              base64(desk_pem(d->root_key, NULL, d->root, NULL))));
	must(&a, 201);
	done(&a);
	ask(&a, d, HTTP_GET, "/ca-certificates/root", 0, NULL);
	must(&a, 200);
	assert_string_equal(text_of(&a, "kind"), "ca certificate");
	done(&a);
	ask(&a, d, HTTP_POST, "/ca-certificates", 0,
	    json_pack("{s:s, s:o}", "name", "ca", "file",
	              base64(desk_pem(NULL, NULL, d->middle, NULL))));
	must_not(&a, SL_EINVAL, "/name", "the name \"ca\" is reserved");
}

static void bodies_that_are_wrong_are_refused_at_their_place(void **state)
{
	static const struct {
		const char *path, *body;
		int code;
		const char *pointer, *text;
	} wrong[] = {
	        {"/certificates", "{\"name\":\"a\"}", SL_ENOENT, "", "import has no \"file\""},
	        {"/certificates", "{\"name\":\"a/b\",\"file\":\"\"}", SL_EINVAL, "/name", ""},
	        {"/certificates", "{\"name\":\"a\",\"file\":\"*\"}", SL_EINVAL, "/file",
	         "file is no base64"},
	        {"/certificates", "{\"name\":\"a\",\"file\":\"AAA\"}", SL_EINVAL, "/file",
	         "file is no base64"},
	        {"/certificates", "{\"name\":\"a\",\"file\":\"A===\"}", SL_EINVAL, "/file",
	         "file is no base64"},
	        {"/certificates", "{\"name\":\"a\",\"file\":\"AA=A\"}", SL_EINVAL, "/file",
	         "file is no base64"},
	        {"/certificates", "{\"name\":\"a\",\"file\":\"AA A\"}", SL_EINVAL, "/file",
	         "file is no base64"},
	        {"/certificates", "{\"name\":\"a\",\"file\":\"\",\"key\":\"-\"}", SL_EINVAL, "/key",
	         "key is no base64"},
	        {"/certificates", "{\"name\":\"a\",\"file\":\"\"}", SL_EMALFORMED, "/file",
	         "the file is empty"},
	        {"/certificates", "{\"name\":\"a\",\"file\":\"anVuaw==\"}", SL_EMALFORMED, "/file",
	         "a certificate cannot be read"},
	        {"/certificates", "{\"name\":[],\"file\":\"\"}", SL_EINVAL, "/name", ""},
	        {"/ca-certificates", "{\"name\":\"a.b\",\"file\":\"\"}", SL_EINVAL, "/name", ""},
	};
	struct desk *d = *state;
	struct ask a;

	for (size_t i = 0; i < SL_ARRAY_LEN(wrong); i++) {
		json_t *body = json_loads(wrong[i].body, 0, NULL);

		assert_non_null(body);
		ask(&a, d, HTTP_POST, wrong[i].path, 0, body);
		must_not(&a, wrong[i].code, wrong[i].pointer, wrong[i].text);
	}
	assert_int_equal(desk_count(d, OBJECT_CERTIFICATE), 0);
}

/* A whole file of the largest size comes through to whoever reads it; one beyond it does not. */
static void the_largest_file_is_read_and_a_larger_one_is_not(void **state)
{
	static const size_t over[] = {0, 3};
	struct desk *d = *state;

	for (size_t i = 0; i < SL_ARRAY_LEN(over); i++) {
		struct buf file;
		uint8_t *room;
		struct ask a;

		buf_init(&file, 2 * CERTIFICATE_FILE_MAX);
		assert_int_equal(buf_reserve(&file, CERTIFICATE_FILE_MAX + over[i], &room), 0);
		memset(room, 'x', CERTIFICATE_FILE_MAX + over[i]);
		file.len = CERTIFICATE_FILE_MAX + over[i];
		ask(&a, d, HTTP_POST, "/certificates", 0,
		    json_pack("{s:s, s:o}", "name", "a", "file", base64(file)));
		if (over[i] == 0) {
			must_not(&a, SL_EMALFORMED, "/file", "a certificate cannot be read");
			continue;
		}
		assert_int_not_equal(a.rc, 0);
		assert_string_equal(a.call.problem.items[0].pointer, "/file");
		done(&a);
	}
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, desk_setup, desk_teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
	        TEST(a_certificate_is_imported_shown_exported_and_deleted),
	        TEST(a_replacement_keeps_the_old_one_and_its_history),
	        TEST(signing_certificates_and_requests_are_made_of_all_that_was_asked),
	        TEST(ca_certificates_have_routes_of_their_own),
	        TEST(bodies_that_are_wrong_are_refused_at_their_place),
	        TEST(the_largest_file_is_read_and_a_larger_one_is_not),
	};

	return RUN_TESTS(tests);
}
