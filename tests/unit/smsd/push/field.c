/* SPDX-License-Identifier: Apache-2.0 */
#include "tests/unit/smsd/push/field.h"

#include <openssl/evp.h>
#include <sqlite3.h>
#include <stdio.h>
#include <stdlib.h>

#include "lib/base/err.h"
#include "smsd/base/moment.h"
#include "smsd/device/port.h"
#include "smsd/object/document.h"

enum { CONFIRM_S = 300 };

struct field_documents field_documents;
unsigned field_woken;

/* ---- documents of the test's own ----------------------------------------------------------- */

struct document_shelf {
	char nothing;
};

int document_shelf_open(struct store *store, struct document_shelf **ret_shelf,
                        struct problem *problem)
{
	(void)store;
	(void)problem;
	*ret_shelf = calloc(1, sizeof(**ret_shelf));
	assert_non_null(*ret_shelf);
	return 0;
}

void document_shelf_close(struct document_shelf *shelf)
{
	free(shelf);
}

int document_make_of(struct document_shelf *shelf, const struct document_device *device,
                     struct document *ret_document, struct problem *problem)
{
	struct document document = {0};
	json_t *settings = json_deep_copy(device->settings);

	(void)shelf;
	field_documents.made++;
	if (field_documents.refused) {
		json_decref(settings);
		return problem_add(problem, SL_EINVAL, "server proxy/shop/certificates/0",
		                   "remove it", "%s", field_documents.refused);
	}
	(void)json_object_set_new(settings, "device", json_pack("{s:s}", "name", device->name));
	(void)json_object_set_new(
	        settings, "ssl_server_proxies",
	        json_pack("[{s:s}, {s:s}]", "name", "mail", "name",
	                  field_documents.proxy ? field_documents.proxy : "shop"));
	document.text = json_dumps(settings, JSON_COMPACT);
	json_decref(settings);
	assert_non_null(document.text);
	document.len = strlen(document.text);
	assert_int_equal(
	        EVP_Digest(document.text, document.len, document.sha256, NULL, EVP_sha256(), NULL),
	        1);
	document.keys_count = field_documents.keys_count;
	document.keys = calloc(FIELD_KEYS_MAX, sizeof(*document.keys));
	assert_non_null(document.keys);
	memcpy(document.keys, field_documents.keys, sizeof(field_documents.keys));
	document.objects = calloc(1, sizeof(*document.objects));
	assert_non_null(document.objects);
	document.objects[0] = (struct document_object){
	        .kind = OBJECT_CERTIFICATE, .id = field_documents.certificate, .revision = 1};
	document.objects_count = field_documents.certificate != 0;
	document.notices = json_pack("[{s:s, s:s, s:s}]", "pointer", "/ssl_server_proxies/1/ports",
	                             "text", "worth reading", "remedy", "");
	*ret_document = document;
	return 0;
}

void document_fini(struct document *document)
{
	free(document->text);
	free(document->keys);
	free(document->objects);
	json_decref(document->notices);
	*document = (struct document){0};
}

int document_diff(const char *old_text, const struct document *document, json_t **ret_diff)
{
	bool same = old_text && strcmp(old_text, document->text) == 0;

	*ret_diff = json_pack("{s:o, s:s}", "changes", same ? json_array() : json_pack("[{}]"),
	                      "scope", "");
	return 0;
}

int document_lacks(const struct document *document, const json_t *capabilities, json_t **ret_lacks)
{
	const char *model = json_string_value(json_object_get(capabilities, "model"));

	(void)document;
	*ret_lacks = json_array();
	if (model && field_documents.lacking && strcmp(model, field_documents.lacking) == 0)
		(void)json_array_append_new(*ret_lacks, json_pack("{s:s, s:s, s:s, s:b}", "pointer",
		                                                  "/ssl_server_proxies/0", "text",
		                                                  "no suite is left", "remedy",
		                                                  "choose another", "refuses", 1));
	return 0;
}

void port_wake(struct port *port, int64_t device)
{
	(void)port;
	(void)device;
	field_woken++;
}

/* ---- the place ------------------------------------------------------------------------------- */

static void open_rooms(struct field *field)
{
	struct vault_source source = {.key_file = place_path(field->place, "vault.key")};

	assert_int_equal(
	        vault_open(field->place->store, &source, &field->vault, &field->place->problem), 0);
	assert_int_equal(push_create(field->place->store, field->vault, &field->push,
	                             &field->place->problem),
	                 0);
	push_set_port(field->push, (struct port *)field);
}

