/* SPDX-License-Identifier: Apache-2.0 */
/* Packages from a directory and by hand: whom they are believed, what is installed, what documents
 * have of it. */
#include "smsd/package/package.h"

#include <openssl/pem.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include "lib/base/buf.h"
#include "lib/base/err.h"
#include "lib/domain/category.h"
#include "lib/pki/cert.h"
#include "lib/publish/content.h"
#include "lib/publish/index.h"
#include "smsd/base/moment.h"
#include "smsd/ingest/ingest.h"
#include "tests/unit/smsd/object/shelf.h"

struct yard {
	struct desk *desk;
	struct ingest *ingest;
	struct packages *packages;
	EVP_PKEY *key, *other;
	char folder[128];
	unsigned files;
	enum package_kind told; /* by the hook */
	unsigned told_times;
};

static void note(void *arg, enum package_kind kind)
{
	struct yard *y = arg;

	y->told = kind;
	y->told_times++;
}

static void add_key(struct yard *y, const char *name, EVP_PKEY *key)
{
	BIO *bio = BIO_new(BIO_s_mem());
	char *text;

	assert_int_equal(PEM_write_bio_PUBKEY(bio, key), 1);
	assert_true(BIO_write(bio, "", 1) == 1 && BIO_get_mem_data(bio, &text) > 0);
	assert_int_equal(packages_key_add(y->packages, &place_actor, name, text, y->desk->problem),
	                 0);
	BIO_free(bio);
}

static int setup(void **state)
{
	struct yard *y = calloc(1, sizeof(*y));
	char *events;

	assert_non_null(y);
	assert_int_equal(desk_setup((void **)&y->desk), 0);
	events = strdup(place_path(y->desk->place, "events"));
	const struct ingest_options options = {.directory = events, .keep_days = 90};

	assert_int_equal(ingest_open(y->desk->place->store, &options, &y->ingest, y->desk->problem),
	                 0);
	assert_int_equal(
	        packages_create(y->desk->place->store, y->ingest, &y->packages, y->desk->problem),
	        0);
	free(events);
	packages_on_install(y->packages, note, y);
	(void)snprintf(y->folder, sizeof(y->folder), "%s", place_path(y->desk->place, "source"));
	assert_int_equal(mkdir(y->folder, 0755), 0);
	y->key = EVP_PKEY_Q_keygen(NULL, NULL, "ED25519");
	y->other = EVP_PKEY_Q_keygen(NULL, NULL, "ED25519");
	add_key(y, "ours", y->key);
	*state = y;
	return 0;
}

static void unlink_in(const struct yard *y, const char *name)
{
	char path[256];

	(void)snprintf(path, sizeof(path), "%s/%s", y->folder, name);
	(void)unlink(path);
}

static int teardown(void **state)
{
	struct yard *y = *state;

	for (unsigned i = 1; i <= y->files; i++) {
		char name[32];

		(void)snprintf(name, sizeof(name), "p%u.pkg", i);
		unlink_in(y, name);
	}
	unlink_in(y, PUBLISH_INDEX);
	(void)rmdir(y->folder);
	packages_destroy(y->packages);
	ingest_close(y->ingest);
	EVP_PKEY_free(y->key);
	EVP_PKEY_free(y->other);
	(void)desk_teardown((void **)&y->desk);
	free(y);
	return 0;
}

/* ---- making ------------------------------------------------------------------------------ */

static void write_file(const struct yard *y, const char *name, const void *data, size_t len)
{
	char path[256];
	FILE *f;

	(void)snprintf(path, sizeof(path), "%s/%s", y->folder, name);
	f = fopen(path, "w");
	assert_non_null(f);
	assert_int_equal(fwrite(data, 1, len, f), len);
	assert_int_equal(fclose(f), 0);
}

static struct buf package_of(enum package_kind kind, const char *version, int64_t created,
                             const struct buf *content, EVP_PKEY *key)
{
	struct package_info info = {.kind = kind, .created = created};
	struct package_section section = {publish_section(kind), content->data, content->len};
	struct buf out;

	(void)snprintf(info.name, sizeof(info.name), "test");
	(void)snprintf(info.version, sizeof(info.version), "%s", version);
	buf_init(&out, PACKAGE_MAX);
	assert_int_equal(package_write(&info, &section, 1, key, &out), 0);
	return out;
}

