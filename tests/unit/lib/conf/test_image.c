/* SPDX-License-Identifier: Apache-2.0 */
#include "lib/conf/image.h"

#include <stdio.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <unistd.h>

#include "lib/base/buf.h"
#include "lib/base/err.h"
#include "lib/conf/check_keys.h"
#include "lib/pki/cert.h"
#include "lib/pki/key.h"
#include "tests/unit/lib/conf/load.h"
#include "tests/unit/lib/pki/make.h"
#include "tests/unit/unit.h"

struct site {
	struct make_folder folder;
	EVP_PKEY *key;
	X509 *cert, *ca;
	char yaml[2048];
};

static int site_setup(void **state)
{
	static struct site site;
	const char *at = site.folder.path;

	make_folder_create(&site.folder);
	site.key = make_ec("P-256");
	site.ca = make_cert(site.key, "Root", NULL, NULL, NULL, 0, 100);
	site.cert = make_cert(site.key, "s.example", "s.example", site.ca, site.key, 0, 100);
	make_cert_pem(make_path(&site.folder, "s.pem"), site.cert, NULL, 0644);
	make_key_pem(make_path(&site.folder, "s.key"), site.key, NULL, 0600);
	make_cert_pem(make_path(&site.folder, "ca.pem"), site.ca, NULL, 0644);
	make_file(make_path(&site.folder, "a.rules"), "alert tcp any any -> any any (sid:1;)\n", 38,
	          0644);
	(void)snprintf(
	        site.yaml, sizeof(site.yaml),
	        "version: 1\n" SEGMENT
	        "certificates: [{name: shop, certificate: %s/s.pem, private_key: %s/s.key}]\n"
	        "ca_certificates: [{name: root, certificate: %s/ca.pem}]\n"
	        "trust_stores: [{name: t, ca_certificates: [root], "
	        "include_default_ca_certificates: false}]\n" PROXY
	        "profiles: [{name: default, ssl_server_policies: [{name: q, proxy: p}], "
	        "filters: [{rules: %s/a.rules}, {rules: %s/a.rules}]}]\n"
	        "virtual_segments: [{name: v, segment: wan, profile: default}]\n",
	        at, at, at, at, at);
	*state = &site;
	return 0;
}

static int site_teardown(void **state)
{
	struct site *site = *state;

	X509_free(site->cert);
	X509_free(site->ca);
	EVP_PKEY_free(site->key);
	make_folder_remove(&site->folder);
	return 0;
}

/* The image of a document, or the code and the errors. */
static int make_image(const char *yaml, struct conf_errors *errs, struct conf_image_maker **maker)
{
	struct conf_document *doc;
	int rc;

	conf_errors_init(errs);
	rc = conf_load_yaml("t.yaml", yaml, strlen(yaml), errs, &doc);
	assert_int_equal(rc, 0);
	rc = conf_image_create(conf_document_root(doc), 7, errs, maker);
	conf_document_destroy(doc);
	return rc;
}

static void make_bytes(struct site *site, struct buf *out)
{
	struct conf_image_maker *maker;
	struct conf_errors errs;

	buf_init(out, 4UL * 1024 * 1024);
	assert_int_equal(make_image(site->yaml, &errs, &maker), 0);
	assert_int_equal(conf_image_add(maker, "rule_set/default", "compiled", 8), 0);
	assert_int_equal(conf_image_add(maker, "rule_set/default", "again", 5), SL_EEXIST);
	assert_int_equal(conf_image_finish(maker, out), 0);
	conf_image_maker_destroy(maker);
	conf_errors_fini(&errs);
}

