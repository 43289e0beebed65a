/* SPDX-License-Identifier: Apache-2.0 */
/* Imports (R60 to R77): everything is read, checked and sealed first, then written at once. */
#include <openssl/err.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "lib/base/err.h"
#include "lib/pki/bundle.h"
#include "lib/pki/key.h"
#include "smsd/base/problem.h"
#include "smsd/object/certificate_priv.h"
#include "smsd/store/store.h"

/* How the bytes of an import are called in errors. */
#define FILE_NAME "the file"
#define KEY_NAME  "the key file"

/* ---- what is asked ----------------------------------------------------------------------- */

void import_bytes(const struct certificate_import *import, struct import_bytes *ret_bytes)
{
	const char *password = import->password ? import->password : "";

	*ret_bytes = (struct import_bytes){.file = {.name = FILE_NAME,
	                                            .data = import->file ? import->file : "",
	                                            .len = import->file_len,
	                                            .password = password,
	                                            .format = import->format},
	                                   .key = {.name = KEY_NAME,
	                                           .data = import->key,
	                                           .len = import->key_len,
	                                           .password = password}};
	ret_bytes->key_or_null = import->key ? &ret_bytes->key : NULL;
}

int import_problem(struct problem *problem, const struct certificate_import *import,
                   const struct pki_error *err)
{
	bool of_key = strncmp(err->text, KEY_NAME, strlen(KEY_NAME)) == 0;

	return problem_add_pki(problem,
	                       err->code == SL_EPERM ? "/password"
	                       : of_key              ? "/key"
	                                             : "/file",
	                       err);
}

int import_check(const struct certificate_import *import, struct problem *problem)
{
	if (import->file_len > CERTIFICATE_FILE_MAX)
		return problem_add(problem, SL_ELIMIT, "/file", "import it in several files",
		                   "the file is larger than %d MiB",
		                   CERTIFICATE_FILE_MAX / (1024 * 1024));
	if (import->key && import->key_len > CERTIFICATE_FILE_MAX)
		return problem_add(problem, SL_ELIMIT, "/key", "name the file of the key alone",
		                   "the key file is larger than %d MiB",
		                   CERTIFICATE_FILE_MAX / (1024 * 1024));
	if (import->password &&
	    strnlen(import->password, CERTIFICATE_PASSWORD_MAX + 1) > CERTIFICATE_PASSWORD_MAX)
		return problem_add(problem, SL_EINVAL, "/password", "check it",
		                   "a password has at most %d bytes", CERTIFICATE_PASSWORD_MAX);
	return comment_check(import->comment, problem);
}

/* ---- materials --------------------------------------------------------------------------- */

/* What is written together. */
struct batch {
	struct object_change how;
	struct material *entries; /* refused where one is here already */
	size_t entries_count;
	struct material *cas; /* passed over where one is here already */
	size_t cas_count;
	bool numbered; /* names of entries get a number where they are taken by another of the file
	                */
	json_t *names;
	struct problem *problem;
};

static void batch_fini(struct batch *batch)
{
	for (size_t i = 0; i < batch->entries_count; i++)
		material_fini(&batch->entries[i]);
	for (size_t i = 0; i < batch->cas_count; i++)
		material_fini(&batch->cas[i]);
	free(batch->entries);
	free(batch->cas);
	json_decref(batch->names);
}

static int batch_init(struct batch *batch, const struct actor *actor, const char *comment,
                      size_t entries, size_t cas, struct problem *problem)
{
	*batch = (struct batch){
	        .how = {.actor = actor, .action = "import", .comment = comment},
	        .problem = problem,
	        .entries = calloc(SL_MAX(entries, 1U), sizeof(*batch->entries)),
	        .cas = calloc(SL_MAX(cas, 1U), sizeof(*batch->cas)),
	};
	return batch->entries && batch->cas ? 0 : SL_ENOMEM;
}

