/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Rule files for tse-replay: read, compile, tell the diagnoses.
 */
#pragma once

#include <stdio.h>

#include "tse/include/tse.h"

enum { RULES_FILES_MAX = 32, RULES_VARIABLES_MAX = 64 };

struct rules {
	const char *files[RULES_FILES_MAX];
	size_t nfiles;
	struct tse_variable variables[RULES_VARIABLES_MAX];
	size_t nvariables;
	FILE *diag; /* NULL: say nothing */
	bool warnings;
	size_t errors, warned;
};

/* The variables that rule files commonly use, each "any" or the usual ports. */
void rules_set_defaults(struct rules *r) SL_NONNULL(1);

/* "NAME=VALUE"; the text stays the caller's. SL_EINVAL, SL_ELIMIT. */
int rules_set_variable(struct rules *r, char *assignment) SL_NONNULL(1, 2) SL_MUST;

/* SL_ESYS when a file cannot be read (errno, *ret_file), else as tse_ruleset_compile. */
int rules_compile(struct rules *r, const char **ret_file, struct tse_ruleset **ret_set)
        SL_NONNULL(1, 2, 3) SL_MUST;

/* The whole of a file, for the caller to free; NULL with errno. "-" is standard input. */
char *rules_read_file(const char *name, size_t *ret_len) SL_NONNULL(1, 2);
