/* SPDX-License-Identifier: Apache-2.0 */
/* Bytes become a package: believed, looked into, kept; one at a time, so that memory is bounded. */
#include <openssl/evp.h>
#include <stdlib.h>
#include <string.h>

#include "lib/base/err.h"
#include "smsd/auth/audit.h"
#include "smsd/base/moment.h"
#include "smsd/base/problem.h"
#include "smsd/package/package_priv.h"

enum { MS_PER_S = 1000 };

/* The largest of any kind: more is not read. */
static uint64_t bytes_max(void)
{
	uint64_t max = 0;

	for (unsigned kind = 0; kind < PACKAGE_KIND_END; kind++)
		max = SL_MAX(max, publish_size_max(kind));
	return max;
}

/* What was looked into, on its way into the store. */
struct taken {
	struct import *import;
	struct package_row row;
	const char *pem; /* of who signed it */
	char *summary;
	struct buf content;
	bool keeps_bytes, keeps_text; /* of the content: for documents */
	struct package_found before, installed;
};

/* ---- looking ----------------------------------------------------------------------------- */

static int refused(struct import *import, const struct pki_error *err)
{
	struct pki_error said = *err;

	/* 403 would be about who asks. */
	if (said.code == SL_EPERM)
		said.code = SL_EMISMATCH;
	return problem_add_pki(import->problem, "/upload", &said);
}

static void fill_row(struct taken *t, const struct package *package)
{
	const struct package_info *info = package_info(package);
	struct package_row *row = &t->row;

	row->kind = info->kind;
	row->created_ms = info->created * MS_PER_S;
	row->imported_ms = moment_now_ms();
	row->size = t->import->len;
	memcpy(row->name, info->name, sizeof(row->name));
	memcpy(row->version, info->version, sizeof(row->version));
	memcpy(row->description, info->description, sizeof(row->description));
	(void)snprintf(row->source, sizeof(row->source), "%s", t->import->source);
	t->keeps_bytes = row->kind == PACKAGE_CA;
	t->keeps_text = row->kind == PACKAGE_DECRYPTION || row->kind == PACKAGE_LICENCE;
}

static int look_into(struct taken *t, const struct package *package)
{
	enum package_kind kind = package_info(package)->kind;
	struct pki_error err;
	int rc;

	if (t->import->len > publish_size_max(kind) && publish_size_max(kind) > 0)
		return problem_add(t->import->problem, SL_ELIMIT, "/upload", "leave some out",
		                   "a package of %s has at most %llu bytes, this one has %zu",
		                   package_kind_title(kind),
		                   (unsigned long long)publish_size_max(kind), t->import->len);
	buf_init(&t->content, (size_t)SL_MAX(publish_content_max(kind), UINT64_C(1)));
	rc = publish_content_read(package, &t->content, &t->row.summary, &err);
	if (rc != 0)
		return refused(t->import, &err);
	fill_row(t, package);
	t->summary = json_dumps(t->row.summary, JSON_COMPACT);
	return t->summary ? 0 : SL_ENOMEM;
}

/* 64-bit seconds from outside become milliseconds. */
static bool is_time(int64_t seconds)
{
	return seconds > 0 && seconds < INT64_C(253402300800); /* the year 10000 */
}

static int look(struct taken *t, const struct trusted *trusted)
{
	struct import *import = t->import;
	struct package *package;
	struct pki_error err;
	int rc = package_open(import->bytes, import->len, PACKAGE_KIND_END, &trusted->keys,
	                      &package, &err);

	if (rc != 0)
		return refused(import, &err);
	if (!is_time(package_info(package)->created))
		rc = problem_add(import->problem, SL_EMALFORMED, "/upload", "make it again",
		                 "the package was made at no time");
	else
		rc = look_into(t, package);
	if (rc == 0) {
		size_t signer = (size_t)package_signer(package);

		memcpy(t->row.signer, trusted->fingerprint[signer], sizeof(t->row.signer));
		t->pem = trusted->pem[signer];
		if (EVP_Digest(import->bytes, import->len, t->row.sha256, NULL, EVP_sha256(),
		               NULL) != 1)
			rc = SL_ECRYPTO;
	}
	package_close(package);
	return rc;
}

/* ---- keeping ----------------------------------------------------------------------------- */

static int take_id(void *ret_id, const struct store_row *row)
{
	*(int64_t *)ret_id = store_row_integer(row, 0);
	return 1;
}

static int add_row(struct store_tx *tx, struct taken *t, const uint8_t key[BLOB_DIGEST],
                   const uint8_t content[BLOB_DIGEST])
{
	const struct package_row *row = &t->row;
	const struct store_value values[] = {
	        store_text(package_kind_name(row->kind)),
	        store_text(row->name),
	        store_text(row->version),
	        store_text(row->description),
	        store_integer(row->created_ms),
	        store_integer(row->imported_ms),
	        store_text(row->source),
	        store_text(row->signer),
	        store_integer((int64_t)row->size),
	        store_blob(row->sha256, BLOB_DIGEST),
	        store_integer((int64_t)strlen(t->pem)),
	        store_blob(key, BLOB_DIGEST),
	        store_integer(t->keeps_bytes ? (int64_t)t->content.len : 0),
	        t->keeps_bytes ? store_blob(content, BLOB_DIGEST) : store_null(),
	        store_text(t->keeps_text ? buf_text(&t->content) : NULL),
	        store_text(t->summary),
	};
	int rc = store_tx_run(tx, STORE_PACKAGE_ADD, values, SL_ARRAY_LEN(values), take_id,
	                      &t->row.id);

	return rc < 0 ? rc : 0;
}

