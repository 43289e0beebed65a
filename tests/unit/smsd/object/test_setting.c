/* SPDX-License-Identifier: Apache-2.0 */
/* Settings: what is taken, what is refused and where, what refers to what. */
#include "tests/unit/smsd/object/settings.h"

#include "lib/base/err.h"

#define PROXY_AT(name, certificate, host)                                                          \
	"{'name':'" name "','destinations':['10.0.0." host "'],'detection_ports':[443],"           \
	"'certificates':['" certificate "']}"
#define PROXY(name, certificate) PROXY_AT(name, certificate, "1")
#define CLIENT(name)             "{'name':'" name "','signing_certificate':'sign','detection_ports':[443]}"
#define PROFILE(name, policy, proxy, more)                                                         \
	"{'name':'" name "','ssl_server_policies':[{'name':'" policy "','proxy':'" proxy "'" more  \
	"}]}"
#define VIRTUAL(name, profile) "{'name':'" name "','segment':'wan','profile':'" profile "'}"

static void what_is_made_is_shown_in_its_one_spelling(void **state)
{
	struct desk *d = *state;

	assert_int_equal(settings_create(d, OBJECT_SERVER_PROXY,
	                                 "{'name':'web','destinations':['10.0.0.1/32'],"
	                                 "'detection_ports':['443-443',8443],'certificates':['a'],"
	                                 "'server_side':{},'no_handshake_timeout':'60s'}"),
	                 0);
	assert_string_equal(
	        settings_text(d, OBJECT_SERVER_PROXY, "web"),
	        "{'certificates':['a'],'destinations':['10.0.0.1/32'],'detection_ports':["
	        "'443','8443'],'name':'web','no_handshake_timeout':'1m'}");
	assert_int_equal(settings_revision(d, OBJECT_SERVER_PROXY, "web"), 1);
	assert_int_equal(place_audited(d->place, "create", "web"), 1);
}

static void an_empty_list_of_deselected_suites_says_something(void **state)
{
	struct desk *d = *state;

	assert_int_equal(settings_create(d, OBJECT_CLIENT_PROXY,
	                                 "{'name':'out','signing_certificate':'sign',"
	                                 "'detection_ports':['443'],'preset':'seed_compatible',"
	                                 "'selections':{'deselected_suites':[]}}"),
	                 0);
	assert_non_null(strstr(settings_text(d, OBJECT_CLIENT_PROXY, "out"),
	                       "'selections':{'deselected_suites':[]}"));
}

/* One wrong body: its code, where, and what is told of it. */
struct wrong {
	enum object_kind kind;
	const char *body;
	int code;
	const char *pointer, *text;
};

static void what_is_wrong_is_named_with_its_place(void **state)
{
	static const struct wrong wrongs[] = {
	        {OBJECT_TRUST_STORE, "{}", SL_ENOENT, "", "trust store has no \"name\""},
	        {OBJECT_TRUST_STORE, "{'name':'a.b'}", SL_EINVAL, "/name",
	         "name: \"a.b\" is not a name"},
	        {OBJECT_TRUST_STORE, "{'name':'t','descripton':'x'}", SL_ENOENT, "/descripton",
	         "there is no key \"descripton\" here"},
	        {OBJECT_TRUST_STORE, "{'name':'t','ca_certificates':['nobody']}", SL_ENOENT,
	         "/ca_certificates/0", "there is no ca certificate \"nobody\""},
	        {OBJECT_TRUST_STORE, "{'name':'t','crls':['/etc/passwd']}", SL_EINVAL, "/crls/0",
	         "crls is a path on a device; here it names a file of the SMS"},
	        {OBJECT_TRUST_STORE, "{'name':'t','crls':['/files/x.crl']}", SL_ENOENT, "/crls/0",
	         "there is no file \"x.crl\""},
	        {OBJECT_SERVER_PROXY, PROXY("p", "b"), SL_ENOENT, "/certificates/0",
	         "there is no certificate \"b\""},
	        {OBJECT_CLIENT_PROXY,
	         "{'name':'p','signing_certificate':'a','detection_ports':['0']}", SL_ERANGE,
	         "/detection_ports/0", "detection_ports: \"0\" is out of range"},
	        {OBJECT_DECRYPTION_POLICY, "{'name':'p','domains_file':'/files/big list'}",
	         SL_ENOENT, "/domains_file", "there is no file \"big list\""},
	        {OBJECT_ACTION_SET, "{'name':'a','action':'drop'}", SL_EINVAL, "/action",
	         "action does not take \"drop\""},
	        {OBJECT_PROFILE, PROFILE("p", "one", "nobody", ""), SL_ENOENT,
	         "/ssl_server_policies/0/proxy", "there is no server proxy \"nobody\""},
	        {OBJECT_PROFILE, "{'name':'p','filters':[{'rules':'/files/r','action_set':'x'}]}",
	         SL_ENOENT, "/filters/0/rules", "there is no file \"r\""},
	        {OBJECT_VIRTUAL_SEGMENT, VIRTUAL("v", "p"), SL_ENOENT, "/profile",
	         "there is no profile \"p\""},
	};
	struct desk *d = *state;

	for (size_t i = 0; i < SL_ARRAY_LEN(wrongs); i++) {
		const struct wrong *w = &wrongs[i];

		desk_refused(d, settings_create(d, w->kind, w->body), w->code, w->pointer, w->text);
		assert_int_equal(desk_count(d, w->kind), 0);
	}
}

