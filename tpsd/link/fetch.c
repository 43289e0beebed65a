/* SPDX-License-Identifier: Apache-2.0 */
/* A document and its files: whole and of the right digest before anybody sees them. */
#include <errno.h>
#include <inttypes.h>
#include <openssl/evp.h>
#include <openssl/sha.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "lib/base/err.h"
#include "lib/base/hex.h"
#include "lib/base/log.h"
#include "tpsd/link/link_priv.h"
#include "tpsd/link/store.h"
#include "tpsd/proc/proc.h"

enum { FETCH_S = 300 };

static void close_part(struct follow *f)
{
	if (f->part >= 0)
		(void)close(f->part);
	f->part = -1;
	EVP_MD_CTX_free(f->digest);
	f->digest = NULL;
}

void fetch_stop(struct link *link)
{
	struct follow *f = &link->follow;

	https_cancel(f->fetch_call);
	f->fetch_call = NULL;
	close_part(f);
	buf_fini(&f->document);
	free(f->files);
	f->files = NULL;
	f->files_count = f->at = 0;
}

static void give_up(struct link *link, const char *why)
{
	if (link->follow.part >= 0)
		store_drop_file(link->store, link->follow.files[link->follow.at].sha256);
	fetch_stop(link);
	follow_fetch_later(link, why);
}

void fetch_drop(struct link *link)
{
	fetch_stop(link);
	link_set_state(link, LINK_CONNECTED);
	follow_fetch_over(link);
}

/* The next piece, the next file, or all is here. */
static void go_on(struct link *link);

/* ---- files ------------------------------------------------------------------------------- */

static const char *keep_file(struct link *link)
{
	struct follow *f = &link->follow;
	uint8_t digest[EVP_MAX_MD_SIZE];

	if (EVP_DigestFinal_ex(f->digest, digest, NULL) != 1 ||
	    memcmp(digest, f->files[f->at].sha256, 32) != 0)
		return "a file of the SMS has another digest than it says";
	if (store_keep_file(link->store, f->files[f->at].sha256, f->part) != 0)
		return strerror(errno);
	f->files[f->at].here = true;
	close_part(f);
	return NULL;
}

static const char *take_piece(struct link *link, const struct https_answer *in)
{
	struct follow *f = &link->follow;
	const struct wanted_file *file = &f->files[f->at];

	if (in->len == 0 || in->len > file->size - f->offset)
		return "a file of the SMS has another length than it says";
	if (store_add_file(f->part, in->data, in->len) != 0)
		return errno == ENOSPC ? "there is no room for the SMS's files" : strerror(errno);
	if (EVP_DigestUpdate(f->digest, in->data, in->len) != 1)
		return err_text(SL_ECRYPTO);
	f->offset += in->len;
	return f->offset == file->size ? keep_file(link) : NULL;
}

static void on_piece(void *arg, const struct https_answer *in)
{
	struct link *link = arg;
	struct answer answer;
	const char *why;

	link->follow.fetch_call = NULL;
	if (!link_take(link, REMOTE_FILE, in, &answer))
		return;
	why = answer.status == 0 ? take_piece(link, in) : answer.text;
	if (why)
		give_up(link, why);
	else
		go_on(link);
	answer_fini(&answer);
}

static void on_bundle(void *arg, const struct https_answer *in)
{
	struct link *link = arg;
	struct answer answer;
	const char *why;

	link->follow.fetch_call = NULL;
	if (!link_take(link, REMOTE_BUNDLE, in, &answer))
		return;
	why = answer.status == 0 ? bundle_take(link, in) : answer.text;
	if (why)
		give_up(link, why);
	else
		go_on(link);
	answer_fini(&answer);
}

static const char *begin_file(struct link *link)
{
	struct follow *f = &link->follow;

	if (store_begin_file(link->store, f->files[f->at].sha256, &f->part) != 0)
		return strerror(errno);
	f->offset = 0;
	f->digest = EVP_MD_CTX_new();
	if (!f->digest || EVP_DigestInit_ex(f->digest, EVP_sha256(), NULL) != 1)
		return err_text(SL_ENOMEM);
	return NULL;
}

static const char *ask_piece(struct link *link)
{
	struct follow *f = &link->follow;
	char query[128], hex[65];

	(void)snprintf(query, sizeof(query), "sha256=%s&offset=%" PRIu64,
	               hex_text(f->files[f->at].sha256, 32, hex), f->offset);
	return link_call(link, REMOTE_FILE, query, NULL, FETCH_S, false, on_piece,
	                 &f->fetch_call) == 0
	               ? NULL
	               : err_text(SL_ENOMEM);
}

