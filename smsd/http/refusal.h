/* SPDX-License-Identifier: Apache-2.0 */
/* A problem as an answer: RFC 9457, with the status of its code by one table. Any thread. */
#pragma once

#include "lib/base/attr.h"
#include "smsd/base/problem.h"
#include "smsd/http/http.h"

/* The status of a code: 404 of SL_ENOENT. */
int refusal_status(int code);

/* Makes `response` the answer; `status` 0: by the code. What it had is dropped. */
void refusal_answer(struct http_response *response, const struct problem *problem, int status)
        SL_NONNULL(1, 2);
