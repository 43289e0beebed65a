/* SPDX-License-Identifier: Apache-2.0 */
/* Profiles with a parent: what a device gets of them, and what changes of one do to the other. */
#include "tests/unit/smsd/object/settings.h"
#include "tests/unit/smsd/object/shelf.h"

#include <stdio.h>
#include <stdlib.h>

#include "lib/base/err.h"

#define IN(name, more)            "{'name':'" name "','proxy':'web'" more "}"
#define OUT(name, proxy)          "{'name':'" name "','proxy':'" proxy "'}"
#define PROFILE(name, more)       "{'name':'" name "'" more "}"
#define CHILD(name, parent, more) "{'name':'" name "','parent':'" parent "'" more "}"
#define SERVER(items)             ",'ssl_server_policies':[" items "]"
#define CLIENT(items)             ",'ssl_client_policies':[" items "]"

static void proxy(struct desk *d, const char *name, const char *host)
{
	char body[256];

	(void)snprintf(body, sizeof(body),
	               "{'name':'%s','destinations':['10.0.0.%s'],'detection_ports':[443],"
	               "'certificates':['a']}",
	               name, host);
	assert_int_equal(settings_create(d, OBJECT_SERVER_PROXY, body), 0);
}

static void client(struct desk *d, const char *name, const char *port)
{
	char body[256];

	(void)snprintf(body, sizeof(body),
	               "{'name':'%s','signing_certificate':'sign','detection_ports':[%s]}", name,
	               port);
	assert_int_equal(settings_create(d, OBJECT_CLIENT_PROXY, body), 0);
}

static void rules(struct desk *d, const char *name, char digit)
{
	char body[256], sha256[65];

	memset(sha256, digit, 64);
	sha256[64] = '\0';
	(void)snprintf(body, sizeof(body),
	               "{\"content\": \"rules\", \"size\": 7, \"sha256\": \"%s\"}", sha256);
	(void)put(d, OBJECT_FILE, name, body);
}

static void made(struct desk *d, const char *profile)
{
	int rc = settings_create(d, OBJECT_PROFILE, profile);

	if (rc != 0)
		fail_msg("%s: %s", profile, d->problem->count ? d->problem->items[0].text : "?");
}

static int setup(void **state)
{
	int rc = settings_setup(state);
	struct desk *d = *state;

	if (rc != 0)
		return rc;
	proxy(d, "web", "1");
	proxy(d, "shop", "2");
	client(d, "out", "443");
	client(d, "alt", "8443");
	rules(d, "r1", '1');
	rules(d, "r2", '2');
	rules(d, "r3", '3');
	return 0;
}

/* The names of the items of a list of the document, its profiles' lists with "/" before: "a b". */
static const char *names_of(const struct document *document, size_t profile, const char *list)
{
	static char names[512];
	json_t *root = json_loads(document->text, 0, NULL);
	json_t *items = list[0] == '/'
	                        ? json_object_get(json_array_get(json_object_get(root, "profiles"),
	                                                         profile),
	                                          list + 1)
	                        : json_object_get(root, list);
	json_t *item;
	size_t i;

	names[0] = '\0';
	json_array_foreach(items, i, item)
	{
		const char *name = json_string_value(json_object_get(item, "name"));
		const char *path = json_string_value(json_object_get(item, "rules"));
		const char *from = json_string_value(json_object_get(item, "inherited_from"));
		const char *proxy = json_string_value(json_object_get(item, "proxy"));
		size_t len = strlen(names);

		(void)snprintf(names + len, sizeof(names) - len, "%s%s%s%s%s%s", len ? " " : "",
		               name ? name : strrchr(path, '/') + 64, proxy ? ":" : "",
		               proxy ? proxy : "", from ? "<" : "", from ? from : "");
	}
	json_decref(root);
	return names;
}

static void use(struct desk *d, const char *name, const char *profile)
{
	char body[256];

	(void)snprintf(body, sizeof(body), "{'name':'%s','segment':'wan','profile':'%s'}", name,
	               profile);
	assert_int_equal(settings_create(d, OBJECT_VIRTUAL_SEGMENT, body), 0);
}

static void document_of(struct desk *d, struct document *ret_document)
{
	int rc = make(d, wan_settings, ret_document);

	if (rc != 0)
		fail_msg("%s: %s", d->problem->items[0].pointer, d->problem->items[0].text);
}

