/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Certificates as files of a document: the certificate with the intermediates that are found here,
 * as bytes by their digest. Made once a shelf, however many devices have it.
 */
#include <openssl/evp.h>
#include <openssl/x509.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "lib/base/buf.h"
#include "lib/base/err.h"
#include "smsd/base/problem.h"
#include "smsd/object/certificate_priv.h"
#include "smsd/object/document_priv.h"
#include "smsd/store/store.h"

enum { CHAIN_PEM_MAX = 1024 * 1024 };

/* Bytes that are to be blobs, written together. */
struct bytes {
	struct buf *items;
	size_t count;
};

/* It was another when the shelf was filled: the distribution is made of one moment. */
static int gone(const struct shelf_object *o, struct problem *problem)
{
	return problem_add(problem, SL_EAGAIN, "", "ask again",
	                   "the %s \"%s\" was changed in between", object_kind_name(o->kind),
	                   o->name);
}

static int read_stored(struct store *store, const struct shelf_object *o, struct stored *ret_stored,
                       struct problem *problem)
{
	struct problem missing = {0};
	struct object object;
	int rc = object_get(store, o->kind, o->name, &object, &missing);

	problem_fini(&missing);
	if (rc == SL_ENOENT)
		return gone(o, problem);
	if (rc != 0)
		return rc;
	if (object.id != o->id || object.revision != o->revision)
		rc = gone(o, problem);
	else
		rc = stored_read(&object, ret_stored, problem);
	object_fini(&object);
	return rc;
}

static int add_pem(struct store *store, const struct shelf_object *o, X509 *certificate,
                   struct buf *pem)
{
	struct chain chain;
	int rc;

	if (o->kind == OBJECT_CA_CERTIFICATE)
		return pki_certificates_add_pem(certificate, NULL, pem);
	rc = chain_find(store, certificate, &chain);
	if (rc != 0)
		return rc;
	rc = pki_certificates_add_pem(certificate, chain.intermediates, pem);
	chain_fini(&chain);
	return rc;
}

static int lay_down(struct store *store, struct shelf_object *o, struct buf *pem,
                    struct problem *problem)
{
	struct stored stored;
	int rc = read_stored(store, o, &stored, problem);

	if (rc != 0)
		return rc;
	rc = add_pem(store, o, stored.certificate, pem);
	stored_fini(&stored);
	if (rc == 0 && EVP_Digest(pem->data, pem->len, o->sha256, NULL, EVP_sha256(), NULL) != 1)
		rc = SL_ECRYPTO;
	o->size = pem->len;
	return rc;
}

static int put_all(void *arg, struct store_tx *tx)
{
	const struct bytes *bytes = arg;
	int rc = 0;

	for (size_t i = 0; rc == 0 && i < bytes->count; i++) {
		uint8_t sha256[BLOB_DIGEST];

		rc = blob_put(tx, bytes->items[i].data, bytes->items[i].len, sha256);
	}
	return rc;
}

/* ---- roots of those that sign ------------------------------------------------------------ */

static int take_name(void *arg, const struct store_row *row)
{
	(void)snprintf(arg, OBJECT_NAME_MAX, "%s", store_row_text(row, 0));
	return 1;
}

static int find_object(struct document_shelf *shelf, X509 *root, struct shelf_object **ret_object)
{
	uint8_t sha256[CERTIFICATE_SHA256_SIZE];
	char name[OBJECT_NAME_MAX] = "";
	struct store_value values[] = {store_blob(sha256, sizeof(sha256)),
	                               store_text(object_kind_name(OBJECT_CA_CERTIFICATE))};
	int rc;

	if (X509_digest(root, EVP_sha256(), sha256, NULL) != 1)
		return SL_ECRYPTO;
	rc = store_read(shelf->store, STORE_CERTIFICATE_BY_SHA256, values, 2, take_name, name);
	*ret_object = shelf_find(shelf, OBJECT_CA_CERTIFICATE, name);
	return rc < 0 ? rc : 0;
}

static int find_root(struct document_shelf *shelf, struct shelf_object *o, struct problem *problem)
{
	struct stored stored;
	struct chain chain;
	int rc = read_stored(shelf->store, o, &stored, problem);

	if (rc != 0)
		return rc;
	rc = chain_find(shelf->store, stored.certificate, &chain);
	if (rc == 0 && chain.root && X509_cmp(chain.root, stored.certificate) != 0)
		rc = find_object(shelf, chain.root, &o->root);
	if (rc == 0) {
		o->root_known = true;
		chain_fini(&chain);
	}
	stored_fini(&stored);
	return rc;
}

struct rooting {
	struct document_shelf *shelf;
	struct reach *reach;
	struct problem *problem;
};

/* Clients of a device have to trust the root, so it goes along (R62). */
static int take_root(void *arg, const struct document_text *at)
{
	const struct rooting *r = arg;
	struct shelf_object *o;
	int rc = 0;

	if (at->field->ref != CONF_CERTIFICATES)
		return 0;
	o = shelf_find(r->shelf, OBJECT_CERTIFICATE, json_string_value(at->text));
	if (o && !o->root_known)
		rc = find_root(r->shelf, o, r->problem);
	if (rc == 0 && o && o->root)
		rc = reach_add(r->reach, r->shelf, o->root);
	return rc;
}

static int take_roots(struct document_shelf *shelf, struct reach *reach, struct problem *problem)
{
	const struct conf_field *list = document_list_of(OBJECT_CLIENT_PROXY);
	struct rooting r = {.shelf = shelf, .reach = reach, .problem = problem};
	int rc = 0;

	for (size_t i = 0; rc == 0 && i < shelf->count; i++)
		if (reach->taken[i] && shelf->items[i].kind == OBJECT_CLIENT_PROXY)
			rc = document_walk(list->object, shelf->items[i].body, take_root, &r);
	return rc;
}

/* ---- all of a document ------------------------------------------------------------------- */

static bool is_certificate(const struct shelf_object *o)
{
	return o->kind == OBJECT_CERTIFICATE || o->kind == OBJECT_CA_CERTIFICATE;
}

static int lay_down_all(struct document_shelf *shelf, const struct reach *reach,
                        struct bytes *bytes, struct problem *problem)
{
	int rc = 0;

	for (size_t i = 0; rc == 0 && i < shelf->count; i++) {
		struct shelf_object *o = &shelf->items[i];
		struct buf *pem = &bytes->items[bytes->count];

		if (!reach->taken[i] || !is_certificate(o) || o->laid_down)
			continue;
		buf_init(pem, CHAIN_PEM_MAX);
		bytes->count++;
		rc = lay_down(shelf->store, o, pem, problem);
	}
	if (rc == 0 && bytes->count > 0)
		rc = store_write(shelf->store, put_all, bytes);
	return rc;
}

int chains_lay_down(struct document_shelf *shelf, struct reach *reach, struct problem *problem)
{
	struct bytes bytes = {.items = calloc(shelf->count ? shelf->count : 1, sizeof(struct buf))};
	int rc = bytes.items ? take_roots(shelf, reach, problem) : SL_ENOMEM;

	if (rc == 0)
		rc = lay_down_all(shelf, reach, &bytes, problem);
	for (size_t i = 0; rc == 0 && i < shelf->count; i++)
		if (reach->taken[i] && is_certificate(&shelf->items[i]))
			shelf->items[i].laid_down = true;
	for (size_t i = 0; i < bytes.count; i++)
		buf_fini(&bytes.items[i]);
	free(bytes.items);
	return rc;
}
