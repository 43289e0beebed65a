/* SPDX-License-Identifier: Apache-2.0 */
/* All settings back to a moment, and what refuses it. */
#include "tests/unit/smsd/object/settings.h"
#include "tests/unit/smsd/object/shelf.h"

#include <stdio.h>
#include <stdlib.h>

#include "lib/base/err.h"

enum { ALL_KINDS = (1 << OBJECT_KIND_END) - 1 };

static const struct setting_change may_all = {
        .actor = &place_actor, .comment = "back", .may_locked = true};

#define PROXY(name, host, certificate)                                                             \
	"{'name':'" name "','destinations':['10.0.0." host "'],'detection_ports':[443],"           \
	"'certificates':['" certificate "']}"

static void is_made(struct desk *d, enum object_kind kind, const char *body)
{
	int rc = settings_create(d, kind, body);

	if (rc != 0)
		fail_msg("%s: %s", body, d->problem->count ? d->problem->items[0].text : "?");
}

static void is_changed(struct desk *d, enum object_kind kind, const char *name, const char *body)
{
	int rc = settings_replace(d, kind, name, body);

	if (rc != 0)
		fail_msg("%s: %s", body, d->problem->count ? d->problem->items[0].text : "?");
}

/* The id of the newest change of anything. */
static int64_t now(struct desk *d)
{
	json_t *list = NULL;
	int64_t id;

	assert_int_equal(object_changes(d->place->store, 0, 1, &list, d->problem), 0);
	id = json_integer_value(json_object_get(json_array_get(list, 0), "id"));
	json_decref(list);
	return id;
}

/* What was done, as "action kind name, ..." in the order of the objects' ids. */
static char done[1024];

static int back_as(struct desk *d, const struct setting_change *how, uint32_t kinds, int64_t change)
{
	const struct setting_moment to = {.change = change};
	json_t *objects = NULL, *notices = NULL, *item;
	size_t i;
	int rc = setting_rollback_all(d->place->store, how, kinds, &to, &objects, &notices,
	                              d->problem);

	done[0] = '\0';
	json_array_foreach(objects, i, item)
	{
		size_t len = strlen(done);

		(void)snprintf(done + len, sizeof(done) - len, "%s%s %s", len ? ", " : "",
		               json_string_value(json_object_get(item, "action")),
		               json_string_value(json_object_get(item, "name")));
	}
	json_decref(objects);
	json_decref(notices);
	return rc;
}

static int back(struct desk *d, int64_t change)
{
	return back_as(d, &may_all, ALL_KINDS, change);
}

static void make_all(struct desk *d)
{
	is_made(d, OBJECT_SERVER_PROXY, PROXY("one", "1", "a"));
	is_made(d, OBJECT_SERVER_PROXY, PROXY("two", "2", "c"));
	is_made(d, OBJECT_PROFILE,
	        "{'name':'base','ssl_server_policies':[{'name':'in','proxy':'one'},"
	        "{'name':'to','proxy':'two'}]}");
	is_made(d, OBJECT_PROFILE,
	        "{'name':'low','parent':'base','ssl_server_policies':[{'name':'in','proxy':'two',"
	        "'state':'off'}]}");
	is_made(d, OBJECT_VIRTUAL_SEGMENT, "{'name':'all','segment':'wan','profile':'low'}");
	is_made(d, OBJECT_TRUST_STORE, "{'name':'kept'}");
}

/* Names exchanged, a parent renamed, things deleted and made. */
static void turn_upside_down(struct desk *d)
{
	is_changed(d, OBJECT_SERVER_PROXY, "one", PROXY("x", "1", "a"));
	is_changed(d, OBJECT_SERVER_PROXY, "two", PROXY("one", "2", "c"));
	is_changed(d, OBJECT_SERVER_PROXY, "x", PROXY("two", "1", "a"));
	assert_int_equal(settings_delete(d, OBJECT_VIRTUAL_SEGMENT, "all"), 0);
	assert_int_equal(settings_delete(d, OBJECT_PROFILE, "low"), 0);
	is_changed(d, OBJECT_PROFILE, "base",
	           "{'name':'top','ssl_server_policies':[{'name':'other','proxy':'one'}]}");
	is_made(d, OBJECT_PROFILE,
	        "{'name':'base','ssl_server_policies':[{'name':'in','proxy':'two'}]}");
	is_made(d, OBJECT_VIRTUAL_SEGMENT, "{'name':'all','segment':'wan','profile':'base'}");
	is_made(d, OBJECT_DECRYPTION_POLICY, "{'name':'Default'}");
	is_changed(d, OBJECT_TRUST_STORE, "kept", "{'name':'kept','description':'x'}");
	is_changed(d, OBJECT_TRUST_STORE, "kept", "{'name':'kept'}");
}

