/* SPDX-License-Identifier: Apache-2.0 */
/* What is shown of a certificate: read from its PEM each time, with what is true of it now (R74).
 */
#include <openssl/evp.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "lib/base/err.h"
#include "lib/base/hex.h"
#include "lib/pki/key.h"
#include "smsd/base/moment.h"
#include "smsd/base/problem.h"
#include "smsd/object/certificate_priv.h"
#include "smsd/store/store.h"

enum { HEX_MAX = 2 * CERTIFICATE_SHA256_SIZE + 1 };

const char *certificate_status_text(enum certificate_status status)
{
	static const char *const texts[] = {
#define X(NAME, text) text,
	        CERTIFICATE_STATUSES(X)
#undef X
	};

	return texts[status];
}

/* ---- the key ----------------------------------------------------------------------------- */

struct key_state {
	uint8_t id[VAULT_ID_SIZE];
	bool wanted;     /* this kind has one */
	bool broken;     /* it is not there, or damaged */
	bool exportable; /* not broken */
};

static int look_at_key(struct certificate_store *at, enum object_kind kind, struct key_state *key)
{
	int rc;

	key->wanted = kind != OBJECT_CA_CERTIFICATE;
	if (!key->wanted)
		return 0;
	rc = vault_has(at->store, key->id, &key->exportable);
	if (rc == 0)
		rc = vault_check(at->vault, key->id);
	key->broken = rc == SL_ENOENT || rc == SL_ECRYPTO;
	return key->broken ? 0 : rc;
}

static json_t *show_key(const EVP_PKEY *public, const struct key_state *key)
{
	char id[HEX_MAX];
	json_t *shown = json_pack("{s:s, s:i, s:s}", "type",
	                          public && EVP_PKEY_is_a(public, "RSA") ? "rsa" : "ecdsa", "bits",
	                          public ? EVP_PKEY_get_bits(public) : 0, "id",
	                          hex_text(key->id, CERTIFICATE_SHA256_SIZE, id));

	if (shown && key->wanted && !key->broken &&
	    json_object_set_new(shown, "exportable", json_boolean(key->exportable)) != 0) {
		json_decref(shown);
		return NULL;
	}
	return shown;
}

/* ---- certificates ------------------------------------------------------------------------ */

static void add_name(void *arg, const char *name)
{
	(void)json_array_append_new(arg, json_string(name));
}

static enum certificate_status status_of(const struct key_state *key, const struct chain *chain,
                                         const struct pki_validity *validity)
{
	if (key->wanted && key->broken)
		return CERTIFICATE_BROKEN_KEY;
	if (validity->status == PKI_EXPIRED)
		return CERTIFICATE_EXPIRED;
	if (validity->status == PKI_NOT_YET_VALID)
		return CERTIFICATE_NOT_YET_VALID;
	return chain->root ? CERTIFICATE_VALID : CERTIFICATE_NO_TRUST_ANCHOR;
}

static json_t *show_names(X509 *cert)
{
	json_t *names = json_array();

	if (names)
		(void)pki_cert_names(cert, add_name, names);
	return names;
}

static json_t *show_dates(X509 *cert, const struct pki_validity *v)
{
	char from[MOMENT_TEXT_MAX], to[MOMENT_TEXT_MAX];
	char subject[PKI_SUBJECT_MAX], issuer[PKI_SUBJECT_MAX], serial[PKI_SERIAL_MAX];

	return json_pack("{s:s, s:s, s:s, s:s, s:s, s:i}", "subject",
	                 pki_cert_subject(cert, subject), "issuer", pki_cert_issuer(cert, issuer),
	                 "serial", pki_cert_serial(cert, serial), "not_before",
	                 moment_text(v->not_before * 1000, from), "not_after",
	                 moment_text(v->not_after * 1000, to), "days_left", v->days_left);
}

