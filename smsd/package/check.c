/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A look at a source: its index, the newest package of each kind that is not here. All that comes
 * is believed by its signature alone; the index only says what is worth fetching.
 */
#include <openssl/evp.h>
#include <stdio.h>
#include <string.h>

#include "lib/base/err.h"
#include "lib/base/log.h"
#include "lib/publish/index.h"
#include "smsd/base/actor.h"
#include "smsd/base/moment.h"
#include "smsd/base/problem.h"
#include "smsd/ingest/ingest.h"
#include "smsd/package/package_priv.h"

struct check {
	struct packages *p;
	const struct source_row *source;
	char error[PACKAGES_ERROR_MAX]; /* the first thing that was wrong; "" nothing */
};

static void note(struct check *c, const char *file, const char *text, const char *remedy)
{
	if (c->error[0] == '\0')
		(void)snprintf(c->error, sizeof(c->error), "%.128s%s%.700s%s%.150s", file,
		               file[0] ? ": " : "", text, remedy[0] ? ": " : "", remedy);
}

static void note_problem(struct check *c, const char *file, const struct problem *problem)
{
	const struct problem_item *first = problem->count ? &problem->items[0] : NULL;

	note(c, file, first ? first->text : err_text(problem->code), first ? first->remedy : "");
}

/* ---- what is worth it -------------------------------------------------------------------- */

/* 1: it is here; else a code of the store. */
static int is_here(struct packages *p, const uint8_t sha256[BLOB_DIGEST])
{
	const struct store_value digest = store_blob(sha256, BLOB_DIGEST);
	struct package_found found = {.found = false};
	int rc =
	        store_read(p->store, STORE_PACKAGE_BY_DIGEST, &digest, 1, package_row_take, &found);

	package_row_fini(&found.row);
	return rc < 0 ? rc : found.found;
}

static const struct publish_entry *newest_of(const struct publish_index *index,
                                             enum package_kind kind)
{
	const struct publish_entry *newest = NULL;

	for (size_t i = 0; i < index->count; i++)
		if (index->items[i].kind == kind &&
		    (!newest || index->items[i].created > newest->created))
			newest = &index->items[i];
	return newest;
}

/* Kinds that this source's packages are installed of by themselves, a bit each. */
static unsigned automatic(const struct source_row *source)
{
	const json_t *words = json_object_get(source->body, "automatic"), *word;
	unsigned kinds = 0;
	size_t i;

	json_array_foreach((json_t *)words, i, word)
	{
		enum package_kind kind = package_kind_find(json_string_value(word));

		if (kind < PACKAGE_KIND_END)
			kinds |= 1u << kind;
	}
	return kinds;
}

/* ---- one package ------------------------------------------------------------------------- */

/* In pieces, as people send it: no write is long. */
static int send_up(struct packages *p, const struct buf *bytes, int64_t *ret_id,
                   struct problem *problem)
{
	enum { STEP = 4 * BLOB_PIECE_MAX };
	uint64_t size;
	int rc = blob_upload_begin(p->store, &actor_smsd, ret_id, problem);

	for (size_t at = 0; rc == 0 && at < bytes->len; at += STEP)
		rc = blob_upload_add(p->store, &actor_smsd, *ret_id, at, bytes->data + at,
		                     SL_MIN(bytes->len - at, (size_t)STEP), &size, problem);
	return rc;
}

/* What is left all the same goes after a day. */
static void drop_upload(struct packages *p, int64_t upload)
{
	struct problem problem = {0};
	int rc = upload == 0 ? 0 : blob_upload_drop(p->store, &actor_smsd, upload, &problem);

	if (rc != 0)
		log_debug("an upload of smsd's own stays: %s", err_text(rc));
	problem_fini(&problem);
}

static int take_in(struct check *c, const struct buf *bytes, struct problem *problem)
{
	struct import import = {.actor = &actor_smsd,
	                        .bytes = bytes->data,
	                        .len = bytes->len,
	                        .source = c->source->name,
	                        .automatic = automatic(c->source),
	                        .problem = problem};
	int rc = send_up(c->p, bytes, &import.upload, problem);

	if (rc == 0) {
		(void)pthread_mutex_lock(&c->p->importing);
		rc = package_import(c->p, &import);
		(void)pthread_mutex_unlock(&c->p->importing);
	}
	if (rc != 0)
		drop_upload(c->p, import.upload);
	else
		ingest_say(c->p->ingest, LOG_LEVEL_INFO, NULL,
		           "package source %s: %s \"%s\" version %s is here%s", c->source->name,
		           package_kind_title(import.kind), import.name, import.version,
		           import.was_installed ? " and installed" : "");
	return rc;
}

