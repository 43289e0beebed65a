/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What packages are installed, as documents and who enforces them need it. smsd/package writes it.
 * Pool threads, and the writer's in a write.
 */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include <jansson.h>

#include "lib/base/attr.h"
#include "lib/package/package.h"
#include "smsd/object/blob.h"

struct store;
struct store_tx;

struct installed_file {
	uint8_t sha256[BLOB_DIGEST];
	uint64_t size;
};

struct installed {
	bool there;
	struct installed_file package; /* as it was signed */
	struct installed_file key;     /* the public key of who signed it, PEM */
	struct installed_file content; /* CA certificates in PEM; of other kinds of no size */
	json_t *policy;                /* of a decryption policy: it; else NULL */
	json_t *summary;               /* lib/publish/content.h */
};

/* One a kind. Zeroed memory before; installed_fini frees. SL_EIO: rows are damaged. */
struct installed_packages {
	struct installed of[PACKAGE_KIND_END];
};

int installed_load(struct store *store, struct installed_packages *ret) SL_NONNULL(1, 2) SL_MUST;
int installed_load_tx(struct store_tx *tx, struct installed_packages *ret) SL_NONNULL(1, 2) SL_MUST;
void installed_fini(struct installed_packages *packages) SL_NONNULL(1);
