/* SPDX-License-Identifier: Apache-2.0 */
/* `tpsd --check`: everything that is wrong with a document, printed. No process runs yet. */
#pragma once

#include <stdbool.h>
#include <stdio.h>

#include "lib/base/attr.h"

/*
 * Checks the document at `path` and the files that it names as far as this user can read them, and
 * prints every error and notice to `out`, with place and remedy, and a closing line. 0, or the
 * first refusal's code.
 */
int check_file(const char *path, FILE *out) SL_NONNULL(1, 2) SL_MUST;

/* What parent must know before it forks: the document's device.workers, and whether it names a
 * licence authority. Errors are printed. */
int check_workers(const char *path, FILE *out, unsigned *ret_workers, bool *ret_authority)
        SL_NONNULL(1, 2, 3, 4) SL_MUST;
