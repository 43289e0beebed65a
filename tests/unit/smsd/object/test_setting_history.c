/* SPDX-License-Identifier: Apache-2.0 */
/* Revisions of settings: what is kept of each, what differs, going back. */
#include "tests/unit/smsd/object/settings.h"

#include <stdio.h>

#include "lib/base/err.h"

#define TRUST(description) "{'name':'trust','description':'" description "'}"
#define PROXY(name, certificate)                                                                   \
	"{'name':'" name "','destinations':['10.0.0.1'],'detection_ports':[443],"                  \
	"'certificates':['" certificate "']}"

static void make_three(struct desk *d)
{
	assert_int_equal(settings_create(d, OBJECT_TRUST_STORE, TRUST("one")), 0);
	assert_int_equal(settings_replace(d, OBJECT_TRUST_STORE, "trust", TRUST("two")), 0);
	assert_int_equal(settings_replace(d, OBJECT_TRUST_STORE, "trust", TRUST("three")), 0);
}

static json_t *history(struct desk *d, const char *name)
{
	json_t *list = NULL;

	assert_int_equal(
	        object_history(d->place->store, OBJECT_TRUST_STORE, name, 100, &list, d->problem),
	        0);
	return list;
}

static void going_back_is_a_revision_like_any_other(void **state)
{
	struct desk *d = *state;
	json_t *list;

	make_three(d);
	assert_int_equal(settings_rollback(d, OBJECT_TRUST_STORE, "trust", 1), 0);
	assert_string_equal(settings_text(d, OBJECT_TRUST_STORE, "trust"),
	                    "{'description':'one','name':'trust'}");
	assert_int_equal(settings_revision(d, OBJECT_TRUST_STORE, "trust"), 4);
	list = history(d, "trust");
	assert_int_equal(json_array_size(list), 4);
	assert_string_equal(json_string_value(json_object_get(json_array_get(list, 0), "action")),
	                    "rollback");
	json_decref(list);
	desk_refused(d, settings_rollback(d, OBJECT_TRUST_STORE, "trust", 9), SL_ENOENT, "",
	             "the trust store \"trust\" has no revision 9");
	desk_refused(d, settings_rollback(d, OBJECT_TRUST_STORE, "nobody", 1), SL_ENOENT, "",
	             "there is no trust store \"nobody\", and there was none");
}

static void what_was_deleted_is_made_again_with_its_history(void **state)
{
	struct desk *d = *state;
	json_t *list;

	make_three(d);
	assert_int_equal(settings_delete(d, OBJECT_TRUST_STORE, "trust"), 0);
	desk_refused(d, settings_rollback(d, OBJECT_TRUST_STORE, "trust", 4), SL_EINVAL,
	             "/revision", "revision 4 is the one that deleted it");
	assert_int_equal(settings_rollback(d, OBJECT_TRUST_STORE, "trust", 2), 0);
	assert_string_equal(settings_text(d, OBJECT_TRUST_STORE, "trust"),
	                    "{'description':'two','name':'trust'}");
	assert_int_equal(settings_revision(d, OBJECT_TRUST_STORE, "trust"), 5);
	list = history(d, "trust");
	assert_int_equal(json_array_size(list), 5);
	json_decref(list);
	assert_int_equal(settings_replace(d, OBJECT_TRUST_STORE, "trust", TRUST("six")), 0);
}

/* One that has another name by now is not gone. */
static void what_was_renamed_is_not_made_a_second_time(void **state)
{
	struct desk *d = *state;

	make_three(d);
	assert_int_equal(settings_replace(d, OBJECT_TRUST_STORE, "trust", "{'name':'faith'}"), 0);
	desk_refused(d, settings_rollback(d, OBJECT_TRUST_STORE, "trust", 2), SL_ENOENT, "",
	             "there is no trust store \"trust\", and there was none");
	assert_int_equal(settings_rollback(d, OBJECT_TRUST_STORE, "faith", 2), 0);
	assert_int_equal(settings_revision(d, OBJECT_TRUST_STORE, "trust"), 5);
	assert_int_equal(settings_revision(d, OBJECT_TRUST_STORE, "faith"), 0);
}

static void an_earlier_body_is_checked_against_what_is_there_today(void **state)
{
	struct desk *d = *state;

	assert_int_equal(settings_create(d, OBJECT_SERVER_PROXY, PROXY("web", "a")), 0);
	assert_int_equal(settings_replace(d, OBJECT_SERVER_PROXY, "web", PROXY("web", "c")), 0);
	assert_int_equal(
	        certificate_delete(&d->at, &place_actor, OBJECT_CERTIFICATE, "a", 1, d->problem),
	        0);
	desk_refused(d, settings_rollback(d, OBJECT_SERVER_PROXY, "web", 1), SL_ENOENT,
	             "/certificates/0", "there is no certificate \"a\"");
	assert_int_equal(settings_revision(d, OBJECT_SERVER_PROXY, "web"), 2);
}

