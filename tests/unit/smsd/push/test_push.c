/* SPDX-License-Identifier: Apache-2.0 */
/* Distributions on their way: newest only, staged, scheduled, cancelled, tried again, and what a
 * death in the middle leaves. */
#include "tests/unit/smsd/push/field.h"

#include <stdlib.h>

#include "lib/base/err.h"
#include "smsd/base/moment.h"
#include "smsd/object/blob.h"

#define SETTINGS "{\"version\":1,\"limits\":{}}"

static const char *text_of(const json_t *row, const char *key)
{
	return json_string_value(json_object_get(row, key));
}

static void assert_state(struct field *field, int64_t id, const char *name, const char *state)
{
	assert_string_equal(field_state(field, id, name), state);
}

static void test_the_whole_way(void **state)
{
	struct field *f = *state;
	int64_t box = field_add_device(f, "box", SETTINGS), id;
	char sha256[BLOB_HEX_MAX], *body;

	assert_int_equal(field_wanted(f, box, 0, NULL), 0);
	id = field_begin(f, 0, NULL);
	assert_int_equal(field_woken, 1);
	assert_state(f, id, "box", "waiting");
	assert_int_equal(field_wanted(f, box, 0, sha256), 1);
	assert_state(f, id, "box", "offered");
	assert_int_equal(field_wanted(f, box, 0, NULL), 1);
	assert_int_equal(field_get(f, box, push_document, "revision=1", &body), 0);
	assert_non_null(strstr(body, "{\"name\":\"box\"}"));
	free(body);
	assert_int_equal(field_get(f, box, push_document, "revision=2", NULL), SL_ENOENT);
	assert_int_equal(field_get(f, box, push_document, "revision=0", NULL), SL_ENOENT);
	assert_int_equal(field_get(f, box, push_document, "revision=x", NULL), SL_EINVAL);
	assert_int_equal(field_say(f, box, 1, "fetched", "", NULL), 0);
	assert_state(f, id, "box", "fetched");
	assert_int_equal(field_say(f, box, 1, "in force", sha256, NULL), 0);
	assert_state(f, id, "box", "in force");
	assert_false(field_ended(f, id));
	assert_int_equal(field_say(f, box, 1, "confirmed", sha256, NULL), 0);
	assert_state(f, id, "box", "confirmed");
	assert_true(field_ended(f, id));
	assert_int_equal(field_wanted(f, box, 1, NULL), 1);
	assert_int_equal(place_audited(f->place, "distribute", NULL), 1);
}

/* A status that goes back, skips the offer or is of what was never given is answered, not taken. */
static void test_what_is_not_taken(void **state)
{
	struct field *f = *state;
	int64_t box = field_add_device(f, "box", SETTINGS), id = field_begin(f, 0, NULL);
	char sha256[BLOB_HEX_MAX];

	assert_int_equal(field_say(f, box, 1, "confirmed", "", NULL), 0);
	assert_state(f, id, "box", "waiting");
	assert_int_equal(field_wanted(f, box, 0, sha256), 1);
	assert_int_equal(field_say(f, box, 7, "refused", "", NULL), 0);
	assert_int_equal(field_say(f, box, 1, "superseded", "", NULL), 0);
	assert_int_equal(field_say(f, box, 1, "waiting", "", NULL), 0);
	assert_state(f, id, "box", "offered");
	assert_int_equal(field_say(f, box, 1, "confirmed", sha256, NULL), 0);
	assert_int_equal(field_say(f, box, 1, "fetched", sha256, NULL), 0);
	assert_int_equal(field_say(f, box, 1, "refused", sha256, NULL), 0);
	assert_state(f, id, "box", "confirmed");
	/* It lost what it knew: told again, and its row stays. */
	assert_int_equal(field_wanted(f, box, 0, NULL), 1);
	assert_state(f, id, "box", "confirmed");
}