static void a_worker_builds_the_same_config_from_the_image_alone(void **state)
{
	struct conf_image *image;
	struct pki_chain *chain;
	struct pki_error err;
	struct config *config;
	struct conf_errors errs;
	struct buf bytes;
	const void *data;
	char path[256];
	size_t len;
	struct site *site = *state;

	make_bytes(site, &bytes);
	conf_errors_init(&errs);
	assert_int_equal(conf_image_open(bytes.data, bytes.len, &image), 0);
	assert_int_equal(conf_image_revision(image), 7);
	assert_int_equal(conf_image_config(image, &errs, &config), 0);
	assert_int_equal(config->revision, 7);
	assert_memory_equal(config->sha256, conf_image_sha256(image), 32);
	assert_string_equal(config->server_proxies[0].certificates[0]->name, "shop");
	assert_int_equal(
	        conf_image_section_of(image, CONF_SECTION_CERTIFICATE, "shop", &data, &len), 0);
	assert_int_equal(pki_chain_parse("shop", data, len, &chain, &err), 0);
	assert_int_equal(X509_cmp(chain->leaf, site->cert), 0);
	pki_chain_destroy(chain);
	assert_int_equal(
	        conf_image_section_of(image, CONF_SECTION_CA_CERTIFICATE, "root", &data, &len), 0);
	(void)snprintf(path, sizeof(path), "%s/a.rules", site->folder.path);
	assert_int_equal(conf_image_section_of(image, CONF_SECTION_RULES, path, &data, &len), 0);
	assert_int_equal(len, 38);
	assert_int_equal(conf_image_section(image, "rule_set/default", &data, &len), 0);
	assert_memory_equal(data, "compiled", 8);
	assert_int_equal(conf_image_section(image, "default_ca", &data, &len), SL_ENOENT);
	config_put(config);
	conf_image_close(image);
	conf_errors_fini(&errs);
	buf_fini(&bytes);
}

static void no_byte_of_a_private_key_is_in_an_image(void **state)
{
	struct site *site = *state;
	unsigned char *der = NULL;
	struct buf bytes;
	int len = i2d_PrivateKey(site->key, &der);

	make_bytes(site, &bytes);
	assert_null(memmem(bytes.data, bytes.len, "PRIVATE KEY", 11));
	/* The 32 bytes of the number itself; the public point after it may well be there. */
	for (int i = 0; i + 32 <= SL_MIN(len, 60); i++)
		if (der[i] == 0x04 && der[i + 1] == 0x20)
			assert_null(memmem(bytes.data, bytes.len, der + i + 2, 32));
	OPENSSL_free(der);
	buf_fini(&bytes);
}

static void a_file_of_rules_that_is_a_key_is_refused(void **state)
{
	struct site *site = *state;
	struct conf_image_maker *maker;
	struct conf_errors errs;
	char yaml[512];

	(void)snprintf(yaml, sizeof(yaml),
	               "version: 1\nprofiles: [{name: d, filters: [{rules: %s/s.key}]}]\n",
	               site->folder.path);
	assert_int_equal(make_image(yaml, &errs, &maker), SL_EINVAL);
	conf_errors_fini(&errs);
}

static void a_file_of_rules_must_be_the_one_whose_digest_is_named(void **state)
{
	static const char digest[] =
	        "987c43618f396ea794670b96854b9e1188f49fe0a43a082bfb18ac16c040a1de";
	struct site *site = *state;
	struct conf_image_maker *maker;
	struct loaded l = {0};
	char yaml[1024];

	(void)snprintf(yaml, sizeof(yaml),
	               "version: 1\nprofiles: [{name: d, filters: [{rules: %s/a.rules, sha256: "
	               "\"%s\"}, {rules: %s/a.rules, sha256: \"%064d\"}]}]\n",
	               site->folder.path, digest, site->folder.path, 0);
	assert_int_equal(make_image(yaml, &l.errs, &maker), SL_EMISMATCH);
	assert_int_equal(l.errs.refusals, 1);
	assert_non_null(error_at(&l, "/profiles/0/filters/1/rules", "sha256"));
	conf_errors_fini(&l.errs);
}

static void every_file_that_cannot_be_taken_is_named_at_its_setting(void **state)
{
	static const char yaml[] = "version: 1\n"
	                           "certificates: [{name: a, certificate: /nonexistent/a}, {name: "
	                           "b, certificate: /etc}]\n"
	                           "ca_certificates: [{name: c, certificate: /etc/hostname}]\n"
	                           "profiles: [{name: d, filters: [{rules: /nonexistent/r}]}]\n";
	static const char *const pointers[] = {
	        "/certificates/0/certificate", "/certificates/1/certificate",
	        "/ca_certificates/0/certificate", "/profiles/0/filters/0/rules"};
	struct conf_image_maker *maker;
	struct loaded l = {0};

	assert_true(make_image(yaml, &l.errs, &maker) < 0);
	assert_int_equal(l.errs.refusals, SL_ARRAY_LEN(pointers));
	for (size_t i = 0; i < SL_ARRAY_LEN(pointers); i++)
		assert_non_null(error_at(&l, pointers[i], ""));
	conf_errors_fini(&l.errs);
}