static int audit(struct store_tx *tx, const struct taken *t)
{
	json_t *after = package_row_show(&t->row, false);
	char *text = NULL;
	int rc;

	(void)json_object_del(after, "summary");
	text = after ? json_dumps(after, JSON_COMPACT) : NULL;
	json_decref(after);
	const struct audit_line line = {
	        .action = "import", .kind = "package", .name = t->row.name, .after = text};

	rc = text ? audit_add(tx, t->import->actor, &line) : SL_ENOMEM;
	free(text);
	return rc;
}

/* Old ones of the kind go; what is installed stays. */
static int drop_old(struct store_tx *tx, enum package_kind kind)
{
	const struct store_value values[] = {store_text(package_kind_name(kind)),
	                                     store_integer(PACKAGES_KEPT)};

	return store_tx_run(tx, STORE_PACKAGE_DROP_OLD, values, 2, NULL, NULL);
}

static int add(struct store_tx *tx, struct taken *t)
{
	uint8_t key[BLOB_DIGEST], content[BLOB_DIGEST];
	int rc = blob_upload_keep(tx, t->import->actor, t->import->upload, t->import->len,
	                          t->row.sha256, t->import->problem);

	if (rc == 0)
		rc = blob_put(tx, t->pem, strlen(t->pem), key);
	if (rc == 0 && t->keeps_bytes)
		rc = blob_put(tx, t->content.data, t->content.len, content);
	if (rc == 0)
		rc = passed_bring_tx(tx, t->row.sha256);
	if (rc == 0)
		rc = add_row(tx, t, key, content);
	if (rc == 0)
		rc = audit(tx, t);
	return rc ? rc : drop_old(tx, t->row.kind);
}

/* What a source brings takes the place of what is older, and of nothing else: an old package that
 * somebody kept is signed as well. */
static bool is_wanted(const struct taken *t)
{
	return (t->import->automatic & 1u << t->row.kind) &&
	       (!t->installed.found || t->installed.row.created_ms < t->row.created_ms);
}

static int keep_tx(void *arg, struct store_tx *tx)
{
	struct taken *t = arg;
	const struct store_value digest = store_blob(t->row.sha256, BLOB_DIGEST);
	const struct store_value kind = store_text(package_kind_name(t->row.kind));
	int rc;

	problem_fini(t->import->problem);
	package_row_fini(&t->before.row);
	package_row_fini(&t->installed.row);
	t->before.found = t->installed.found = t->import->was_installed = false;
	rc = store_tx_run(tx, STORE_PACKAGE_BY_DIGEST, &digest, 1, package_row_take, &t->before);
	if (rc >= 0)
		rc = store_tx_run(tx, STORE_PACKAGE_OF_KIND, &kind, 1, package_row_take,
		                  &t->installed);
	if (rc < 0)
		return rc;
	if (t->before.found) {
		t->row.id = t->before.row.id;
		rc = blob_upload_keep(tx, t->import->actor, t->import->upload, t->import->len,
		                      t->row.sha256, t->import->problem);
		return rc ? rc : audit(tx, t);
	}
	rc = add(tx, t);
	if (rc == 0 && is_wanted(t)) {
		rc = install_tx(tx, t->import->actor, &t->row, true);
		t->import->was_installed = rc == 0;
	}
	return rc;
}

/* ------------------------------------------------------------------------------------------ */

int package_import(struct packages *p, struct import *import)
{
	struct taken t = {.import = import};
	struct trusted trusted;
	int rc = trusted_load(p, &trusted, import->problem);

	if (rc != 0)
		return rc;
	rc = look(&t, &trusted);
	if (rc == 0)
		rc = store_write(p->store, keep_tx, &t);
	import->id = t.row.id;
	import->kind = t.row.kind;
	memcpy(import->name, t.row.name, sizeof(import->name));
	memcpy(import->version, t.row.version, sizeof(import->version));
	if (rc == 0 && import->was_installed && p->installed)
		p->installed(p->installed_arg, t.row.kind);
	package_row_fini(&t.row);
	package_row_fini(&t.before.row);
	package_row_fini(&t.installed.row);
	free(t.summary);
	buf_fini(&t.content);
	trusted_fini(&trusted);
	return packages_failed(rc, import->problem);
}

int packages_import(struct packages *packages, const struct actor *actor, int64_t upload,
                    int64_t *ret_id, struct problem *problem)
{
	struct import import = {.actor = actor, .upload = upload, .source = "", .problem = problem};
	struct buf bytes;
	int rc;

	buf_init(&bytes, bytes_max());
	(void)pthread_mutex_lock(&packages->importing);
	rc = blob_upload_read(packages->store, actor, upload, &bytes, problem);
	import.bytes = bytes.data;
	import.len = bytes.len;
	if (rc == 0)
		rc = package_import(packages, &import);
	(void)pthread_mutex_unlock(&packages->importing);
	buf_fini(&bytes);
	if (rc == 0)
		*ret_id = import.id;
	return rc;
}
