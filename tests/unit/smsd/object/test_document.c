/* SPDX-License-Identifier: Apache-2.0 */
/* Documents made of objects: what is in them, what is not, and what is wrong with them. */
#include "smsd/object/document.h"

#include <openssl/evp.h>
#include <stdio.h>
#include <string.h>

#include "lib/base/err.h"
#include "lib/conf/config.h"
#include "lib/conf/error.h"
#include "lib/conf/node.h"
#include "tests/unit/smsd/object/shelf.h"

static json_t *parse(const struct document *d)
{
	json_t *root = json_loadb(d->text, d->len, 0, NULL);

	assert_non_null(root);
	return root;
}

/* The names of a list, commas between. */
static const char *names(const json_t *root, const char *key)
{
	static char text[512];
	json_t *item;
	size_t i;

	text[0] = '\0';
	json_array_foreach(json_object_get(root, key), i, item)
	{
		(void)strcat(text, i > 0 ? "," : "");
		(void)strcat(text, json_string_value(json_object_get(item, "name")));
	}
	return text;
}

static const char *text_at(const json_t *root, const char *key, size_t index, const char *name)
{
	const json_t *item = json_array_get(json_object_get(root, key), index);
	const char *text = json_string_value(json_object_get(item, name));

	return text ? text : "";
}

static const char *object_names(const struct document *d)
{
	static char text[512];

	text[0] = '\0';
	for (size_t i = 0; i < d->objects_count; i++) {
		(void)strcat(text, i > 0 ? "," : "");
		(void)strcat(text, d->objects[i].name);
	}
	return text;
}

static void a_device_gets_its_settings_and_what_its_segments_reach(void **state)
{
	struct desk *d = *state;
	struct document document;
	json_t *root;

	put_configuration(d);
	(void)put(d, OBJECT_TRUST_STORE, "unused", "{}");
	(void)put(d, OBJECT_VIRTUAL_SEGMENT, "elsewhere", "{\"segment\": \"lan\"}");
	assert_int_equal(make(d, wan_settings, &document), 0);
	root = parse(&document);
	assert_string_equal(names(root, "segments"), "wan");
	assert_string_equal(names(root, "virtual_segments"), "all");
	assert_string_equal(names(root, "profiles"), "strict");
	assert_string_equal(names(root, "ssl_server_proxies"), "web");
	assert_string_equal(names(root, "ssl_client_proxies"), "out");
	assert_string_equal(names(root, "decryption_policies"), "banks");
	assert_string_equal(names(root, "action_sets"), "stop");
	assert_string_equal(names(root, "trust_stores"), "partners");
	assert_string_equal(names(root, "certificates"), "shop,sign");
	/* The root of the one that signs goes along: it is what clients trust. */
	assert_string_equal(names(root, "ca_certificates"), "middle,root");
	assert_string_equal(
	        json_string_value(json_object_get(json_object_get(root, "device"), "name")), "box");
	assert_string_equal(object_names(&document), "shop,sign,middle,root,rules.txt,partners,web,"
	                                             "out,banks,stop,strict,all");
	json_decref(root);
	document_fini(&document);
}

static void a_certificate_is_a_file_with_its_chain_and_the_id_of_its_key(void **state)
{
	struct desk *d = *state;
	struct buf wanted = desk_pem(NULL, NULL, d->leaf, d->middle, NULL);
	struct document document;
	uint8_t sha256[BLOB_DIGEST];
	char hex[BLOB_HEX_MAX], path[256];
	struct buf bytes;
	json_t *root, *shown;

	put_configuration(d);
	assert_int_equal(make(d, wan_settings, &document), 0);
	root = parse(&document);
	assert_true(EVP_Digest(wanted.data, wanted.len, sha256, NULL, EVP_sha256(), NULL));
	(void)snprintf(path, sizeof(path), FILES "/%s", blob_digest_text(sha256, hex));
	assert_string_equal(text_at(root, "certificates", 0, "certificate"), path);
	shown = desk_show(d, OBJECT_CERTIFICATE, "shop");
	assert_string_equal(
	        text_at(root, "certificates", 0, "key_id"),
	        json_string_value(json_object_get(json_object_get(shown, "key"), "id")));
	json_decref(shown);
	buf_init(&bytes, 65536);
	assert_int_equal(blob_read(d->at.store, sha256, 0, 65536, &bytes), 0);
	assert_int_equal(bytes.len, wanted.len);
	assert_memory_equal(bytes.data, wanted.data, wanted.len);
	buf_fini(&bytes);
	buf_fini(&wanted);

	/* Two certificates with keys, four with files, and the rules. */
	assert_int_equal(document.keys_count, 2);
	assert_int_equal(document.files_count, 5);
	json_decref(root);
	document_fini(&document);
}