static void a_name_that_is_nearly_right_is_suggested(void **state)
{
	struct desk *d = *state;

	assert_int_equal(
	        settings_create(d, OBJECT_TRUST_STORE, "{'name':'t','ca_certificates':['rot']}"),
	        SL_ENOENT);
	assert_string_equal(d->problem->items[0].remedy, "did you mean \"root\"?");
	problem_fini(d->problem);
	assert_int_equal(settings_create(d, OBJECT_PROFILE,
	                                 "{'name':'p','ssl_client_policies':[{'name':'x','proxy':"
	                                 "'y','decryption_policy':'Defualt'}]}"),
	                 SL_ENOENT);
	assert_int_equal(d->problem->count, 2);
	assert_string_equal(d->problem->items[1].pointer,
	                    "/ssl_client_policies/0/decryption_policy");
	assert_string_equal(d->problem->items[1].remedy, "did you mean \"Default\"?");
	problem_fini(d->problem);
}

/* Trust store, both proxies, a profile with both policies, a virtual segment. */
static void make_all(struct desk *d)
{
	assert_int_equal(settings_create(d, OBJECT_TRUST_STORE,
	                                 "{'name':'trust','ca_certificates':['root']}"),
	                 0);
	assert_int_equal(settings_create(d, OBJECT_SERVER_PROXY, PROXY("web", "a")), 0);
	assert_int_equal(settings_create(d, OBJECT_CLIENT_PROXY, CLIENT("out")), 0);
	assert_int_equal(
	        settings_create(
	                d, OBJECT_PROFILE,
	                "{'name':'both','ssl_server_policies':[{'name':'in','proxy':'web'}],"
	                "'ssl_client_policies':[{'name':'surf','proxy':'out',"
	                "'decryption_policy':'Default','trust_store':'trust'}]}"),
	        0);
	assert_int_equal(settings_create(d, OBJECT_VIRTUAL_SEGMENT, VIRTUAL("dmz", "both")), 0);
}

static void what_is_in_use_is_not_deleted(void **state)
{
	static const struct {
		enum object_kind kind;
		const char *name, *text;
	} used[] = {
	        {OBJECT_TRUST_STORE, "trust", "it is in use by the profile \"both\""},
	        {OBJECT_SERVER_PROXY, "web", "it is in use by the profile \"both\""},
	        {OBJECT_CLIENT_PROXY, "out", "it is in use by the profile \"both\""},
	        {OBJECT_PROFILE, "both", "it is in use by the virtual segment \"dmz\""},
	};
	struct desk *d = *state;

	make_all(d);
	for (size_t i = 0; i < SL_ARRAY_LEN(used); i++)
		desk_refused(d, settings_delete(d, used[i].kind, used[i].name), SL_EBUSY, "",
		             used[i].text);
	desk_refused(
	        d, certificate_delete(&d->at, &place_actor, OBJECT_CERTIFICATE, "a", 1, d->problem),
	        SL_EBUSY, "", "it is in use by the server proxy \"web\"");
	assert_int_equal(settings_delete(d, OBJECT_VIRTUAL_SEGMENT, "dmz"), 0);
	assert_int_equal(settings_delete(d, OBJECT_PROFILE, "both"), 0);
	for (size_t i = 0; i < 3; i++)
		assert_int_equal(settings_delete(d, used[i].kind, used[i].name), 0);
}

