/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What a device and its SMS have to agree on (docs/internals/link.md): the calls, the shapes of
 * their bodies, states, limits. The device calls, by HTTPS with client certificates on a port of
 * its own (8444); the SMS never does. Both ends check what they get by the same rows. An SMS of
 * version N has devices of N and N-1 (R162): a row that is new is never required, and is sent to
 * who has named its counterpart. Any thread.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "lib/base/attr.h"
#include "lib/conf/object.h"

#define REMOTE_PREFIX "/device/v1"

/* The `type` of the 403 that says the device's certificate counts for nothing. */
#define REMOTE_TYPE_REVOKED "urn:sluice:revoked"

enum {
	REMOTE_VERSION = 1, /* of these calls */
	REMOTE_PORT = 8444,
	REMOTE_WAIT_S = 50,                  /* the longest that a `wanted` is held */
	REMOTE_PIECE_MAX = 4 * 1024 * 1024,  /* bytes of a file in one answer */
	REMOTE_FILES_MAX = 4096,             /* of one document */
	REMOTE_FILE_MAX = 256 * 1024 * 1024, /* bytes: CONF_NAMES_FILE_MAX */
	REMOTE_BUNDLE_MAX = 1024,            /* files in one answer: their names are 32 KiB */
	REMOTE_BUNDLE_FILE = 64 * 1024,      /* bytes; a larger one comes in pieces of its own */
	REMOTE_KEYS_MAX = 1024,              /* in one call; 8 MiB when all were the longest */
	REMOTE_ITEMS_MAX = 1000,             /* of one status; more are counted */
	REMOTE_EVENTS_MAX = 4 * 1024 * 1024, /* bytes of one batch of events */
	REMOTE_EVENT_LINES_MAX = 10000,      /* and lines */
	REMOTE_MINUTES_MAX = 60,             /* of one call of counters */
	REMOTE_BODY_MAX = 48 * 1024 * 1024,  /* a status has the document in it, as text */
	REMOTE_SEALED_MAX = 8192, /* bytes of a sealed key: an RSA key of 4096 bits has 2.4 KiB */
	REMOTE_LICENCE_MAX = 512 * 1024, /* bytes of a licence: LICENCE_MAX */
	REMOTE_LICENSED_MAX = 64,        /* capabilities of a status */
	REMOTE_PANIC_MAX = 32,           /* steps that are asked of a device at once */
	REMOTE_PANIC_VALUE_MAX = 255,    /* bytes of an address or a domain */
	REMOTE_CERTIFICATE_DAYS = 90,
	REMOTE_CONFIRM_S = 300,     /* where nothing else is asked for (R161) */
	REMOTE_FAILURES_TIMES = 3,  /* handshake failures against the ten minutes before */
	REMOTE_FAILURES_FLOOR = 20, /* fewer than that never count as many */
};

/* Panic mode's steps (R157), as devices number them, from 1: X(NAME, "name", "help"). */
#define REMOTE_PANIC_STEPS(X)                                                                      \
	X(EXCEPT, "except", "one client, server or domain is left alone")                          \
	X(STOP, "stop", "no new session is decrypted; those that are go on")                       \
	X(FALLBACK, "fallback", "layer-2 fallback: nothing new is looked at")

enum remote_panic_step {
	REMOTE_PANIC_NONE,
#define X(NAME, name, help) REMOTE_PANIC_##NAME,
	REMOTE_PANIC_STEPS(X)
#undef X
	        REMOTE_PANIC_END
};

/* "stop"; "" for a number that is none. */
const char *remote_panic_name(enum remote_panic_step step);

/* The largest whole number that JSON's readers all keep exact. */
#define REMOTE_COUNT_MAX UINT64_C(9007199254740991)

/* Of one minute: 500 Gbit/s, and sums of all devices and days are whole numbers still. */
#define REMOTE_COUNTED_MAX (UINT64_C(1) << 42)

/* What is counted by the minute (R142, R143): X(name, "help"). `active` is a mean, the others are
 * sums. */
#define REMOTE_COUNTERS(X)                                                                         \
	X(seen, "TLS sessions seen, whatever became of them")                                      \
	X(inspected, "of them inspected")                                                          \
	X(bypassed, "of them bypassed")                                                            \
	X(blocked, "of them blocked")                                                              \
	X(new, "TLS sessions begun")                                                               \
	X(bytes, "bytes of all TLS seen")                                                          \
	X(bytes_inspected, "bytes of them that were inspected")                                    \
	X(active, "sessions open")

enum remote_shape {
	REMOTE_SHAPE_NONE,
	/* Bytes: of a file, or as lib/remote/packed.h lays them out. */
	REMOTE_SHAPE_FILE,
	REMOTE_SHAPE_DIGESTS,
	REMOTE_SHAPE_FILES,
	REMOTE_SHAPE_KEYS,
#define SHAPE(ID, object) REMOTE_SHAPE_##ID,
#include "lib/remote/shape.def"
#undef SHAPE
};

#define SHAPE(ID, object) extern const struct conf_object object;
#include "lib/remote/shape.def"
#undef SHAPE

/* NULL for NONE and for what is bytes. */
const struct conf_object *remote_shape_object(enum remote_shape shape);

enum remote_method { REMOTE_GET, REMOTE_POST };

enum remote_call_id {
#define CALL(ID, METHOD, path, body, answer, enrolled, summary) REMOTE_##ID,
#include "lib/remote/call.def"
#undef CALL
	REMOTE_CALL_END
};

struct remote_call {
	const char *id;
	enum remote_method method;
	const char *path; /* below REMOTE_PREFIX, with its query's parameters */
	bool enrolled;
	enum remote_shape body, answer;
	const char *summary;
};

extern const struct remote_call remote_calls[REMOTE_CALL_END];

/*
 * What became of a revision on a device: X(NAME, "name", "help"). The first three are the SMS's,
 * the others the device tells; a state never goes back but by a newer revision.
 */
#define REMOTE_STATES(X)                                                                           \
	X(WAITING, "waiting", "the device has not asked yet: it is offline, or its turn is later") \
	X(OFFERED, "offered", "the device was told")                                               \
	X(SUPERSEDED, "superseded", "a newer distribution took its place before it was in force")  \
	X(FETCHED, "fetched", "document and files are on the device")                              \
	X(IN_FORCE, "in force",                                                                    \
	  "applied; reverts by itself unless the device still finds all well")                     \
	X(CONFIRMED, "confirmed", "applied for good")                                              \
	X(REFUSED, "refused", "the device takes none of it; its items say why")                    \
	X(REVERTED, "reverted", "the device went back to what it had before, and says why")

enum remote_state {
#define X(NAME, name, help) REMOTE_STATE_##NAME,
	REMOTE_STATES(X)
#undef X
	        REMOTE_STATE_END
};

/* "in force"; "?" for a number that is none. */
const char *remote_state_name(enum remote_state state);

/* SL_ENOENT for a name that is none. */
int remote_state_parse(const char *name, enum remote_state *ret_state) SL_NONNULL(1, 2) SL_MUST;