/* A device that says "in force" with another document in force is not believed. */
static void test_another_document_in_force(void **state)
{
	static const char other[] = "00000000000000000000000000000000"
	                            "00000000000000000000000000000000";
	struct field *f = *state;
	int64_t box = field_add_device(f, "box", SETTINGS), id = field_begin(f, 0, NULL);

	assert_int_equal(field_wanted(f, box, 0, NULL), 1);
	assert_int_equal(field_say(f, box, 1, "in force", other, NULL), 0);
	assert_int_equal(field_say(f, box, 1, "confirmed", other, NULL), 0);
	assert_state(f, id, "box", "offered");
	assert_non_null(strstr(text_of(field_row(f, id, "box"), "text"), "another document"));
	/* What was in force before is just what it is when it refuses. */
	assert_int_equal(field_say(f, box, 1, "refused", other, NULL), 0);
	assert_state(f, id, "box", "refused");
}

static void test_only_the_newest(void **state)
{
	struct field *f = *state;
	int64_t box = field_add_device(f, "box", SETTINGS), first, second, third;
	char sha256[BLOB_HEX_MAX];

	first = field_begin(f, 0, NULL);
	second = field_begin(f, 0, NULL);
	assert_state(f, first, "box", "superseded");
	assert_true(field_ended(f, first));
	assert_int_equal(field_wanted(f, box, 0, sha256), 2);
	assert_int_equal(field_get(f, box, push_document, "revision=1", NULL), SL_ENOENT);
	assert_int_equal(field_say(f, box, 2, "in force", sha256, NULL), 0);
	/* In force and not yet confirmed when the next is wanted: it can still revert. */
	third = field_begin(f, 0, NULL);
	assert_state(f, second, "box", "in force");
	assert_int_equal(field_wanted(f, box, 2, sha256), 3);
	assert_int_equal(field_say(f, box, 3, "in force", sha256, NULL), 0);
	assert_state(f, second, "box", "superseded");
	assert_state(f, third, "box", "in force");
	assert_int_equal(field_say(f, box, 3, "reverted", "", NULL), 0);
	assert_state(f, third, "box", "reverted");
	assert_true(field_ended(f, second) && field_ended(f, third));
}

/* What is written at each step is what a killed smsd goes on from. */
static void test_killed_at_every_step(void **state)
{
	static const char *const told[] = {"fetched", "in force", "confirmed"};
	struct field *f = *state;
	int64_t box = field_add_device(f, "box", SETTINGS), id = field_begin(f, 0, NULL);
	char sha256[BLOB_HEX_MAX];

	field_restart(f);
	assert_state(f, id, "box", "waiting");
	assert_int_equal(field_wanted(f, box, 0, sha256), 1);
	field_restart(f);
	assert_state(f, id, "box", "offered");
	for (size_t i = 0; i < SL_ARRAY_LEN(told); i++) {
		assert_int_equal(field_say(f, box, 1, told[i], i ? sha256 : "", NULL), 0);
		field_restart(f);
		field_tick(f);
		assert_state(f, id, "box", told[i]);
		assert_int_equal(field_wanted(f, box, 1, NULL), 1);
	}
	/* Once for all of it, and once to see what the objects make by now (due.c). */
	assert_int_equal(field_documents.made, 2);
	assert_true(field_ended(f, id));
}

/* The rows were written and no document was made yet: the next start makes it. */
static void test_killed_before_its_documents(void **state)
{
	struct field *f = *state;
	int64_t box = field_add_device(f, "box", SETTINGS), id = field_begin(f, 0, NULL);

	field_sql(f, "UPDATE distribution_device SET revision = 0; UPDATE device SET wanted = 0;"
	             "DELETE FROM device_document");
	field_restart(f);
	assert_int_equal(field_wanted(f, box, 0, NULL), 0);
	field_tick(f);
	assert_int_equal(field_wanted(f, box, 0, NULL), 1);
	assert_state(f, id, "box", "offered");
	field_tick(f);
	assert_int_equal(field_documents.made, 2);
}

