/* SPDX-License-Identifier: Apache-2.0 */
#include "tests/unit/smsd/object/onbox.h"

#include <sys/wait.h>
#include <unistd.h>

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

void put_whole_configuration(struct desk *d)
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

struct document make_for(struct desk *d, const char *files, uint32_t version)
{
	json_t *settings = json_loads(wan_settings, 0, NULL);
	const struct document_device device = {
	        .name = "box", .files = files, .settings = settings, .version = version};
	struct document document;

	assert_int_equal(document_make(d->at.store, &device, &document, d->problem), 0);
	json_decref(settings);
	return document;
}

void lay_down(struct desk *d, struct make_folder *folder, const struct document *document)
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

int check_by_tpsd(const char *tpsd, const char *path)
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
