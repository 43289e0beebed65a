/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What a ClientHello tells of the client's TLS library: JA3 (MD5 of versions, suites, extensions,
 * groups and point formats in order) and JA4 (sorted, SHA-256), by their published definitions.
 * Once a session, for its record. Any thread.
 */
#pragma once

#include "lib/base/attr.h"
#include "lib/wire/clienthello.h"

enum {
	FINGERPRINT_VALUES_MAX = 256, /* of a list; no client that has one has more */
	FINGERPRINT_JA3_SIZE = 33,    /* with NUL */
	FINGERPRINT_JA4_SIZE = 37,
};

struct fingerprint {
	char ja3[FINGERPRINT_JA3_SIZE]; /* "" when a list is longer than FINGERPRINT_VALUES_MAX */
	char ja4[FINGERPRINT_JA4_SIZE]; /* the same */
};

/* `hello` is one that clienthello_parse() has read. */
void fingerprint_of(const struct clienthello *hello, struct fingerprint *ret) SL_NONNULL(1, 2);