/* One name in one category. */
static struct buf categories_of(const char *name, const char *category)
{
	struct category_builder *b = category_builder_create();
	uint32_t number;
	struct buf out;

	buf_init(&out, 1u << 20);
	assert_int_equal(category_builder_category(b, category, "", &number), 0);
	assert_int_equal(category_builder_add(b, name, strlen(name), number), 0);
	assert_int_equal(category_builder_finish(b, &out), 0);
	category_builder_destroy(b);
	return out;
}

static struct buf package(struct yard *y, const char *version, int64_t created, EVP_PKEY *key)
{
	struct buf content = categories_of("bank.test", "finance"), out;

	out = package_of(PACKAGE_CATEGORIES, version, created, &content, key);
	buf_fini(&content);
	return out;
}

/* Into the source, alone in its index; `spoilt`: its last byte is another then. Frees it. */
static void publish(struct yard *y, struct buf bytes, bool spoilt)
{
	struct publish_entry entry = {.size = bytes.len};
	struct publish_index index = {.items = &entry, .count = 1};
	struct package *p;
	struct pki_error err;
	struct buf text;

	assert_int_equal(package_open(bytes.data, bytes.len, PACKAGE_KIND_END, NULL, &p, &err), 0);
	entry.kind = package_info(p)->kind;
	entry.created = package_info(p)->created;
	package_close(p);
	(void)snprintf(entry.file, sizeof(entry.file), "p%u.pkg", ++y->files);
	if (spoilt)
		bytes.data[bytes.len - 1] ^= 1;
	assert_int_equal(EVP_Digest(bytes.data, bytes.len, entry.sha256, NULL, EVP_sha256(), NULL),
	                 1);
	write_file(y, entry.file, bytes.data, bytes.len);
	buf_init(&text, PUBLISH_INDEX_MAX);
	assert_int_equal(publish_index_text(&index, &text), 0);
	write_file(y, PUBLISH_INDEX, text.data, text.len);
	buf_fini(&text);
	buf_fini(&bytes);
}

/* By hand; the code. Frees it. */
static int bring(struct yard *y, struct buf bytes, int64_t *ret_id)
{
	struct store *store = y->desk->place->store;
	uint64_t size;
	int64_t upload;
	int rc;

	*ret_id = 0;
	assert_int_equal(blob_upload_begin(store, &place_actor, &upload, y->desk->problem), 0);
	assert_int_equal(blob_upload_add(store, &place_actor, upload, 0, bytes.data, bytes.len,
	                                 &size, y->desk->problem),
	                 0);
	rc = packages_import(y->packages, &place_actor, upload, ret_id, y->desk->problem);
	buf_fini(&bytes);
	return rc;
}

static void install(struct yard *y, struct buf bytes)
{
	int64_t id;

	assert_int_equal(bring(y, bytes, &id), 0);
	assert_int_equal(packages_install(y->packages, &place_actor, id, y->desk->problem), 0);
}

/* ---- looking ----------------------------------------------------------------------------- */

static void add_source(struct yard *y, const char *automatic)
{
	json_t *body = json_pack("{s:s, s:[s]}", "address", y->folder, "automatic", automatic);

	assert_int_equal(
	        packages_source_put(y->packages, &place_actor, "shelf", 0, body, y->desk->problem),
	        0);
	json_decref(body);
}

/* The source's error after a look; "" without one. Valid until the next call. */
static const char *look(struct yard *y)
{
	static char error[1024];
	json_t *shown = NULL;
	const char *text;

	assert_int_equal(
	        packages_source_check(y->packages, &place_actor, "shelf", y->desk->problem), 0);
	assert_int_equal(packages_tick(y->packages, moment_now_ms()), 0);
	assert_int_equal(packages_source_show(y->packages, "shelf", &shown, y->desk->problem), 0);
	assert_true(json_is_false(json_object_get(shown, "checking")));
	text = json_string_value(json_object_get(shown, "error"));
	(void)snprintf(error, sizeof(error), "%s", text ? text : "");
	json_decref(shown);
	return error;
}