static void everything_is_as_it_was(void **state)
{
	struct desk *d = *state;
	struct document before, after;
	int64_t then;

	make_all(d);
	assert_int_equal(make(d, wan_settings, &before), 0);
	then = now(d);
	turn_upside_down(d);
	assert_int_equal(back(d, then), 0);
	assert_string_equal(done, "changed one, changed two, changed base, made low, made all, "
	                          "deleted base, deleted all, deleted Default");
	assert_int_equal(make(d, wan_settings, &after), 0);
	assert_string_equal(after.text, before.text);
	assert_string_equal(settings_text(d, OBJECT_PROFILE, "top"), "");
	/* Each is a revision: made, renamed twice, back; made, with a proxy's new name, deleted,
	 * made again. */
	assert_int_equal(settings_revision(d, OBJECT_SERVER_PROXY, "one"), 4);
	assert_int_equal(settings_revision(d, OBJECT_PROFILE, "low"), 4);
	assert_int_equal(settings_revision(d, OBJECT_TRUST_STORE, "kept"), 3);
	assert_int_equal(place_audited(d->place, "rollback", "low"), 1);
	document_fini(&before);
	document_fini(&after);
}

/* What it refers to, what its policies are named, what overrides what. */
static void what_goes_with_the_objects_is_as_it_was(void **state)
{
	struct desk *d = *state;
	int64_t then;

	make_all(d);
	then = now(d);
	turn_upside_down(d);
	assert_int_equal(back(d, then), 0);
	desk_refused(d, settings_delete(d, OBJECT_PROFILE, "base"), SL_EBUSY, "",
	             "in use by the profile \"low\"");
	desk_refused(d, settings_delete(d, OBJECT_SERVER_PROXY, "two"), SL_EBUSY, "",
	             "in use by the profile");
	desk_refused(d,
	             settings_create(d, OBJECT_PROFILE,
	                             "{'name':'p','ssl_server_policies':[{'name':'in','proxy':"
	                             "'one'}]}"),
	             SL_EEXIST, "/ssl_server_policies/0/name", "of the profile \"base\"");
	is_made(d, OBJECT_PROFILE,
	        "{'name':'p','ssl_server_policies':[{'name':'other','proxy':'one'}]}");
	is_changed(d, OBJECT_SERVER_PROXY, "one", PROXY("uno", "1", "a"));
	assert_non_null(strstr(settings_text(d, OBJECT_PROFILE, "base"), "'uno'"));
}

/* Of children that are older than their parent, too: a name that both override is the parent's. */
static void overrides_are_overrides_whatever_was_made_first(void **state)
{
	static const char *const children[] = {"c1", "c2"};
	struct desk *d = *state;
	char body[256];
	int64_t then;

	is_made(d, OBJECT_SERVER_PROXY, PROXY("one", "1", "a"));
	is_made(d, OBJECT_PROFILE, "{'name':'c1'}");
	is_made(d, OBJECT_PROFILE, "{'name':'c2'}");
	is_made(d, OBJECT_PROFILE,
	        "{'name':'base','ssl_server_policies':[{'name':'in','proxy':'one'}]}");
	for (size_t i = 0; i < SL_ARRAY_LEN(children); i++) {
		(void)snprintf(body, sizeof(body),
		               "{'name':'%s','parent':'base','ssl_server_policies':[{'name':'in',"
		               "'proxy':'one','state':'off'}]}",
		               children[i]);
		is_changed(d, OBJECT_PROFILE, children[i], body);
	}
	then = now(d);
	is_changed(d, OBJECT_PROFILE, "c1", "{'name':'c1'}");
	is_changed(d, OBJECT_PROFILE, "c2", "{'name':'c2'}");
	assert_int_equal(settings_delete(d, OBJECT_PROFILE, "base"), 0);
	if (back(d, then) != 0)
		fail_msg("%s", d->problem->items[0].text);
	assert_non_null(strstr(settings_text(d, OBJECT_PROFILE, "c2"), "'off'"));
}

/* Then and now are moments like any other: there and back, and to one in between. */
static void a_rollback_can_be_gone_back_from(void **state)
{
	struct desk *d = *state;
	int64_t first, second;

	make_all(d);
	first = now(d);
	turn_upside_down(d);
	second = now(d);
	assert_int_equal(back(d, first), 0);
	assert_int_equal(back(d, second), 0);
	assert_string_equal(settings_text(d, OBJECT_PROFILE, "low"), "");
	assert_non_null(strstr(settings_text(d, OBJECT_PROFILE, "base"), "'two'"));
	assert_int_equal(back(d, second), 0);
	assert_string_equal(done, "");
	assert_int_equal(back(d, first), 0);
	assert_non_null(strstr(settings_text(d, OBJECT_PROFILE, "low"), "'base'"));
}

