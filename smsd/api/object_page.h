/* SPDX-License-Identifier: Apache-2.0 */
/* A page of objects as an answer, by the query's `after` and `limit`. Pool threads. */
#pragma once

#include <jansson.h>

#include "lib/base/attr.h"
#include "smsd/api/call.h"
#include "smsd/object/object.h"

/* What a page has of one; NULL: out of memory. */
typedef json_t *api_object_fn(const struct object *object);

/* {items, next}: `next` is what `after` is for the next page, "" at the end. SL_ERANGE (limit), the
 * store's codes. */
int api_answer_objects(struct api_call *call, enum object_kind kind, api_object_fn *show)
        SL_NONNULL(1, 3) SL_MUST;
