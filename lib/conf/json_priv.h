/* SPDX-License-Identifier: Apache-2.0 */
/* JSON text to jansson's value to nodes, a step a function; nothing outside lib/conf includes it.
 */
#pragma once

#include <jansson.h>

#include "lib/base/attr.h"

struct conf_document;
struct conf_errors;

/* `len_max` bytes of text, else within the bounds of node.h. json_decref frees. */
int json_parse(const char *file, const void *text, size_t len, size_t len_max,
               struct conf_errors *errs, json_t **ret_value) SL_NONNULL(1, 2, 5, 6) SL_MUST;

/* `value` stays the caller's. A text may have `scalar_max` bytes. */
int json_tree(const char *file, json_t *value, size_t scalar_max, struct conf_errors *errs,
              struct conf_document **ret) SL_NONNULL(1, 2, 4, 5) SL_MUST;
