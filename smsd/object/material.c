/* SPDX-License-Identifier: Apache-2.0 */
/* Certificates and requests as rows, and rows as certificates and requests. */
#include <openssl/err.h>
#include <openssl/evp.h>
#include <openssl/x509v3.h>
#include <stdio.h>
#include <string.h>

#include "lib/base/err.h"
#include "lib/pki/key.h"
#include "smsd/base/problem.h"
#include "smsd/object/certificate_priv.h"
#include "smsd/store/store.h"

enum { PEM_MAX = CERTIFICATE_FILE_MAX };

bool certificate_is_ca(X509 *certificate)
{
	int ca = X509_check_ca(certificate);

	ERR_clear_error();
	return ca == 1 || ca == 3; /* basicConstraints; a self-signed one of version 1 */
}

/* ---- making ------------------------------------------------------------------------------ */

int64_t name_hash(const X509_NAME *name)
{
	int ok = 0;
	unsigned long hash = X509_NAME_hash_ex(name, NULL, NULL, &ok);

	ERR_clear_error();
	return ok ? (int64_t)(hash & 0xffffffff) : NAME_HASH_NONE;
}

static int set_body(struct material *m, struct buf *pem, int rc)
{
	if (rc == 0)
		m->body = json_pack("{s:s}", "pem", buf_text(pem));
	buf_fini(pem);
	if (rc != 0)
		return rc;
	return m->body ? 0 : SL_ENOMEM;
}

static void start(struct material *m, enum object_kind kind, const char *name)
{
	*m = (struct material){.kind = kind};
	(void)snprintf(m->name, sizeof(m->name), "%s", name);
}

/* The end of making one: what was made, or nothing of it. */
static int finish(struct material *m, int rc, struct material *ret_material)
{
	if (rc == 0)
		*ret_material = *m;
	else
		material_fini(m);
	return rc;
}

int material_of_certificate(X509 *certificate, enum object_kind kind, const char *name,
                            struct material *ret_material)
{
	struct material m;
	struct buf pem;
	int rc;

	start(&m, kind, name);
	m.ca = certificate_is_ca(certificate);
	m.subject = name_hash(X509_get_subject_name(certificate));
	m.issuer = name_hash(X509_get_issuer_name(certificate));
	buf_init(&pem, PEM_MAX);
	rc = set_body(&m, &pem, pki_certificates_add_pem(certificate, NULL, &pem));
	if (rc == 0)
		rc = pki_cert_key_id(certificate, m.key_id);
	if (rc == 0 && X509_digest(certificate, EVP_sha256(), m.sha256, NULL) != 1)
		rc = SL_ECRYPTO;
	return finish(&m, rc, ret_material);
}

int material_of_request(X509_REQ *request, const char *name, struct material *ret_material)
{
	struct material m;
	struct buf pem;
	int rc;

	start(&m, OBJECT_SIGNING_REQUEST, name);
	m.ca = pki_request_is_ca(request);
	m.subject = name_hash(X509_REQ_get_subject_name(request));
	m.issuer = NAME_HASH_NONE;
	buf_init(&pem, PEM_MAX);
	rc = set_body(&m, &pem, pki_request_add_pem(request, &pem));
	if (rc == 0)
		rc = pki_key_id(X509_REQ_get0_pubkey(request), m.key_id);
	if (rc == 0 && X509_REQ_digest(request, EVP_sha256(), m.sha256, NULL) != 1)
		rc = SL_ECRYPTO;
	return finish(&m, rc, ret_material);
}

void material_fini(struct material *material)
{
	json_decref(material->body);
	vault_sealed_fini(&material->sealed);
	*material = (struct material){0};
}

int material_seal(struct material *material, struct vault *vault, EVP_PKEY *key, bool exportable)
{
	int rc = vault_seal(vault, key, exportable, &material->sealed);

	material->has_key = rc == 0;
	return rc;
}

/* ---- writing ----------------------------------------------------------------------------- */

static int take_name(void *arg, const struct store_row *row)
{
	(void)snprintf(arg, OBJECT_NAME_MAX, "%s", store_row_text(row, 0));
	return 1;
}

int material_find(struct store_tx *tx, enum object_kind kind, const struct material *m,
                  char ret_name[OBJECT_NAME_MAX])
{
	const struct store_value values[] = {store_blob(m->sha256, sizeof(m->sha256)),
	                                     store_text(object_kind_name(kind))};
	int rc;

	ret_name[0] = '\0';
	rc = store_tx_run(tx, STORE_CERTIFICATE_BY_SHA256, values, 2, take_name, ret_name);
	return rc < 0 ? rc : 0;
}

int material_set_key(struct store_tx *tx, int64_t object_id, const struct material *m)
{
	const struct store_value values[] = {store_integer(object_id),
	                                     store_blob(m->key_id, sizeof(m->key_id)),
	                                     store_blob(m->sha256, sizeof(m->sha256)),
	                                     store_integer(m->subject), store_integer(m->issuer)};

	return store_tx_run(tx, STORE_KEY_SET, values, SL_ARRAY_LEN(values), NULL, NULL);
}

int material_put(struct store_tx *tx, const struct object_change *how, const struct material *m,
                 struct problem *problem)
{
	char twin[OBJECT_NAME_MAX];
	int64_t id = 0;
	int rc = material_find(tx, m->kind, m, twin);

	if (rc == 0 && twin[0] != '\0')
		return problem_add(problem, SL_EEXIST, "/file", "use that one",
		                   "this certificate is here already, under the name \"%s\"", twin);
	if (rc == 0)
		rc = object_create(tx, how, m->kind, m->name, m->body, &id, problem);
	if (rc == 0)
		rc = material_set_key(tx, id, m);
	if (rc == 0 && m->has_key)
		rc = vault_put(tx, &m->sealed);
	return rc;
}

/* ---- reading ----------------------------------------------------------------------------- */

int stored_read(const struct object *object, struct stored *ret_stored, struct problem *problem)
{
	const char *pem = json_string_value(json_object_get(object->body, "pem"));
	const struct pki_bytes bytes = {.name = object->name,
	                                .data = pem ? pem : "",
	                                .len = pem ? strlen(pem) : 0,
	                                .password = "",
	                                .format = PKI_FORMAT_PEM};
	struct stored stored = {0};
	STACK_OF(X509) *certificates = NULL;
	struct pki_error err;
	int rc;

	if (object->kind == OBJECT_SIGNING_REQUEST) {
		rc = pki_request_read(&bytes, &stored.request, &err);
	} else {
		rc = pki_certificates_read(&bytes, &certificates, &err);
		if (rc == 0)
			stored.certificate = sk_X509_shift(certificates);
		sk_X509_pop_free(certificates, X509_free);
	}
	if (rc != 0)
		return problem_add(problem, SL_EIO, "", "restore a backup of the database",
		                   "the %s \"%s\" in the database is damaged",
		                   object_kind_name(object->kind), object->name);
	*ret_stored = stored;
	return 0;
}

void stored_fini(struct stored *stored)
{
	X509_free(stored->certificate);
	X509_REQ_free(stored->request);
	*stored = (struct stored){0};
}

int certificate_failed(int code, struct problem *problem)
{
	if (problem->code != 0)
		return problem->code;
	return problem_add(problem, code, "", "", "%s", err_text(code));
}