/* The version that is installed of categories; "" for none. */
static const char *version(struct yard *y)
{
	static char text[64];
	json_t *list = NULL, *one;
	size_t i;

	text[0] = '\0';
	assert_int_equal(packages_list(y->packages, &list), 0);
	json_array_foreach(list, i, one)
	{
		if (json_is_true(json_object_get(one, "installed")))
			(void)snprintf(text, sizeof(text), "%s",
			               json_string_value(json_object_get(one, "version")));
	}
	json_decref(list);
	return text;
}

static size_t count(struct yard *y)
{
	json_t *list = NULL;
	size_t n;

	assert_int_equal(packages_list(y->packages, &list), 0);
	n = json_array_size(list);
	json_decref(list);
	return n;
}

/* ---- tests ------------------------------------------------------------------------------- */

static void a_source_installs_what_is_newer_and_nothing_that_is_older(void **state)
{
	struct yard *y = *state;

	add_source(y, "categories");
	publish(y, package(y, "2", 2000, y->key), false);
	assert_string_equal(look(y), "");
	assert_string_equal(version(y), "2");
	assert_int_equal(y->told, PACKAGE_CATEGORIES);
	assert_int_equal(y->told_times, 1);
	publish(y, package(y, "1", 1000, y->key), false);
	assert_string_equal(look(y), "");
	assert_int_equal(count(y), 2);
	assert_string_equal(version(y), "2");
	publish(y, package(y, "3", 3000, y->key), false);
	assert_string_equal(look(y), "");
	assert_string_equal(version(y), "3");
	assert_string_equal(look(y), "");
	assert_int_equal(count(y), 3);
	assert_int_equal(y->told_times, 2);
}

static void what_is_not_automatic_waits_for_somebody(void **state)
{
	struct yard *y = *state;

	add_source(y, "ca-certificates");
	publish(y, package(y, "1", 1000, y->key), false);
	assert_string_equal(look(y), "");
	assert_int_equal(count(y), 1);
	assert_string_equal(version(y), "");
}

static void what_is_refused_stands_at_the_source(void **state)
{
	struct yard *y = *state;
	char path[256];

	add_source(y, "categories");
	assert_non_null(strstr(look(y), "No such file"));
	publish(y, package(y, "1", 1000, y->other), false);
	assert_non_null(strstr(look(y), "not signed by a key that is trusted"));
	publish(y, package(y, "1", 1000, y->key), true);
	assert_non_null(strstr(look(y), "not the one that was signed"));
	publish(y, package(y, "2", 1500, y->key), false); /* what was refused is not opened again */
	(void)snprintf(path, sizeof(path), "%s/p%u.pkg", y->folder, y->files);
	assert_int_equal(unlink(path), 0);
	assert_int_equal(symlink("/etc/passwd", path), 0);
	assert_non_null(strstr(look(y), "link is not followed"));
	assert_int_equal(count(y), 0);
	publish(y, package(y, "1", 1000, y->key), false);
	assert_string_equal(look(y), "");
	assert_string_equal(version(y), "1");
}

static void no_byte_can_be_another(void **state)
{
	struct yard *y = *state;
	struct buf good = package(y, "1", 1000, y->key);
	int64_t id;

	for (size_t at = 0; at < good.len; at += 1 + good.len / 64) {
		struct buf bad;

		buf_init(&bad, PACKAGE_MAX);
		assert_int_equal(buf_add(&bad, good.data, good.len), 0);
		bad.data[at] ^= 1;
		if (bring(y, bad, &id) == 0)
			fail_msg("byte %zu may be another", at);
		(void)place_told(y->desk->place);
	}
	assert_int_equal(count(y), 0);
	assert_int_equal(bring(y, good, &id), 0);
}

static void a_key_stays_while_what_it_signed_is_installed(void **state)
{
	struct yard *y = *state;
	struct problem *problem = y->desk->problem;
	int64_t id;

	assert_int_equal(bring(y, package(y, "1", 1000, y->key), &id), 0);
	assert_int_equal(packages_install(y->packages, &place_actor, id, problem), 0);
	assert_int_equal(packages_key_delete(y->packages, &place_actor, "ours", problem), SL_EBUSY);
	(void)place_told(y->desk->place);
	assert_int_equal(packages_delete(y->packages, &place_actor, id, problem), SL_EBUSY);
	(void)place_told(y->desk->place);
	assert_int_equal(packages_uninstall(y->packages, &place_actor, id, problem), 0);
	assert_int_equal(packages_key_delete(y->packages, &place_actor, "ours", problem), 0);
	assert_int_equal(packages_install(y->packages, &place_actor, id, problem), SL_EMISMATCH);
	assert_non_null(strstr(place_told(y->desk->place), "not trusted any more"));
}

