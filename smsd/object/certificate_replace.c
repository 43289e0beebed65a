/* SPDX-License-Identifier: Apache-2.0 */
/* What becomes of certificates that are here: replaced (R80), repaired (R83), deleted. */
#include <openssl/evp.h>
#include <stdio.h>
#include <string.h>

#include "lib/base/err.h"
#include "lib/pki/bundle.h"
#include "lib/pki/key.h"
#include "smsd/auth/audit.h"
#include "smsd/base/problem.h"
#include "smsd/object/certificate_priv.h"
#include "smsd/store/store.h"

/* ---- replace ----------------------------------------------------------------------------- */

struct replacement {
	struct object_change how;
	struct material old, new; /* `old` keeps its body under another name */
	int64_t revision;
	struct problem *problem;
};

static int refuse_twin(struct store_tx *tx, struct replacement *r)
{
	char twin[OBJECT_NAME_MAX];
	int rc = material_find(tx, r->new.kind, &r->new, twin);

	if (rc != 0 || twin[0] == '\0')
		return rc;
	return problem_add(r->problem, SL_EEXIST, "/file", "bring the new certificate",
	                   "this certificate is here already, under the name \"%s\"", twin);
}

/*
 * The object that has the name gets the new certificate, so that all that refers to it goes on; the
 * old certificate becomes an object of its own.
 */
static int put_replacement(void *arg, struct store_tx *tx)
{
	struct replacement *r = arg;
	char base[OBJECT_NAME_MAX];
	struct object object;
	int rc;

	problem_fini(r->problem);
	rc = object_get_seen(tx, r->new.kind, r->new.name, r->revision, &object, r->problem);
	if (rc != 0)
		return rc;
	name_join(r->new.kind, r->new.name, "_REPLACED", base);
	rc = refuse_twin(tx, r);
	if (rc == 0)
		rc = name_free(tx, r->old.kind, base, "_", 2, r->old.name, r->problem);
	if (rc == 0)
		rc = object_replace(tx, &r->how, r->new.kind, r->new.name, r->revision, r->new.body,
		                    r->problem);
	if (rc == 0)
		rc = material_set_key(tx, object.id, &r->new);
	if (rc == 0 && r->new.has_key)
		rc = vault_put(tx, &r->new.sealed);
	if (rc == 0)
		rc = material_put(tx, &r->how, &r->old, r->problem);
	object_fini(&object);
	return rc;
}

static int read_old(struct certificate_store *at, enum object_kind kind, const char *name,
                    struct material *ret_old, struct problem *problem)
{
	struct object object;
	struct stored stored;
	int rc = object_get(at->store, kind, name, &object, problem);

	if (rc != 0)
		return rc;
	rc = stored_read(&object, &stored, problem);
	object_fini(&object);
	if (rc != 0)
		return rc;
	rc = material_of_certificate(stored.certificate, kind, name, ret_old);
	stored_fini(&stored);
	return rc;
}

static int read_new_ca(const struct certificate_import *import, struct replacement *r)
{
	STACK_OF(X509) *certs = NULL;
	struct import_bytes bytes;
	struct pki_error err;
	int rc;

	import_bytes(import, &bytes);
	if (pki_certificates_read(&bytes.file, &certs, &err) != 0)
		return import_problem(r->problem, import, &err);
	if (sk_X509_num(certs) > 1)
		rc = problem_add(r->problem, SL_EMISMATCH, "/file", "bring one certificate",
		                 "the file has %d certificates, and one is replaced",
		                 sk_X509_num(certs));
	else
		rc = material_of_certificate(sk_X509_value(certs, 0), OBJECT_CA_CERTIFICATE,
		                             import->name, &r->new);
	sk_X509_pop_free(certs, X509_free);
	return rc;
}

static int take_entry(struct certificate_store *at, const struct certificate_import *import,
                      const struct pki_bundle *bundle, struct replacement *r)
{
	const struct pki_entry *entry = &bundle->entries[0];
	bool seal = false;
	int rc;

	if (bundle->count > 1)
		return problem_add(r->problem, SL_EMISMATCH, "/file", "bring one certificate",
		                   "the file has %zu certificates, and one is replaced",
		                   bundle->count);
	rc = import_key(at, entry, &seal, r->problem);
	if (rc == 0)
		rc = material_of_certificate(entry->certificate, OBJECT_CERTIFICATE, import->name,
		                             &r->new);
	if (rc == 0 && seal)
		rc = material_seal(&r->new, at->vault, entry->key, import->exportable);
	return rc;
}