/* One text for all that are alike, each with its own name in it; gone when nobody has it. */
static void test_alike_share_a_text(void **state)
{
	static const char bodies[] = "SELECT COUNT(*) FROM document_body";
	struct field *f = *state;
	int64_t box = field_add_device(f, "box", SETTINGS),
	        other = field_add_device(f, "another-box", SETTINGS);
	char *text;

	(void)field_add_device(f, "unlike", "{\"version\":1}");
	field_begin(f, 0, NULL);
	assert_int_equal(field_number(f, bodies), 2);
	assert_int_equal(field_get(f, box, push_document, "revision=1", &text), 0);
	assert_non_null(strstr(text, "\"name\":\"box\""));
	free(text);
	assert_int_equal(field_get(f, other, push_document, "revision=1", &text), 0);
	assert_non_null(strstr(text, "\"name\":\"another-box\""));
	free(text);
	field_documents.proxy = "new";
	field_begin(f, 0, NULL);
	assert_int_equal(field_number(f, bodies), 4);
	place_wait(2 * 3600 * 1000);
	field_tick(f);
	assert_int_equal(field_number(f, bodies), 2);
	assert_int_equal(field_get(f, box, push_document, "revision=2", &text), 0);
	assert_non_null(strstr(text, "\"name\":\"box\""));
	free(text);
}

static void test_staged(void **state)
{
	static const char *const names[] = {"b", "a", "c"};
	struct field *f = *state;
	int64_t a = field_add_device(f, "a", SETTINGS), b = field_add_device(f, "b", SETTINGS), id;
	const struct push_options options = {.devices = names,
	                                     .devices_count = 3,
	                                     .staged = true,
	                                     .wait_s = 600,
	                                     .confirm_s = 300};
	char sha256[BLOB_HEX_MAX];

	field_add_device(f, "c", SETTINGS);
	assert_int_equal(push_begin(f->push, &place_actor, &options, &id, &f->place->problem), 0);
	assert_int_equal(field_wanted(f, a, 0, NULL), 0);
	assert_int_equal(field_wanted(f, b, 0, sha256), 1);
	assert_int_equal(field_say(f, b, 1, "in force", sha256, NULL), 0);
	field_tick(f);
	assert_int_equal(field_wanted(f, a, 0, NULL), 0);
	assert_int_equal(field_say(f, b, 1, "confirmed", sha256, NULL), 0);
	place_wait(590);
	field_sql(f, "UPDATE device SET seen_ms = seen_ms + 590000");
	field_restart(f);
	field_tick(f);
	assert_int_equal(field_wanted(f, a, 0, NULL), 0);
	/* The time is over, and the first was not heard of since: no sign that all is well. */
	place_wait(600);
	field_tick(f);
	assert_int_equal(field_wanted(f, a, 0, NULL), 0);
	field_sql(f, "UPDATE device SET seen_ms = seen_ms + 600000");
	field_tick(f);
	assert_int_equal(field_wanted(f, a, 0, NULL), 1);
	assert_state(f, id, "a", "offered");
	assert_state(f, id, "c", "waiting");
	/* Once for all of it, and once to see what the objects make by now (due.c). */
	assert_int_equal(field_documents.made, 2);
}

static void test_staged_ends_with_its_first(void **state)
{
	static const char *const names[] = {"a", "b"};
	static const char *const ends[] = {"refused", "reverted"};
	struct field *f = *state;
	int64_t a = field_add_device(f, "a", SETTINGS), b = field_add_device(f, "b", SETTINGS);
	const struct push_options options = {
	        .devices = names, .devices_count = 2, .staged = true, .confirm_s = 300};

	for (size_t i = 0; i < SL_ARRAY_LEN(ends); i++) {
		int64_t id, revision, again;

		assert_int_equal(
		        push_begin(f->push, &place_actor, &options, &id, &f->place->problem), 0);
		revision = field_wanted(f, a, 0, NULL);
		assert_int_equal(field_say(f, a, revision, ends[i], "", NULL), 0);
		field_tick(f);
		assert_true(field_ended(f, id));
		assert_state(f, id, "a", ends[i]);
		assert_state(f, id, "b", "waiting");
		assert_non_null(strstr(text_of(field_row(f, id, "b"), "text"), ends[i]));
		assert_int_equal(field_wanted(f, b, 0, NULL), 0);
		/* Both again. */
		assert_int_equal(push_retry(f->push, &place_actor, id, &again, &f->place->problem),
		                 0);
		assert_true(again > id);
		assert_int_equal(json_array_size(json_object_get(field_show(f, again), "devices")),
		                 2);
		assert_int_equal(push_cancel(f->push, &place_actor, again, &f->place->problem), 0);
	}
}