static void what_a_body_names_no_more_can_go(void **state)
{
	struct desk *d = *state;

	make_all(d);
	assert_int_equal(settings_create(d, OBJECT_SERVER_PROXY, PROXY_AT("new", "c", "2")), 0);
	assert_int_equal(
	        settings_replace(d, OBJECT_PROFILE, "both", PROFILE("both", "in", "new", "")), 0);
	assert_int_equal(settings_delete(d, OBJECT_SERVER_PROXY, "web"), 0);
	assert_int_equal(settings_delete(d, OBJECT_TRUST_STORE, "trust"), 0);
	desk_refused(d, settings_delete(d, OBJECT_SERVER_PROXY, "new"), SL_EBUSY, "",
	             "it is in use by the profile \"both\"");
}

static void two_who_change_the_same_do_not_overwrite_each_other(void **state)
{
	struct desk *d = *state;
	const struct setting_change how = {.actor = &place_actor};
	json_t *body = settings_body("{'name':'trust','description':'mine'}"), *notices = NULL;

	make_all(d);
	assert_int_equal(settings_replace(d, OBJECT_TRUST_STORE, "trust",
	                                  "{'name':'trust','description':'theirs'}"),
	                 0);
	assert_int_equal(setting_replace(d->place->store, &how, OBJECT_TRUST_STORE, "trust", 1,
	                                 body, &notices, d->problem),
	                 SL_ECONFLICT);
	problem_fini(d->problem);
	assert_string_equal(settings_text(d, OBJECT_TRUST_STORE, "trust"),
	                    "{'description':'theirs','name':'trust'}");
	json_decref(body);
}

static void the_same_body_again_is_no_revision(void **state)
{
	struct desk *d = *state;

	make_all(d);
	assert_int_equal(settings_replace(d, OBJECT_SERVER_PROXY, "web",
	                                  "{'certificates':['a'],'detection_ports':['443-443'],"
	                                  "'destinations':['10.0.0.1/32'],'name':'web'}"),
	                 0);
	assert_int_equal(settings_revision(d, OBJECT_SERVER_PROXY, "web"), 1);
}

/* What no object can see by itself, at its place in the one that is written. */
static void what_does_not_fit_together_is_refused(void **state)
{
	struct desk *d = *state;

	make_all(d);
	desk_refused(d, settings_create(d, OBJECT_SERVER_PROXY, PROXY("zwin", "c")), SL_EMISMATCH,
	             "/destinations",
	             "10.0.0.1/32 with ports 443-443 is in the proxy \"web\" already");
	desk_refused(d,
	             settings_create(d, OBJECT_SERVER_PROXY,
	                             "{'name':'gap','destinations':['10.0.0.2'],'detection_ports':"
	                             "[443],'certificates':['a'],'client_side':{'protocols':"
	                             "['TLSv1.0','TLSv1.2']}}"),
	             SL_EMISMATCH, "/client_side/protocols",
	             "protocols between the lowest and the highest are missing");
	desk_refused(d,
	             settings_replace(d, OBJECT_PROFILE, "both",
	                              "{'name':'both','ssl_client_policies':[{'name':'x','proxy':"
	                              "'out'},{'name':'y','proxy':'out'}]}"),
	             SL_EMISMATCH, "/ssl_client_policies/1/proxy",
	             "the detection ports 443-443 are those of the policy \"x\" too");
	assert_int_equal(settings_revision(d, OBJECT_PROFILE, "both"), 1);
}

static void a_check_writes_nothing(void **state)
{
	struct desk *d = *state;
	json_t *notices = NULL;
	const struct setting_change how = {
	        .actor = &place_actor, .may_locked = true, .check_only = true};

	make_all(d);
	assert_int_equal(settings_check(d, OBJECT_SERVER_PROXY, PROXY_AT("new", "c", "2")), 0);
	desk_refused(d, settings_check(d, OBJECT_SERVER_PROXY, PROXY("new", "b")), SL_ENOENT,
	             "/certificates/0", "there is no certificate \"b\"");
	desk_refused(d, settings_check(d, OBJECT_SERVER_PROXY, PROXY("web", "a")), SL_EEXIST,
	             "/name", "there is a server proxy \"web\" already");
	assert_int_equal(desk_count(d, OBJECT_SERVER_PROXY), 1);
	assert_int_equal(place_audited(d->place, "create", "new"), 0);
	assert_int_equal(
	        setting_delete(d->place->store, &how, OBJECT_VIRTUAL_SEGMENT, "dmz", 1, d->problem),
	        0);
	assert_int_equal(settings_revision(d, OBJECT_VIRTUAL_SEGMENT, "dmz"), 1);
	json_decref(notices);
}

