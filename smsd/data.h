/* SPDX-License-Identifier: Apache-2.0 */
/* The data directory: made and looked at by whoever starts smsd, written by the user that serves.
 */
#pragma once

#include <limits.h>
#include <stdbool.h>
#include <sys/types.h>

#include "lib/base/attr.h"

struct problem;

/* Makes the directory for this user alone, or looks whether it is: SL_EPERM with the remedy.
 * *ret_first: nothing is in it. SL_ESYS. */
int data_prepare(const char *directory, uid_t uid, gid_t gid, bool *ret_first,
                 struct problem *problem) SL_NONNULL(1, 4, 5) SL_MUST;

/* "DIRECTORY/initial-password". */
void data_password_path(const char *directory, char ret_path[PATH_MAX]) SL_NONNULL(1, 2);

/* Makes that file, 0600. SL_ESYS. */
int data_write_password(const char *directory, const char *password, struct problem *problem)
        SL_NONNULL(1, 2, 3) SL_MUST;