static void test_scheduled(void **state)
{
	struct field *f = *state;
	int64_t box = field_add_device(f, "box", SETTINGS), id;
	const struct push_options options = {.not_before_ms = moment_now_ms() + 3600 * 1000};

	assert_int_equal(push_begin(f->push, &place_actor, &options, &id, &f->place->problem), 0);
	field_tick(f);
	assert_int_equal(field_wanted(f, box, 0, NULL), 0);
	assert_string_equal(text_of(field_row(f, id, "box"), "text"), "scheduled");
	place_wait(3601);
	field_restart(f);
	field_tick(f);
	assert_int_equal(field_wanted(f, box, 0, NULL), 1);
	assert_int_equal(field_documents.made, 1);
}

/* One that was scheduled, and another that went before it: the older is not given afterwards. */
static void test_scheduled_and_overtaken(void **state)
{
	struct field *f = *state;
	int64_t box = field_add_device(f, "box", SETTINGS), late, now;
	const struct push_options options = {.not_before_ms = moment_now_ms() + 3600 * 1000};

	assert_int_equal(push_begin(f->push, &place_actor, &options, &late, &f->place->problem), 0);
	now = field_begin(f, 0, NULL);
	assert_int_equal(field_wanted(f, box, 0, NULL), 2);
	assert_state(f, late, "box", "superseded");
	place_wait(3601);
	field_tick(f);
	assert_int_equal(field_wanted(f, box, 2, NULL), 2);
	assert_state(f, now, "box", "offered");
}

static void test_cancelled(void **state)
{
	static const char *const both[] = {"a", "b"};
	struct field *f = *state;
	int64_t a = field_add_device(f, "a", SETTINGS), b = field_add_device(f, "b", SETTINGS);
	int64_t first = field_begin(f, 2, both), second;
	char sha256[BLOB_HEX_MAX];

	for (int i = 0; i < 2; i++) {
		assert_int_equal(field_wanted(f, i ? b : a, 0, sha256), 1);
		assert_int_equal(field_say(f, i ? b : a, 1, "confirmed", sha256, NULL), 0);
	}
	assert_true(field_ended(f, first));
	second = field_begin(f, 2, both);
	assert_int_equal(field_wanted(f, a, 1, sha256), 2);
	assert_int_equal(push_cancel(f->push, &place_actor, second, &f->place->problem), 0);
	/* Who was told goes on, who was not is left as it is. */
	assert_false(field_ended(f, second));
	assert_int_equal(field_wanted(f, b, 1, NULL), 1);
	assert_string_equal(text_of(field_row(f, second, "b"), "text"), "cancelled by anna");
	assert_int_equal(field_say(f, a, 2, "confirmed", sha256, NULL), 0);
	assert_true(field_ended(f, second));
	assert_state(f, second, "b", "waiting");
	assert_int_equal(push_cancel(f->push, &place_actor, second, &f->place->problem), SL_EBUSY);
	problem_fini(&f->place->problem);
	assert_int_equal(push_cancel(f->push, &place_actor, 99, &f->place->problem), SL_ENOENT);
	problem_fini(&f->place->problem);
	assert_int_equal(place_audited(f->place, "cancel distribution", NULL), 1);
}

