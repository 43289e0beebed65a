/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Events to syslog servers, over TCP or TLS: each event that is stored, those of the SMS itself
 * too, at least once to each server that is enabled and wants its kind. Nothing is copied: what
 * waits for a server is what intake has stored, from a place on that is the server's row
 * (smsd/ingest/arrival.h). A thread a server, so a slow one holds up nobody: not intake, not
 * another server. docs/internals/sms.md, "Forwarding".
 */
#pragma once

#include <stddef.h>
#include <stdint.h>

#include <jansson.h>

#include "lib/base/attr.h"

struct actor;
struct forward;
struct ingest;
struct problem;
struct store;

enum {
	FORWARD_TARGETS_MAX = 8, /* a thread each */
	FORWARD_PORT_TCP = 601,  /* RFC 3195's syslog-conn, as RFC 6587 found it in use */
	FORWARD_PORT_TLS = 6514, /* RFC 5425 */
	FORWARD_HOST_MAX = 253,
	FORWARD_CA_MAX = 64 * 1024,
	FORWARD_KINDS_MAX = 16,
	FORWARD_SPOOL = 1000 * 1000,          /* events that may wait where nothing else is said, */
	FORWARD_SPOOL_MIN = 1000,             /* at least: beyond it the oldest are skipped */
	FORWARD_SPOOL_MAX = 10 * 1000 * 1000, /* and at most */
	FORWARD_RETRY_MAX_S = 60,             /* between two tries; the first is a second */
	FORWARD_SETTLE_MS = 1000,             /* see sender.c */
	FORWARD_ERROR_MAX = 512,
};

/* Nothing runs yet. `store` and `ingest` outlive it. SL_ENOMEM. */
int forward_create(struct store *store, struct ingest *ingest, struct forward **ret_forward,
                   struct problem *problem) SL_NONNULL(1, 2, 3, 4) SL_MUST;

/* The threads of those that there are; from now on it hears what comes. Before any batch is taken.
 * In `problem`: SL_ESYS, SL_ENOMEM, the store's codes. */
int forward_start(struct forward *forward, struct problem *problem) SL_NONNULL(1, 2) SL_MUST;

/* Ends the threads, each as soon as it may: a server that answers has then what was sent. After the
 * last batch. NULL: nothing. */
void forward_destroy(struct forward *forward);

/*
 * `body`: {host, port, transport, ca, kinds, enabled, spool}, as api/shape_syslog.c checked it.
 * `revision` 0 makes one. One that is new, or was not enabled, gets what is stored from now on.
 * SL_EEXIST, SL_ECONFLICT, SL_EINVAL, SL_ELIMIT, SL_ENOENT. Pool threads.
 */
int forward_put(struct forward *forward, const struct actor *actor, const char *name,
                int64_t revision, const json_t *body, struct problem *problem)
        SL_NONNULL(1, 2, 3, 5, 6) SL_MUST;
int forward_delete(struct forward *forward, const struct actor *actor, const char *name,
                   int64_t revision, struct problem *problem) SL_NONNULL(1, 2, 3, 5) SL_MUST;

/*
 * {name, revision, host, port, transport, ca, kinds, enabled, spool, state, since, sent, waiting,
 * skipped, error, error_time, testing, tested}; times that are not, and no error, are left out.
 * `waiting`: not known to be there. `sent`: each once, however often.
 */
int forward_show(struct forward *forward, const char *name, json_t **ret_shown,
                 struct problem *problem) SL_NONNULL(1, 2, 3, 4) SL_MUST;
int forward_list(struct forward *forward, json_t **ret_list) SL_NONNULL(1, 2) SL_MUST;

/* A message of its own is sent at once, to one that waits to try again too; `testing` until it went
 * or could not. SL_EBUSY: it is not enabled. */
int forward_test(struct forward *forward, const struct actor *actor, const char *name,
                 struct problem *problem) SL_NONNULL(1, 2, 3, 4) SL_MUST;