static int read_new(struct certificate_store *at, const struct certificate_import *import,
                    struct replacement *r)
{
	struct pki_bundle *bundle = NULL;
	struct import_bytes bytes;
	struct pki_error err;
	int rc;

	import_bytes(import, &bytes);
	if (pki_bundle_read(&bytes.file, bytes.key_or_null, &bundle, &err) != 0)
		return import_problem(r->problem, import, &err);
	rc = take_entry(at, import, bundle, r);
	pki_bundle_destroy(bundle);
	return rc;
}

/* What refers to the old one needs the same of the new one. */
static int check_same_use(const struct replacement *r)
{
	if (r->old.ca == r->new.ca)
		return 0;
	return problem_add(r->problem, SL_EMISMATCH, "/file",
	                   "import it under another name, and change what uses the old one",
	                   r->old.ca ? "the old one signs certificates (a CA), the new one cannot"
	                             : "the old one is no CA, the new one is");
}

int certificate_replace(struct certificate_store *at, const struct actor *actor,
                        enum object_kind kind, int64_t revision,
                        const struct certificate_import *import, struct problem *problem)
{
	struct replacement r = {
	        .how = {.actor = actor, .action = "replace", .comment = import->comment},
	        .revision = revision,
	        .problem = problem};
	int rc = import_check(import, problem);

	if (rc == 0)
		rc = read_old(at, kind, import->name, &r.old, problem);
	if (rc == 0)
		rc = kind == OBJECT_CA_CERTIFICATE ? read_new_ca(import, &r)
		                                   : read_new(at, import, &r);
	if (rc == 0)
		rc = check_same_use(&r);
	if (rc == 0)
		rc = store_write(at->store, put_replacement, &r);
	material_fini(&r.old);
	material_fini(&r.new);
	return rc ? certificate_failed(rc, problem) : 0;
}

/* ---- repair ------------------------------------------------------------------------------ */

struct repair {
	const struct actor *actor;
	const char *name;
	int64_t revision;
	struct vault_sealed sealed;
	struct problem *problem;
};

/* A damaged row would stay otherwise. */
static int put_repair(void *arg, struct store_tx *tx)
{
	struct repair *r = arg;
	const struct audit_line line = {
	        .action = "repair", .kind = object_kind_name(OBJECT_CERTIFICATE), .name = r->name};
	struct object object;
	int rc;

	problem_fini(r->problem);
	rc = object_get_seen(tx, OBJECT_CERTIFICATE, r->name, r->revision, &object, r->problem);
	if (rc != 0)
		return rc;
	object_fini(&object);
	rc = vault_drop(tx, r->sealed.id);
	if (rc == 0 || rc == SL_ENOENT)
		rc = vault_put(tx, &r->sealed);
	return rc ? rc : audit_add(tx, r->actor, &line);
}

static int check_broken(struct certificate_store *at, X509 *cert, const char *name,
                        struct problem *problem)
{
	uint8_t id[VAULT_ID_SIZE];
	int rc = pki_cert_key_id(cert, id);

	if (rc == 0)
		rc = vault_check(at->vault, id);
	if (rc == SL_ENOENT || rc == SL_ECRYPTO)
		return 0;
	if (rc != 0)
		return rc;
	return problem_add(problem, SL_EEXIST, "", "replace the certificate if its key changed",
	                   "the key of \"%s\" is in order, there is nothing to repair", name);
}

static int read_repair_key(const struct certificate_import *import, X509 *cert, EVP_PKEY **ret_key,
                           struct problem *problem)
{
	struct import_bytes bytes;
	struct pki_error err;
	EVP_PKEY *key = NULL;
	int rc;

	import_bytes(import, &bytes);
	rc = pki_key_read(bytes.key_or_null ? &bytes.key : &bytes.file, &key, &err);
	if (rc == 0)
		rc = pki_key_check(key, bytes.key.name, cert, import->name, &err);
	if (rc != 0) {
		EVP_PKEY_free(key);
		return import_problem(problem, import, &err);
	}
	*ret_key = key;
	return 0;
}

static int repair(struct certificate_store *at, const struct certificate_import *import, X509 *cert,
                  struct repair *r, struct problem *problem)
{
	EVP_PKEY *key = NULL;
	int rc = check_broken(at, cert, import->name, problem);