static void test_refused_from_the_start(void **state)
{
	struct field *f = *state;
	int64_t box = field_add_device(f, "box", SETTINGS), id;
	const json_t *item;

	field_add_device(f, "old", SETTINGS);
	field_sql(f, "UPDATE device SET capabilities = '{\"model\":\"old\"}' WHERE name = 'old'");
	field_documents.lacking = "old";
	id = field_begin(f, 0, NULL);
	assert_state(f, id, "old", "refused");
	item = json_array_get(json_object_get(field_row(f, id, "old"), "items"), 1);
	assert_string_equal(text_of(item, "name"), "mail");
	assert_true(json_is_false(json_object_get(item, "notice")));
	assert_int_equal(field_wanted(f, box, 0, NULL), 1);
	field_documents.refused = "no such certificate";
	id = field_begin(f, 0, NULL);
	assert_state(f, id, "box", "refused");
	item = json_array_get(json_object_get(field_row(f, id, "box"), "items"), 0);
	assert_string_equal(text_of(item, "kind"), "server proxy");
	assert_string_equal(text_of(item, "name"), "shop");
	assert_string_equal(text_of(item, "pointer"), "/certificates/0");
	assert_string_equal(text_of(item, "remedy"), "remove it");
	assert_true(field_ended(f, id));
	/* What it was given before is still what it should have. */
	assert_int_equal(field_wanted(f, box, 0, NULL), 1);
}

/* R162: one of another version than those that documents are made of. */
static void test_refused_by_its_version(void **state)
{
	struct field *f = *state;
	int64_t box = field_add_device(f, "box", SETTINGS), id;
	json_t *item, *items;

	field_add_device(f, "new", SETTINGS);
	field_sql(f,
	          "UPDATE device SET capabilities = '{\"document_version\":9}' WHERE name = 'new'");
	id = field_begin(f, 0, NULL);
	assert_int_equal(field_documents.made, 1);
	assert_state(f, id, "new", "refused");
	items = json_object_get(field_row(f, id, "new"), "items");
	assert_int_equal(json_array_size(items), 1);
	item = json_array_get(items, 0);
	assert_string_equal(text_of(item, "kind"), "device");
	assert_string_equal(text_of(item, "name"), "new");
	assert_string_equal(text_of(item, "pointer"), "/version");
	assert_string_equal(
	        text_of(item, "text"),
	        "the device reads documents of version 9; the management system makes version 1");
	assert_string_equal(text_of(item, "remedy"),
	                    "bring the management system up to date first");
	assert_true(json_is_false(json_object_get(item, "notice")));
	assert_int_equal(field_wanted(f, box, 0, NULL), 1);

	/* What it tells when it was brought to another one counts at once. */
	field_sql(f,
	          "UPDATE device SET capabilities = '{\"document_version\":1}' WHERE name = 'new'");
	id = field_begin(f, 0, NULL);
	assert_state(f, id, "new", "waiting");
}

static void test_items_are_objects(void **state)
{
	struct field *f = *state;
	int64_t box = field_add_device(f, "box", SETTINGS), id = field_begin(f, 0, NULL);
	json_t *items = json_pack("[{s:s, s:s}, {s:s, s:s, s:b}, {s:s, s:s}]", "pointer",
	                          "/ssl_server_proxies/1/ports/0", "text", "taken", "pointer",
	                          "/limits/sessions", "text", "too many", "notice", 1, "pointer",
	                          "/ssl_server_proxies/9", "text", "nowhere");
	const json_t *seen;

	assert_int_equal(field_wanted(f, box, 0, NULL), 1);
	assert_int_equal(field_say(f, box, 1, "refused", "", items), 0);
	json_decref(items);
	seen = json_object_get(field_row(f, id, "box"), "items");
	assert_int_equal(json_array_size(seen), 3);
	assert_string_equal(text_of(json_array_get(seen, 0), "kind"), "server proxy");
	assert_string_equal(text_of(json_array_get(seen, 0), "name"), "shop");
	assert_string_equal(text_of(json_array_get(seen, 0), "pointer"), "/ports/0");
	assert_string_equal(text_of(json_array_get(seen, 1), "kind"), "device");
	assert_string_equal(text_of(json_array_get(seen, 1), "name"), "box");
	assert_string_equal(text_of(json_array_get(seen, 1), "pointer"), "/limits/sessions");
	assert_true(json_is_true(json_object_get(json_array_get(seen, 1), "notice")));
	assert_string_equal(text_of(json_array_get(seen, 2), "kind"), "device");
}