static void a_certificate_near_its_end_is_a_notice(void **state)
{
	struct site *site = *state;
	X509 *late = make_cert(site->key, "l", "l", NULL, NULL, -9, 3);
	X509 *gone = make_cert(site->key, "g", "g", NULL, NULL, -9, -3);
	struct conf_image_maker *maker;
	struct loaded l = {0};
	char yaml[512];

	make_cert_pem(make_path(&site->folder, "late.pem"), late, NULL, 0644);
	make_cert_pem(make_path(&site->folder, "gone.pem"), gone, NULL, 0644);
	(void)snprintf(yaml, sizeof(yaml),
	               "version: 1\ncertificates: [{name: late, certificate: %s/late.pem}, "
	               "{name: gone, certificate: %s/gone.pem}]\n",
	               site->folder.path, site->folder.path);
	assert_int_equal(make_image(yaml, &l.errs, &maker), 0);
	assert_non_null(error_at(&l, "/certificates/0/certificate", "expires in"));
	assert_non_null(error_at(&l, "/certificates/1/certificate", "has expired"));
	conf_image_maker_destroy(maker);
	conf_errors_fini(&l.errs);
	X509_free(late);
	X509_free(gone);
}

static void a_check_of_keys_names_each_that_does_not_fit(void **state)
{
	struct site *site = *state;
	EVP_PKEY *other = make_ec("P-256");
	struct loaded l;
	char yaml[1024];
	const char *at = site->folder.path;

	make_key_pem(make_path(&site->folder, "other.key"), other, NULL, 0600);
	make_key_pem(make_path(&site->folder, "open.key"), site->key, NULL, 0644);
	(void)snprintf(yaml, sizeof(yaml),
	               "version: 1\ncertificates: [{name: a, certificate: %s/s.pem, private_key: "
	               "%s/s.key}, {name: b, certificate: %s/s.pem, private_key: %s/other.key}, "
	               "{name: c, certificate: %s/s.pem, private_key: %s/open.key}]\n",
	               at, at, at, at, at, at);
	l = load_yaml(yaml);
	assert_int_equal(l.rc, 0);
	assert_int_equal(config_check_keys(l.config, "t.yaml", &l.errs), SL_EMISMATCH);
	assert_int_equal(l.errs.refusals, 2);
	assert_non_null(error_at(&l, "/certificates/1/private_key", "not the key"));
	assert_non_null(error_at(&l, "/certificates/2/private_key", "others"));
	unload(&l);
	EVP_PKEY_free(other);
}

/* The key is not here, so it is not looked for; the certificate must be that key's all the same. */
static void a_key_that_the_management_system_sends_is_known_by_its_certificate(void **state)
{
	struct site *site = *state;
	struct conf_image_maker *maker;
	struct conf_errors errs;
	struct loaded l;
	uint8_t id[32];
	char hex[65], yaml[1024];

	assert_int_equal(pki_key_id(site->key, id), 0);
	for (size_t i = 0; i < sizeof(id); i++)
		(void)snprintf(hex + 2 * i, 3, "%02x", id[i]);
	(void)snprintf(yaml, sizeof(yaml),
	               "version: 1\ncertificates: [{name: a, certificate: %s/s.pem, key_id: %s}]\n",
	               site->folder.path, hex);
	l = load_yaml(yaml);
	assert_int_equal(config_check_keys(l.config, "t.yaml", &l.errs), 0);
	assert_int_equal(l.errs.count, 0);
	unload(&l);
	assert_int_equal(make_image(yaml, &errs, &maker), 0);
	conf_image_maker_destroy(maker);
	conf_errors_fini(&errs);

	strstr(yaml, hex)[0] = hex[0] == '0' ? '1' : '0';
	assert_int_equal(make_image(yaml, &l.errs, &maker), SL_EMISMATCH);
	assert_non_null(error_at(&l, "/certificates/0/key_id", "another public key"));
	conf_errors_fini(&l.errs);
}

