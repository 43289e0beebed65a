/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Licences (R36-R40): what is in a package of kind `licence`, and what follows from it for a device
 * at a moment. The section `licence.json` is
 *
 *   {"devices": [{"name": "edge-1", "capabilities":
 *       {"ssl_inspection": {"from": "2026-01-01", "until": "2027-01-01", "grace_days": 30}}}]}
 *
 * A name of "*" is for every device that has no entry of its own. Days begin at 00:00 UTC; `until`
 * is the first day without it; either left out: no bound. Behind `until` the capability goes on for
 * `grace_days`, with warnings: a date alone never ends inspection from one moment to the next.
 *
 * Enforcement begins with an authority, that is with public keys: a device without one is allowed
 * everything. Any thread.
 */
#pragma once

#include <jansson.h>
#include <openssl/evp.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "lib/base/attr.h"
#include "lib/pki/error.h"

struct buf;
struct conf_errors;
struct conf_node;
struct conf_object;
struct package_info;
struct package_keys;

#define LICENCE_SECTION  "licence.json"
#define LICENCE_EVERYONE "*"

enum {
	LICENCE_MAX = 512 * 1024,       /* bytes of a package: it goes through the command socket */
	LICENCE_JSON_MAX = 1024 * 1024, /* bytes of the section */
	LICENCE_DEVICES_MAX = 4096,
	LICENCE_GRACE_DAYS = 30, /* where nothing else is said */
	LICENCE_GRACE_DAYS_MAX = 365,
	LICENCE_WARN_DAYS = 14, /* before the end */
	LICENCE_TEXT_MAX = 160,
	LICENCE_WORKERS_DENIED = 1, /* processes that inspect without "all_cores" */
};

enum licence_capability {
#define X(ID, name, title, denied) LICENCE_##ID,
#include "lib/licence/capability.def"
#undef X
	LICENCE_CAPABILITY_END
};

/* R39. X(NAME, name, help). */
#define LICENCE_STATES(X)                                                                          \
	X(ALLOWED, "allowed", "the device may")                                                    \
	X(DENIED, "denied", "the device may not, and does without")                                \
	X(REBOOT, "reboot required", "the device may once tpsd was started again")

enum licence_state {
#define X(NAME, name, help) LICENCE_##NAME,
	LICENCE_STATES(X)
#undef X
	        LICENCE_STATE_END
};

/* Why: "built-in" is a device without an authority, "grace" the time behind `until`. */
enum licence_source {
	LICENCE_FROM_NOTHING,
	LICENCE_FROM_BUILT_IN,
	LICENCE_FROM_LICENCE,
	LICENCE_FROM_GRACE,
	LICENCE_SOURCE_END
};

/* "ssl_inspection", "SSL inspection", what denied means; "denied"; "none", "grace". Never NULL. */
const char *licence_capability_name(enum licence_capability capability);
const char *licence_capability_title(enum licence_capability capability);
const char *licence_capability_denied(enum licence_capability capability);
const char *licence_state_name(enum licence_state state);
const char *licence_source_name(enum licence_source source);
/* SL_ENOENT. */
int licence_state_parse(const char *name, enum licence_state *ret_state) SL_NONNULL(1, 2) SL_MUST;

/* ---- what it says ------------------------------------------------------------------------ */

/* The rows of licence.json. */
extern const struct conf_object licence_shape;

/* Reads and checks licence.json; what is wrong is in `errs`, each with its pointer. The first
 * error's code, else 0 and the value, which json_decref frees. */
int licence_read(const void *text, size_t len, struct conf_errors *errs, json_t **ret_licence)
        SL_NONNULL(1, 3, 4) SL_MUST;

/* The same of YAML or JSON that was read, with line and column. */
int licence_of_node(const struct conf_node *node, struct conf_errors *errs, json_t **ret_licence)
        SL_NONNULL(1, 2, 3) SL_MUST;

/* One capability of one device. */
struct licence_term {
	bool given;
	int64_t from, until; /* seconds since the epoch; 0: no bound */
	uint32_t grace_days;
};

struct licence_terms {
	struct licence_term of[LICENCE_CAPABILITY_END];
};

/* What a licence that was read gives a device. False: it does not name it. */
bool licence_find(const json_t *licence, const char *device, struct licence_terms *ret_terms)
        SL_NONNULL(1, 2, 3);

/* "edge-1, edge-2 and 7 more"; returns `text`. */
const char *licence_names(const json_t *licence, char *text, size_t size) SL_NONNULL(1, 2);

/* ---- packages ---------------------------------------------------------------------------- */

/*
 * A package's licence. Its signature must be of one of `keys`; NULL: it is not looked at. As
 * package_open, with texts for who installs one; also SL_ENOENT (no such section) and what
 * licence_read has.
 */
int licence_open(const void *package, size_t len, const struct package_keys *keys,
                 struct package_info *ret_info, json_t **ret_licence, struct pki_error *err)
        SL_NONNULL(1, 4, 5, 6) SL_MUST;

/* Adds a signed package of a checked licence to `out`; the kind of `info` is set here. As
 * package_write. */
int licence_write(const struct package_info *info, const json_t *licence, EVP_PKEY *key,
                  struct buf *out) SL_NONNULL(1, 2, 3, 4) SL_MUST;

/* ---- what follows ------------------------------------------------------------------------ */

struct licence_verdict {
	enum licence_state state;
	enum licence_source source;
	int64_t until; /* seconds since the epoch: when the licence ends or has ended; 0: never */
	bool warn;     /* worth a line a day: denied, in grace, or close to the end */
	char text[LICENCE_TEXT_MAX];
};

/* `term`: of the device's licence, NULL when there is none that counts. */
void licence_judge(const struct licence_term *term, int64_t now,
                   struct licence_verdict *ret_verdict) SL_NONNULL(3);

/* What is allowed takes effect when tpsd is started again: LICENCE_REBOOT, worth a warning. Nothing
 * where it is denied. */
void licence_judge_reboot(struct licence_verdict *verdict) SL_NONNULL(1);

/* Of a device that was given no authority. */
void licence_judge_built_in(struct licence_verdict *ret_verdict) SL_NONNULL(1);

/* {capability, state, source, until, text}: `until` as "2027-01-01", "" without an end. */
json_t *licence_describe(enum licence_capability capability, const struct licence_verdict *verdict)
        SL_NONNULL(2) SL_MUST;

/* "2027-01-01"; "" for 0. Returns `text`. */
enum { LICENCE_DAY_TEXT = 16 };
const char *licence_day(int64_t seconds, char text[LICENCE_DAY_TEXT]) SL_NONNULL(2);
