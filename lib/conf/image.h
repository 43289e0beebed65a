/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The image: one sealed piece of memory with everything that the processes need of a
 * configuration, so that a process without a file system builds the same struct config as
 * `control` checked. Sections by name: the document as canonical JSON, the public parts of
 * certificates, CA certificates, the text of rule files, and what else `control` adds (compiled
 * rules). Never a private key: those stay paths, for `keys` alone.
 *
 * Layout, little-endian: a header (magic, layout version, revision, sha256 of the document, number
 * of sections, total length), the table of sections (name, offset, length), names, contents, and a
 * SHA-256 of all that. Same host only; the version of the layout is checked.
 */
#pragma once

#include <stddef.h>
#include <stdint.h>

#include "lib/base/attr.h"

struct buf;
struct conf_errors;
struct conf_node;
struct config;

enum {
	CONF_IMAGE_SECTIONS_MAX = 8192,
	CONF_IMAGE_NAME_MAX = 1200,              /* bytes of a section's name, NUL included */
	CONF_IMAGE_MAX = 1024 * 1024 * 1024,     /* bytes of an image */
	CONF_RULES_FILE_MAX = 64 * 1024 * 1024,  /* bytes of one file of rules */
	CONF_NAMES_FILE_MAX = 256 * 1024 * 1024, /* bytes of one list of domains */
	/* Bytes of revocation lists in DER, over all trust stores: each worker keeps ten times
	 * that, and its sessions wait while it reads them (lib/pki/crl.h). */
	CONF_CRLS_MAX = 4 * 1024 * 1024,
};

/* Names of sections; %s is a name of the document, or a path in it. */
#define CONF_SECTION_DOCUMENT       "document"
#define CONF_SECTION_CERTIFICATE    "certificate/%s"    /* PEM: leaf, then intermediates */
#define CONF_SECTION_CA_CERTIFICATE "ca_certificate/%s" /* PEM */
#define CONF_SECTION_DEFAULT_CA     "default_ca"        /* PEM; there when a trust store wants it */
#define CONF_SECTION_CRLS           "crls/%s"           /* by path: DER, one behind the other */
#define CONF_SECTION_RULES          "rules/%s"          /* by path: the text of the file */
#define CONF_SECTION_RULE_SET       "rule_set/%s"       /* by profile: tse_ruleset_serialise() */
/* By decryption policy, when it has such a list: lib/domain/map.h. */
#define CONF_SECTION_DOMAINS   "domains/%s"
#define CONF_SECTION_OVERRIDES "overrides/%s"
/* Of the category package, when the document names one: lib/domain/category.h. */
#define CONF_SECTION_CATEGORIES "categories"

/* ---- making one (control) ---------------------------------------------------------------- */

struct conf_image_maker;

/*
 * Starts an image: checks the document, builds its config and reads every public file that it
 * names. Errors and notices (certificates that expire soon, R82) go to `errs`, all of them; with a
 * refusal the call fails with the first one's code. Add further sections, then finish.
 * `revision` is control's number of this configuration, from 1.
 */
int conf_image_create(const struct conf_node *root, uint64_t revision, struct conf_errors *errs,
                      struct conf_image_maker **ret_maker) SL_NONNULL(1, 3, 4) SL_MUST;

/* The config of the document; valid as long as the maker (or take a reference). */
struct config *conf_image_maker_config(struct conf_image_maker *maker) SL_NONNULL(1);

/* A section so far; SL_ENOENT. Valid until the next add. */
int conf_image_maker_section(const struct conf_image_maker *maker, const char *name,
                             const void **ret_data, size_t *ret_len) SL_NONNULL(1, 2, 3, 4) SL_MUST;

/* Adds a section; the bytes are copied. SL_EEXIST, SL_ELIMIT, SL_ENOMEM. */
int conf_image_add(struct conf_image_maker *maker, const char *name, const void *data, size_t len)
        SL_NONNULL(1, 2) SL_MUST;

/* Writes the image to `out`. The maker can go on. SL_ELIMIT, SL_ENOMEM. */
int conf_image_finish(const struct conf_image_maker *maker, struct buf *out)
        SL_NONNULL(1, 2) SL_MUST;

/* The same into a memfd that can neither change nor shrink nor grow. SL_ESYS with errno. */
int conf_image_finish_fd(const struct conf_image_maker *maker, int *ret_fd)
        SL_NONNULL(1, 2) SL_MUST;

void conf_image_maker_destroy(struct conf_image_maker *maker);

/* ---- reading one (everyone) -------------------------------------------------------------- */

struct conf_image;

/*
 * Opens an image in memory that stays the caller's and outlives *ret_image. Everything is checked
 * here: lengths, offsets, names, the digest. SL_EMALFORMED, SL_EMISMATCH (another layout),
 * SL_ENOMEM. conf_image_close ends it.
 */
int conf_image_open(const void *data, size_t len, struct conf_image **ret_image)
        SL_NONNULL(1, 3) SL_MUST;

/*
 * Maps a sealed memfd and opens it; the descriptor stays the caller's, and conf_image_close unmaps.
 * Also SL_ESYS, SL_EPERM (not sealed).
 */
int conf_image_open_fd(int fd, struct conf_image **ret_image) SL_NONNULL(2) SL_MUST;

/*
 * One more reference, for what looks into the image's bytes for longer than a call; returns
 * `image`. Each conf_image_close takes one away. One thread at a time.
 */
const struct conf_image *conf_image_get(const struct conf_image *image) SL_NONNULL(1);

/* NULL is nothing. Sections' bytes of conf_image_open stay the caller's. */
void conf_image_close(const struct conf_image *image);

uint64_t conf_image_revision(const struct conf_image *image) SL_NONNULL(1);

/* Of the canonical document: 32 bytes, valid as long as the image. */
const uint8_t *conf_image_sha256(const struct conf_image *image) SL_NONNULL(1);

/* A section's bytes, valid as long as the image. SL_ENOENT. */
int conf_image_section(const struct conf_image *image, const char *name, const void **ret_data,
                       size_t *ret_len) SL_NONNULL(1, 2, 3, 4) SL_MUST;

/* The same by one of the patterns above: conf_image_section_of(i, CONF_SECTION_RULES, path, …). */
int conf_image_section_of(const struct conf_image *image, const char *pattern, const char *what,
                          const void **ret_data, size_t *ret_len) SL_NONNULL(1, 2, 3, 4, 5) SL_MUST;

/* Name and length of the section at `index`; SL_ENOENT past the last. The name ends with a NUL. */
int conf_image_section_at(const struct conf_image *image, size_t index, const char **ret_name,
                          size_t *ret_len) SL_NONNULL(1, 3, 4) SL_MUST;

/* The config of the document in the image, with its revision. One reference; see config_build. */
int conf_image_config(const struct conf_image *image, struct conf_errors *errs,
                      struct config **ret_config) SL_NONNULL(1, 2, 3) SL_MUST;
