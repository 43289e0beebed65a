/* SPDX-License-Identifier: Apache-2.0 */
/* Uploads: begun, added to in whole pieces, and made files of. */
#include <inttypes.h>
#include <openssl/evp.h>
#include <string.h>

#include "lib/base/err.h"
#include "smsd/base/actor.h"
#include "smsd/base/moment.h"
#include "smsd/base/problem.h"
#include "smsd/object/blob_priv.h"
#include "smsd/object/certificate_priv.h"
#include "smsd/store/store.h"

/* A row of the table. */
struct upload {
	bool found;
	int64_t person;
	uint64_t size;
};

static int take_upload(void *arg, const struct store_row *row)
{
	struct upload *upload = arg;

	upload->found = true;
	upload->person = store_row_integer(row, 0);
	upload->size = (uint64_t)store_row_integer(row, 1);
	return 1;
}

/* Another person's is not there, as far as anybody else can tell. */
static int check_owner(const struct upload *upload, const struct actor *actor, int64_t id,
                       struct problem *problem)
{
	if (upload->found && upload->person == actor->person)
		return 0;
	return problem_add(problem, SL_ENOENT, "", "begin another one",
	                   "there is no upload %" PRId64 " of yours: it was finished, dropped, or "
	                   "left alone for a day",
	                   id);
}

static int get_tx(struct store_tx *tx, const struct actor *actor, int64_t id,
                  struct upload *ret_upload, struct problem *problem)
{
	const struct store_value value = store_integer(id);
	int rc;

	*ret_upload = (struct upload){.found = false};
	rc = store_tx_run(tx, STORE_UPLOAD, &value, 1, take_upload, ret_upload);
	return rc < 0 ? rc : check_owner(ret_upload, actor, id, problem);
}

static int failed(int code, struct problem *problem)
{
	if (code == 0 || problem->code != 0)
		return problem->code;
	return problem_add(problem, code, "", "", "%s", err_text(code));
}

/* ---- begin, drop ------------------------------------------------------------------------- */

struct step {
	const struct actor *actor;
	int64_t id;
	uint64_t offset;
	const uint8_t *data;
	size_t len;
	struct problem *problem;
};

static int take_integer(void *ret_number, const struct store_row *row)
{
	*(int64_t *)ret_number = store_row_integer(row, 0);
	return 1;
}

static int begin(void *arg, struct store_tx *tx)
{
	struct step *s = arg;
	const struct store_value values[] = {store_integer(s->actor->person),
	                                     store_integer(moment_now_ms())};
	int64_t count = 0;
	int rc = store_tx_run(tx, STORE_UPLOAD_COUNT, NULL, 0, take_integer, &count);

	problem_fini(s->problem);
	if (rc < 0)
		return rc;
	if (count >= BLOB_UPLOADS_MAX)
		return problem_add(s->problem, SL_ELIMIT, "",
		                   "finish or drop one; what is left alone goes after a day",
		                   "%d uploads are under way", BLOB_UPLOADS_MAX);
	rc = store_tx_run(tx, STORE_UPLOAD_ADD, values, 2, take_integer, &s->id);
	return rc < 0 ? rc : 0;
}

int blob_upload_begin(struct store *store, const struct actor *actor, int64_t *ret_id,
                      struct problem *problem)
{
	struct step s = {.actor = actor, .problem = problem};
	int rc = store_write(store, begin, &s);

	*ret_id = s.id;
	return failed(rc, problem);
}

static int drop_row(struct store_tx *tx, int64_t id)
{
	const struct store_value value = store_integer(id);

	return store_tx_run(tx, STORE_UPLOAD_DROP, &value, 1, NULL, NULL);
}

static int drop(void *arg, struct store_tx *tx)
{
	struct step *s = arg;
	struct upload upload;
	int rc;

	problem_fini(s->problem);
	rc = get_tx(tx, s->actor, s->id, &upload, s->problem);
	return rc ? rc : drop_row(tx, s->id);
}

int blob_upload_drop(struct store *store, const struct actor *actor, int64_t id,
                     struct problem *problem)
{
	struct step s = {.actor = actor, .id = id, .problem = problem};

	return failed(store_write(store, drop, &s), problem);
}

/* ---- add --------------------------------------------------------------------------------- */

static int check_place(const struct step *s, const struct upload *upload)
{
	if (s->offset != upload->size)
		return problem_add(s->problem, SL_ECONFLICT, "", "go on from there",
		                   "%" PRIu64 " bytes are here, not %" PRIu64, upload->size,
		                   s->offset);
	if (upload->size % BLOB_PIECE_MAX != 0)
		return problem_add(s->problem, SL_EINVAL, "",
		                   "send a multiple of 1 MiB each time but the last",
		                   "the upload has had its last piece: it ends within a MiB");
	if (s->len == 0)
		return problem_add(s->problem, SL_EINVAL, "", "send bytes", "nothing came");
	if (s->len > BLOB_FILE_MAX - upload->size)
		return problem_add(s->problem, SL_ELIMIT, "", "split the file",
		                   "a file has at most %d MiB", BLOB_FILE_MAX / 1024 / 1024);
	return 0;
}

