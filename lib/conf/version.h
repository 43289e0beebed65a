/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Versions of the document (R162; docs/internals/configuration.md, "Versions of the document"). A
 * document says which one it is of, and has no row that came later. This build reads the newest and
 * the one before. Any thread.
 */
#pragma once

#include <stdint.h>

#include "lib/base/attr.h"
#include "lib/conf/schema.h"

struct conf_errors;
struct conf_node;

/* The newest, N, and the oldest that is read, N-1. Tests build what the next one will be by it. */
#ifndef CONF_VERSION
#define CONF_VERSION 1
#endif
#define CONF_VERSION_OLDEST (CONF_VERSION > 1 ? CONF_VERSION - 1 : 1)

/* These two, and a row's `since` (1: always there): what everything asks, so that a test that links
 * others in their place has the program of another version. */
uint32_t conf_version(void);
uint32_t conf_version_oldest(void);
uint32_t conf_since(const struct conf_field *field) SL_NONNULL(1);

enum { CONF_VERSIONS_TEXT_MAX = 40 };

/* "version 1", "versions 1 and 2": those that this build reads. Returns `text`. */
const char *conf_versions_text(char text[CONF_VERSIONS_TEXT_MAX]) SL_NONNULL(1);

/*
 * The version that a document is of. SL_EUNSUPPORTED: none that is read, which is added to `errs`
 * then, with the remedy. The newest where none is written, or what is no number: that is
 * config_build's to refuse.
 */
int conf_version_of(const struct conf_node *root, struct conf_errors *errs, uint32_t *ret_version)
        SL_NONNULL(1, 2, 3) SL_MUST;
