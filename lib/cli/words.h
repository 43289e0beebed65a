/* SPDX-License-Identifier: Apache-2.0 */
/* The words behind a program's options, as all of our programs take them. Before any thread. */
#pragma once

#include <stdbool.h>
#include <stddef.h>

#include "lib/base/attr.h"

/* How many of them are the command's, whose "-o" becomes "--output" in `argv`. A last "--json"
 * counts as the option and is left out; not while they are completed, where it is being typed. */
size_t cli_words(int argc, char **argv, bool completing, bool *json) SL_NONNULL(2, 4) SL_MUST;
