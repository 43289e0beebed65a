/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A document of the SMS on a device: its files laid down where it says, it is what `tpsd --check`
 * accepts, with each file read, and its digest is the one that the SMS knows it by.
 *
 *   test_sms_document_device TPSD
 */
#include <unistd.h>

#include "lib/base/err.h"
#include "lib/conf/error.h"
#include "lib/conf/image.h"
#include "lib/conf/node.h"
#include "tests/unit/lib/pki/make.h"
#include "tests/unit/smsd/object/onbox.h"

static const char *tpsd; /* the program */

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

	put_whole_configuration(d);
	make_folder_create(&folder);
	document = make_for(d, folder.path, 0);
	assert_int_equal(document.files_count, 6);
	lay_down(d, &folder, &document);
	path = make_path(&folder, "document.json");
	make_file(path, document.text, document.len, 0644);
	assert_int_equal(check_by_tpsd(tpsd, path), 0);

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
	assert_int_equal(check_by_tpsd(tpsd, make_path(&folder, "document.json")), 3);
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
