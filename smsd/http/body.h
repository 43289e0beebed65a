/* SPDX-License-Identifier: Apache-2.0 */
/* The body of a request as JSON of a shape. Any thread. */
#pragma once

#include <stdbool.h>

#include <jansson.h>

#include "lib/base/attr.h"
#include "lib/conf/object.h"

struct http_request;
struct problem;

/* Whether its Content-Type says so. */
bool http_body_is_json(const struct http_request *request) SL_NONNULL(1);

/* Checks it by the shape's rows; `problem` has all places that are wrong. */
int http_body_read(const struct http_request *request, const struct conf_object *shape,
                   json_t **ret_value, struct problem *problem) SL_NONNULL(1, 2, 3, 4) SL_MUST;