/* Devices that are alike cost one document, and each has its own name and digest. */
static void test_many_that_are_alike(void **state)
{
	enum { MANY = 40 };
	struct field *f = *state;
	int64_t ids[MANY];
	char name[16], sha256[BLOB_HEX_MAX], digest[BLOB_HEX_MAX], *body, member[64];
	uint8_t bytes[BLOB_DIGEST];

	for (int i = 0; i < MANY; i++) {
		(void)snprintf(name, sizeof(name), "box%02d", i);
		ids[i] = field_add_device(f, name,
		                          i == 7 ? "{\"version\":1,\"more\":{}}" : SETTINGS);
	}
	field_begin(f, 0, NULL);
	assert_int_equal(field_documents.made, 2);
	for (int i = 0; i < MANY; i++) {
		assert_int_equal(field_wanted(f, ids[i], 0, sha256), 1);
		assert_int_equal(field_get(f, ids[i], push_document, "revision=1", &body), 0);
		(void)snprintf(member, sizeof(member), "{\"name\":\"box%02d\"}", i);
		assert_non_null(strstr(body, member));
		assert_int_equal(strstr(body, "\"more\"") != NULL, i == 7);
		assert_int_equal(EVP_Digest(body, strlen(body), bytes, NULL, EVP_sha256(), NULL),
		                 1);
		assert_string_equal(sha256, blob_digest_text(bytes, digest));
		free(body);
	}
}

static void test_a_device_that_is_gone(void **state)
{
	struct field *f = *state;
	int64_t id, box = field_add_device(f, "box", SETTINGS);

	field_add_device(f, "deleted", SETTINGS);
	id = field_begin(f, 0, NULL);
	assert_int_equal(field_wanted(f, box, 0, NULL), 1);
	field_sql(f, "UPDATE device SET state = 'revoked' WHERE name = 'box';"
	             "PRAGMA foreign_keys = on; DELETE FROM device WHERE name = 'deleted'");
	assert_false(field_ended(f, id));
	field_tick(f);
	assert_state(f, id, "box", "refused");
	assert_string_equal(text_of(field_row(f, id, "box"), "text"), "the device was revoked");
	assert_true(field_ended(f, id));
}

static void test_options_that_are_none(void **state)
{
	static const char *const twice[] = {"box", "box"}, *const unknown[] = {"nobody"};
	struct field *f = *state;
	const struct {
		struct push_options options;
		int code;
	} rows[] = {
	        {{.devices = twice, .devices_count = 2}, SL_EINVAL},
	        {{.devices = unknown, .devices_count = 1}, SL_ENOENT},
	        {{.confirm_s = PUSH_CONFIRM_MIN_S - 1}, SL_ERANGE},
	        {{.confirm_s = PUSH_CONFIRM_MAX_S + 1}, SL_ERANGE},
	        {{.staged = true, .wait_s = PUSH_WAIT_MAX_S + 1}, SL_ERANGE},
	        {{.wait_s = 1}, SL_EINVAL},
	        {{.not_before_ms = INT64_MAX}, SL_ERANGE},
	        {{.confirm_s = PUSH_CONFIRM_MIN_S}, 0},
	        {{.staged = true, .wait_s = PUSH_WAIT_MAX_S, .confirm_s = PUSH_CONFIRM_MAX_S}, 0},
	};
	int64_t id;

	assert_int_equal(
	        push_begin(f->push, &place_actor, &rows[2].options, &id, &f->place->problem),
	        SL_ERANGE);
	problem_fini(&f->place->problem);
	assert_int_equal(push_begin(f->push, &place_actor, &(struct push_options){0}, &id,
	                            &f->place->problem),
	                 SL_EINVAL);
	problem_fini(&f->place->problem);
	field_add_device(f, "box", SETTINGS);
	for (size_t i = 0; i < SL_ARRAY_LEN(rows); i++) {
		assert_int_equal(push_begin(f->push, &place_actor, &rows[i].options, &id,
		                            &f->place->problem),
		                 rows[i].code);
		problem_fini(&f->place->problem);
	}
}