static void take_common_name(X509 *cert, char *text, int size)
{
	(void)X509_NAME_get_text_by_NID(X509_get_subject_name(cert), NID_commonName, text, size);
	ERR_clear_error();
}

/* R62: named after its common name. */
static int add_ca(struct batch *batch, X509 *cert)
{
	char text[256] = "";
	char name[OBJECT_NAME_MAX];
	int rc;

	if (!certificate_is_ca(cert)) {
		char subject[PKI_SUBJECT_MAX];

		return problem_add(batch->problem, SL_EMISMATCH, "/file",
		                   "leave it out, or import it by itself",
		                   "\"%s\" in the file is no CA certificate and has no key there",
		                   pki_cert_subject(cert, subject));
	}
	take_common_name(cert, text, sizeof(text));
	name_make(OBJECT_CA_CERTIFICATE, text, "CA certificate", name);
	rc = material_of_certificate(cert, OBJECT_CA_CERTIFICATE, name,
	                             &batch->cas[batch->cas_count]);
	batch->cas_count += rc == 0;
	return rc;
}

static int check_strangers(const struct pki_bundle *bundle, struct problem *problem)
{
	X509 *stranger = pki_bundle_stranger(bundle);
	char subject[PKI_SUBJECT_MAX];

	if (!stranger)
		return 0;
	return problem_add(problem, SL_EMISMATCH, "/file",
	                   "leave it out, or import it under CA certificates",
	                   "\"%s\" in the file is not of the chain of any certificate in it",
	                   pki_cert_subject(stranger, subject));
}

/* ---- keys -------------------------------------------------------------------------------- */

static int no_key(X509 *cert, struct problem *problem)
{
	char subject[PKI_SUBJECT_MAX];

	(void)pki_cert_subject(cert, subject);
	if (certificate_is_ca(cert))
		return problem_add(problem, SL_ENOENT, "/key",
		                   "import it under CA certificates, or bring its key if it is to "
		                   "sign here",
		                   "\"%s\" is a CA certificate without a private key", subject);
	return problem_add(problem, SL_ENOENT, "/key",
	                   "bring its key; none is needed only where the signing request was made "
	                   "here",
	                   "there is no private key for \"%s\"", subject);
}

int import_key(struct certificate_store *at, const struct pki_entry *entry, bool *ret_seal,
               struct problem *problem)
{
	uint8_t id[VAULT_ID_SIZE];
	bool exportable;
	int rc = pki_cert_key_id(entry->certificate, id);

	*ret_seal = entry->key != NULL;
	if (rc != 0 || entry->key)
		return rc;
	rc = vault_has(at->store, id, &exportable);
	return rc == SL_ENOENT ? no_key(entry->certificate, problem) : rc;
}

/* R70: of several, each is the base name and its alias. */
static void entry_name(const struct certificate_import *import, const struct pki_bundle *bundle,
                       size_t i, char name[OBJECT_NAME_MAX])
{
	char number[32], alias[OBJECT_NAME_MAX], tail[OBJECT_NAME_MAX + 1];

	(void)snprintf(name, OBJECT_NAME_MAX, "%s", import->name);
	if (bundle->count == 1)
		return;
	(void)snprintf(number, sizeof(number), "%zu", i + 1);
	name_make(OBJECT_CERTIFICATE, bundle->entries[i].alias, number, alias);
	(void)snprintf(tail, sizeof(tail), "_%s", alias);
	name_join(OBJECT_CERTIFICATE, import->name, tail, name);
}

static int add_entry(struct certificate_store *at, const struct certificate_import *import,
                     const struct pki_bundle *bundle, size_t i, struct batch *batch)
{
	const struct pki_entry *entry = &bundle->entries[i];
	struct material *m = &batch->entries[batch->entries_count];
	char name[OBJECT_NAME_MAX];
	bool seal = false;
	int rc = import_key(at, entry, &seal, batch->problem);

	entry_name(import, bundle, i, name);
	if (rc == 0)
		rc = material_of_certificate(entry->certificate, OBJECT_CERTIFICATE, name, m);
	if (rc != 0)
		return rc;
	batch->entries_count++;
	return seal ? material_seal(m, at->vault, entry->key, import->exportable) : 0;
}

