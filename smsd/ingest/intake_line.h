/* SPDX-License-Identifier: Apache-2.0 */
/*
 * One line of events, as a device wrote it (docs/internals/events.md): what of it the SMS files and
 * finds it by. The line itself is kept whole. A line comes from a device that may have been broken
 * into: its grammar is checked whole before anything of it is looked at. No allocation, no state.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "lib/base/attr.h"

struct buf;

enum {
	INTAKE_LINE_MAX = 32 * 1024, /* bytes; a device's ring has records of 16 KiB */
	INTAKE_SEQ_BITS = 53,        /* beyond it JSON's readers do not keep a number exact */
	INTAKE_EPOCH_LEN = 16,       /* hexadecimal digits */
	INTAKE_TEXT_KEPT = 512,      /* bytes of text whose words are found */
};

/* What events are found by, exactly: X(NAME, "name", letter, "help"). The letter is in databases:
 * append only. */
#define INTAKE_FIELDS(X)                                                                           \
	X(DEVICE, "device", 'd', "the device's name; \"sms\": the SMS itself")                     \
	X(KIND, "kind", 'k', "kind of event (ssl_inspection, ips_block, ...), or its event_type")  \
	X(OUTCOME, "outcome", 'o', "how a TLS session ended up: inspected, bypassed, ...")         \
	X(REASON, "reason", 'r', "why, a name of docs/reasons.md")                                 \
	X(SNI, "sni", 's', "the name that the client asked for")                                   \
	X(PROFILE, "profile", 'p', "the inspection profile")                                       \
	X(POLICY, "policy", 'q', "the policy within it")                                           \
	X(SOURCE, "source", 'a', "the client's address")                                           \
	X(DESTINATION, "destination", 'a', "the server's address")

enum intake_field {
#define X(NAME, name, letter, help) INTAKE_##NAME,
	INTAKE_FIELDS(X)
#undef X
	        INTAKE_FIELD_END
};

struct intake_text {
	const char *at; /* not NUL-terminated; NULL: the line has none */
	size_t len;
};

struct intake_line {
	int64_t time_ms;
	uint64_t epoch, seq;
	struct intake_text field[INTAKE_FIELD_END];
	const char *kind;              /* of its type, where that is called otherwise; NULL */
	struct intake_text message[3]; /* texts whose words are found; the SNI is one as well */
	char decoded[INTAKE_LINE_MAX]; /* what had escapes in it */
	size_t decoded_len;
};

/*
 * SL_EMALFORMED: no JSON object on one line, or one without timestamp, event_type, epoch, seq,
 * device. SL_ELIMIT: longer than INTAKE_LINE_MAX. A field that comes twice counts as it came first:
 * those of `control` are before anything that another process wrote. The texts are in `line` or in
 * *ret_line.
 */
int intake_line_read(const char *line, size_t len, struct intake_line *ret_line)
        SL_NONNULL(1, 3) SL_MUST;

/*
 * The words that the line is found by, a space between: one for each field, made of its letter and
 * a hash of its value, and those of its texts. Errors as buf_add.
 */
int intake_line_words(const struct intake_line *line, struct buf *out) SL_NONNULL(1, 2) SL_MUST;

/* The word of one field's value, and those of a text ("*" at a word's end asks for its beginning);
 * as intake_line_words makes them. */
int intake_field_word(enum intake_field field, const char *value, size_t len, struct buf *out)
        SL_NONNULL(2, 4) SL_MUST;
int intake_text_words(const char *text, size_t len, bool asked, struct buf *out)
        SL_NONNULL(1, 4) SL_MUST;

/* The field has this value. Names of hosts are compared without case. */
bool intake_field_is(const struct intake_line *line, enum intake_field field, const char *value)
        SL_NONNULL(1, 3);

/* Every word of `asked` is one of the line's texts, whatever its case; as intake_text_words. */
bool intake_text_has(const struct intake_line *line, const char *asked) SL_NONNULL(1, 2);

/* "2026-01-31T12:00:00.123456+0000" and its kin (RFC 3339), as milliseconds. SL_EMALFORMED. */
int intake_time_read(const char *text, size_t len, int64_t *ret_ms) SL_NONNULL(1, 3) SL_MUST;
