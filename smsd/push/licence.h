/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Licences of devices (R36-R40): the installed package of that kind goes to every device by its
 * `wanted`, at once to those that are connected; each takes of it what is its own, by the authority
 * that it was given, and says what it may. That word is kept here, and compared with what the
 * package gives. The SMS denies nothing itself. Pool threads.
 */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include <jansson.h>

#include "lib/base/attr.h"
#include "smsd/object/blob.h"

struct push;
struct store;

/* Digest and length of the installed licence; a length of 0: none is. */
int licence_installed(struct store *store, uint8_t ret_sha256[BLOB_DIGEST], int64_t *ret_size)
        SL_NONNULL(1, 2, 3) SL_MUST;

/* Another one is installed, or none: devices that wait are told. */
void licence_changed(struct push *push) SL_NONNULL(1);

/* A status' row `licence` (lib/remote). */
int licence_told(struct store *store, int64_t device, const json_t *told) SL_NONNULL(1) SL_MUST;

/*
 * {package: {name, version, sha256}, devices: [{name, online, delivery, refused, capabilities:
 * [{capability, given, from, until, grace_days, state, source, ends, text}]}]} of all enrolled
 * devices by name. `given` to `grace_days`: what the package says; `state` to `text`: what the
 * device says, "unknown" before it has. `delivery`: "none", "waiting", "taken", "refused".
 */
int licence_show(struct store *store, int64_t now_ms, json_t **ret_shown) SL_NONNULL(1, 3) SL_MUST;

/* {NAME: {ssl_inspection: STATE, licence: [{capability, state, source, until, text}]}} of each
 * device that has told. */
int licence_summary(struct store *store, json_t **ret_summary) SL_NONNULL(1, 2) SL_MUST;

/* Notices of what was distributed and is not in effect, for a device of the summary; `categories`:
 * its document has decryption policies with some (R107). */
int licence_add_items(const json_t *summary, const char *device, bool categories, json_t *items)
        SL_NONNULL(2, 4) SL_MUST;

/* Whether the text of a document, in its one spelling, has decryption policies with categories. */
bool licence_has_categories(const char *document) SL_NONNULL(1);

/* The same of a device's document of that revision. */
int licence_uses_categories(struct store *store, const char *device, int64_t revision,
                            bool *ret_uses) SL_NONNULL(1, 2, 4) SL_MUST;

/* Whether a device of the summary may not do it. */
bool licence_denies(const json_t *summary, const char *device, const char *capability)
        SL_NONNULL(2, 3);