/* ---- policies ---------------------------------------------------------------------------- */

static void names_of_policies_are_unique_over_all_profiles(void **state)
{
	struct desk *d = *state;

	make_all(d);
	desk_refused(d, settings_create(d, OBJECT_PROFILE, PROFILE("p", "surf", "web", "")),
	             SL_EEXIST, "/ssl_server_policies/0/name",
	             "the name \"surf\" is taken by a policy of the profile \"both\"");
	desk_refused(
	        d,
	        settings_create(d, OBJECT_PROFILE,
	                        "{'name':'p','ssl_server_policies':[{'name':'x','proxy':'web'}],"
	                        "'ssl_client_policies':[{'name':'x','proxy':'out'}]}"),
	        SL_EEXIST, "/ssl_client_policies/0/name",
	        "the name \"x\" is taken by another policy of this profile");
	assert_int_equal(
	        settings_replace(d, OBJECT_PROFILE, "both", PROFILE("both", "in", "web", "")), 0);
	assert_int_equal(settings_create(d, OBJECT_PROFILE, PROFILE("p", "surf", "web", "")), 0);
	assert_int_equal(settings_delete(d, OBJECT_PROFILE, "p"), 0);
	assert_int_equal(settings_create(d, OBJECT_PROFILE, PROFILE("q", "surf", "web", "")), 0);
}

static void locked_policies_need_their_capability(void **state)
{
	static const char policies[] = "{'name':'p','ssl_server_policies':["
	                               "{'name':'free','proxy':'web'},"
	                               "{'name':'shut','proxy':'web','locked':true}]}";
	static const struct {
		const char *body, *pointer, *text;
	} wrongs[] = {
	        {"{'name':'p','ssl_server_policies':[{'name':'free','proxy':'web'},"
	         "{'name':'shut','proxy':'web'}]}",
	         "/ssl_server_policies/1",
	         "the server policy \"shut\" is locked, and would be unlocked"},
	        {"{'name':'p','ssl_server_policies':["
	         "{'name':'shut','proxy':'web','locked':true,'state':'off'}]}",
	         "/ssl_server_policies/0",
	         "the server policy \"shut\" is locked, and would be changed"},
	        {"{'name':'p','ssl_server_policies':[{'name':'free','proxy':'web'}]}",
	         "/ssl_server_policies/1",
	         "the server policy \"shut\" is locked, and would be deleted"},
	        {"{'name':'p','ssl_server_policies':[{'name':'free','proxy':'web','locked':true},"
	         "{'name':'shut','proxy':'web','locked':true}]}",
	         "/ssl_server_policies/0",
	         "the server policy \"free\" is locked, and would be locked"},
	};
	struct desk *d = *state;

	make_all(d);
	desk_refused(d, settings_create_unlocked(d, OBJECT_PROFILE, policies), SL_EPERM,
	             "/ssl_server_policies/1",
	             "the server policy \"shut\" is locked, and would be made");
	assert_int_equal(settings_create(d, OBJECT_PROFILE, policies), 0);
	for (size_t i = 0; i < SL_ARRAY_LEN(wrongs); i++)
		desk_refused(d, settings_replace_unlocked(d, OBJECT_PROFILE, "p", wrongs[i].body),
		             SL_EPERM, wrongs[i].pointer, wrongs[i].text);
	desk_refused(d, settings_delete_unlocked(d, OBJECT_PROFILE, "p"), SL_EPERM,
	             "/ssl_server_policies/1",
	             "the server policy \"shut\" is locked, and would be deleted");
	assert_int_equal(settings_replace_unlocked(
	                         d, OBJECT_PROFILE, "p",
	                         "{'name':'p','ssl_server_policies':["
	                         "{'name':'shut','proxy':'web','locked':true,'state':'on'}]}"),
	                 SL_EPERM);
	problem_fini(d->problem);
	assert_int_equal(settings_replace_unlocked(d, OBJECT_PROFILE, "p",
	                                           "{'name':'p','ssl_server_policies':["
	                                           "{'name':'free','proxy':'web','state':'off'},"
	                                           "{'name':'shut','proxy':'web','locked':true}]}"),
	                 0);
	assert_int_equal(settings_replace(d, OBJECT_PROFILE, "p", "{'name':'p'}"), 0);
}

/* ---- names ------------------------------------------------------------------------------- */

