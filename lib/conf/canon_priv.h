/* SPDX-License-Identifier: Apache-2.0 */
/* A document as a jansson value; apart from canon.h so that jansson stays inside lib/conf. */
#pragma once

#include <jansson.h>

#include "lib/base/attr.h"

struct conf_field;
struct conf_node;
struct conf_object;

/* The canonical value of a document; NULL: out of memory. json_decref it. */
json_t *canon_value(const struct conf_node *root, unsigned flags) SL_NONNULL(1) SL_MUST;

/* A scalar of a row in its one spelling; NULL: out of memory. */
json_t *canon_scalar(const struct conf_field *field, const char *text) SL_NONNULL(1, 2) SL_MUST;

/* The same of one object by its rows. */
json_t *canon_object(const struct conf_object *object, const struct conf_node *node, unsigned flags)
        SL_NONNULL(1, 2) SL_MUST;
