/* SPDX-License-Identifier: Apache-2.0 */
#include "tests/unit/smsd/object/desk.h"

#include <openssl/pem.h>
#include <openssl/pkcs12.h>
#include <stdio.h>
#include <stdlib.h>

#include "lib/base/err.h"
#include "tests/unit/lib/pki/make.h"

enum { FILE_MAX = 1024 * 1024, ROUNDS = 2048 };

int desk_setup(void **state)
{
	struct desk *d = calloc(1, sizeof(*d));
	struct vault_source source = {0};

	assert_non_null(d);
	assert_int_equal(place_setup(state), 0);
	d->place = *state;
	d->problem = &d->place->problem;
	source.key_file = place_path(d->place, "vault.key");
	assert_int_equal(vault_key_file_make(source.key_file, d->problem), 0);
	assert_int_equal(vault_open(d->place->store, &source, &d->vault, d->problem), 0);
	d->at = (struct certificate_store){.store = d->place->store, .vault = d->vault};
	assert_int_equal(certificate_cache_create(&d->at.cache), 0);
	d->root_key = make_ec("P-256");
	d->middle_key = make_ec("P-256");
	d->leaf_key = make_ec("P-256");
	d->second_key = make_ec("P-384");
	d->root = make_ca(d->root_key, "Desk Root", NULL, NULL, -1, 100);
	d->middle = make_ca(d->middle_key, "Desk Middle", d->root, d->root_key, -1, 100);
	d->leaf = make_cert(d->leaf_key, "a.test", "a.test,*.b.test", d->middle, d->middle_key, -1,
	                    10);
	d->second = make_cert(d->second_key, "c.test", "c.test", d->middle, d->middle_key, -1, 10);
	d->foreign = make_ca(d->second_key, "Foreign: Root", NULL, NULL, -1, 100);
	d->old = make_cert(d->leaf_key, "a.test", "a.test", d->middle, d->middle_key, -20, -1);
	*state = d;
	return 0;
}

int desk_teardown(void **state)
{
	struct desk *d = *state;
	void *place = d->place;

	EVP_PKEY_free(d->root_key);
	EVP_PKEY_free(d->middle_key);
	EVP_PKEY_free(d->leaf_key);
	EVP_PKEY_free(d->second_key);
	X509_free(d->root);
	X509_free(d->middle);
	X509_free(d->leaf);
	X509_free(d->second);
	X509_free(d->foreign);
	X509_free(d->old);
	certificate_cache_destroy(d->at.cache);
	vault_close(d->vault);
	free(d);
	return place_teardown(&place);
}

/* ---- files ------------------------------------------------------------------------------- */

static void add_bio(struct buf *out, BIO *bio)
{
	char *data;
	long len = BIO_get_mem_data(bio, &data);

	assert_int_equal(buf_add(out, data, (size_t)len), 0);
	BIO_free(bio);
}

struct buf desk_pem(EVP_PKEY *key, const char *password, X509 *first, ...)
{
	struct buf file;
	va_list ap;

	buf_init(&file, FILE_MAX);
	va_start(ap, first);
	for (X509 *cert = first; cert; cert = va_arg(ap, X509 *))
		assert_int_equal(pki_certificates_add_pem(cert, NULL, &file), 0);
	va_end(ap);
	if (key) {
		BIO *bio = BIO_new(BIO_s_mem());

		assert_true(PEM_write_bio_PKCS8PrivateKey(
		        bio, key, password ? EVP_aes_128_cbc() : NULL, password,
		        password ? (int)strlen(password) : 0, NULL, NULL));
		add_bio(&file, bio);
	}
	return file;
}

static void add_pair(STACK_OF(PKCS12_SAFEBAG) * *bags, const char *password, EVP_PKEY *key,
                     X509 *cert, const char *alias)
{
	PKCS12_SAFEBAG *bag = PKCS12_add_key(bags, key, 0, ROUNDS, NID_aes_128_cbc, password);

	assert_non_null(bag);
	bag = PKCS12_add_cert(bags, cert);
	assert_non_null(bag);
	if (alias)
		assert_true(PKCS12_add_friendlyname_utf8(bag, alias, -1));
}