static void test_a_preview_does_nothing(void **state)
{
	struct field *f = *state;
	int64_t box = field_add_device(f, "box", SETTINGS);
	json_t *preview, *page;
	const json_t *device;

	assert_int_equal(
	        push_preview(f->push, &(struct push_options){0}, &preview, &f->place->problem), 0);
	device = json_array_get(json_object_get(preview, "devices"), 0);
	assert_string_equal(text_of(device, "name"), "box");
	assert_int_equal(json_array_size(json_object_get(device, "changes")), 1);
	assert_int_equal(json_array_size(json_object_get(device, "items")), 1);
	assert_true(json_is_false(json_object_get(device, "refused")));
	json_decref(preview);
	field_tick(f);
	assert_int_equal(field_wanted(f, box, 0, NULL), 0);
	assert_int_equal(push_list(f->push, 0, 10, &page, &f->place->problem), 0);
	assert_int_equal(json_array_size(json_object_get(page, "items")), 0);
	json_decref(page);
}

static void test_the_list(void **state)
{
	struct field *f = *state;
	json_t *page;
	const json_t *items;

	field_add_device(f, "box", SETTINGS);
	for (int i = 0; i < 3; i++)
		(void)field_begin(f, 0, NULL);
	assert_int_equal(push_list(f->push, 3, 1, &page, &f->place->problem), 0);
	items = json_object_get(page, "items");
	assert_int_equal(json_array_size(items), 1);
	assert_int_equal(json_integer_value(json_object_get(json_array_get(items, 0), "id")), 2);
	assert_string_equal(text_of(json_array_get(items, 0), "state"), "ended");
	assert_int_equal(
	        json_integer_value(json_object_get(
	                json_object_get(json_array_get(items, 0), "counts"), "superseded")),
	        1);
	json_decref(page);
}

/* R81: those whose wanted document has the certificate's object, which a replacement keeps. */
static void test_who_holds_a_certificate(void **state)
{
	static const char *const one[] = {"holds"};
	struct field *f = *state;
	json_t *names;

	field_add_device(f, "holds", SETTINGS);
	field_add_device(f, "has not", SETTINGS);
	field_sql(f, "INSERT INTO object (id, kind, name, revision, changed_ms, body) VALUES"
	             " (12, 'certificate', 'shop', 1, 0, '{}'), (2, 'certificate', 'other', 1, 0, "
	             "'{}')");
	field_documents.certificate = 12;
	(void)field_begin(f, 1, one);
	assert_int_equal(push_holders(f->push, "shop", &names, &f->place->problem), 0);
	assert_int_equal(json_array_size(names), 1);
	assert_string_equal(json_string_value(json_array_get(names, 0)), "holds");
	json_decref(names);
	assert_int_equal(push_holders(f->push, "other", &names, &f->place->problem), 0);
	assert_int_equal(json_array_size(names), 0);
	json_decref(names);
	assert_int_equal(push_holders(f->push, "nobody", &names, &f->place->problem), SL_ENOENT);
	problem_fini(&f->place->problem);
}

int main(void)
{
#define T(fn) cmocka_unit_test_setup_teardown(fn, field_setup, field_teardown)
	const struct CMUnitTest tests[] = {
	        T(test_the_whole_way),
	        T(test_what_is_not_taken),
	        T(test_another_document_in_force),
	        T(test_only_the_newest),
	        T(test_killed_at_every_step),
	        T(test_killed_before_its_documents),
	        T(test_alike_share_a_text),
	        T(test_staged),
	        T(test_staged_ends_with_its_first),
	        T(test_scheduled),
	        T(test_scheduled_and_overtaken),
	        T(test_cancelled),
	        T(test_refused_from_the_start),
	        T(test_refused_by_its_version),
	        T(test_items_are_objects),
	        T(test_many_that_are_alike),
	        T(test_a_device_that_is_gone),
	        T(test_options_that_are_none),
	        T(test_a_preview_does_nothing),
	        T(test_the_list),
	        T(test_who_holds_a_certificate),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