static void a_check_alone_writes_nothing(void **state)
{
	const struct setting_change look = {
	        .actor = &place_actor, .may_locked = true, .check_only = true};
	struct desk *d = *state;
	int64_t then, last;

	make_all(d);
	then = now(d);
	turn_upside_down(d);
	last = now(d);
	assert_int_equal(back_as(d, &look, ALL_KINDS, then), 0);
	assert_non_null(strstr(done, "made low"));
	assert_int_equal(now(d), last);
	assert_string_equal(settings_text(d, OBJECT_PROFILE, "low"), "");
}

/* A certificate that is not there any more; both of its users are named. */
static void it_is_refused_whole_with_each_reason(void **state)
{
	struct desk *d = *state;
	int64_t then, last;

	is_made(d, OBJECT_SERVER_PROXY, PROXY("one", "1", "c"));
	is_made(d, OBJECT_SERVER_PROXY, PROXY("two", "2", "c"));
	then = now(d);
	is_changed(d, OBJECT_SERVER_PROXY, "one", PROXY("one", "1", "a"));
	is_changed(d, OBJECT_SERVER_PROXY, "two", PROXY("two", "2", "a"));
	is_made(d, OBJECT_TRUST_STORE, "{'name':'new'}");
	assert_int_equal(certificate_delete(&d->at, &place_actor, OBJECT_CERTIFICATE, "c",
	                                    settings_revision(d, OBJECT_CERTIFICATE, "c"),
	                                    d->problem),
	                 0);
	last = now(d);
	assert_int_equal(back(d, then), SL_ENOENT);
	assert_int_equal(d->problem->count, 2);
	assert_string_equal(d->problem->items[1].pointer, "server proxy/two/certificates/0");
	desk_refused(d, SL_ENOENT, SL_ENOENT, "server proxy/one/certificates/0",
	             "there is no certificate \"c\"");
	assert_int_equal(now(d), last);
	assert_int_equal(settings_revision(d, OBJECT_TRUST_STORE, "new"), 1);
}

static void each_kind_and_each_lock_is_asked_for(void **state)
{
	const struct setting_change unlocked = {.actor = &place_actor};
	const uint32_t profiles_alone = 1U << OBJECT_PROFILE | 1U << OBJECT_VIRTUAL_SEGMENT;
	struct desk *d = *state;
	int64_t then;

	make_all(d);
	then = now(d);
	turn_upside_down(d);
	assert_int_equal(back_as(d, &may_all, profiles_alone, then), SL_EPERM);
	assert_int_equal(d->problem->count, 3);
	desk_refused(d, SL_EPERM, SL_EPERM, "server proxy/one", "may not change a server proxy");
	is_made(d, OBJECT_PROFILE,
	        "{'name':'shut','ssl_server_policies':[{'name':'shut','proxy':'one','locked':"
	        "true}]}");
	desk_refused(d, back_as(d, &unlocked, ALL_KINDS, then), SL_EPERM,
	             "profile/shut/ssl_server_policies/0", "is locked, and would be deleted");
	assert_int_equal(back(d, then), 0);
}

static void a_moment_that_was_not_is_refused(void **state)
{
	const struct setting_moment early = {.time_ms = 1000}, late = {.time_ms = INT64_MAX};
	json_t *objects = NULL, *notices = NULL;
	struct desk *d = *state;

	make_all(d);
	desk_refused(d, back(d, now(d) + 1), SL_ENOENT, "/change", "there is no change");
	desk_refused(d,
	             setting_rollback_all(d->place->store, &may_all, ALL_KINDS, &early, &objects,
	                                  &notices, d->problem),
	             SL_ENOENT, "/time", "nothing was there");
	assert_int_equal(setting_rollback_all(d->place->store, &may_all, ALL_KINDS, &late, &objects,
	                                      &notices, d->problem),
	                 0);
	assert_int_equal(json_array_size(objects), 0);
	json_decref(objects);
	json_decref(notices);
}

int main(void)
{
#define WITH_SETTINGS(test) cmocka_unit_test_setup_teardown(test, settings_setup, desk_teardown)
	const struct CMUnitTest tests[] = {
	        WITH_SETTINGS(everything_is_as_it_was),
	        WITH_SETTINGS(what_goes_with_the_objects_is_as_it_was),
	        WITH_SETTINGS(overrides_are_overrides_whatever_was_made_first),
	        WITH_SETTINGS(a_rollback_can_be_gone_back_from),
	        WITH_SETTINGS(a_check_alone_writes_nothing),
	        WITH_SETTINGS(it_is_refused_whole_with_each_reason),
	        WITH_SETTINGS(each_kind_and_each_lock_is_asked_for),
	        WITH_SETTINGS(a_moment_that_was_not_is_refused),
	};

	return RUN_TESTS(tests);
}
