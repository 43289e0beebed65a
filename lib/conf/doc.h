/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The schema written out: the reference for people (docs/configuration.md) and the JSON Schema for
 * editors and the management system (docs/schema/tpsd.schema.json). Made by the program conf-doc;
 * a test compares the committed files with what the table says.
 */
#pragma once

#include "lib/base/attr.h"

struct buf;

/* Adds the whole reference in Markdown. Errors as buf_add. */
int conf_doc_reference(struct buf *out) SL_NONNULL(1) SL_MUST;

/* Adds the JSON Schema (draft 2020-12), indented, with a newline at its end. SL_ENOMEM. */
int conf_doc_json_schema(struct buf *out) SL_NONNULL(1) SL_MUST;