struct buf desk_pkcs12(const char *password, EVP_PKEY *key, X509 *cert, const char *alias,
                       EVP_PKEY *key2, X509 *cert2, const char *alias2, X509 *ca)
{
	STACK_OF(PKCS12_SAFEBAG) *bags = NULL;
	STACK_OF(PKCS7) *safes = NULL;
	BIO *bio = BIO_new(BIO_s_mem());
	struct buf file;
	PKCS12 *p12;

	add_pair(&bags, password, key, cert, alias);
	if (key2)
		add_pair(&bags, password, key2, cert2, alias2);
	assert_true(!ca || PKCS12_add_cert(&bags, ca));
	assert_true(PKCS12_add_safe(&safes, bags, -1, 0, NULL));
	p12 = PKCS12_add_safes(safes, 0);
	assert_true(p12 && PKCS12_set_mac(p12, password, -1, NULL, 0, ROUNDS, EVP_sha256()));
	assert_true(i2d_PKCS12_bio(bio, p12));
	buf_init(&file, FILE_MAX);
	add_bio(&file, bio);
	PKCS12_free(p12);
	sk_PKCS7_pop_free(safes, PKCS7_free);
	sk_PKCS12_SAFEBAG_pop_free(bags, PKCS12_SAFEBAG_free);
	return file;
}

/* ---- imports ----------------------------------------------------------------------------- */

struct certificate_import desk_import(const char *name, const struct buf *file,
                                      const struct buf *key, const char *password)
{
	return (struct certificate_import){.name = name,
	                                   .file = file->data,
	                                   .file_len = file->len,
	                                   .key = key ? key->data : NULL,
	                                   .key_len = key ? key->len : 0,
	                                   .password = password,
	                                   .exportable = true};
}

static void check_names(json_t *made, const char *names)
{
	char text[512] = "";
	json_t *name;
	size_t i;

	json_array_foreach(made, i, name)
	{
		size_t used = strlen(text);

		(void)snprintf(text + used, sizeof(text) - used, "%s%s", i > 0 ? "," : "",
		               json_string_value(name));
	}
	assert_string_equal(text, names);
	json_decref(made);
}

int desk_take(struct desk *d, const char *name, struct buf file, const char *names)
{
	const struct certificate_import import = desk_import(name, &file, NULL, "secret");
	json_t *made = NULL;
	int rc = certificate_import(&d->at, &place_actor, &import, &made, d->problem);

	buf_fini(&file);
	if (rc == 0)
		check_names(made, names);
	return rc;
}

int desk_take_ca(struct desk *d, const char *name, struct buf file, const char *names)
{
	const struct certificate_import import = desk_import(name, &file, NULL, "secret");
	json_t *made = NULL;
	int rc = certificate_import_ca(&d->at, &place_actor, &import, &made, d->problem);

	buf_fini(&file);
	if (rc == 0)
		check_names(made, names);
	return rc;
}

/* ---- looking ----------------------------------------------------------------------------- */

json_t *desk_show(struct desk *d, enum object_kind kind, const char *name)
{
	struct problem problem = {0};
	struct object object;
	json_t *shown = NULL;

	if (object_get(d->at.store, kind, name, &object, &problem) == 0) {
		assert_int_equal(certificate_show(&d->at, &object, &shown, &problem), 0);
		object_fini(&object);
	}
	problem_fini(&problem);
	return shown;
}

const char *desk_text(struct desk *d, enum object_kind kind, const char *name, const char *key)
{
	static char text[512];
	json_t *shown = desk_show(d, kind, name);
	const char *value = json_string_value(json_object_get(shown, key));

	(void)snprintf(text, sizeof(text), "%s", value ? value : "");
	json_decref(shown);
	return text;
}

size_t desk_count(struct desk *d, enum object_kind kind)
{
	json_t *page = NULL;
	size_t count;

	assert_int_equal(certificate_list(&d->at, kind, "", 1000, &page, d->problem), 0);
	count = json_array_size(json_object_get(page, "items"));
	json_decref(page);
	return count;
}

void desk_refused(struct desk *d, int rc, int code, const char *pointer, const char *text)
{
	struct problem *p = d->problem;

	if (rc != code || p->code != code || p->count == 0 ||
	    strcmp(p->items[0].pointer, pointer) != 0 || !strstr(p->items[0].text, text))
		fail_msg("wanted %s at \"%s\": %s; got %d (%s) at \"%s\": %s", err_text(code),
		         pointer, text, rc, err_text(rc), p->count ? p->items[0].pointer : "-",
		         p->count ? p->items[0].text : "-");
	problem_fini(p);
}