/* ---- the write --------------------------------------------------------------------------- */

static int put_ca_if_new(struct store_tx *tx, struct batch *batch, struct material *m)
{
	char twin[OBJECT_NAME_MAX], base[OBJECT_NAME_MAX];
	int rc = material_find(tx, m->kind, m, twin);

	if (rc != 0 || twin[0] != '\0')
		return rc;
	(void)snprintf(base, sizeof(base), "%s", m->name);
	rc = name_free(tx, m->kind, base, " ", 2, m->name, batch->problem);
	return rc ? rc : material_put(tx, &batch->how, m, batch->problem);
}

/* A name that an earlier one of this file took; the first goes by it alone. */
static bool is_own_name(const struct batch *batch, size_t i)
{
	for (size_t j = 0; j < i; j++)
		if (strcmp(batch->entries[j].name, batch->entries[i].name) == 0)
			return true;
	return false;
}

static int put_entry(struct store_tx *tx, struct batch *batch, size_t i)
{
	struct material *m = &batch->entries[i];
	char base[OBJECT_NAME_MAX];
	int rc = 0;

	(void)snprintf(base, sizeof(base), "%s", m->name);
	if (batch->numbered && is_own_name(batch, i))
		rc = name_free(tx, m->kind, base, "_", 2, m->name, batch->problem);
	if (rc == 0)
		rc = material_put(tx, &batch->how, m, batch->problem);
	if (rc == 0 && json_array_append_new(batch->names, json_string(m->name)) != 0)
		rc = SL_ENOMEM;
	return rc;
}

/* May run twice, so it begins with nothing said and nothing made. */
static int put_batch(void *arg, struct store_tx *tx)
{
	struct batch *batch = arg;
	int rc;

	problem_fini(batch->problem);
	json_decref(batch->names);
	batch->names = json_array();
	rc = batch->names ? 0 : SL_ENOMEM;
	for (size_t i = 0; rc == 0 && i < batch->cas_count; i++)
		rc = put_ca_if_new(tx, batch, &batch->cas[i]);
	for (size_t i = 0; rc == 0 && i < batch->entries_count; i++)
		rc = put_entry(tx, batch, i);
	return rc;
}

static int write_batch(struct certificate_store *at, struct batch *batch, json_t **ret_names)
{
	int rc = store_write(at->store, put_batch, batch);

	if (rc == 0) {
		*ret_names = batch->names;
		batch->names = NULL;
	}
	return rc;
}

/* ---- certificates ------------------------------------------------------------------------ */

static int fill_batch(struct certificate_store *at, const struct certificate_import *import,
                      const struct pki_bundle *bundle, struct batch *batch)
{
	int rc = check_strangers(bundle, batch->problem);

	for (size_t i = 0; rc == 0 && i < bundle->count; i++)
		rc = add_entry(at, import, bundle, i, batch);
	for (int i = 0; rc == 0 && i < sk_X509_num(bundle->others); i++)
		rc = add_ca(batch, sk_X509_value(bundle->others, i));
	return rc;
}

int certificate_import(struct certificate_store *at, const struct actor *actor,
                       const struct certificate_import *import, json_t **ret_names,
                       struct problem *problem)
{
	struct pki_bundle *bundle = NULL;
	struct import_bytes bytes;
	struct pki_error err;
	struct batch batch;
	int rc = import_check(import, problem);