static json_t *show_certificate(X509 *cert, const struct key_state *key, const struct chain *chain)
{
	struct pki_validity v = {.status = PKI_EXPIRED};
	uint8_t sha256[CERTIFICATE_SHA256_SIZE] = {0};
	char text[HEX_MAX];
	json_t *shown, *more;

	if (pki_cert_validity(cert, moment_now_ms() / 1000, &v) != 0 ||
	    X509_digest(cert, EVP_sha256(), sha256, NULL) != 1)
		return NULL;
	shown = show_dates(cert, &v);
	more = json_pack("{s:s, s:o, s:o, s:b, s:b, s:s}", "status",
	                 certificate_status_text(status_of(key, chain, &v)), "names",
	                 show_names(cert), "key", show_key(X509_get0_pubkey(cert), key), "ca",
	                 certificate_is_ca(cert), "self_signed", X509_self_signed(cert, 0) == 1,
	                 "sha256", hex_text(sha256, CERTIFICATE_SHA256_SIZE, text));
	if (!shown || !more || json_object_update_new(shown, more) != 0) {
		json_decref(shown);
		return NULL;
	}
	return shown;
}

static int look_at_chain(struct certificate_store *at, X509 *cert, bool root, struct chain *chain)
{
	if (!root)
		return chain_find(at->store, cert, chain);
	(void)X509_up_ref(cert);
	*chain = (struct chain){.root = cert};
	return 0;
}

static int certificate_of(struct certificate_store *at, enum object_kind kind, X509 *cert,
                          bool root, json_t **ret_shown)
{
	struct key_state key = {0};
	struct chain chain;
	int rc = pki_cert_key_id(cert, key.id);

	if (rc == 0)
		rc = look_at_key(at, kind, &key);
	if (rc == 0)
		rc = look_at_chain(at, cert, root, &chain);
	if (rc != 0)
		return rc;
	*ret_shown = show_certificate(cert, &key, &chain);
	chain_fini(&chain);
	return *ret_shown ? 0 : SL_EIO;
}

/* ---- requests ---------------------------------------------------------------------------- */

static int found(void *arg, const struct store_row *row)
{
	*(bool *)arg = true;
	return 1;
}

/* R68: a certificate with its key is here. */
static int is_answered(struct store *store, const uint8_t *id, bool *ret_answered)
{
	const struct store_value values[] = {store_blob(id, VAULT_ID_SIZE),
	                                     store_text(object_kind_name(OBJECT_CERTIFICATE))};
	int rc;

	*ret_answered = false;
	rc = store_read(store, STORE_KEY_IN_KIND, values, 2, found, ret_answered);
	return rc < 0 ? rc : 0;
}

/* The parts of a certificate that a request has. */
static json_t *request_parts(X509_REQ *request)
{
	STACK_OF(X509_EXTENSION) *list = X509_REQ_get_extensions(request);
	X509 *cert = X509_new();
	char subject[PKI_SUBJECT_MAX];
	json_t *parts = NULL;
	bool ok = cert && X509_set_subject_name(cert, X509_REQ_get_subject_name(request));

	for (int i = 0; ok && i < sk_X509_EXTENSION_num(list); i++)
		ok = X509_add_ext(cert, sk_X509_EXTENSION_value(list, i), -1);
	if (ok)
		parts = json_pack("{s:s, s:o, s:b}", "subject", pki_cert_subject(cert, subject),
		                  "names", show_names(cert), "ca", pki_request_is_ca(request));
	sk_X509_EXTENSION_pop_free(list, X509_EXTENSION_free);
	X509_free(cert);
	return parts;
}

static int request_of(struct certificate_store *at, X509_REQ *request, json_t **ret_shown)
{
	struct key_state key = {0};
	bool answered = false;
	uint8_t sha256[CERTIFICATE_SHA256_SIZE] = {0};
	char text[HEX_MAX];
	json_t *shown, *more;
	int rc = pki_key_id(X509_REQ_get0_pubkey(request), key.id);

	if (rc == 0)
		rc = look_at_key(at, OBJECT_SIGNING_REQUEST, &key);
	if (rc == 0)
		rc = is_answered(at->store, key.id, &answered);
	if (rc == 0 && X509_REQ_digest(request, EVP_sha256(), sha256, NULL) != 1)
		rc = SL_ECRYPTO;
	if (rc != 0)
		return rc;
	shown = request_parts(request);
	more = json_pack("{s:s, s:o, s:s}", "status",
	                 certificate_status_text(key.broken ? CERTIFICATE_BROKEN_KEY
	                                         : answered ? CERTIFICATE_ANSWERED
	                                                    : CERTIFICATE_WAITING),
	                 "key", show_key(X509_REQ_get0_pubkey(request), &key), "sha256",
	                 hex_text(sha256, CERTIFICATE_SHA256_SIZE, text));
	if (!shown || !more || json_object_update_new(shown, more) != 0) {
		json_decref(shown);
		return SL_ENOMEM;
	}
	*ret_shown = shown;
	return 0;
}

