/* SPDX-License-Identifier: Apache-2.0 */
/* Between gathering sections and writing them; nothing outside lib/conf includes this. */
#pragma once

#include <stddef.h>
#include <stdint.h>

#include "lib/base/attr.h"
#include "lib/conf/image.h"

struct image_section {
	char *name;
	void *data;
	size_t len;
};

struct image_sections {
	struct image_section *items;
	size_t count;
	size_t size;  /* room in items */
	size_t total; /* bytes of contents */
};

/* Adds the image of these sections to `out`. */
int image_write(const struct image_sections *sections, uint64_t revision, const uint8_t sha256[32],
                struct buf *out) SL_NONNULL(1, 3, 4) SL_MUST;

/* "rules/%s" and "/x" make "rules//x"; returns `name`. */
char *image_section_name(char name[CONF_IMAGE_NAME_MAX], const char *pattern, const char *what)
        SL_NONNULL(1, 2, 3);

struct buf;
struct conf_errors;
struct conf_image_maker;
struct conf_node;

/* Adds a section for each public file that the document names; errors at the settings. */
void image_gather_files(struct conf_image_maker *maker, const struct conf_node *root,
                        struct conf_errors *errs) SL_NONNULL(1, 2, 3);

/* One file is being read for the setting at `node`. */
struct gather {
	struct conf_image_maker *m;
	struct conf_errors *errs;
	const struct conf_node *node;
	struct stack_st_X509 *cas; /* while certificates are read: all CA certificates; or NULL */
};

/* The node of item `index` of a list, or of its setting `key` when that is written. */
const struct conf_node *gather_node(const struct conf_node *map, const char *list, size_t index,
                                    const char *key) SL_NONNULL(1, 2, 4);

/* The node of a decryption policy's setting; NULL for the built-in ones. */
const struct conf_node *gather_policy_node(const struct conf_node *root, size_t index,
                                           const char *key) SL_NONNULL(1, 3);

/* Adds the content of a plain file to `text`. SL_ESYS with errno, SL_ELIMIT, SL_ENOMEM. */
int gather_read(const char *path, struct buf *text) SL_NONNULL(1, 2) SL_MUST;

/* The categories of the package that the document names; notices where policies name others. */
void gather_categories(struct gather *g, const struct conf_node *root) SL_NONNULL(1, 2);

/* Certificates and CA certificates. */
void gather_pki(struct gather *g, const struct conf_node *root) SL_NONNULL(1, 2);

/* The revocation lists of trust stores; their CA certificates are there already. */
void gather_crls(struct gather *g, const struct conf_node *root) SL_NONNULL(1, 2);

/* The lists of decryption policies as maps of names. */
void gather_names(struct gather *g, const struct conf_node *root) SL_NONNULL(1, 2);
