/* SPDX-License-Identifier: Apache-2.0 */
/* What becomes of certificates that are here: replaced, repaired, exported, listed. */
#include <openssl/pem.h>
#include <stdio.h>
#include <stdlib.h>

#include "lib/base/err.h"
#include "lib/pki/bundle.h"
#include "lib/pki/key.h"
#include "tests/unit/lib/pki/make.h"
#include "tests/unit/smsd/object/desk.h"

#define CERT OBJECT_CERTIFICATE
#define CA   OBJECT_CA_CERTIFICATE

/* ---- replace ----------------------------------------------------------------------------- */

static int replace(struct desk *d, enum object_kind kind, const char *name, int64_t revision,
                   struct buf file)
{
	struct certificate_import import = desk_import(name, &file, NULL, "secret");
	int rc;

	import.comment = "renewed";
	rc = certificate_replace(&d->at, &place_actor, kind, revision, &import, d->problem);
	buf_fini(&file);
	return rc;
}

static int64_t id_of(struct desk *d, const char *name)
{
	struct object object;
	int64_t id;

	assert_int_equal(object_get(d->at.store, CERT, name, &object, d->problem), 0);
	id = object.id;
	object_fini(&object);
	return id;
}

static struct buf renewed(struct desk *d, const char *common_name)
{
	X509 *cert = make_cert(d->second_key, common_name, NULL, d->middle, d->middle_key, -1, 50);
	struct buf file = desk_pem(d->second_key, NULL, cert, NULL);

	X509_free(cert);
	return file;
}

static void the_old_one_goes_on_under_another_name(void **state)
{
	struct desk *d = *state;
	int64_t id;
	json_t *history = NULL;

	assert_int_equal(desk_take(d, "web", desk_pem(d->leaf_key, NULL, d->leaf, NULL), "web"), 0);
	id = id_of(d, "web");
	assert_int_equal(replace(d, CERT, "web", 1, renewed(d, "new.test")), 0);
	assert_int_equal(id_of(d, "web"), id);
	assert_string_equal(desk_text(d, CERT, "web", "subject"), "CN=new.test");
	assert_string_equal(desk_text(d, CERT, "web_REPLACED", "subject"), "CN=a.test");
	assert_int_equal(replace(d, CERT, "web", 2, renewed(d, "newer.test")), 0);
	assert_string_equal(desk_text(d, CERT, "web_REPLACED_2", "subject"), "CN=new.test");
	assert_int_equal(replace(d, CERT, "web", 3, renewed(d, "newest.test")), 0);
	assert_string_equal(desk_text(d, CERT, "web_REPLACED_3", "subject"), "CN=newer.test");
	assert_string_equal(desk_text(d, CERT, "web", "subject"), "CN=newest.test");
	assert_string_equal(desk_text(d, CERT, "web_REPLACED", "status"), "no trust anchor");
	assert_int_equal(object_history(d->at.store, CERT, "web", 10, &history, d->problem), 0);
	assert_int_equal(json_array_size(history), 4);
	assert_string_equal(
	        json_string_value(json_object_get(json_array_get(history, 0), "comment")),
	        "renewed");
	json_decref(history);
	assert_int_equal(place_audited(d->place, "replace", "web"), 3);
}

