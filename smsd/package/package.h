/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Packages at the SMS: the public keys that they are believed by, the sources that they come from,
 * what is here and what is installed. An install is a row: what devices get of it is made with
 * their next document (smsd/object/installed.h), or asked for by who enforces it. Pool threads;
 * packages_tick by the clock. docs/internals/sms.md, "Packages".
 */
#pragma once

#include <stddef.h>
#include <stdint.h>

#include <jansson.h>

#include "lib/base/attr.h"
#include "lib/package/package.h"

struct actor;
struct buf;
struct ingest;
struct packages;
struct problem;
struct store;

enum {
	PACKAGES_CHECKS = 2, /* sources looked at at the same time */
	PACKAGES_KEPT = 32,  /* of a kind; older ones that are not installed go */
	PACKAGES_INSTALLS_KEPT = 256,
	PACKAGES_DELETED_KEPT = 1024, /* of which it is known that sources bring them no more */
	PACKAGES_REFUSED_KEPT = 256,  /* of which it is known that they are not fetched again */
	PACKAGES_SOURCES_MAX = 64,
	PACKAGES_ADDRESS_MAX = 1024,
	PACKAGES_CA_MAX = 64 * 1024, /* bytes of a source's CA certificates */
	PACKAGES_MINUTES = 10,       /* between two checks where nothing else is said (R38) */
	PACKAGES_MINUTES_MAX = 7 * 24 * 60,
	PACKAGES_ERROR_MAX = 1024,
};

/* Once, before threads ask. `ingest` hears of what is refused. SL_ENOMEM, SL_ESYS. */
int packages_create(struct store *store, struct ingest *ingest, struct packages **ret_packages,
                    struct problem *problem) SL_NONNULL(1, 2, 3, 4) SL_MUST;
void packages_destroy(struct packages *packages);

/* What is under way from a source ends soon, with an error that nobody hears. Any thread. */
void packages_stop(struct packages *packages) SL_NONNULL(1);

/* Called after each install and uninstall, in the thread that did it. A killed smsd may have
 * installed one without having called it: look at what is installed at the start, too. Before
 * threads ask. */
typedef void packages_installed_fn(void *arg, enum package_kind kind);
void packages_on_install(struct packages *packages, packages_installed_fn *fn, void *arg)
        SL_NONNULL(1);

/* The content of the installed package of a kind, its signature verified by the keys of today, into
 * `out`, whose maximum is publish_content_max. SL_ENOENT: none is installed. */
int package_installed(struct packages *packages, enum package_kind kind, struct buf *out,
                      struct problem *problem) SL_NONNULL(1, 3, 4) SL_MUST;

/* ---- keys -------------------------------------------------------------------------------- */

/* PEM of one Ed25519 public key. SL_EEXIST: name or key; SL_ELIMIT, SL_EMALFORMED. */
int packages_key_add(struct packages *packages, const struct actor *actor, const char *name,
                     const char *pem, struct problem *problem) SL_NONNULL(1, 2, 3, 4, 5) SL_MUST;

/* An array of {name, fingerprint, made}. */
int packages_key_list(struct packages *packages, json_t **ret_list) SL_NONNULL(1, 2) SL_MUST;

/* SL_EBUSY: a package that is installed was signed by it. */
int packages_key_delete(struct packages *packages, const struct actor *actor, const char *name,
                        struct problem *problem) SL_NONNULL(1, 2, 3, 4) SL_MUST;

/* ---- sources ----------------------------------------------------------------------------- */

/*
 * `body`: {address, ca, minutes, automatic: [kinds]}, as api/shape_package.c checked it. `address`
 * is a directory of this host or begins with https://. `revision` 0 makes one. SL_EEXIST,
 * SL_ECONFLICT, SL_EINVAL, SL_ELIMIT, SL_ENOENT.
 */
int packages_source_put(struct packages *packages, const struct actor *actor, const char *name,
                        int64_t revision, const json_t *body, struct problem *problem)
        SL_NONNULL(1, 2, 3, 5, 6) SL_MUST;

/* {name, revision, address, ca, minutes, automatic, checking, checked, error}; the last two are
 * left out when there is none. */
int packages_source_show(struct packages *packages, const char *name, json_t **ret_shown,
                         struct problem *problem) SL_NONNULL(1, 2, 3, 4) SL_MUST;
int packages_source_list(struct packages *packages, json_t **ret_list) SL_NONNULL(1, 2) SL_MUST;
int packages_source_delete(struct packages *packages, const struct actor *actor, const char *name,
                           int64_t revision, struct problem *problem)
        SL_NONNULL(1, 2, 3, 5) SL_MUST;

/* It is due: the next tick looks. */
int packages_source_check(struct packages *packages, const struct actor *actor, const char *name,
                          struct problem *problem) SL_NONNULL(1, 2, 3, 4) SL_MUST;

/* Looks at one source that is due, if there is one: may take minutes, PACKAGES_CHECKS of them at
 * the same time, one a source. The newest package of each kind is fetched, where it is not here
 * and nobody deleted it; what is refused is said by the source and by an event, and fetched again
 * when the keys are others. Every second or so. */
int packages_tick(struct packages *packages, int64_t now_ms) SL_NONNULL(1) SL_MUST;

/* ---- packages ---------------------------------------------------------------------------- */

/* The upload becomes a package: signature, kind, format and content are checked before. One that is
 * here already is that one. SL_EMISMATCH: nobody who is believed signed it, or its format (R41). */
int packages_import(struct packages *packages, const struct actor *actor, int64_t upload,
                    int64_t *ret_id, struct problem *problem) SL_NONNULL(1, 2, 4, 5) SL_MUST;

/* {id, kind, name, version, description, created, imported, source, signer, size, sha256, summary,
 * installed, policy (of a decryption policy), overridden (it is installed, and an object of its
 * name takes its place)}; of a list without policy. */
int packages_show(struct packages *packages, int64_t id, json_t **ret_shown,
                  struct problem *problem) SL_NONNULL(1, 3, 4) SL_MUST;
int packages_list(struct packages *packages, json_t **ret_list) SL_NONNULL(1, 2) SL_MUST;

/* Against what is installed of its kind: lib/publish/content.h, with `from` and `to` versions. */
int packages_diff(struct packages *packages, int64_t id, json_t **ret_diff, struct problem *problem)
        SL_NONNULL(1, 3, 4) SL_MUST;

/* From now on it is the one of its kind; an earlier one too. SL_EEXIST: it is. SL_EREFUSED: who
 * signed it is believed no more. Uninstalled, there is none of the kind. */
int packages_install(struct packages *packages, const struct actor *actor, int64_t id,
                     struct problem *problem) SL_NONNULL(1, 2, 4) SL_MUST;
int packages_uninstall(struct packages *packages, const struct actor *actor, int64_t id,
                       struct problem *problem) SL_NONNULL(1, 2, 4) SL_MUST;

/* No source brings it again; by hand it may come. SL_EBUSY: it is installed. */
int packages_delete(struct packages *packages, const struct actor *actor, int64_t id,
                    struct problem *problem) SL_NONNULL(1, 2, 4) SL_MUST;

/* Installs, newest first: {package, kind, name, version, who, time}; `package` 0: uninstalled.
 * `kind` NULL: of all. */
int packages_history(struct packages *packages, const char *kind, unsigned limit, json_t **ret_list)
        SL_NONNULL(1, 4) SL_MUST;

/* Of the installed package: {category, title, names}; none without one (R106). */
int packages_categories(struct packages *packages, json_t **ret_list) SL_NONNULL(1, 2) SL_MUST;
