/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Records for people: what --json prints, as tables and lines. What comes from a device or a server
 * may hold anything, so control characters never reach the terminal.
 */
#pragma once

#include <stdio.h>

#include <jansson.h>

#include "lib/base/attr.h"

/* A list of objects as a table, an object as lines of key and value, {"text": ...} as it is,
 * nothing as "none" or "done". */
void cli_print(FILE *out, const json_t *data) SL_NONNULL(1);

/* One of these forms, for those who know better what to show first. */
void cli_print_table(FILE *out, const json_t *list) SL_NONNULL(1, 2);
void cli_print_object(FILE *out, const json_t *object, unsigned indent) SL_NONNULL(1, 2);

/* Text without control characters; UTF-8 is kept. */
void cli_print_text(FILE *out, const char *text) SL_NONNULL(1, 2);