static void a_sealed_image_opens_and_an_open_one_does_not(void **state)
{
	struct site *site = *state;
	struct conf_image_maker *maker;
	struct conf_image *image;
	struct conf_errors errs;
	int fd;
	int loose = memfd_create("loose", MFD_CLOEXEC | MFD_ALLOW_SEALING);

	assert_int_equal(make_image(site->yaml, &errs, &maker), 0);
	assert_int_equal(conf_image_finish_fd(maker, &fd), 0);
	assert_int_equal(write(fd, "x", 1), -1);
	assert_int_equal(ftruncate(fd, 0), -1);
	assert_int_equal(conf_image_open_fd(fd, &image), 0);
	assert_int_equal(conf_image_revision(image), 7);
	conf_image_close(image);
	assert_int_equal(conf_image_open_fd(loose, &image), SL_EPERM);
	(void)close(loose);
	(void)close(fd);
	conf_image_maker_destroy(maker);
	conf_errors_fini(&errs);
}

static void a_damaged_image_is_refused_wherever_the_damage_is(void **state)
{
	struct conf_image *image;
	struct buf bytes;
	uint8_t *copy;

	make_bytes(*state, &bytes);
	for (size_t len = 0; len < bytes.len; len += len < 200 ? 1 : 37) {
		copy = malloc(len ? len : 1);
		assert_non_null(copy);
		memcpy(copy, bytes.data, len);
		assert_true(conf_image_open(copy, len, &image) < 0);
		free(copy);
	}
	for (size_t at = 0; at < bytes.len; at += at < 600 ? 1 : 41) {
		bytes.data[at] ^= 0x41;
		assert_true(conf_image_open(bytes.data, bytes.len, &image) < 0);
		bytes.data[at] ^= 0x41;
	}
	assert_int_equal(conf_image_open(bytes.data, bytes.len, &image), 0);
	conf_image_close(image);
	buf_fini(&bytes);
}

/* The image in memory of exactly its size, so that a look past its end is seen. */
static void open_with_digest_put_right(const uint8_t *bytes, size_t len)
{
	uint8_t *copy = malloc(len);
	struct conf_image *image;
	const char *name;
	const void *data;
	size_t size;

	assert_non_null(copy);
	memcpy(copy, bytes, len);
	assert_int_equal(EVP_Digest(copy, len - 32, copy + len - 32, NULL, EVP_sha256(), NULL), 1);
	if (conf_image_open(copy, len, &image) == 0) {
		for (size_t i = 0; conf_image_section_at(image, i, &name, &size) == 0; i++) {
			assert_int_equal(conf_image_section(image, name, &data, &size), 0);
			assert_true((const uint8_t *)data >= copy);
			assert_true(size <= (size_t)(copy + len - (const uint8_t *)data));
		}
		conf_image_close(image);
	}
	free(copy);
}

static void a_lying_table_with_a_right_digest_leads_nowhere_outside(void **state)
{
	static const uint8_t flips[] = {0x01, 0x10, 0x80, 0xff};
	struct buf bytes;

	make_bytes(*state, &bytes);
	for (size_t at = 12; at < 64 + 8 * 32; at++)
		for (size_t f = 0; f < SL_ARRAY_LEN(flips); f++) {
			bytes.data[at] ^= flips[f];
			open_with_digest_put_right(bytes.data, bytes.len);
			bytes.data[at] ^= flips[f];
		}
	buf_fini(&bytes);
}

/* A server's certificate cannot sign for others; a CA can, also one that has expired. */
static void a_signing_certificate_must_be_a_ca(void **state)
{
	struct site *site = *state;
	struct conf_image_maker *maker;
	struct conf_errors errs;
	X509 *ca = make_ca(site->key, "Signer", NULL, NULL, -100, -1);
	char yaml[1024];
	const char *at = site->folder.path;

	make_cert_pem(make_path(&site->folder, "signer.pem"), ca, NULL, 0644);
	for (int is_ca = 0; is_ca < 2; is_ca++) {
		(void)snprintf(
		        yaml, sizeof(yaml),
		        "version: 1\n"
		        "certificates: [{name: c, certificate: %s/%s, private_key: %s/s.key}]\n"
		        "ssl_client_proxies:\n"
		        "  - name: out\n"
		        "    signing_certificate: c\n"
		        "    detection_ports: [443]\n"
		        "ca_certificates: [{name: root, certificate: %s/ca.pem}]\n",
		        at, is_ca ? "signer.pem" : "s.pem", at, at);
		if (is_ca) {
			assert_int_equal(make_image(yaml, &errs, &maker), 0);
			assert_non_null(strstr(errs.items[0].text, "has expired"));
			conf_image_maker_destroy(maker);
		} else {
			assert_int_equal(make_image(yaml, &errs, &maker), SL_EINVAL);
			assert_string_equal(errs.items[0].pointer,
			                    "/ssl_client_proxies/0/signing_certificate");
			assert_int_equal(errs.items[0].line, 5);
			assert_int_equal(errs.items[0].column, 5);
			assert_non_null(strstr(errs.items[0].text, "no CA"));
		}
		assert_int_equal(errs.count, 1);
		conf_errors_fini(&errs);
	}
	X509_free(ca);
}