	if (rc == 0)
		rc = read_repair_key(import, cert, &key, problem);
	if (rc == 0)
		rc = vault_seal(at->vault, key, import->exportable, &r->sealed);
	EVP_PKEY_free(key);
	if (rc == 0)
		rc = store_write(at->store, put_repair, r);
	vault_sealed_fini(&r->sealed);
	return rc;
}

int certificate_repair(struct certificate_store *at, const struct actor *actor, int64_t revision,
                       const struct certificate_import *import, struct problem *problem)
{
	struct repair r = {
	        .actor = actor, .name = import->name, .revision = revision, .problem = problem};
	struct object object;
	struct stored stored;
	int rc = import_check(import, problem);

	if (rc == 0)
		rc = object_get(at->store, OBJECT_CERTIFICATE, import->name, &object, problem);
	if (rc != 0)
		return rc;
	rc = stored_read(&object, &stored, problem);
	object_fini(&object);
	if (rc == 0) {
		rc = repair(at, import, stored.certificate, &r, problem);
		stored_fini(&stored);
	}
	return rc ? certificate_failed(rc, problem) : 0;
}

/* ---- delete ------------------------------------------------------------------------------ */

struct removal {
	struct object_change how;
	enum object_kind kind;
	const char *name;
	int64_t revision;
	struct problem *problem;
};

static int take_key_id(void *ret_id, const struct store_row *row)
{
	size_t len;
	const void *id = store_row_blob(row, 0, &len);

	if (len != VAULT_ID_SIZE)
		return SL_EIO;
	memcpy(ret_id, id, len);
	return 1;
}

static int take_count(void *ret_count, const struct store_row *row)
{
	*(int64_t *)ret_count = store_row_integer(row, 0);
	return 1;
}

/* Of a CA certificate the key is nobody's business. */
static int drop_unused_key(struct store_tx *tx, const uint8_t *id)
{
	const struct store_value values[] = {store_blob(id, VAULT_ID_SIZE),
	                                     store_text(object_kind_name(OBJECT_CA_CERTIFICATE))};
	int64_t users = 0;
	int rc = store_tx_run(tx, STORE_KEY_USERS, values, 2, take_count, &users);

	if (rc < 0 || users > 0)
		return rc < 0 ? rc : 0;
	rc = vault_drop(tx, id);
	return rc == SL_ENOENT ? 0 : rc;
}

/* Documents would lose an intermediate, and clients the root that they trust. What cannot be read
 * is in no chain. */
static int check_chains(struct store_tx *tx, const struct object *object, struct problem *problem)
{
	struct problem damaged = {0};
	struct stored stored;
	int rc = stored_read(object, &stored, &damaged);

	problem_fini(&damaged);
	if (rc != 0)
		return rc == SL_EIO ? 0 : rc;
	rc = chain_check_unused(tx, stored.certificate, problem);
	stored_fini(&stored);
	return rc;
}

static int remove_object(void *arg, struct store_tx *tx)
{
	struct removal *r = arg;
	uint8_t id[VAULT_ID_SIZE] = {0};
	struct object object;
	int rc;

	problem_fini(r->problem);
	rc = object_get_seen(tx, r->kind, r->name, r->revision, &object, r->problem);
	if (rc == 0) {
		const struct store_value value = store_integer(object.id);

		rc = store_tx_run(tx, STORE_KEY_OF_OBJECT, &value, 1, take_key_id, id);
		if (rc >= 0 && r->kind == OBJECT_CA_CERTIFICATE)
			rc = check_chains(tx, &object, r->problem);
		object_fini(&object);
	}
	if (rc < 0)
		return rc;
	rc = object_delete(tx, &r->how, r->kind, r->name, r->revision, r->problem);
	if (rc == 0 && r->kind != OBJECT_CA_CERTIFICATE)
		rc = drop_unused_key(tx, id);
	return rc;
}

int certificate_delete(struct certificate_store *at, const struct actor *actor,
                       enum object_kind kind, const char *name, int64_t revision,
                       struct problem *problem)
{
	struct removal r = {.how = {.actor = actor, .action = "delete"},
	                    .kind = kind,
	                    .name = name,
	                    .revision = revision,
	                    .problem = problem};
	int rc = store_write(at->store, remove_object, &r);

	return rc ? certificate_failed(rc, problem) : 0;
}