/* ---- what a device gets ------------------------------------------------------------------ */

static void a_child_has_its_own_then_what_it_inherits(void **state)
{
	struct desk *d = *state;
	struct document document;
	json_t *root, *profile;

	made(d, "{'name':'base','ssl_server_policies':[{'name':'one','proxy':'web'},"
	        "{'name':'two','proxy':'web'},{'name':'three','proxy':'web'}],"
	        "'filters':[{'rules':'/files/r1'},{'rules':'/files/r2'}],"
	        "'variables':{'A':'base','B':'base'}}");
	made(d, "{'name':'child','parent':'base','ssl_server_policies':[{'name':'own','proxy':"
	        "'shop'},{'name':'two','proxy':'shop','state':'off'}],"
	        "'filters':[{'rules':'/files/r3'},{'rules':'/files/r1','action_set':'block'}],"
	        "'variables':{'B':'child'}}");
	use(d, "all", "child");
	document_of(d, &document);
	assert_string_equal(names_of(&document, 0, "profiles"), "child");
	assert_string_equal(names_of(&document, 0, "/ssl_server_policies"),
	                    "own:shop one:web<base two:shop<base three:web<base");
	assert_string_equal(names_of(&document, 0, "/filters"), "3 1 2");
	root = json_loads(document.text, 0, NULL);
	profile = json_array_get(json_object_get(root, "profiles"), 0);
	assert_null(json_object_get(profile, "parent"));
	assert_string_equal(
	        json_string_value(json_object_get(json_object_get(profile, "variables"), "A")),
	        "base");
	assert_string_equal(
	        json_string_value(json_object_get(json_object_get(profile, "variables"), "B")),
	        "child");
	assert_string_equal(
	        json_string_value(json_object_get(
	                json_array_get(json_object_get(profile, "filters"), 1), "action_set")),
	        "block");
	json_decref(root);
	document_fini(&document);
}

/* Both of a policy's name, and a grandchild: the device takes it (document_make asks it). */
static void ancestors_and_heirs_are_in_one_document(void **state)
{
	struct desk *d = *state;
	struct document document;

	made(d, PROFILE("base", SERVER(IN("in", "")) CLIENT(OUT("surf", "out"))));
	made(d, CHILD("mid", "base", SERVER(IN("in", ",'state':'off'"))));
	made(d, CHILD("low", "mid", CLIENT(OUT("more", "alt"))));
	use(d, "1", "low");
	use(d, "2", "base");
	document_of(d, &document);
	assert_string_equal(names_of(&document, 0, "profiles"), "base low");
	assert_string_equal(names_of(&document, 1, "/ssl_server_policies"), "in:web<base");
	assert_string_equal(names_of(&document, 1, "/ssl_client_policies"),
	                    "more:alt surf:out<base");
	assert_string_equal(names_of(&document, 0, "/ssl_client_policies"), "surf:out");
	document_fini(&document);
}

/* What only an overridden policy names does not go to the device. */
static void what_is_overridden_reaches_nothing(void **state)
{
	struct desk *d = *state;
	struct document document;

	made(d, PROFILE("base", SERVER(IN("in", ""))));
	made(d, CHILD("child", "base", SERVER("{'name':'in','proxy':'shop'}")));
	use(d, "all", "child");
	document_of(d, &document);
	assert_string_equal(names_of(&document, 0, "ssl_server_proxies"), "shop");
	document_fini(&document);
}

static int64_t revision_in(const struct document *document, const char *name)
{
	for (size_t i = 0; i < document->objects_count; i++)
		if (document->objects[i].kind == OBJECT_PROFILE &&
		    strcmp(document->objects[i].name, name) == 0)
			return document->objects[i].revision;
	return 0;
}

/* So its revision says of a device whether it has what it should. */
static void a_change_of_the_parent_is_one_of_the_child_s_document(void **state)
{
	struct desk *d = *state;
	struct document before, after;

	made(d, PROFILE("base", SERVER(IN("in", ""))));
	made(d, CHILD("child", "base", ""));
	use(d, "all", "child");
	document_of(d, &before);
	assert_int_equal(revision_in(&before, "base"), 1);
	assert_int_equal(settings_replace(d, OBJECT_PROFILE, "base",
	                                  PROFILE("base", SERVER(IN("in", ",'state':'off'")))),
	                 0);
	document_of(d, &after);
	assert_int_equal(revision_in(&after, "base"), 2);
	assert_int_equal(revision_in(&after, "child"), 1);
	assert_memory_not_equal(before.sha256, after.sha256, sizeof(before.sha256));
	assert_non_null(strstr(after.text, "\"state\":\"off\""));
	document_fini(&before);
	document_fini(&after);
}

