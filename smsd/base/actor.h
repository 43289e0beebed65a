/* SPDX-License-Identifier: Apache-2.0 */
/* Who does it: part of every write and of every use of a secret, and of its audit line. */
#pragma once

#include <stdint.h>

enum { ACTOR_NAME_MAX = 65, ACTOR_FROM_MAX = 64 };

struct actor {
	int64_t person;            /* row of `person`; 0: smsd itself */
	char name[ACTOR_NAME_MAX]; /* "admin"; "smsd" for itself; "": nobody has proved who it is */
	char from[ACTOR_FROM_MAX]; /* address it came from; "" for smsd itself */
	const char *via;           /* "session", "token", "login", "device", "smsd"; static */
};

/* smsd itself: what it does at its start, and by the clock. */
extern const struct actor actor_smsd;