static void old_ones_go_and_the_installed_one_stays(void **state)
{
	struct yard *y = *state;
	char text[16];
	int64_t id;

	install(y, package(y, "first", 1000, y->key));
	for (unsigned i = 0; i < PACKAGES_KEPT + 3; i++) {
		(void)snprintf(text, sizeof(text), "%u", i);
		assert_int_equal(bring(y, package(y, text, 2000 + i, y->key), &id), 0);
	}
	assert_int_equal(count(y), PACKAGES_KEPT + 1);
	assert_string_equal(version(y), "first");
}

static void who_enforces_one_gets_its_content(void **state)
{
	struct yard *y = *state;
	struct buf wanted = categories_of("bank.test", "finance"), out;

	buf_init(&out, 1u << 20);
	assert_int_equal(package_installed(y->packages, PACKAGE_CATEGORIES, &out, y->desk->problem),
	                 SL_ENOENT);
	(void)place_told(y->desk->place);
	install(y, package(y, "1", 1000, y->key));
	assert_int_equal(package_installed(y->packages, PACKAGE_CATEGORIES, &out, y->desk->problem),
	                 0);
	assert_int_equal(out.len, wanted.len);
	assert_memory_equal(out.data, wanted.data, out.len);
	buf_fini(&out);
	buf_fini(&wanted);
}

/* ---- documents --------------------------------------------------------------------------- */

static struct buf policy_package(struct yard *y)
{
	static const char policy[] = "{\"domains\":[\"recommended.test\"],\"name\":\"Default\"}";
	struct buf content, out;

	buf_init(&content, 1024);
	assert_int_equal(buf_add(&content, policy, strlen(policy)), 0);
	out = package_of(PACKAGE_DECRYPTION, "1", 1000, &content, y->key);
	buf_fini(&content);
	return out;
}

static struct buf ca_package(struct yard *y)
{
	struct buf content, out;

	buf_init(&content, 1u << 20);
	assert_int_equal(pki_certificates_add_pem(y->desk->root, NULL, &content), 0);
	out = package_of(PACKAGE_CA, "1", 1000, &content, y->key);
	buf_fini(&content);
	return out;
}

/* A client policy by this decryption policy, on the segment of wan_settings. */
static void put_policy(struct yard *y, const char *decryption)
{
	char profile[256];

	put_certificates(y->desk);
	put(y->desk, OBJECT_CLIENT_PROXY, "out",
	    "{\"name\":\"out\",\"signing_certificate\":\"sign\",\"detection_ports\":[\"443\"]}");
	(void)snprintf(profile, sizeof(profile),
	               "{\"name\":\"all\",\"ssl_client_policies\":[{\"name\":\"p\",\"proxy\":"
	               "\"out\",\"decryption_policy\":\"%s\"}]}",
	               decryption);
	put(y->desk, OBJECT_PROFILE, "all", profile);
	put(y->desk, OBJECT_VIRTUAL_SEGMENT, "all",
	    "{\"name\":\"all\",\"segment\":\"wan\",\"profile\":\"all\"}");
}

static json_t *document(struct yard *y, const char *settings, bool *ret_notice)
{
	struct document d = {.len = 0};
	json_t *root;
	char *notices;

	assert_int_equal(make(y->desk, settings, &d), 0);
	root = json_loads(d.text, 0, NULL);
	notices = json_dumps(d.notices, 0);
	*ret_notice = strstr(notices, "categor") != NULL;
	free(notices);
	document_fini(&d);
	assert_non_null(root);
	return root;
}

static const char *of_device(const json_t *root, const char *key)
{
	const char *text = json_string_value(json_object_get(json_object_get(root, "device"), key));

	return text ? text : "";
}