/* ---- parents ----------------------------------------------------------------------------- */

static void no_profile_is_its_own_ancestor(void **state)
{
	struct desk *d = *state;

	made(d, PROFILE("a", ""));
	made(d, CHILD("b", "a", ""));
	made(d, CHILD("c", "b", ""));
	desk_refused(d, settings_create(d, OBJECT_PROFILE, CHILD("x", "bb", "")), SL_ENOENT,
	             "/parent", "there is no profile \"bb\"");
	desk_refused(d, settings_replace(d, OBJECT_PROFILE, "a", CHILD("a", "a", "")), SL_EINVAL,
	             "/parent", "ancestor of itself");
	desk_refused(d, settings_replace(d, OBJECT_PROFILE, "a", CHILD("a", "c", "")), SL_EINVAL,
	             "/parent", "ancestor of itself");
	desk_refused(d, settings_replace_unlocked(d, OBJECT_PROFILE, "a", CHILD("a", "c", "")),
	             SL_EINVAL, "/parent", "ancestor of itself");
	assert_int_equal(settings_replace(d, OBJECT_PROFILE, "c", CHILD("c", "a", "")), 0);
	assert_int_equal(settings_replace(d, OBJECT_PROFILE, "b", CHILD("b", "c", "")), 0);
}

static void levels_have_a_bound_from_below_and_from_above(void **state)
{
	struct desk *d = *state;
	char body[64];

	made(d, PROFILE("0", ""));
	for (char level = '1'; level < '8'; level++) {
		(void)snprintf(body, sizeof(body), CHILD("%c", "%c", ""), level, level - 1);
		made(d, body);
	}
	desk_refused(d, settings_create(d, OBJECT_PROFILE, CHILD("8", "7", "")), SL_ERANGE,
	             "/parent", "8 at most");
	made(d, PROFILE("top", ""));
	desk_refused(d, settings_replace(d, OBJECT_PROFILE, "0", CHILD("0", "top", "")), SL_ERANGE,
	             "/parent", "8 at most");
	assert_int_equal(settings_replace(d, OBJECT_PROFILE, "1", CHILD("1", "top", "")), 0);
}

static void a_parent_is_in_use_and_its_new_name_goes_into_its_children(void **state)
{
	struct desk *d = *state;
	struct document document;

	made(d, PROFILE("base", SERVER(IN("in", ""))));
	made(d, CHILD("child", "base", ""));
	use(d, "all", "child");
	desk_refused(d, settings_delete(d, OBJECT_PROFILE, "base"), SL_EBUSY, "",
	             "it is in use by the profile \"child\"");
	assert_int_equal(
	        settings_replace(d, OBJECT_PROFILE, "base", PROFILE("top", SERVER(IN("in", "")))),
	        0);
	assert_string_equal(settings_text(d, OBJECT_PROFILE, "child"),
	                    "{'name':'child','parent':'top'}");
	assert_int_equal(settings_revision(d, OBJECT_PROFILE, "child"), 2);
	document_of(d, &document);
	assert_string_equal(names_of(&document, 0, "/ssl_server_policies"), "in:web<top");
	document_fini(&document);
}

/* ---- R112, R127 -------------------------------------------------------------------------- */