/* Names of the wanted document's files, and those in the text of the one in force. */
static enum store_use use_of(void *arg, const char *name)
{
	const struct link *link = arg;
	const struct follow *f = &link->follow;
	struct wanted_file file = {.size = 0};
	bool found = false;
	void *text;

	if (answer_unhex(name, file.sha256, sizeof(file.sha256)) && f->files_count > 0 &&
	    bsearch(&file, f->files, f->files_count, sizeof(file), answer_file_order))
		return STORE_WANTED;
	text = link->held.size
	               ? mmap(NULL, link->held.size, PROT_READ, MAP_SHARED, link->held.fd, 0)
	               : MAP_FAILED;
	if (text == MAP_FAILED)
		return link->held.size > 0 ? STORE_NAMED : STORE_UNNAMED;
	found = memmem(text, link->held.size, name, strlen(name)) != NULL;
	(void)munmap(text, link->held.size);
	return found ? STORE_NAMED : STORE_UNNAMED;
}

static void all_here(struct link *link)
{
	store_prune(link->store, LINK_FILES_KEPT_S, use_of, link);
	follow_apply(link);
	tell(link);
}

/* One that is large, or as many of the small ones as one answer takes. */
static const char *ask_next(struct link *link)
{
	const char *why;

	if (bundle_takes(&link->follow.files[link->follow.at]))
		return bundle_ask(link, FETCH_S, on_bundle) == 0 ? NULL : err_text(SL_ENOMEM);
	why = begin_file(link);
	return why ? why : ask_piece(link);
}

static void go_on(struct link *link)
{
	struct follow *f = &link->follow;
	const char *why;

	if (f->part >= 0) {
		why = ask_piece(link);
	} else {
		while (f->at < f->files_count && bundle_has(link, &f->files[f->at]))
			f->at++;
		if (f->at == f->files_count) {
			all_here(link);
			return;
		}
		why = ask_next(link);
	}
	if (why)
		give_up(link, why);
}

static void on_files(void *arg, const struct https_answer *in)
{
	struct link *link = arg;
	struct follow *f = &link->follow;
	struct answer answer;
	int rc;

	f->fetch_call = NULL;
	if (!link_take(link, REMOTE_FILES, in, &answer))
		return;
	rc = answer.status;
	if (rc == 0)
		rc = answer_files(in->data, in->len, &f->files, &f->files_count);
	if (rc != 0) {
		give_up(link,
		        answer.text[0] ? answer.text : "the SMS's list of files makes no sense");
	} else {
		store_look(link->store);
		go_on(link);
	}
	answer_fini(&answer);
}

/* ---- the document ------------------------------------------------------------------------ */

static int ask(struct link *link, enum remote_call_id id, https_done_fn *fn)
{
	char query[32];

	(void)snprintf(query, sizeof(query), "revision=%" PRIu32, link->follow.wanted.revision);
	return link_call(link, id, query, NULL, FETCH_S, false, fn, &link->follow.fetch_call);
}

static bool is_document(const struct wanted *w, const struct https_answer *in)
{
	uint8_t digest[SHA256_DIGEST_LENGTH];

	(void)SHA256(in->data, in->len, digest);
	return in->len == w->size && memcmp(digest, w->sha256, sizeof(digest)) == 0;
}

static void on_document(void *arg, const struct https_answer *in)
{
	struct link *link = arg;
	struct follow *f = &link->follow;
	struct answer answer;

	f->fetch_call = NULL;
	if (!link_take(link, REMOTE_DOCUMENT, in, &answer))
		return;
	if (answer.status == SL_ENOENT) { /* a newer one took its place */
		fetch_drop(link);
	} else if (answer.status != 0) {
		give_up(link, answer.text);
	} else if (!is_document(&f->wanted, in)) {
		give_up(link, "the SMS's document has another digest than it says");
	} else if (buf_add(&f->document, in->data, in->len) != 0 ||
	           ask(link, REMOTE_FILES, on_files) != 0) {
		give_up(link, err_text(SL_ENOMEM));
	}
	answer_fini(&answer);
}

void fetch_start(struct link *link)
{
	link_set_state(link, LINK_FETCHING);
	fetch_stop(link);
	if (ask(link, REMOTE_DOCUMENT, on_document) != 0)
		give_up(link, err_text(SL_ENOMEM));
}