static void close_rooms(struct field *field)
{
	push_destroy(field->push);
	vault_close(field->vault);
}

int field_setup(void **state)
{
	struct field *field = calloc(1, sizeof(*field));

	assert_non_null(field);
	assert_int_equal(place_setup(state), 0);
	field->place = *state;
	assert_int_equal(
	        vault_key_file_make(place_path(field->place, "vault.key"), &field->place->problem),
	        0);
	open_rooms(field);
	assert_int_equal(hpke_key_make(&field->sealing), 0);
	field_documents = (struct field_documents){0};
	field_woken = 0;
	*state = field;
	return 0;
}

int field_teardown(void **state)
{
	struct field *field = *state;
	void *place = field->place;

	json_decref(field->shown);
	EVP_PKEY_free(field->sealing);
	close_rooms(field);
	free(field);
	return place_teardown(&place);
}

void field_restart(struct field *field)
{
	close_rooms(field);
	place_close(field->place);
	place_open(field->place);
	open_rooms(field);
}

static int take_number(void *arg, int columns, char **values, char **names)
{
	assert_int_equal(columns, 1);
	(void)names;
	*(int64_t *)arg = strtoll(values[0], NULL, 10);
	return 0;
}

int64_t field_number(const struct field *field, const char *query)
{
	int64_t number = -1;
	sqlite3 *db;

	assert_int_equal(sqlite3_open(place_path(field->place, "sms.db"), &db), SQLITE_OK);
	assert_int_equal(sqlite3_exec(db, query, take_number, &number, NULL), SQLITE_OK);
	assert_int_equal(sqlite3_close(db), SQLITE_OK);
	return number;
}

void field_sql(const struct field *field, const char *text)
{
	sqlite3 *db;
	char *why = NULL;

	assert_int_equal(sqlite3_open(place_path(field->place, "sms.db"), &db), SQLITE_OK);
	(void)sqlite3_busy_timeout(db, 10000);
	(void)sqlite3_exec(db, text, NULL, NULL, &why);
	if (why)
		fail_msg("%s: %s", text, why);
	(void)sqlite3_close(db);
}

struct found {
	int64_t id;
};

static int take_named(void *arg, const struct store_row *row)
{
	struct found *found = arg;

	found->id = store_row_integer(row, 0);
	return 1;
}

int64_t field_add_device(struct field *field, const char *name, const char *settings)
{
	const struct store_value value = store_text(name);
	uint8_t public[HPKE_PUBLIC];
	struct found found = {.id = 0};
	char hex[BLOB_HEX_MAX], sql[2048];

	assert_int_equal(hpke_public(field->sealing, public), 0);
	(void)snprintf(
	        sql, sizeof(sql),
	        "INSERT INTO device (name, revision, state, comment, settings, capabilities,"
	        " sealing_key, certificate_ends_ms, made_ms, enrolled_ms, seen_ms, wanted)"
	        " VALUES ('%s', 1, 'enrolled', '', '%s', '{\"model\":\"vTPS\"}', X'%s', 0, 0,"
	        " 0, %lld, 0)",
	        name, settings, blob_digest_text(public, hex), (long long)moment_now_ms());
	field_sql(field, sql);
	assert_int_equal(
	        store_read(field->place->store, STORE_PUSH_DEVICE, &value, 1, take_named, &found),
	        0);
	assert_int_not_equal(found.id, 0);
	return found.id;
}

int64_t field_begin(struct field *field, size_t count, const char *const *names)
{
	const struct push_options options = {
	        .devices = names, .devices_count = count, .confirm_s = CONFIRM_S};
	int64_t id = 0;

	assert_int_equal(
	        push_begin(field->push, &place_actor, &options, &id, &field->place->problem), 0);
	return id;
}

void field_tick(struct field *field)
{
	assert_int_equal(push_tick(field->push, moment_now_ms()), 0);
}

/* ---- a device's end -------------------------------------------------------------------------- */

/* As the port does it: the device as its row is now. */
static int call_handler(struct field *field, struct port_call *call, int64_t device,
                        port_handler *handler)
{
	int rc;

	call->store = field->place->store;
	call->vault = field->vault;
	call->above = field->push;
	http_response_init(&call->response);
	assert_int_equal(device_get_id(call->store, device, &call->device, &call->problem), 0);
	rc = handler(call);
	field->nothing_new = call->nothing_new;
	assert_int_equal(rc, rc == 0 ? 0 : call->problem.code);
	problem_fini(&call->problem);
	device_fini(&call->device);
	return rc;
}

