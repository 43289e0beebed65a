/* SPDX-License-Identifier: Apache-2.0 */
/* Files on their way to the server and from it. */
#pragma once

#include <stddef.h>
#include <stdio.h>

#include <jansson.h>

#include "lib/base/attr.h"
#include "sms/sms.h"

/* Puts the file's bytes as base64 into `body`; `secret`: it must be readable by its owner alone. */
enum sms_exit file_put(json_t *body, const char *key, const char *path, bool secret)
        SL_NONNULL(1, 2, 3);

/* Writes an answer to a new file, of its owner alone when `secret`; to standard output when `path`
 * is NULL. Never over a file that is there. */
enum sms_exit file_write(const char *path, const void *data, size_t len, bool secret);

/* A new file to write into, of its owner alone. NULL after it said what is wrong. */
FILE *file_create(const char *path) SL_NONNULL(1);