static void a_document_has_what_is_installed(void **state)
{
	static const char own[] =
	        "{\"device\":{\"category_package\":\"/own.pkg\",\"package_keys\":[\"/own.pub\"],"
	        "\"default_ca_file\":\"/own.pem\"},"
	        "\"segments\":[{\"name\":\"wan\",\"port_a\":\"e0\",\"port_b\":\"e1\"}]}";
	struct yard *y = *state;
	bool notice;
	json_t *root;

	put_policy(y, "ours");
	put(y->desk, OBJECT_DECRYPTION_POLICY, "ours",
	    "{\"name\":\"ours\",\"categories\":[\"finance\"]}");
	root = document(y, wan_settings, &notice);
	assert_true(notice); /* R107 */
	assert_string_equal(of_device(root, "category_package"), "");
	assert_string_equal(of_device(root, "default_ca_file"), "");
	json_decref(root);
	install(y, package(y, "1", 1000, y->key));
	install(y, ca_package(y));
	root = document(y, wan_settings, &notice);
	assert_false(notice);
	assert_int_equal(strncmp(of_device(root, "category_package"), FILES "/", strlen(FILES) + 1),
	                 0);
	assert_int_equal(strncmp(of_device(root, "default_ca_file"), FILES "/", strlen(FILES) + 1),
	                 0);
	assert_int_equal(
	        json_array_size(json_object_get(json_object_get(root, "device"), "package_keys")),
	        1);
	json_decref(root);
	root = document(y, own, &notice);
	assert_string_equal(of_device(root, "category_package"), "/own.pkg");
	assert_string_equal(of_device(root, "default_ca_file"), "/own.pem");
	json_decref(root);
}

static void an_unknown_category_is_told(void **state)
{
	struct yard *y = *state;
	bool notice;

	put_policy(y, "ours");
	put(y->desk, OBJECT_DECRYPTION_POLICY, "ours",
	    "{\"name\":\"ours\",\"categories\":[\"nothing\"]}");
	install(y, package(y, "1", 1000, y->key));
	json_decref(document(y, wan_settings, &notice));
	assert_true(notice);
}

/* The domains of the document's only decryption policy; "" without one. */
static void check_domain(struct yard *y, const char *wanted)
{
	bool notice;
	json_t *root = document(y, wan_settings, &notice);
	json_t *policies = json_object_get(root, "decryption_policies");
	json_t *domains = json_object_get(json_array_get(policies, 0), "domains");
	const char *domain = json_string_value(json_array_get(domains, 0));

	assert_string_equal(domain ? domain : "", wanted);
	json_decref(root);
}

static void the_recommended_policy_gives_way_to_an_own_one(void **state)
{
	struct yard *y = *state;

	put_policy(y, "Default");
	check_domain(y, "");
	install(y, policy_package(y));
	check_domain(y, "recommended.test");
	put(y->desk, OBJECT_DECRYPTION_POLICY, "Default",
	    "{\"name\":\"Default\",\"domains\":[\"own.test\"]}");
	check_domain(y, "own.test");
}

static void what_is_not_named_is_not_sent(void **state)
{
	struct yard *y = *state;
	bool notice;
	json_t *root;

	install(y, package(y, "1", 1000, y->key));
	install(y, ca_package(y));
	install(y, policy_package(y));
	root = document(y, wan_settings, &notice);
	assert_int_equal(json_object_size(json_object_get(root, "device")), 1);
	assert_null(json_object_get(root, "decryption_policies"));
	json_decref(root);
}

int main(void)
{
#define T(name) cmocka_unit_test_setup_teardown(name, setup, teardown)
	const struct CMUnitTest tests[] = {
	        T(a_source_installs_what_is_newer_and_nothing_that_is_older),
	        T(what_is_not_automatic_waits_for_somebody),
	        T(what_is_refused_stands_at_the_source),
	        T(no_byte_can_be_another),
	        T(a_key_stays_while_what_it_signed_is_installed),
	        T(old_ones_go_and_the_installed_one_stays),
	        T(who_enforces_one_gets_its_content),
	        T(a_document_has_what_is_installed),
	        T(an_unknown_category_is_told),
	        T(the_recommended_policy_gives_way_to_an_own_one),
	        T(what_is_not_named_is_not_sent),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