static void a_locked_policy_does_not_come_back_without_the_capability(void **state)
{
	static const char locked[] = "{'name':'p','ssl_server_policies':[{'name':'shut','proxy':"
	                             "'web','locked':true}]}";
	const struct setting_change may_not = {.actor = &place_actor};
	struct desk *d = *state;
	json_t *notices = NULL;

	assert_int_equal(settings_create(d, OBJECT_SERVER_PROXY, PROXY("web", "a")), 0);
	assert_int_equal(settings_create(d, OBJECT_PROFILE, locked), 0);
	assert_int_equal(settings_replace(d, OBJECT_PROFILE, "p", "{'name':'p'}"), 0);
	desk_refused(d,
	             setting_rollback(d->place->store, &may_not, OBJECT_PROFILE, "p", 2, 1,
	                              &notices, d->problem),
	             SL_EPERM, "/ssl_server_policies/0",
	             "the server policy \"shut\" is locked, and would be made");
	assert_int_equal(settings_rollback(d, OBJECT_PROFILE, "p", 1), 0);
}

static void who_comes_second_is_told_what_the_first_has_changed(void **state)
{
	const struct setting_change how = {.actor = &place_actor};
	struct desk *d = *state;
	json_t *body = settings_body("{'name':'trust','description':'mine'}"), *notices = NULL;

	make_three(d);
	assert_int_equal(setting_replace(d->place->store, &how, OBJECT_TRUST_STORE, "trust", 1,
	                                 body, &notices, d->problem),
	                 SL_ECONFLICT);
	assert_int_equal(d->problem->count, 2);
	assert_string_equal(d->problem->items[1].pointer, "/description");
	assert_string_equal(d->problem->items[1].text,
	                    "in between description went from \"one\" to \"three\"");
	problem_fini(d->problem);
	json_decref(body);
}

/* What a difference tells, in one line. */
static void differ(enum object_kind kind, const char *before, const char *after, const char *told)
{
	json_t *old = before ? settings_body(before) : NULL;
	json_t *new = after ? settings_body(after) : NULL;
	json_t *diff = NULL;
	const char *pointer, *label, *what;
	char line[256];

	assert_int_equal(setting_diff(kind, old, new, &diff), 0);
	if (told) {
		assert_int_equal(json_array_size(diff), 1);
		assert_int_equal(json_unpack(json_array_get(diff, 0), "{s:s, s:s, s:s}", "pointer",
		                             &pointer, "label", &label, "kind", &what),
		                 0);
		(void)snprintf(line, sizeof(line), "%s %s %s", what, label, pointer);
		assert_string_equal(line, told);
	} else {
		assert_int_equal(json_array_size(diff), 0);
	}
	json_decref(old);
	json_decref(new);
	json_decref(diff);
}

static void differences_are_told_by_what_holds(void **state)
{
	(void)state;
	differ(OBJECT_ACTION_SET, "{'name':'a','action':'block'}",
	       "{'name':'a','action':'block','notify':true}", NULL);
	differ(OBJECT_ACTION_SET, "{'name':'a','action':'block'}", "{'name':'a','action':'permit'}",
	       "changed action /action");
	differ(OBJECT_ACTION_SET, NULL, "{'name':'a'}", "added name /name");
	differ(OBJECT_ACTION_SET, "{'name':'a'}", NULL, "removed name /name");
	differ(OBJECT_PROFILE,
	       "{'name':'p','ssl_server_policies':[{'name':'x','proxy':'w','state':'on'}]}",
	       "{'name':'p','ssl_server_policies':[{'name':'x','proxy':'w','state':'off'}]}",
	       "changed ssl_server_policies[x].state /ssl_server_policies/0/state");
	differ(OBJECT_PROFILE, "{'name':'p'}",
	       "{'name':'p','ssl_server_policies':[{'name':'x','proxy':'w'}]}",
	       "added ssl_server_policies[x] /ssl_server_policies/0");
	differ(OBJECT_CERTIFICATE, "{'pem':'a'}", "{'pem':'b'}", "changed pem /pem");
}

int main(void)
{
#define T(name) cmocka_unit_test_setup_teardown(name, settings_setup, desk_teardown)
	const struct CMUnitTest tests[] = {
	        T(going_back_is_a_revision_like_any_other),
	        T(what_was_deleted_is_made_again_with_its_history),
	        T(what_was_renamed_is_not_made_a_second_time),
	        T(an_earlier_body_is_checked_against_what_is_there_today),
	        T(a_locked_policy_does_not_come_back_without_the_capability),
	        T(who_comes_second_is_told_what_the_first_has_changed),
	        cmocka_unit_test(differences_are_told_by_what_holds),
	};

	return RUN_TESTS(tests);
}
