/* SPDX-License-Identifier: Apache-2.0 */
/* The layout in numbers, for the reader and the writer. */
#pragma once

#include "lib/package/package.h"

#define PACKAGE_MARK "SLUICEPK"

enum {
	LAYOUT_MAJOR = 1,
	LAYOUT_MINOR = 0,
	MARK_LEN = 8,
	DIGEST_LEN = 32,
	SIGNATURE_LEN = 64,
};

struct package_kind_row {
	const char *name, *title;
	uint32_t major, minor;
};

extern const struct package_kind_row package_kinds[PACKAGE_KIND_END];