static void a_replacement_that_does_not_fit_changes_nothing(void **state)
{
	struct desk *d = *state;
	struct buf two = desk_pkcs12("secret", d->leaf_key, d->old, "a", d->second_key, d->second,
	                             "b", NULL);

	assert_int_equal(desk_take(d, "web", desk_pem(d->leaf_key, NULL, d->leaf, NULL), "web"), 0);
	desk_refused(d, replace(d, CERT, "none", 1, renewed(d, "n.test")), SL_ENOENT, "",
	             "there is no certificate \"none\"");
	desk_refused(d, replace(d, CERT, "web", 2, renewed(d, "n.test")), SL_ECONFLICT, "",
	             "revision 1 is there");
	desk_refused(d, replace(d, CERT, "web", 1, two), SL_EMISMATCH, "/file",
	             "the file has 2 certificates, and one is replaced");
	desk_refused(d, replace(d, CERT, "web", 1, desk_pem(d->leaf_key, NULL, d->leaf, NULL)),
	             SL_EEXIST, "/file",
	             "this certificate is here already, under the name \"web\"");
	desk_refused(d, replace(d, CERT, "web", 1, desk_pem(d->root_key, NULL, d->root, NULL)),
	             SL_EMISMATCH, "/file", "the old one is no CA, the new one is");
	desk_refused(d, replace(d, CERT, "web", 1, desk_pem(NULL, NULL, d->second, NULL)),
	             SL_ENOENT, "/key", "there is no private key");
	assert_int_equal(desk_count(d, CERT), 1);
	assert_string_equal(desk_text(d, CERT, "web", "subject"), "CN=a.test");
}

static void ca_certificates_are_replaced_without_keys(void **state)
{
	struct desk *d = *state;
	X509 *again = make_ca(d->root_key, "Desk Root", NULL, NULL, -1, 500);

	assert_int_equal(desk_take_ca(d, "root", desk_pem(NULL, NULL, d->root, NULL), "root"), 0);
	assert_int_equal(replace(d, CA, "root", 1, desk_pem(NULL, NULL, again, NULL)), 0);
	assert_string_equal(desk_text(d, CA, "root_REPLACED", "subject"), "CN=Desk Root");
	desk_refused(d, replace(d, CA, "root", 2, desk_pem(NULL, NULL, d->leaf, NULL)),
	             SL_EMISMATCH, "/file", "the old one signs certificates (a CA)");
	X509_free(again);
}

static void a_long_name_is_cut_for_the_old_one(void **state)
{
	struct desk *d = *state;
	char name[129], old[129];

	memset(name, 'n', 128);
	name[128] = '\0';
	(void)snprintf(old, sizeof(old), "%.119s_REPLACED", name);
	assert_int_equal(desk_take(d, name, desk_pem(d->leaf_key, NULL, d->leaf, NULL), name), 0);
	assert_int_equal(replace(d, CERT, name, 1, renewed(d, "new.test")), 0);
	assert_string_equal(desk_text(d, CERT, old, "subject"), "CN=a.test");
}

/* ---- repair ------------------------------------------------------------------------------ */

static int drop_key(void *arg, struct store_tx *tx)
{
	return vault_drop(tx, arg);
}

static int repair_seen(struct desk *d, EVP_PKEY *key, int64_t revision)
{
	struct buf file = desk_pem(key, NULL, NULL);
	const struct certificate_import import = desk_import("web", &file, &file, "");
	int rc = certificate_repair(&d->at, &place_actor, revision, &import, d->problem);

	buf_fini(&file);
	return rc;
}

static int repair(struct desk *d, EVP_PKEY *key)
{
	return repair_seen(d, key, 1);
}

static void a_certificate_whose_key_is_gone_is_repaired_with_it(void **state)
{
	struct desk *d = *state;
	uint8_t id[VAULT_ID_SIZE];

	assert_int_equal(desk_take(d, "web",
	                           desk_pem(d->leaf_key, NULL, d->leaf, d->middle, d->root, NULL),
	                           "web"),
	                 0);
	desk_refused(d, repair(d, d->leaf_key), SL_EEXIST, "",
	             "the key of \"web\" is in order, there is nothing to repair");
	assert_int_equal(pki_key_id(d->leaf_key, id), 0);
	assert_int_equal(store_write(d->at.store, drop_key, id), 0);
	assert_string_equal(desk_text(d, CERT, "web", "status"), "broken key");
	desk_refused(d, repair(d, d->second_key), SL_EMISMATCH, "/key",
	             "this is not the key of the certificate web");
	assert_string_equal(desk_text(d, CERT, "web", "status"), "broken key");
	desk_refused(d, repair_seen(d, d->leaf_key, 2), SL_ECONFLICT, "", "revision 1 is there");
	assert_int_equal(repair(d, d->leaf_key), 0);
	assert_string_equal(desk_text(d, CERT, "web", "status"), "valid");
	assert_int_equal(place_audited(d->place, "repair", "web"), 1);
}

