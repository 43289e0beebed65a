/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A document of the SMS on a device: its files laid down where it says, it is what `tpsd --check`
 * accepts, with each file read, and its digest is the one that the SMS knows it by.
 *
 *   test_sms_document_device TPSD
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "lib/base/err.h"
#include "lib/conf/error.h"
#include "lib/conf/image.h"
#include "lib/conf/node.h"
#include "tests/unit/lib/pki/make.h"
#include "tests/unit/smsd/object/shelf.h"

static const char *tpsd; /* the program */

static void upload(struct desk *d, enum blob_content content, const char *name, const char *text)
{
	uint64_t size;
	int64_t id;

	assert_int_equal(blob_upload_begin(d->at.store, &place_actor, &id, d->problem), 0);
	assert_int_equal(blob_upload_add(d->at.store, &place_actor, id, 0, text, strlen(text),
	                                 &size, d->problem),
	                 0);
	assert_int_equal(
	        blob_finish(d->at.store, &place_actor, id, content, name, 0, NULL, d->problem), 0);
}

/* Both kinds of inspection, each kind of object, each kind of file but revocation lists. */
static void put_all(struct desk *d)
{
	put_certificates(d);
	upload(d, BLOB_RULES, "some.rules",
	       "alert tcp any any -> any any (msg:\"seen\"; content:\"x\"; sid:1;)\n");
	upload(d, BLOB_DOMAINS, "banks.txt", "*.bank.test\n");
	(void)put(d, OBJECT_TRUST_STORE, "partners",
	          "{\"ca_certificates\": [\"middle\", \"root\"], "
	          "\"include_default_ca_certificates\": false}");
	(void)put(d, OBJECT_SERVER_PROXY, "web",
	          "{\"destinations\": [\"10.0.0.1\"], \"detection_ports\": [443], "
	          "\"certificates\": [\"shop\"], \"server_trust\": \"partners\"}");
	(void)put(d, OBJECT_CLIENT_PROXY, "out",
	          "{\"signing_certificate\": \"sign\", \"detection_ports\": [443]}");
	(void)put(d, OBJECT_DECRYPTION_POLICY, "banks", "{\"domains_file\": \"/files/banks.txt\"}");
	(void)put(d, OBJECT_PROFILE, "strict",
	          "{\"ssl_server_policies\": [{\"name\": \"in\", \"proxy\": \"web\"}], "
	          "\"ssl_client_policies\": [{\"name\": \"from\", \"proxy\": \"out\", "
	          "\"decryption_policy\": \"banks\", \"trust_store\": \"partners\"}], "
	          "\"filters\": [{\"rules\": \"/files/some.rules\"}]}");
	(void)put(d, OBJECT_VIRTUAL_SEGMENT, "all",
	          "{\"segment\": \"wan\", \"profile\": \"strict\"}");
}

static struct document make_for(struct desk *d, const char *files)
{
	json_t *settings = json_loads(wan_settings, 0, NULL);
	const struct document_device device = {.name = "box", .files = files, .settings = settings};
	struct document document;

	assert_int_equal(document_make(d->at.store, &device, &document, d->problem), 0);
	json_decref(settings);
	return document;
}

/* What `link` does with them. */
static void lay_down(struct desk *d, struct make_folder *folder, const struct document *document)
{
	for (size_t i = 0; i < document->files_count; i++) {
		const struct document_file *f = &document->files[i];
		char hex[BLOB_HEX_MAX];
		struct buf bytes;

		buf_init(&bytes, 1024 * 1024);
		assert_int_equal(blob_read(d->at.store, f->sha256, 0, 1024 * 1024, &bytes), 0);
		assert_int_equal(bytes.len, f->size);
		make_file(make_path(folder, blob_digest_text(f->sha256, hex)), bytes.data,
		          bytes.len, 0644);
		buf_fini(&bytes);
	}
}

static int check_by_tpsd(const char *path)
{
	pid_t child = fork();
	int status;

	if (child == 0) {
		(void)execl(tpsd, tpsd, "--check", path, NULL);
		_exit(127);
	}
	assert_true(child > 0);
	assert_int_equal(waitpid(child, &status, 0), child);
	return WIFEXITED(status) ? WEXITSTATUS(status) : -1;
}

static void a_device_takes_the_document_and_knows_it_by_the_same_digest(void **state)
{
	struct desk *d = *state;
	struct make_folder folder;
	struct conf_image_maker *maker;
	struct conf_document *doc;
	struct conf_errors errs;
	struct conf_image *image;
	struct document document;
	char hex[BLOB_HEX_MAX];
	struct buf bytes;
	const char *path;

	put_all(d);
	make_folder_create(&folder);
	document = make_for(d, folder.path);
	assert_int_equal(document.files_count, 6);
	lay_down(d, &folder, &document);
	path = make_path(&folder, "document.json");
	make_file(path, document.text, document.len, 0644);
	assert_int_equal(check_by_tpsd(path), 0);

	conf_errors_init(&errs);
	assert_int_equal(conf_load_json("", document.text, document.len, &errs, &doc), 0);
	assert_int_equal(conf_image_create(conf_document_root(doc), 1, &errs, &maker), 0);
	assert_int_equal(errs.count, 1); /* the certificate ends soon */
	buf_init(&bytes, CONF_IMAGE_MAX);
	assert_int_equal(conf_image_finish(maker, &bytes), 0);
	assert_int_equal(conf_image_open(bytes.data, bytes.len, &image), 0);
	assert_memory_equal(conf_image_sha256(image), document.sha256, sizeof(document.sha256));
	conf_image_close(image);
	buf_fini(&bytes);
	conf_image_maker_destroy(maker);
	conf_document_destroy(doc);
	conf_errors_fini(&errs);

	/* And the test would see it: without one of its files it is refused. */
	path = make_path(&folder, blob_digest_text(document.files[0].sha256, hex));
	assert_int_equal(unlink(path), 0);
	assert_int_equal(check_by_tpsd(make_path(&folder, "document.json")), 3);
	document_fini(&document);
	make_folder_remove(&folder);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, desk_setup, desk_teardown)

int main(int argc, char **argv)
{
	const struct CMUnitTest tests[] = {
	        TEST(a_device_takes_the_document_and_knows_it_by_the_same_digest),
	};

	if (argc < 2)
		return 2;
	tpsd = argv[1];
	return RUN_TESTS(tests);
}