static int add_piece(struct store_tx *tx, int64_t id, uint64_t at, const uint8_t *data, size_t len)
{
	const struct store_value values[] = {store_integer(id), store_integer((int64_t)at),
	                                     store_blob(data, len)};

	return store_tx_run(tx, STORE_UPLOAD_ADD_PIECE, values, 3, NULL, NULL);
}

static int add(void *arg, struct store_tx *tx)
{
	struct step *s = arg;
	const struct store_value values[] = {store_integer(s->id),
	                                     store_integer((int64_t)(s->offset + s->len))};
	struct upload upload;
	int rc;

	problem_fini(s->problem);
	rc = get_tx(tx, s->actor, s->id, &upload, s->problem);
	if (rc == 0)
		rc = check_place(s, &upload);
	for (size_t at = 0; rc == 0 && at < s->len; at += BLOB_PIECE_MAX)
		rc = add_piece(tx, s->id, s->offset + at, s->data + at,
		               SL_MIN(s->len - at, (size_t)BLOB_PIECE_MAX));
	return rc ? rc : store_tx_run(tx, STORE_UPLOAD_SIZE, values, 2, NULL, NULL);
}

int blob_upload_add(struct store *store, const struct actor *actor, int64_t id, uint64_t offset,
                    const void *data, size_t len, uint64_t *ret_size, struct problem *problem)
{
	struct step s = {.actor = actor,
	                 .id = id,
	                 .offset = offset,
	                 .data = data,
	                 .len = len,
	                 .problem = problem};
	int rc = store_write(store, add, &s);

	*ret_size = offset + len;
	return failed(rc, problem);
}

/* ---- finish ------------------------------------------------------------------------------ */

struct finishing {
	const struct actor *actor;
	int64_t id;
	enum blob_content content;
	const char *name;
	int64_t revision;
	const char *comment;
	struct upload upload;
	uint8_t sha256[BLOB_DIGEST];
	EVP_MD_CTX *digest;
	struct content check;
	json_t *body;
	struct problem *problem;
};

static int take_piece(void *arg, const struct store_row *row)
{
	struct finishing *f = arg;
	size_t len;
	const void *bytes = store_row_blob(row, 0, &len);

	if (EVP_DigestUpdate(f->digest, bytes, len) != 1)
		return SL_ECRYPTO;
	return content_add(&f->check, bytes, len);
}

/* All its bytes go by once: their digest, and what they are said to be. */
static int look(struct store *store, struct finishing *f)
{
	const struct store_value value = store_integer(f->id);
	int rc = content_begin(&f->check, f->content, f->upload.size, f->problem);

	f->digest = EVP_MD_CTX_new();
	if (rc == 0 && (!f->digest || EVP_DigestInit_ex(f->digest, EVP_sha256(), NULL) != 1))
		rc = SL_ECRYPTO;
	if (rc == 0)
		rc = store_read(store, STORE_UPLOAD_PIECES, &value, 1, take_piece, f);
	if (rc == 0)
		rc = content_end(&f->check);
	if (rc == 0 && EVP_DigestFinal_ex(f->digest, f->sha256, NULL) != 1)
		rc = SL_ECRYPTO;
	EVP_MD_CTX_free(f->digest);
	content_fini(&f->check);
	return rc;
}

static int move_pieces(struct store_tx *tx, int64_t id, uint64_t size,
                       const uint8_t sha256[BLOB_DIGEST])
{
	const struct store_value values[] = {store_blob(sha256, BLOB_DIGEST), store_integer(id)};
	bool there = false;
	int rc = blob_keep(tx, sha256, &there);

	if (rc != 0 || there)
		return rc;
	rc = blob_add(tx, sha256, size);
	return rc ? rc : store_tx_run(tx, STORE_UPLOAD_MOVE, values, 2, NULL, NULL);
}

/* Still the actor's, and of the size that was looked at; then its bytes are a blob. */
int blob_upload_keep(struct store_tx *tx, const struct actor *actor, int64_t id, uint64_t size,
                     const uint8_t sha256[BLOB_DIGEST], struct problem *problem)
{
	struct upload now;
	int rc = get_tx(tx, actor, id, &now, problem);

	if (rc == 0 && now.size != size)
		rc = problem_add(problem, SL_ECONFLICT, "/upload", "finish it once all is here",
		                 "the upload was added to meanwhile");
	if (rc == 0)
		rc = move_pieces(tx, id, size, sha256);
	return rc ? rc : drop_row(tx, id);
}