/* ---- export ------------------------------------------------------------------------------ */

static int export_as(struct desk *d, enum object_kind kind, const char *name,
                     enum certificate_format format, const char *password, struct buf *out)
{
	struct object object;
	int rc;

	buf_init(out, 65536);
	assert_int_equal(object_get(d->at.store, kind, name, &object, d->problem), 0);
	rc = certificate_export(&d->at, &place_actor, &object, format, password, out, d->problem);
	object_fini(&object);
	return rc;
}

static int bundle_of(const struct buf *file, const char *password, struct pki_bundle **ret)
{
	const struct pki_bytes bytes = {
	        .name = "export", .data = file->data, .len = file->len, .password = password};
	struct pki_error err;

	return pki_bundle_read(&bytes, NULL, ret, &err);
}

static void what_is_exported_can_be_imported_elsewhere(void **state)
{
	static const enum certificate_format formats[] = {CERTIFICATE_PEM, CERTIFICATE_DER,
	                                                  CERTIFICATE_PKCS12};
	static const int others[] = {1, 0, 1};
	struct desk *d = *state;
	struct pki_bundle *bundle;
	struct buf file;

	assert_int_equal(desk_take(d, "web",
	                           desk_pem(d->leaf_key, NULL, d->leaf, d->middle, d->root, NULL),
	                           "web"),
	                 0);
	for (size_t i = 0; i < SL_ARRAY_LEN(formats); i++) {
		bool with_key = formats[i] == CERTIFICATE_PKCS12;

		assert_int_equal(
		        export_as(d, CERT, "web", formats[i], with_key ? "pw" : NULL, &file), 0);
		assert_null(memmem(file.data, file.len, "PRIVATE", 7));
		assert_int_equal(bundle_of(&file, "pw", &bundle), 0);
		assert_int_equal(X509_cmp(bundle->entries[0].certificate, d->leaf), 0);
		assert_int_equal(sk_X509_num(bundle->others), others[i]);
		assert_int_equal(bundle->entries[0].key != NULL, with_key);
		pki_bundle_destroy(bundle);
		buf_fini(&file);
	}
	assert_int_equal(place_audited(d->place, "export", NULL), 1);
}

static void the_openssl_command_reads_what_is_exported(void **state)
{
	struct desk *d = *state;
	char command[512], path[128];
	struct buf file;

	assert_int_equal(
	        desk_take(d, "web", desk_pem(d->leaf_key, NULL, d->leaf, d->middle, NULL), "web"),
	        0);
	assert_int_equal(export_as(d, CERT, "web", CERTIFICATE_PKCS12, "pw", &file), 0);
	(void)snprintf(path, sizeof(path), "%s", place_path(d->place, "web.p12"));
	make_file(path, file.data, file.len, 0600);
	buf_fini(&file);
	(void)snprintf(command, sizeof(command),
	               "openssl pkcs12 -in %s -passin pass:pw -nodes 2>/dev/null |"
	               " openssl ec -noout -check 2>/dev/null",
	               path);
	assert_int_equal(system(command), 0);
	(void)snprintf(command, sizeof(command),
	               "openssl pkcs12 -in %s -passin pass:no -nodes >/dev/null 2>&1", path);
	assert_int_not_equal(system(command), 0);
}