static void a_locked_policy_is_locked_in_a_child_too(void **state)
{
	static const char over[] = CHILD("child", "base", SERVER(IN("in", ",'state':'off'")));
	struct desk *d = *state;

	made(d, PROFILE("base", SERVER(IN("in", ",'locked':true") "," IN("free", ""))));
	assert_int_equal(settings_create_unlocked(d, OBJECT_PROFILE, CHILD("child", "base", "")),
	                 0);
	assert_int_equal(settings_replace_unlocked(
	                         d, OBJECT_PROFILE, "child",
	                         CHILD("child", "base", SERVER(IN("free", ",'state':'off'")))),
	                 0);
	desk_refused(d, settings_replace_unlocked(d, OBJECT_PROFILE, "child", over), SL_EPERM,
	             "/ssl_server_policies/0",
	             "the server policy \"in\" is locked, and would be overridden");
	desk_refused(d,
	             settings_create_unlocked(d, OBJECT_PROFILE,
	                                      CHILD("other", "base", SERVER(IN("in", "")))),
	             SL_EPERM, "/ssl_server_policies/0", "overridden");
	desk_refused(d, settings_replace_unlocked(d, OBJECT_PROFILE, "child", PROFILE("child", "")),
	             SL_EPERM, "/parent", "inherited no more");
	assert_int_equal(settings_replace(d, OBJECT_PROFILE, "child", over), 0);
	desk_refused(d,
	             settings_replace_unlocked(d, OBJECT_PROFILE, "child",
	                                       CHILD("child", "base", SERVER(IN("in", "")))),
	             SL_EPERM, "/ssl_server_policies/0", "changed");
	desk_refused(
	        d,
	        settings_replace_unlocked(d, OBJECT_PROFILE, "child", CHILD("child", "base", "")),
	        SL_EPERM, "/ssl_server_policies/0", "changed");
	assert_int_equal(settings_replace(d, OBJECT_PROFILE, "child", PROFILE("child", "")), 0);
}

/* ---- R113 -------------------------------------------------------------------------------- */

static void names_are_of_policies_and_child_profiles_together(void **state)
{
	struct desk *d = *state;

	made(d, PROFILE("base", SERVER(IN("in", ""))));
	made(d, PROFILE("other", SERVER("{'name':'to','proxy':'shop'}")));
	desk_refused(
	        d, settings_create(d, OBJECT_PROFILE, CHILD("child", "base", SERVER(IN("to", "")))),
	        SL_EEXIST, "/ssl_server_policies/0/name",
	        "the name \"to\" is taken by a policy of the profile \"other\"");
	desk_refused(d, settings_create(d, OBJECT_PROFILE, CHILD("in", "base", "")), SL_EEXIST,
	             "/name", "the name \"in\" is taken by a policy of the profile \"base\"");
	made(d, CHILD("child", "base", SERVER(IN("in", ""))));
	desk_refused(d, settings_create(d, OBJECT_PROFILE, PROFILE("x", SERVER(IN("child", "")))),
	             SL_EEXIST, "/ssl_server_policies/0/name",
	             "the name \"child\" is taken by the child profile \"child\"");
	desk_refused(d,
	             settings_create(d, OBJECT_PROFILE,
	                             CHILD("twice", "base", SERVER(IN("in", "") "," IN("in", "")))),
	             SL_EEXIST, "/ssl_server_policies/1/name", "another policy of this profile");
	/* No child profile: its name is one of profiles alone. */
	made(d, PROFILE("same", SERVER(IN("same", ""))));
}

/* What was an override is the child's own when the parent's is gone: two of them are one too many.
 */
static void what_overrides_nothing_any_more_is_a_policy_of_its_own(void **state)
{
	struct desk *d = *state;

	made(d, PROFILE("base", SERVER(IN("in", ""))));
	made(d, CHILD("a", "base", SERVER(IN("in", ""))));
	made(d, CHILD("b", "base", SERVER(IN("in", ",'state':'off'"))));
	desk_refused(
	        d, settings_replace(d, OBJECT_PROFILE, "base", PROFILE("base", "")), SL_EEXIST, "",
	        "the name \"in\" in the profile \"b\" is taken by a policy of the profile \"a\"");
	assert_int_equal(settings_delete(d, OBJECT_PROFILE, "b"), 0);
	assert_int_equal(settings_replace(d, OBJECT_PROFILE, "base", PROFILE("base", "")), 0);
	/* And an override again when the parent has one. */
	assert_int_equal(
	        settings_replace(d, OBJECT_PROFILE, "base", PROFILE("base", SERVER(IN("in", "")))),
	        0);
	desk_refused(d, settings_create(d, OBJECT_PROFILE, PROFILE("c", SERVER(IN("in", "")))),
	             SL_EEXIST, "/ssl_server_policies/0/name", "a policy of the profile \"base\"");
}

/* ---- together ---------------------------------------------------------------------------- */