static bool is_digest(const struct buf *bytes, const uint8_t sha256[PUBLISH_DIGEST])
{
	uint8_t digest[PUBLISH_DIGEST];

	return EVP_Digest(bytes->data, bytes->len, digest, NULL, EVP_sha256(), NULL) == 1 &&
	       memcmp(digest, sha256, sizeof(digest)) == 0;
}

/* Why not is said as long as the source has it. */
static void refuse(struct check *c, const struct publish_entry *e, unsigned keys_turn,
                   const struct problem *problem)
{
	struct check alone = {.p = c->p};

	note_problem(&alone, e->file, problem);
	passed_refuse(c->p, e->sha256, problem->code, keys_turn, alone.error);
	note_problem(c, e->file, problem);
}

static void fetch_package(struct check *c, const struct publish_entry *e)
{
	unsigned keys_turn = passed_keys_turn(c->p);
	char error[PACKAGES_ERROR_MAX];
	struct problem problem = {0};
	struct buf bytes;

	if (e->size > publish_size_max(e->kind)) {
		note(c, e->file, "it is larger than its kind may be", "");
		return;
	}
	if (fetch_file(c->p, c->source, e->file, e->size, &bytes, error) != 0)
		note(c, "", error, "");
	else if (bytes.len != e->size || !is_digest(&bytes, e->sha256))
		note(c, e->file, "its bytes are not those that the index says", "publish it again");
	else if (take_in(c, &bytes, &problem) != 0)
		refuse(c, e, keys_turn, &problem);
	problem_fini(&problem);
	buf_fini(&bytes);
}

/* 1: it is worth fetching; else what a look came to, which is said. */
static int is_worth(struct check *c, const struct publish_entry *e)
{
	char why[PACKAGES_ERROR_MAX];
	bool deleted = false;
	int rc = is_here(c->p, e->sha256);

	if (rc == 0)
		rc = passed_is_deleted(c->p, e->sha256, &deleted);
	else if (rc > 0)
		return 0;
	if (rc < 0) {
		note(c, e->file, err_text(rc), "");
		return rc;
	}
	if (deleted)
		return 0;
	if (!passed_is_refused(c->p, e->sha256, why))
		return 1;
	if (c->error[0] == '\0')
		memcpy(c->error, why, sizeof(c->error));
	return 0;
}

/* ---- the source -------------------------------------------------------------------------- */

static void look_at(struct check *c, const struct publish_index *index)
{
	for (unsigned kind = 0; kind < PACKAGE_KIND_END; kind++) {
		const struct publish_entry *e = newest_of(index, kind);

		if (!e || publish_size_max(kind) == 0 || atomic_load(&c->p->stopping))
			continue;
		if (is_worth(c, e) > 0)
			fetch_package(c, e);
	}
}

static void check(struct check *c)
{
	char error[PACKAGES_ERROR_MAX];
	struct publish_index index;
	struct pki_error err;
	struct buf text;

	if (fetch_file(c->p, c->source, PUBLISH_INDEX, PUBLISH_INDEX_MAX, &text, error) != 0) {
		note(c, "", error, "");
	} else if (publish_index_parse(buf_text(&text), text.len, &index, &err) != 0) {
		note(c, "", err.text, err.remedy);
	} else {
		look_at(c, &index);
		publish_index_fini(&index);
	}
	buf_fini(&text);
}

/* Said once: what stays wrong stands at the source. */
static void say(struct check *c)
{
	if (c->error[0] && strcmp(c->error, c->source->error) != 0)
		ingest_say(c->p->ingest, LOG_LEVEL_WARNING, NULL, "package source %s: %s",
		           c->source->name, c->error);
	else if (!c->error[0] && c->source->error[0])
		ingest_say(c->p->ingest, LOG_LEVEL_INFO, NULL,
		           "package source %s: all is well again", c->source->name);
}

int packages_tick(struct packages *packages, int64_t now_ms)
{
	struct source_row source;
	struct check c = {.p = packages, .source = &source};
	int rc = source_claim(packages, now_ms, &source);

	if (rc <= 0)
		return rc;
	rc = source_begun(packages, &source, now_ms);
	if (rc == 0) {
		check(&c);
		if (!atomic_load(&packages->stopping)) {
			say(&c);
			rc = source_ended(packages, &source, moment_now_ms(), c.error);
		}
	}
	source_release(packages, source.id);
	source_row_fini(&source);
	return rc;
}