static void a_new_name_is_written_into_what_refers_to_it(void **state)
{
	struct desk *d = *state;

	make_all(d);
	assert_int_equal(settings_replace(d, OBJECT_SERVER_PROXY, "web", PROXY("www", "a")), 0);
	assert_int_equal(settings_replace(d, OBJECT_PROFILE, "both",
	                                  "{'name':'all','ssl_server_policies':[{'name':'in',"
	                                  "'proxy':'www'}]}"),
	                 0);
	assert_int_equal(settings_revision(d, OBJECT_SERVER_PROXY, "www"), 2);
	assert_int_equal(settings_revision(d, OBJECT_SERVER_PROXY, "web"), 0);
	assert_int_equal(settings_revision(d, OBJECT_PROFILE, "all"), 3);
	assert_int_equal(settings_revision(d, OBJECT_VIRTUAL_SEGMENT, "dmz"), 2);
	assert_string_equal(settings_text(d, OBJECT_VIRTUAL_SEGMENT, "dmz"),
	                    "{'name':'dmz','profile':'all','segment':'wan'}");
	assert_int_equal(place_audited(d->place, "rename", "dmz"), 1);
	desk_refused(d, settings_delete(d, OBJECT_SERVER_PROXY, "www"), SL_EBUSY, "",
	             "it is in use by the profile \"all\"");
	assert_int_equal(settings_create(d, OBJECT_SERVER_PROXY, PROXY_AT("web", "c", "2")), 0);
	desk_refused(d, settings_replace(d, OBJECT_SERVER_PROXY, "www", PROXY("web", "a")),
	             SL_EEXIST, "/name", "there is a server proxy \"web\" already");
}

/* A policy of a profile names the proxy; that it is locked is no lock on the proxy's name. */
static void a_new_name_goes_into_locked_policies(void **state)
{
	struct desk *d = *state;

	make_all(d);
	assert_int_equal(
	        settings_create(d, OBJECT_PROFILE, PROFILE("p", "shut", "web", ",'locked':true")),
	        0);
	assert_int_equal(
	        settings_replace_unlocked(d, OBJECT_SERVER_PROXY, "web", PROXY("www", "a")), 0);
	assert_string_equal(settings_text(d, OBJECT_PROFILE, "p"),
	                    "{'name':'p','ssl_server_policies':[{'locked':true,'name':'shut',"
	                    "'proxy':'www'}]}");
}

static void an_object_takes_a_built_in_items_place(void **state)
{
	struct desk *d = *state;

	make_all(d);
	assert_int_equal(settings_create(d, OBJECT_DECRYPTION_POLICY, "{'name':'Mine'}"), 0);
	assert_int_equal(
	        settings_replace(d, OBJECT_DECRYPTION_POLICY, "Mine", "{'name':'Default'}"), 0);
	assert_int_equal(
	        settings_replace(d, OBJECT_DECRYPTION_POLICY, "Default", "{'name':'Other'}"), 0);
	assert_non_null(
	        strstr(settings_text(d, OBJECT_PROFILE, "both"), "'decryption_policy':'Other'"));
	desk_refused(d, settings_delete(d, OBJECT_DECRYPTION_POLICY, "Other"), SL_EBUSY, "",
	             "it is in use by the profile \"both\"");
	assert_int_equal(
	        settings_replace(d, OBJECT_DECRYPTION_POLICY, "Other", "{'name':'Default'}"), 0);
	assert_int_equal(settings_delete(d, OBJECT_DECRYPTION_POLICY, "Default"), 0);
	assert_non_null(
	        strstr(settings_text(d, OBJECT_PROFILE, "both"), "'decryption_policy':'Default'"));
}

int main(void)
{
#define T(name) cmocka_unit_test_setup_teardown(name, settings_setup, desk_teardown)
	const struct CMUnitTest tests[] = {
	        T(what_is_made_is_shown_in_its_one_spelling),
	        T(an_empty_list_of_deselected_suites_says_something),
	        T(what_is_wrong_is_named_with_its_place),
	        T(a_name_that_is_nearly_right_is_suggested),
	        T(what_is_in_use_is_not_deleted),
	        T(what_a_body_names_no_more_can_go),
	        T(two_who_change_the_same_do_not_overwrite_each_other),
	        T(the_same_body_again_is_no_revision),
	        T(what_does_not_fit_together_is_refused),
	        T(a_check_writes_nothing),
	        T(names_of_policies_are_unique_over_all_profiles),
	        T(locked_policies_need_their_capability),
	        T(a_new_name_is_written_into_what_refers_to_it),
	        T(a_new_name_goes_into_locked_policies),
	        T(an_object_takes_a_built_in_items_place),
	};

	return RUN_TESTS(tests);
}