static void keep_answer(struct buf *body, struct buf *ret_answer)
{
	*ret_answer = *body;
	buf_init(body, HTTP_ANSWER_MAX);
}

int field_fetch(struct field *field, int64_t device, port_handler *handler, const char *query,
                struct buf *ret_answer)
{
	char writable[256];
	const struct http_request request = {.method = HTTP_GET, .query = writable};
	struct port_call call = {.request = &request};
	int rc;

	(void)snprintf(writable, sizeof(writable), "%s", query);
	rc = call_handler(field, &call, device, handler);
	keep_answer(&call.response.body, ret_answer);
	http_response_fini(&call.response);
	return rc;
}

int field_get(struct field *field, int64_t device, port_handler *handler, const char *query,
              char **ret_body)
{
	struct buf answer;
	int rc = field_fetch(field, device, handler, query, &answer);

	if (ret_body)
		*ret_body = rc == 0 ? strdup(buf_text(&answer)) : NULL;
	buf_fini(&answer);
	return rc;
}

int64_t field_wanted(struct field *field, int64_t device, int64_t have, char *ret_sha256)
{
	char query[64], *body;
	int64_t revision;
	json_t *answer;

	(void)snprintf(query, sizeof(query), "have=%lld&wait=0", (long long)have);
	assert_int_equal(field_get(field, device, push_wanted, query, &body), 0);
	answer = json_loads(body, 0, NULL);
	free(body);
	revision = json_integer_value(json_object_get(answer, "revision"));
	if (ret_sha256)
		(void)snprintf(ret_sha256, BLOB_HEX_MAX, "%s",
		               json_string_value(json_object_get(answer, "sha256")));
	json_decref(answer);
	return revision;
}

int field_status(struct field *field, int64_t device, json_t *body)
{
	const struct http_request request = {.method = HTTP_POST, .from = "192.0.2.1"};
	struct port_call call = {.request = &request, .body = body};
	int rc = call_handler(field, &call, device, push_status);

	if (rc == 0)
		assert_int_equal(call.response.status, 204);
	http_response_fini(&call.response);
	return rc;
}

int field_say(struct field *field, int64_t device, int64_t revision, const char *state,
              const char *sha256, const json_t *items)
{
	json_t *body = json_pack("{s:I, s:s, s:s}", "revision", (json_int_t)revision, "state",
	                         state, "sha256", sha256);
	int rc;

	if (items)
		(void)json_object_set_new(body, "items", json_deep_copy(items));
	rc = field_status(field, device, body);
	json_decref(body);
	return rc;
}

static int post(struct field *field, int64_t device, port_handler *handler, const void *body,
                size_t len, struct buf *ret_answer)
{
	const struct http_request request = {
	        .method = HTTP_POST, .from = "192.0.2.1", .body = body, .body_len = len};
	struct port_call call = {.request = &request};
	int rc = call_handler(field, &call, device, handler);

	keep_answer(&call.response.body, ret_answer);
	http_response_fini(&call.response);
	return rc;
}

int field_bundle(struct field *field, int64_t device, const void *body, size_t len, char **ret_body)
{
	struct buf answer;
	int rc = post(field, device, push_bundle, body, len, &answer);

	if (ret_body)
		*ret_body = rc == 0 ? strdup(buf_text(&answer)) : NULL;
	buf_fini(&answer);
	return rc;
}

int field_ask_keys(struct field *field, int64_t device, const void *body, size_t len,
                   struct buf *ret_keys)
{
	return post(field, device, push_keys, body, len, ret_keys);
}

/* ---- what is shown --------------------------------------------------------------------------- */

const json_t *field_show(struct field *field, int64_t id)
{
	json_decref(field->shown);
	field->shown = NULL;
	assert_int_equal(push_show(field->push, id, 0, &field->shown, &field->place->problem), 0);
	return field->shown;
}

const json_t *field_row(struct field *field, int64_t id, const char *name)
{
	const json_t *devices = json_object_get(field_show(field, id), "devices");
	json_t *device;
	size_t i;

	json_array_foreach(devices, i, device)
	{
		if (strcmp(json_string_value(json_object_get(device, "name")), name) == 0)
			return device;
	}
	fail_msg("%s is not in distribution %lld", name, (long long)id);
	return NULL;
}

const char *field_state(struct field *field, int64_t id, const char *name)
{
	return json_string_value(json_object_get(field_row(field, id, name), "state"));
}

bool field_ended(struct field *field, int64_t id)
{
	const char *state = json_string_value(json_object_get(field_show(field, id), "state"));

	return strcmp(state, "ended") == 0;
}