static void a_key_leaves_only_when_it_may_and_with_a_password(void **state)
{
	const struct pki_subject subject = {.common_name = "Corp"};
	struct desk *d = *state;
	struct buf file;

	assert_int_equal(certificate_make_signing(&d->at, &place_actor, "sign", &subject,
	                                          PKI_KEY_P256, 10, false, d->problem),
	                 0);
	assert_int_equal(certificate_make_request(&d->at, &place_actor, "req", &subject,
	                                          PKI_KEY_P256, false, true, d->problem),
	                 0);
	assert_int_equal(desk_take(d, "web", desk_pem(d->leaf_key, NULL, d->leaf, NULL), "web"), 0);
	assert_int_equal(desk_take_ca(d, "root", desk_pem(NULL, NULL, d->root, NULL), "root"), 0);
	desk_refused(d, export_as(d, CERT, "sign", CERTIFICATE_PKCS12, "pw", &file), SL_EPERM, "",
	             "is not exportable");
	assert_int_equal(file.len, 0);
	desk_refused(d, export_as(d, CERT, "web", CERTIFICATE_PKCS12, "", &file), SL_EINVAL,
	             "/password", "a password is missing");
	desk_refused(d, export_as(d, CERT, "web", CERTIFICATE_PKCS12, NULL, &file), SL_EINVAL,
	             "/password", "a password is missing");
	desk_refused(d, export_as(d, CA, "root", CERTIFICATE_PKCS12, "pw", &file), SL_EINVAL,
	             "/format", "a CA certificate is without a private key here");
	desk_refused(d,
	             export_as(d, OBJECT_SIGNING_REQUEST, "req", CERTIFICATE_PKCS12, "pw", &file),
	             SL_EINVAL, "/format", "the private key of a signing request never leaves");
	assert_int_equal(file.len, 0);
}

/* ---- what clients trust ------------------------------------------------------------------ */

static int client_root(struct desk *d, const char *name, struct buf *out)
{
	struct object object;
	int rc;

	buf_init(out, 65536);
	assert_int_equal(object_get(d->at.store, CERT, name, &object, d->problem), 0);
	rc = certificate_client_root(&d->at, &object, out, d->problem);
	object_fini(&object);
	return rc;
}

static void assert_der(struct buf *file, X509 *cert)
{
	const unsigned char *at = file->data;
	X509 *read = d2i_X509(NULL, &at, (long)file->len);

	assert_non_null(read);
	assert_int_equal(X509_cmp(read, cert), 0);
	X509_free(read);
	buf_fini(file);
}

static void clients_trust_the_root_of_a_signing_certificate(void **state)
{
	struct desk *d = *state;
	struct buf file;

	assert_int_equal(
	        desk_take(d, "sign", desk_pem(d->middle_key, NULL, d->middle, NULL), "sign"), 0);
	assert_int_equal(
	        desk_take(d, "self", desk_pem(d->second_key, NULL, d->foreign, NULL), "self"), 0);
	assert_int_equal(desk_take(d, "web", desk_pem(d->leaf_key, NULL, d->leaf, NULL), "web"), 0);
	desk_refused(d, client_root(d, "sign", &file), SL_ENOENT, "",
	             "the certificate of \"CN=Desk Root\" is missing");
	assert_int_equal(desk_take_ca(d, "root", desk_pem(NULL, NULL, d->root, NULL), "root"), 0);
	assert_int_equal(client_root(d, "sign", &file), 0);
	assert_der(&file, d->root);
	assert_int_equal(client_root(d, "self", &file), 0);
	assert_der(&file, d->foreign);
	desk_refused(d, client_root(d, "web", &file), SL_EINVAL, "",
	             "\"web\" signs no certificates, clients need not trust it");
}

/* ---- lists and deletion ------------------------------------------------------------------ */

