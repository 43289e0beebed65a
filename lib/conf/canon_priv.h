/* SPDX-License-Identifier: Apache-2.0 */
/* A document as a jansson value; apart from canon.h so that jansson stays inside lib/conf. */
#pragma once

#include <jansson.h>

#include "lib/base/attr.h"

struct conf_node;

/* The canonical value of a document; NULL: out of memory. json_decref it. */
json_t *canon_value(const struct conf_node *root, unsigned flags) SL_NONNULL(1) SL_MUST;