/* R62: what lies between a certificate and its root stands in CA certificates. */
static void a_chain_that_is_not_in_the_file_comes_from_ca_certificates(void **state)
{
	static const char *const files[] = {"ca.pem", "middle.pem", "both.pem"};
	struct site *site = *state;
	X509 *root = make_ca(site->key, "R62 Root", NULL, NULL, 0, 100);
	X509 *middle = make_ca(site->key, "R62 Middle", root, site->key, 0, 100);
	X509 *signer = make_ca(site->key, "R62 Signer", middle, site->key, 0, 100);

	make_cert_pem(make_path(&site->folder, "r62.pem"), signer, NULL, 0644);
	make_cert_pem(make_path(&site->folder, "middle.pem"), middle, NULL, 0644);
	make_cert_pem(make_path(&site->folder, "both.pem"), middle, root, 0644);
	for (size_t i = 0; i < SL_ARRAY_LEN(files); i++) {
		struct conf_image_maker *maker;
		struct pki_chain *chain;
		struct loaded l = {0};
		struct pki_error err;
		char yaml[1024];
		const void *pem;
		size_t len;

		(void)snprintf(
		        yaml, sizeof(yaml),
		        "version: 1\n"
		        "certificates: [{name: c, certificate: %s/r62.pem, private_key: /k}]\n"
		        "ca_certificates: [{name: m, certificate: %s/%s}]\n"
		        "ssl_client_proxies: [{name: out, signing_certificate: c, "
		        "detection_ports: [443]}]\n",
		        site->folder.path, site->folder.path, files[i]);
		assert_int_equal(make_image(yaml, &l.errs, &maker), 0);
		assert_int_equal(l.errs.count, i == 2 ? 0 : 1);
		if (i < 2)
			assert_non_null(error_at(&l, "/certificates/0/certificate",
			                         "not among the CA certificates"));
		assert_int_equal(conf_image_maker_section(maker, "certificate/c", &pem, &len), 0);
		assert_int_equal(pki_chain_parse("c", pem, len, &chain, &err), 0);
		assert_int_equal(sk_X509_num(chain->intermediates), i == 0 ? 0 : 1);
		pki_chain_destroy(chain);
		conf_image_maker_destroy(maker);
		conf_errors_fini(&l.errs);
	}
	X509_free(root);
	X509_free(middle);
	X509_free(signer);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	        cmocka_unit_test(a_worker_builds_the_same_config_from_the_image_alone),
	        cmocka_unit_test(no_byte_of_a_private_key_is_in_an_image),
	        cmocka_unit_test(a_file_of_rules_that_is_a_key_is_refused),
	        cmocka_unit_test(a_file_of_rules_must_be_the_one_whose_digest_is_named),
	        cmocka_unit_test(every_file_that_cannot_be_taken_is_named_at_its_setting),
	        cmocka_unit_test(a_certificate_near_its_end_is_a_notice),
	        cmocka_unit_test(a_signing_certificate_must_be_a_ca),
	        cmocka_unit_test(a_chain_that_is_not_in_the_file_comes_from_ca_certificates),
	        cmocka_unit_test(a_check_of_keys_names_each_that_does_not_fit),
	        cmocka_unit_test(
	                a_key_that_the_management_system_sends_is_known_by_its_certificate),
	        cmocka_unit_test(a_sealed_image_opens_and_an_open_one_does_not),
	        cmocka_unit_test(a_lying_table_with_a_right_digest_leads_nowhere_outside),
	        cmocka_unit_test(a_damaged_image_is_refused_wherever_the_damage_is),
	};

	return cmocka_run_group_tests(tests, site_setup, site_teardown);
}