static void a_list_comes_in_pages(void **state)
{
	struct desk *d = *state;
	json_t *page = NULL;

	assert_int_equal(desk_take_ca(d, "x",
	                              desk_pem(NULL, NULL, d->root, d->middle, d->foreign, NULL),
	                              "x 1,x 2,x 3"),
	                 0);
	assert_int_equal(certificate_list(&d->at, CA, "", 2, &page, d->problem), 0);
	assert_int_equal(json_array_size(json_object_get(page, "items")), 2);
	assert_string_equal(json_string_value(json_object_get(page, "next")), "x 2");
	json_decref(page);
	assert_int_equal(certificate_list(&d->at, CA, "x 2", 2, &page, d->problem), 0);
	assert_int_equal(json_array_size(json_object_get(page, "items")), 1);
	assert_string_equal(json_string_value(json_object_get(page, "next")), "");
	json_decref(page);
}

static void what_was_deleted_may_come_again(void **state)
{
	struct desk *d = *state;
	uint8_t id[VAULT_ID_SIZE];

	assert_int_equal(desk_take(d, "web", desk_pem(d->leaf_key, NULL, d->leaf, NULL), "web"), 0);
	desk_refused(d, certificate_delete(&d->at, &place_actor, CERT, "web", 2, d->problem),
	             SL_ECONFLICT, "", "revision 1 is there");
	desk_refused(d, certificate_delete(&d->at, &place_actor, CA, "web", 1, d->problem),
	             SL_ENOENT, "", "there is no ca certificate \"web\"");
	assert_int_equal(certificate_delete(&d->at, &place_actor, CERT, "web", 1, d->problem), 0);
	assert_int_equal(pki_key_id(d->leaf_key, id), 0);
	assert_int_equal(vault_check(d->vault, id), SL_ENOENT);
	assert_int_equal(desk_take(d, "web", desk_pem(d->leaf_key, NULL, d->leaf, NULL), "web"), 0);
}

/* Whether it was read before makes no difference; what becomes of its chain does. */
static void what_was_read_before_is_shown_the_same(void **state)
{
	struct desk *d = *state;
	struct certificate_cache *cache = d->at.cache;

	assert_int_equal(
	        desk_take(d, "root", desk_pem(d->second_key, NULL, d->foreign, NULL), "root"), 0);
	assert_int_equal(desk_take(d, "one", desk_pem(d->leaf_key, NULL, d->leaf, NULL), "one"), 0);
	for (unsigned twice = 0; twice < 2; twice++) {
		json_t *shown = desk_show(d, CERT, "root"), *read;

		d->at.cache = NULL;
		read = desk_show(d, CERT, "root");
		assert_true(json_equal(shown, read));
		d->at.cache = cache;
		json_decref(shown);
		json_decref(read);
	}
	assert_string_equal(desk_text(d, CERT, "root", "status"), "valid");
	assert_string_equal(desk_text(d, CERT, "one", "status"), "no trust anchor");
	assert_int_equal(desk_take_ca(d, "top", desk_pem(NULL, NULL, d->root, NULL), "top"), 0);
	assert_int_equal(desk_take_ca(d, "mid", desk_pem(NULL, NULL, d->middle, NULL), "mid"), 0);
	assert_string_equal(desk_text(d, CERT, "one", "status"), "valid");
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, desk_setup, desk_teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
	        TEST(what_was_read_before_is_shown_the_same),
	        TEST(the_old_one_goes_on_under_another_name),
	        TEST(a_replacement_that_does_not_fit_changes_nothing),
	        TEST(ca_certificates_are_replaced_without_keys),
	        TEST(a_long_name_is_cut_for_the_old_one),
	        TEST(a_certificate_whose_key_is_gone_is_repaired_with_it),
	        TEST(what_is_exported_can_be_imported_elsewhere),
	        TEST(the_openssl_command_reads_what_is_exported),
	        TEST(a_key_leaves_only_when_it_may_and_with_a_password),
	        TEST(clients_trust_the_root_of_a_signing_certificate),
	        TEST(a_list_comes_in_pages),
	        TEST(what_was_deleted_may_come_again),
	};

	return RUN_TESTS(tests);
}