	if (rc == 0)
		rc = name_check(OBJECT_CERTIFICATE, import->name, problem);
	if (rc != 0)
		return rc;
	import_bytes(import, &bytes);
	if (pki_bundle_read(&bytes.file, bytes.key_or_null, &bundle, &err) != 0)
		return import_problem(problem, import, &err);
	rc = batch_init(&batch, actor, import->comment, bundle->count,
	                (size_t)sk_X509_num(bundle->others), problem);
	batch.numbered = bundle->count > 1;
	if (rc == 0)
		rc = fill_batch(at, import, bundle, &batch);
	if (rc == 0)
		rc = write_batch(at, &batch, ret_names);
	batch_fini(&batch);
	pki_bundle_destroy(bundle);
	return rc ? certificate_failed(rc, problem) : 0;
}

/* ---- CA certificates --------------------------------------------------------------------- */

static int not_ca(X509 *cert, struct problem *problem)
{
	char subject[PKI_SUBJECT_MAX];

	return problem_add(problem, SL_EINVAL, "/file",
	                   "import it under certificates, with its key",
	                   "\"%s\" is no CA certificate", pki_cert_subject(cert, subject));
}

/* One goes by the name, several by name and number. */
static int add_named_ca(const struct certificate_import *import, X509 *cert, bool alone,
                        struct batch *batch)
{
	struct material *m = &batch->entries[batch->entries_count];
	char name[OBJECT_NAME_MAX], tail[32];
	int rc;

	if (!certificate_is_ca(cert))
		return not_ca(cert, batch->problem);
	(void)snprintf(tail, sizeof(tail), " %zu", batch->entries_count + 1);
	name_join(OBJECT_CA_CERTIFICATE, import->name, alone ? "" : tail, name);
	rc = material_of_certificate(cert, OBJECT_CA_CERTIFICATE, name, m);
	batch->entries_count += rc == 0;
	return rc;
}

/* The same one twice in a file is there once. */
static bool came_before(STACK_OF(X509) * certs, int i)
{
	for (int j = 0; j < i; j++)
		if (X509_cmp(sk_X509_value(certs, j), sk_X509_value(certs, i)) == 0)
			return true;
	return false;
}

static void drop_twins(STACK_OF(X509) * certs)
{
	for (int i = sk_X509_num(certs) - 1; i > 0; i--)
		if (came_before(certs, i))
			X509_free(sk_X509_delete(certs, i));
}

static int import_cas(struct certificate_store *at, const struct actor *actor,
                      const struct certificate_import *import, STACK_OF(X509) * certs,
                      json_t **ret_names, struct problem *problem)
{
	struct batch batch;
	int count = sk_X509_num(certs);
	int rc = batch_init(&batch, actor, import->comment, (size_t)count, 0, problem);

	for (int i = 0; rc == 0 && i < count; i++)
		rc = add_named_ca(import, sk_X509_value(certs, i), count == 1, &batch);
	if (rc == 0)
		rc = write_batch(at, &batch, ret_names);
	batch_fini(&batch);
	return rc;
}

int certificate_import_ca(struct certificate_store *at, const struct actor *actor,
                          const struct certificate_import *import, json_t **ret_names,
                          struct problem *problem)
{
	STACK_OF(X509) *certs = NULL;
	struct import_bytes bytes;
	struct pki_error err;
	int rc = import_check(import, problem);

	if (rc == 0)
		rc = name_check(OBJECT_CA_CERTIFICATE, import->name, problem);
	if (rc != 0)
		return rc;
	import_bytes(import, &bytes);
	if (pki_certificates_read(&bytes.file, &certs, &err) != 0)
		return import_problem(problem, import, &err);
	if (sk_X509_num(certs) > CERTIFICATE_IMPORT_MAX) {
		rc = problem_add(problem, SL_ELIMIT, "/file", "import it in several files",
		                 "the file has more than %d certificates", CERTIFICATE_IMPORT_MAX);
	} else {
		drop_twins(certs);
		rc = import_cas(at, actor, import, certs, ret_names, problem);
	}
	sk_X509_pop_free(certs, X509_free);
	return rc ? certificate_failed(rc, problem) : 0;
}
