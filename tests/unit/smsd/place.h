/* SPDX-License-Identifier: Apache-2.0 */
/* Where rooms above the store are tested: a real store in a folder that is gone with the test, a
 * clock that goes forward when the test wants, and eyes for what is in the folder's files. */
#pragma once

#include <stdbool.h>

#include "tests/unit/unit.h"

#include <jansson.h>

#include "smsd/base/actor.h"
#include "smsd/base/problem.h"
#include "smsd/store/store.h"

struct place {
	char directory[64];
	char *connection; /* NULL: SQLite */
	struct store *store;
	struct problem problem;
};

/* cmocka's setup and teardown: *state is a struct place with an open store. */
int place_setup(void **state);
int place_teardown(void **state);

/* As if smsd was started again. */
void place_close(struct place *place);
void place_open(struct place *place);

/* "DIRECTORY/NAME", valid until the next call. */
const char *place_path(const struct place *place, const char *name);

/* All that reads the wall clock sees it that much later, until the test's end. */
void place_wait(int64_t seconds);

/* Some file of the folder has these bytes in it. */
bool place_has_bytes(const struct place *place, const void *bytes, size_t len);
bool place_has_text(const struct place *place, const char *text);

/* The problem's first text, which it forgets. */
const char *place_told(struct place *place);

/* How many audit rows have this action and name (NULL: any). */
unsigned place_audited(struct place *place, const char *action, const char *name);

/* Someone who may ask. */
extern const struct actor place_actor;
