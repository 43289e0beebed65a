/* SPDX-License-Identifier: Apache-2.0 */
/*
 * index.json of a source of packages, a directory or an address: what lies beside it. `tmc publish`
 * writes it, smsd reads it, and believes none of it: it only says what is worth fetching. Its rows
 * are the schema's, as bodies of requests are (lib/conf/object.h). Any thread.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "lib/base/attr.h"
#include "lib/package/package.h"

struct buf;
struct conf_object;

#define PUBLISH_INDEX "index.json"

enum {
	PUBLISH_INDEX_MAX = 1024 * 1024, /* bytes of it */
	PUBLISH_PACKAGES_MAX = 256,
	PUBLISH_FILE_MAX = 128, /* of a file's name, NUL included */
	PUBLISH_DIGEST = 32,
};

struct publish_entry {
	char file[PUBLISH_FILE_MAX];
	enum package_kind kind; /* PACKAGE_KIND_END: one that this build does not know */
	char name[PACKAGE_NAME_MAX], version[PACKAGE_VERSION_MAX];
	int64_t created; /* seconds since the epoch */
	uint64_t size;
	uint8_t sha256[PUBLISH_DIGEST];
};

struct publish_index {
	struct publish_entry *items; /* in the file's order */
	size_t count;
};

/* The file's rows: {packages: [{file, kind, name, version, created, size, sha256}]}. */
extern const struct conf_object publish_shape;

/* A name that stays in its directory, on any system and in any address: letters, digits, ".", "_"
 * and "-", the first no ".". */
bool publish_is_file(const char *name) SL_NONNULL(1);

/* SL_ELIMIT, SL_EMALFORMED, SL_ENOMEM and what lib/conf says. publish_index_fini frees. */
int publish_index_parse(const void *text, size_t len, struct publish_index *ret_index,
                        struct pki_error *err) SL_NONNULL(1, 3, 4) SL_MUST;
void publish_index_fini(struct publish_index *index) SL_NONNULL(1);

/* Adds the text of an index, for people too. SL_ENOMEM, SL_ELIMIT. */
int publish_index_text(const struct publish_index *index, struct buf *out) SL_NONNULL(1, 2) SL_MUST;