static void a_file_has_the_path_of_its_digest_on_the_device(void **state)
{
	static const char hex[] =
	        "1111111111111111111111111111111111111111111111111111111111111111";
	struct desk *d = *state;
	struct document document;
	json_t *root, *filter;
	const char *rules, *sha256;

	put_configuration(d);
	assert_int_equal(make(d, wan_settings, &document), 0);
	root = parse(&document);
	filter = json_array_get(
	        json_object_get(json_array_get(json_object_get(root, "profiles"), 0), "filters"),
	        0);
	assert_int_equal(json_unpack(filter, "{s:s, s:s}", "rules", &rules, "sha256", &sha256), 0);
	assert_string_equal(sha256, hex);
	assert_true(strncmp(rules, FILES "/", strlen(FILES "/")) == 0);
	assert_string_equal(rules + strlen(FILES "/"), hex);
	json_decref(root);
	document_fini(&document);
}

/* The SHA-256 says whether a device has what it should, so it may depend on nothing else. */
static void the_same_objects_make_the_same_bytes(void **state)
{
	struct desk *d = *state;
	struct document one, two;

	put_configuration(d);
	(void)put(d, OBJECT_VIRTUAL_SEGMENT, "b",
	          "{\"segment\": \"wan\", \"profile\": \"strict\", \"vlans\": [7]}");
	(void)put(d, OBJECT_VIRTUAL_SEGMENT, "a",
	          "{\"vlans\": [\"8\"], \"profile\": \"strict\", \"segment\": \"wan\"}");
	assert_int_equal(make(d, wan_settings, &one), 0);
	place_close(d->place);
	place_open(d->place);
	d->at.store = d->place->store;
	assert_int_equal(
	        make(d,
	             "{\"ssl_inspection\": {\"client\": true}, \"limits\": {\"sessions\": 5000}, "
	             "\"version\": 1, \"device\": {\"name\": \"was another\"}, \"segments\": "
	             "[{\"port_b\": \"e1\", \"name\": \"wan\", \"port_a\": \"e0\"}]}",
	             &two),
	        0);
	assert_int_equal(one.len, two.len);
	assert_memory_equal(one.text, two.text, one.len);
	assert_memory_equal(one.sha256, two.sha256, sizeof(one.sha256));
	assert_non_null(strstr(one.text, "\"virtual_segments\":[{\"name\":\"a\""));
	document_fini(&one);
	document_fini(&two);
}

/* What is sent is what a device makes of it: canonical, and of the digest that it will tell. */
static void the_text_is_canonical(void **state)
{
	struct desk *d = *state;
	struct document document;
	struct conf_document *doc;
	struct conf_errors errs;
	struct config *config;

	put_configuration(d);
	assert_int_equal(make(d, wan_settings, &document), 0);
	conf_errors_init(&errs);
	assert_int_equal(conf_load_json("", document.text, document.len, &errs, &doc), 0);
	assert_int_equal(config_build(conf_document_root(doc), &errs, &config), 0);
	assert_memory_equal(config->sha256, document.sha256, sizeof(document.sha256));
	config_put(config);
	conf_document_destroy(doc);
	conf_errors_fini(&errs);
	document_fini(&document);
}

static void what_is_refused_names_object_and_place(void **state)
{
	struct desk *d = *state;
	struct document document;

	put_configuration(d);
	(void)put(d, OBJECT_PROFILE, "other",
	          "{\"ssl_server_policies\": [{\"name\": \"in\", \"proxy\": \"gone\"}], "
	          "\"filters\": [{\"rules\": \"/files/none\"}, {\"rules\": \"/etc/rules\"}]}");
	(void)put(d, OBJECT_VIRTUAL_SEGMENT, "second",
	          "{\"segment\": \"wan\", \"profile\": \"other\", \"vlans\": [9]}");
	told(d, make(d, wan_settings, &document), SL_ENOENT, "profile/other/filters/0/rules",
	     "there is no file \"none\"");
	told(d, make(d, wan_settings, &document), SL_ENOENT, "profile/other/filters/1/rules",
	     "names files of the SMS");
	told(d, make(d, wan_settings, &document), SL_ENOENT,
	     "profile/strict/ssl_server_policies/0/name", "named \"in\" already");
	told(d, make(d, wan_settings, &document), SL_ENOENT,
	     "profile/other/ssl_server_policies/0/proxy", "no server proxy \"gone\"");
	told(d, make(d, "{\"limits\": {\"flows\": 1}}", &document), SL_ERANGE,
	     "device/box/limits/flows", "out of range");
}

