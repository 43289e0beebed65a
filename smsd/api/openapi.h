/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The API written out, from the tables of routes and shapes: as an OpenAPI 3.1 document, and for
 * people (docs/sms-api.md, which a test compares with the tables). Any thread.
 */
#pragma once

#include <jansson.h>

#include "lib/base/attr.h"

struct buf;

/* NULL: out of memory. */
json_t *openapi_document(void) SL_MUST;

/* Adds the page in Markdown. Errors as buf_add. */
int openapi_page(struct buf *out) SL_NONNULL(1) SL_MUST;