/* What names the file counts on what it is. */
static int check_content(struct store_tx *tx, const struct finishing *f)
{
	struct object object;
	const char *was;
	int rc = object_get_seen(tx, OBJECT_FILE, f->name, f->revision, &object, f->problem);

	if (rc != 0)
		return rc;
	was = json_string_value(json_object_get(object.body, "content"));
	if (!was || strcmp(was, blob_content_name(f->content)) != 0)
		rc = problem_add(f->problem, SL_EMISMATCH, "/content", "make another file of it",
		                 "the file \"%s\" is one of %s", f->name, was ? was : "nothing");
	object_fini(&object);
	return rc;
}

static int finish(void *arg, struct store_tx *tx)
{
	struct finishing *f = arg;
	const struct object_change how = {.actor = f->actor,
	                                  .action = f->revision == 0 ? "create" : "replace",
	                                  .comment = f->comment};
	int rc = 0;

	problem_fini(f->problem);
	if (f->revision != 0)
		rc = check_content(tx, f);
	if (rc == 0)
		rc = blob_upload_keep(tx, f->actor, f->id, f->upload.size, f->sha256, f->problem);
	if (rc != 0)
		return rc;
	if (f->revision == 0)
		return object_create(tx, &how, OBJECT_FILE, f->name, f->body, NULL, f->problem);
	return object_replace(tx, &how, OBJECT_FILE, f->name, f->revision, f->body, f->problem);
}

static int get_upload(struct store *store, struct finishing *f)
{
	const struct store_value value = store_integer(f->id);
	int rc = store_read(store, STORE_UPLOAD, &value, 1, take_upload, &f->upload);

	if (rc >= 0)
		rc = check_owner(&f->upload, f->actor, f->id, f->problem);
	if (rc == 0 && f->upload.size == 0)
		rc = problem_add(f->problem, SL_EINVAL, "/upload", "send its bytes first",
		                 "the upload is empty");
	return rc;
}

static int add_bytes(void *out, const struct store_row *row)
{
	size_t len;
	const void *bytes = store_row_blob(row, 0, &len);

	return buf_add(out, bytes, len);
}

int blob_upload_read(struct store *store, const struct actor *actor, int64_t id, struct buf *out,
                     struct problem *problem)
{
	const struct store_value value = store_integer(id);
	struct finishing f = {.actor = actor, .id = id, .problem = problem};
	int rc = get_upload(store, &f);

	if (rc == 0 && f.upload.size > out->max)
		rc = problem_add(problem, SL_ELIMIT, "/upload", "",
		                 "it has %" PRIu64 " bytes, at most %zu are taken", f.upload.size,
		                 out->max);
	if (rc == 0)
		rc = store_read(store, STORE_UPLOAD_PIECES, &value, 1, add_bytes, out);
	return failed(rc < 0 ? rc : 0, problem);
}

static int make_body(struct finishing *f)
{
	char hex[BLOB_HEX_MAX];

	f->body = json_pack("{s:s, s:I, s:s}", "content", blob_content_name(f->content), "size",
	                    (json_int_t)f->upload.size, "sha256", blob_digest_text(f->sha256, hex));
	return f->body ? 0 : SL_ENOMEM;
}

int blob_finish(struct store *store, const struct actor *actor, int64_t upload,
                enum blob_content content, const char *name, int64_t revision, const char *comment,
                struct problem *problem)
{
	struct finishing f = {.actor = actor,
	                      .id = upload,
	                      .content = content,
	                      .name = name,
	                      .revision = revision,
	                      .comment = comment,
	                      .problem = problem};
	int rc = name_check(OBJECT_FILE, name, problem);

	if (rc == 0)
		rc = comment_check(comment, problem);
	if (rc == 0)
		rc = get_upload(store, &f);
	if (rc == 0)
		rc = look(store, &f);
	if (rc == 0)
		rc = make_body(&f);
	if (rc == 0)
		rc = store_write(store, finish, &f);
	json_decref(f.body);
	return failed(rc, problem);
}

/* ---- delete ------------------------------------------------------------------------------ */

static int delete_it(void *arg, struct store_tx *tx)
{
	const struct finishing *f = arg;
	const struct object_change how = {
	        .actor = f->actor, .action = "delete", .comment = f->comment};

	problem_fini(f->problem);
	return object_delete(tx, &how, OBJECT_FILE, f->name, f->revision, f->problem);
}

int blob_delete(struct store *store, const struct actor *actor, const char *name, int64_t revision,
                const char *comment, struct problem *problem)
{
	struct finishing f = {.actor = actor,
	                      .name = name,
	                      .revision = revision,
	                      .comment = comment,
	                      .problem = problem};
	int rc = comment_check(comment, problem);

	if (rc == 0)
		rc = store_write(store, delete_it, &f);
	return failed(rc, problem);
}