/* R97 holds for what a profile comes to. */
static void ports_overlap_in_what_a_child_comes_to(void **state)
{
	struct desk *d = *state;

	made(d, PROFILE("base", CLIENT(OUT("surf", "out"))));
	made(d, PROFILE("too", CLIENT(OUT("else", "alt"))));
	desk_refused(
	        d,
	        settings_create(d, OBJECT_PROFILE,
	                        CHILD("child", "base", CLIENT(OUT("mine", "out")))),
	        SL_EMISMATCH, "/parent",
	        "the profile child, which inherits base/ssl_client_policies/0/proxy: the detection "
	        "ports 443-443 are those of the policy \"mine\" too");
	made(d, CHILD("child", "base", CLIENT(OUT("mine", "alt"))));
	desk_refused(d,
	             settings_replace(
	                     d, OBJECT_PROFILE, "base",
	                     PROFILE("base", CLIENT(OUT("surf", "out") "," OUT("less", "alt")))),
	             SL_EMISMATCH, "/ssl_client_policies/1/proxy",
	             "those of the policy \"mine\" too");
	/* With devices: of an heir that none has yet, and of one that one has. */
	add_device(d, "box", wan_settings);
	desk_refused(d,
	             settings_replace(d, OBJECT_PROFILE, "base",
	                              PROFILE("base", CLIENT(OUT("surf", "alt")))),
	             SL_EMISMATCH, "/ssl_client_policies/0/proxy",
	             "the profile child, which inherits base/ssl_client_policies/0/proxy: ");
	use(d, "all", "child");
	desk_refused(d,
	             settings_replace(d, OBJECT_PROFILE, "base",
	                              PROFILE("base", CLIENT(OUT("surf", "alt")))),
	             SL_EMISMATCH, "/ssl_client_policies/0/proxy",
	             "the profile child, which inherits base/ssl_client_policies/0/proxy: ");
	desk_refused(d,
	             settings_replace(d, OBJECT_CLIENT_PROXY, "alt",
	                              "{'name':'alt','signing_certificate':'sign','detection_ports'"
	                              ":['400-500']}"),
	             SL_EMISMATCH, "", "the profile child, which inherits base");
}

static void a_body_says_nothing_that_is_the_sms_s_to_say(void **state)
{
	struct desk *d = *state;

	desk_refused(d,
	             settings_create(d, OBJECT_PROFILE,
	                             PROFILE("p", SERVER(IN("in", ",'inherited_from':'x'")))),
	             SL_EUNSUPPORTED, "/ssl_server_policies/0/inherited_from", "and in no object");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	        cmocka_unit_test_setup_teardown(a_child_has_its_own_then_what_it_inherits, setup,
	                                        desk_teardown),
	        cmocka_unit_test_setup_teardown(ancestors_and_heirs_are_in_one_document, setup,
	                                        desk_teardown),
	        cmocka_unit_test_setup_teardown(what_is_overridden_reaches_nothing, setup,
	                                        desk_teardown),
	        cmocka_unit_test_setup_teardown(
	                a_change_of_the_parent_is_one_of_the_child_s_document, setup,
	                desk_teardown),
	        cmocka_unit_test_setup_teardown(no_profile_is_its_own_ancestor, setup,
	                                        desk_teardown),
	        cmocka_unit_test_setup_teardown(levels_have_a_bound_from_below_and_from_above,
	                                        setup, desk_teardown),
	        cmocka_unit_test_setup_teardown(
	                a_parent_is_in_use_and_its_new_name_goes_into_its_children, setup,
	                desk_teardown),
	        cmocka_unit_test_setup_teardown(a_locked_policy_is_locked_in_a_child_too, setup,
	                                        desk_teardown),
	        cmocka_unit_test_setup_teardown(names_are_of_policies_and_child_profiles_together,
	                                        setup, desk_teardown),
	        cmocka_unit_test_setup_teardown(
	                what_overrides_nothing_any_more_is_a_policy_of_its_own, setup,
	                desk_teardown),
	        cmocka_unit_test_setup_teardown(ports_overlap_in_what_a_child_comes_to, setup,
	                                        desk_teardown),
	        cmocka_unit_test_setup_teardown(a_body_says_nothing_that_is_the_sms_s_to_say, setup,
	                                        desk_teardown),
	};

	return RUN_TESTS(tests);
}
