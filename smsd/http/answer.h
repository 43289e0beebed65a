/* SPDX-License-Identifier: Apache-2.0 */
/* A JSON value as an answer. Any thread. */
#pragma once

#include <jansson.h>

#include "lib/base/attr.h"

struct http_response;

/* Takes `value` over (NULL: out of memory). SL_ENOMEM, SL_ELIMIT past HTTP_ANSWER_MAX. */
int answer_json(struct http_response *response, int status, json_t *value) SL_NONNULL(1) SL_MUST;
