/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Events: one JSON object a line in EVE's field names. A process builds the object here and writes
 * it to its ring; `control` adds device, epoch, sequence and writes the file of its kind. No
 * allocation: a line is built in the caller's memory, cut at RING_RECORD_MAX ("truncated": true).
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "lib/base/addr.h"
#include "lib/event/ring.h"

/* Kinds, files and what goes first when the spool is full: event.def is the table. */
enum event_kind {
#define X(NAME, name, keep, help) EVENT_##NAME,
#include "lib/event/event.def"
#undef X
	EVENT_KIND_END
};

enum { EVENT_DEPTH_MAX = 12 };

/* "ssl_inspection"; "unknown" for a number that is none. */
const char *event_kind_name(enum event_kind kind);
/* What goes first when the spool is full: the lowest rank. */
unsigned event_kind_rank(enum event_kind kind);
/* SL_ENOENT. */
int event_kind_find(const char *name, enum event_kind *ret_kind) SL_NONNULL(1, 2) SL_MUST;
/* Of an event's type (type.def; not NUL-terminated); `blocked`: an alert that says so. SL_ENOENT.
 */
int event_kind_of_type(const char *type, size_t len, bool blocked, enum event_kind *ret_kind)
        SL_NONNULL(1, 4) SL_MUST;

struct event_line {
	enum event_kind kind;
	size_t len;
	unsigned depth;   /* open objects and arrays, the outermost one included */
	unsigned skipped; /* of those, the innermost that did not fit and are left out */
	uint32_t arrays;  /* bit `depth`: that level is an array */
	bool need_comma;
	bool truncated; /* a field did not fit and was left out */
	char text[RING_RECORD_MAX];
};

/* Starts an object: "timestamp" (wall clock) and "event_type". */
void event_begin(struct event_line *line, enum event_kind kind, const char *event_type)
        SL_NONNULL(1, 3);

/* Fields. Text from outside is escaped, and bytes that are no UTF-8 become U+FFFD. A NULL value is
 * JSON's null. `key` is NULL for a value of an array and must be a plain word otherwise. */
void event_text(struct event_line *line, const char *key, const char *value) SL_NONNULL(1);
void event_text_n(struct event_line *line, const char *key, const char *value, size_t len)
        SL_NONNULL(1);
void event_uint(struct event_line *line, const char *key, uint64_t value) SL_NONNULL(1);
void event_int(struct event_line *line, const char *key, int64_t value) SL_NONNULL(1);
void event_bool(struct event_line *line, const char *key, bool value) SL_NONNULL(1);
void event_hex(struct event_line *line, const char *key, const uint8_t *data, size_t len)
        SL_NONNULL(1);
/* src_ip, src_port, dest_ip, dest_port, proto: source is the client. */
void event_tuple(struct event_line *line, const struct addr *src, uint16_t src_port,
                 const struct addr *dest, uint16_t dest_port) SL_NONNULL(1, 2, 4);
void event_object_begin(struct event_line *line, const char *key) SL_NONNULL(1);
void event_object_end(struct event_line *line) SL_NONNULL(1);
/* An array; its values are fields with the key NULL. At most EVENT_DEPTH_MAX levels. */
void event_array_begin(struct event_line *line, const char *key) SL_NONNULL(1);
void event_array_end(struct event_line *line) SL_NONNULL(1);
/* A value that is JSON already and was made by us; `len` bytes. */
void event_json(struct event_line *line, const char *key, const char *json, size_t len)
        SL_NONNULL(1, 3);
/* An address alone, as text. */
void event_addr(struct event_line *line, const char *key, const struct addr *addr) SL_NONNULL(1, 3);

/* Closes what is open and returns the text, NUL-terminated, without a newline. event_end does it.
 */
const char *event_finish(struct event_line *line) SL_NONNULL(1);

/* Ends the object and writes it. A full ring counts the loss; returns ring_write's code. */
int event_end(struct event_line *line, struct ring *ring) SL_NONNULL(1, 2);
