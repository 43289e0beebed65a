/* SPDX-License-Identifier: Apache-2.0 */
/* The parts of packages. Inside smsd/package. */
#pragma once

#include <pthread.h>
#include <stdatomic.h>
#include <stdbool.h>

#include "lib/base/buf.h"
#include "lib/publish/content.h"
#include "smsd/object/blob.h"
#include "smsd/package/package.h"
#include "smsd/store/store.h"

/* A package that is none for us. */
struct refused {
	uint8_t sha256[BLOB_DIGEST];
	char why[PACKAGES_ERROR_MAX]; /* "": no row */
};

struct packages {
	struct store *store;
	struct ingest *ingest;
	packages_installed_fn *installed;
	void *installed_arg;
	pthread_mutex_t lock; /* of all to the next lock */
	unsigned keys_turn;   /* goes up when the keys are others */
	struct refused refused[PACKAGES_REFUSED_KEPT];
	size_t refused_next;
	int64_t checked[PACKAGES_CHECKS]; /* sources that are looked at; 0: none */
	pthread_mutex_t importing;        /* one package at a time is in memory */
	atomic_bool stopping;
};

/* The problem's code, or this one with its text: what a function of the room ends with. */
int packages_failed(int code, struct problem *problem) SL_NONNULL(2);

/* ---- rows -------------------------------------------------------------------------------- */

struct source_row {
	int64_t id, revision, due_ms, checked_ms;
	char name[64 + 1];
	json_t *body;
	char error[PACKAGES_ERROR_MAX];
};

/* SL_ENOENT is in `problem`. source_row_fini frees. */
int source_get(struct packages *p, const char *name, struct source_row *ret_row,
               struct problem *problem) SL_NONNULL(1, 2, 3, 4) SL_MUST;
void source_row_fini(struct source_row *row) SL_NONNULL(1);

/* The first that is due and that nobody looks at: taken by this thread until source_release. 1:
 * there is one. */
int source_claim(struct packages *p, int64_t now_ms, struct source_row *ret_row)
        SL_NONNULL(1, 3) SL_MUST;
void source_release(struct packages *p, int64_t id) SL_NONNULL(1);
bool source_is_checked(struct packages *p, int64_t id) SL_NONNULL(1);

/* What a look came to, when it began and when the next one is. */
int source_begun(struct packages *p, const struct source_row *row, int64_t now_ms)
        SL_NONNULL(1, 2) SL_MUST;
int source_ended(struct packages *p, const struct source_row *row, int64_t now_ms,
                 const char *error) SL_NONNULL(1, 2, 4) SL_MUST;

struct package_row {
	int64_t id, created_ms, imported_ms;
	enum package_kind kind;
	char name[PACKAGE_NAME_MAX], version[PACKAGE_VERSION_MAX];
	char description[PACKAGE_DESCRIPTION_MAX], signer[PACKAGE_FINGERPRINT_MAX];
	char source[64 + 1];
	uint64_t size;
	uint8_t sha256[BLOB_DIGEST];
	json_t *content, *summary; /* content NULL: not kept here */
	bool installed;
};

void package_row_fini(struct package_row *row) SL_NONNULL(1);

/* A store_row_fn for one row; `found` is set by it. */
struct package_found {
	struct package_row row;
	bool found;
};
store_row_fn package_row_take;

/* SL_ENOENT is in `problem`. */
int package_row_get(struct packages *p, int64_t id, struct package_row *ret_row,
                    struct problem *problem) SL_NONNULL(1, 3, 4) SL_MUST;

/* Of an array; a row's JSON. */
json_t *package_row_show(const struct package_row *row, bool whole) SL_NONNULL(1);

/* ---- keys -------------------------------------------------------------------------------- */

/* Those that are trusted now, and their PEM for who has to verify by them. */
struct trusted {
	struct package_keys keys;
	char fingerprint[PACKAGE_KEYS_MAX][PACKAGE_FINGERPRINT_MAX];
	char *pem[PACKAGE_KEYS_MAX];
};

int trusted_load(struct packages *p, struct trusted *ret_trusted, struct problem *problem)
        SL_NONNULL(1, 2, 3) SL_MUST;
void trusted_fini(struct trusted *trusted) SL_NONNULL(1);

/* ---- import ------------------------------------------------------------------------------ */

/* Bytes that are an upload of `actor`; `source` "" by hand. Newer than what is installed of its
 * kind, it is installed with it where `automatic` has the kind (a bit each). */
struct import {
	const struct actor *actor;
	int64_t upload;
	const void *bytes;
	size_t len;
	const char *source;
	unsigned automatic;
	int64_t id; /* what it is */
	bool was_installed;
	/* What it says of itself. */
	enum package_kind kind;
	char name[PACKAGE_NAME_MAX], version[PACKAGE_VERSION_MAX];
	struct problem *problem;
};
int package_import(struct packages *p, struct import *import) SL_NONNULL(1, 2) SL_MUST;

/* In a write, with its audit row. */
int install_tx(struct store_tx *tx, const struct actor *actor, const struct package_row *row,
               bool install) SL_NONNULL(1, 2, 3) SL_MUST;

/* ---- what is passed over (passed.c) ------------------------------------------------------ */

int passed_is_deleted(struct packages *p, const uint8_t sha256[BLOB_DIGEST], bool *ret_deleted)
        SL_NONNULL(1, 2, 3) SL_MUST;
int passed_delete_tx(struct store_tx *tx, const uint8_t sha256[BLOB_DIGEST])
        SL_NONNULL(1, 2) SL_MUST;
int passed_bring_tx(struct store_tx *tx, const uint8_t sha256[BLOB_DIGEST])
        SL_NONNULL(1, 2) SL_MUST;

bool passed_is_refused(struct packages *p, const uint8_t sha256[BLOB_DIGEST],
                       char ret_why[PACKAGES_ERROR_MAX]) SL_NONNULL(1, 2, 3);
/* With this code, by the keys of that turn; what is no fault of the package's is not kept. */
void passed_refuse(struct packages *p, const uint8_t sha256[BLOB_DIGEST], int code,
                   unsigned keys_turn, const char *why) SL_NONNULL(1, 2, 5);
unsigned passed_keys_turn(struct packages *p) SL_NONNULL(1);
void passed_keys_changed(struct packages *p) SL_NONNULL(1);

/* ---- fetching ---------------------------------------------------------------------------- */

/* A file of a source, `max` bytes at most, into `out`, which is initialised here. Why not is in
 * `error`. SL_ENOENT, SL_ELIMIT, SL_ESYS, SL_ECLOSED, SL_EREFUSED, SL_ENOMEM. */
int fetch_file(struct packages *p, const struct source_row *source, const char *file, uint64_t max,
               struct buf *out, char error[PACKAGES_ERROR_MAX]) SL_NONNULL(1, 2, 3, 5, 6) SL_MUST;

/* An address that fetch_file takes, as far as one can say without trying. */
bool fetch_is_address(const char *address) SL_NONNULL(1);