static void a_file_of_another_content_is_refused(void **state)
{
	struct desk *d = *state;
	struct document document;

	put_configuration(d);
	(void)put(d, OBJECT_FILE, "list",
	          "{\"content\": \"domains\", \"size\": 1, \"sha256\": "
	          "\"2222222222222222222222222222222222222222222222222222222222222222\"}");
	(void)put(d, OBJECT_PROFILE, "p", "{\"filters\": [{\"rules\": \"/files/list\"}]}");
	(void)put(d, OBJECT_VIRTUAL_SEGMENT, "v",
	          "{\"segment\": \"wan\", \"profile\": \"p\", \"vlans\": [9]}");
	told(d, make(d, wan_settings, &document), SL_EINVAL, "profile/p/filters/0/rules",
	     "no file of rules but of domains");
}

static void notices_come_with_their_object(void **state)
{
	struct desk *d = *state;
	struct document document;
	const char *kind, *name, *pointer, *text;
	json_t *notice;

	put_configuration(d);
	assert_int_equal(change(d, OBJECT_SERVER_PROXY, "web",
	                        "{\"destinations\": [\"10.0.0.1\"], \"detection_ports\": [443], "
	                        "\"certificates\": [\"shop\"], \"downgrade_http2\": false}",
	                        NULL),
	                 0);
	assert_int_equal(make(d, wan_settings, &document), 0);
	assert_int_equal(json_array_size(document.notices), 1);
	notice = json_array_get(document.notices, 0);
	assert_int_equal(json_unpack(notice, "{s:s, s:s, s:{s:s, s:s}}", "pointer", &pointer,
	                             "text", &text, "object", "kind", &kind, "name", &name),
	                 0);
	assert_string_equal(kind, "server proxy");
	assert_string_equal(name, "web");
	assert_string_equal(pointer, "/downgrade_http2");
	assert_non_null(strstr(text, "HTTP/2"));
	document_fini(&document);
}

/* One moment for all devices of a distribution. */
static void a_shelf_is_one_moment(void **state)
{
	static const char other[] =
	        "{\"destinations\": [\"10.0.0.9\"], \"detection_ports\": [443], "
	        "\"certificates\": [\"shop\"]}";
	struct desk *d = *state;
	json_t *settings = json_loads(wan_settings, 0, NULL);
	const struct document_device box = {.name = "box", .files = FILES, .settings = settings};
	struct document_shelf *shelf;
	struct document one, two, now;

	put_configuration(d);
	assert_int_equal(document_shelf_open(d->at.store, &shelf, d->problem), 0);
	assert_int_equal(document_make_of(shelf, &box, &one, d->problem), 0);
	assert_int_equal(change(d, OBJECT_SERVER_PROXY, "web", other, NULL), 0);
	assert_int_equal(document_make_of(shelf, &box, &two, d->problem), 0);
	assert_memory_equal(one.sha256, two.sha256, sizeof(one.sha256));
	document_shelf_close(shelf);
	assert_int_equal(document_make(d->at.store, &box, &now, d->problem), 0);
	assert_memory_not_equal(one.sha256, now.sha256, sizeof(one.sha256));
	document_fini(&one);
	document_fini(&two);
	document_fini(&now);
	json_decref(settings);
}

static void settings_are_what_is_no_kind(void **state)
{
	struct desk *d = *state;
	json_t *document = json_pack("{s:i, s:[], s:{s:s}, s:[], s:[], s:[], s:{}}", "version", 1,
	                             "segments", "device", "name", "a", "certificates",
	                             "ca_certificates", "profiles", "limits");
	json_t *settings = document_settings(document);

	assert_int_equal(json_object_size(settings), 4);
	assert_non_null(json_object_get(settings, "segments"));
	assert_non_null(json_object_get(settings, "device"));
	assert_non_null(json_object_get(settings, "limits"));
	assert_int_equal(document_check_settings(settings, d->problem), 0);
	told(d, document_check_settings(document, d->problem), SL_EINVAL, "/certificates",
	     "made of objects");
	json_decref(settings);
	settings = json_pack("{s:[{s:s, s:s, s:s}]}", "segments", "name", "a", "port_a", "e0",
	                     "port_b", "e0");
	told(d, document_check_settings(settings, d->problem), SL_ECONFLICT, "/segments/0/port_b",
	     "is a port already");
	json_decref(settings);
	json_decref(document);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, desk_setup, desk_teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
	        TEST(a_device_gets_its_settings_and_what_its_segments_reach),
	        TEST(a_certificate_is_a_file_with_its_chain_and_the_id_of_its_key),
	        TEST(a_file_has_the_path_of_its_digest_on_the_device),
	        TEST(the_same_objects_make_the_same_bytes),
	        TEST(the_text_is_canonical),
	        TEST(what_is_refused_names_object_and_place),
	        TEST(a_file_of_another_content_is_refused),
	        TEST(notices_come_with_their_object),
	        TEST(a_shelf_is_one_moment),
	        TEST(settings_are_what_is_no_kind),
	};

	return RUN_TESTS(tests);
}