static int show_request(struct certificate_store *at, const struct object *object,
                        json_t **ret_shown, struct problem *problem)
{
	struct stored stored;
	int rc = stored_read(object, &stored, problem);

	if (rc != 0)
		return rc;
	rc = request_of(at, stored.request, ret_shown);
	stored_fini(&stored);
	return rc;
}

/* ---- the whole --------------------------------------------------------------------------- */

static int add_object(const struct object *object, json_t *shown)
{
	char changed[MOMENT_TEXT_MAX];
	json_t *more =
	        json_pack("{s:s, s:s, s:I, s:s}", "name", object->name, "kind",
	                  object_kind_name(object->kind), "revision", (json_int_t)object->revision,
	                  "changed", moment_text(object->changed_ms, changed));

	return more && json_object_update_new(shown, more) == 0 ? 0 : SL_ENOMEM;
}

static int show_object(struct certificate_store *at, const struct object *object,
                       json_t **ret_shown, struct problem *problem)
{
	bool root;
	X509 *cert;
	int rc;

	if (object->kind == OBJECT_SIGNING_REQUEST)
		return show_request(at, object, ret_shown, problem);
	rc = certificate_read(at->cache, object, &cert, &root, problem);
	if (rc != 0)
		return rc;
	rc = certificate_of(at, object->kind, cert, root, ret_shown);
	X509_free(cert);
	return rc;
}

int certificate_show(struct certificate_store *at, const struct object *object, json_t **ret_shown,
                     struct problem *problem)
{
	json_t *shown = NULL;
	int rc = show_object(at, object, &shown, problem);

	if (rc == 0)
		rc = add_object(object, shown);
	if (rc != 0) {
		json_decref(shown);
		return certificate_failed(rc, problem);
	}
	*ret_shown = shown;
	return 0;
}

/* ---- lists ------------------------------------------------------------------------------- */

/* Objects of one page: what is shown of each asks the store again, which a row function must not.
 */
struct page {
	struct object *objects;
	size_t count, max;
};

static int keep_object(void *arg, const struct object *object)
{
	struct page *page = arg;
	struct object *to = &page->objects[page->count];

	if (page->count == page->max)
		return 1;
	*to = *object;
	to->body = json_incref(object->body);
	page->count++;
	return 0;
}

/* One that is damaged is shown by its name and that, so that it can be deleted. */
static json_t *show_any(struct certificate_store *at, const struct object *object)
{
	struct problem problem = {0};
	json_t *shown = NULL;

	if (certificate_show(at, object, &shown, &problem) != 0)
		shown = json_pack("{s:s}", "status", "damaged in the database");
	problem_fini(&problem);
	if (shown && add_object(object, shown) == 0)
		return shown;
	json_decref(shown);
	return NULL;
}

static int show_page(struct certificate_store *at, const struct page *page, size_t limit,
                     json_t **ret_page)
{
	json_t *items = json_array();
	size_t count = SL_MIN(page->count, limit);
	int rc = items ? 0 : SL_ENOMEM;

	for (size_t i = 0; rc == 0 && i < count; i++)
		rc = json_array_append_new(items, show_any(at, &page->objects[i])) == 0 ? 0
		                                                                        : SL_ENOMEM;
	if (rc == 0) {
		*ret_page = json_pack("{s:O, s:s}", "items", items, "next",
		                      page->count > limit ? page->objects[limit - 1].name : "");
		rc = *ret_page ? 0 : SL_ENOMEM;
	}
	json_decref(items);
	return rc;
}

int certificate_list(struct certificate_store *at, enum object_kind kind, const char *after,
                     unsigned limit, json_t **ret_page, struct problem *problem)
{
	struct page page = {.max = (size_t)limit + 1};
	int rc;

	page.objects = calloc(page.max, sizeof(*page.objects));
	rc = page.objects ? object_list(at->store, kind, after, limit + 1, keep_object, &page)
	                  : SL_ENOMEM;
	if (rc == 0)
		rc = show_page(at, &page, limit, ret_page);
	for (size_t i = 0; i < page.count; i++)
		object_fini(&page.objects[i]);
	free(page.objects);
	return rc ? certificate_failed(rc, problem) : 0;
}
