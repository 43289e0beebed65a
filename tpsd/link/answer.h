/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What the SMS answers, read: first by the shapes that both ends have (lib/remote), then what each
 * answer means. All of it is from outside: every length, digest and number is checked here, and
 * nothing behind this sees bytes that were not. Any thread.
 */
#pragma once

#include <jansson.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "lib/base/attr.h"
#include "lib/remote/packed.h"
#include "lib/remote/remote.h"

enum { ANSWER_TEXT_MAX = 512, ANSWER_JSON_MAX = 4 * 1024 * 1024 };

struct answer {
	int status; /* 0; SL_EREVOKED's sense is `revoked`; SL_ENOENT, SL_EREFUSED (others of 400),
	             */
	            /* SL_EAGAIN (429 and 500 on), SL_EMALFORMED */
	bool revoked;               /* our certificate counts for nothing */
	json_t *value;              /* of a JSON answer that is good */
	char text[ANSWER_TEXT_MAX]; /* why not */
};

/* The most bytes that an answer to this call may have. */
size_t answer_max(enum remote_call_id id);

/* `http` is its status. answer_fini frees. */
void answer_read(enum remote_call_id id, long http, const void *body, size_t len,
                 struct answer *ret_answer) SL_NONNULL(3, 5);
void answer_fini(struct answer *answer) SL_NONNULL(1);

struct wanted {
	uint32_t revision; /* 0: none yet */
	uint8_t sha256[32];
	uint64_t size;
	uint32_t confirm_s;
};

/* SL_EMALFORMED. */
int answer_wanted(const json_t *value, struct wanted *ret_wanted) SL_NONNULL(1, 2) SL_MUST;

/*
 * Panic mode that is asked for, as `control` takes it: an array of {step, what, value, until_us},
 * until_us by the device's clock (0: until it is cleared). An SMS that knows nothing of it asks for
 * nothing: number 0 and "[]". free() frees. SL_ENOMEM.
 */
int answer_panic(const json_t *wanted, uint64_t now_us, uint64_t *ret_number, char **ret_steps)
        SL_NONNULL(1, 3, 4) SL_MUST;

struct wanted_file {
	uint8_t sha256[32];
	uint64_t size;
	bool here; /* on the disk, as was seen; false in an answer */
};

/* By digest, of which answer_file_order is the order. free() frees. SL_EMALFORMED, SL_ENOMEM. */
int answer_file_order(const void *a, const void *b);
int answer_files(const uint8_t *data, size_t len, struct wanted_file **ret_files, size_t *ret_count)
        SL_NONNULL(1, 3, 4) SL_MUST;

/* The next private key of an answer, or why it does not come; places in the answer. SL_ENOENT: that
 * was the last; SL_EMALFORMED: more than REMOTE_SEALED_MAX bytes, too. */
struct answer_key {
	const uint8_t *encapsulated;
	struct remote_key key;
};
int answer_key(struct remote_keys *keys, struct answer_key *ret_key) SL_NONNULL(1, 2) SL_MUST;

/* What the SMS says of it, fit for a log: printable ASCII, cut at ANSWER_TEXT_MAX. */
void answer_words(const char *bytes, size_t len, char ret_text[ANSWER_TEXT_MAX]) SL_NONNULL(1, 3);

/* What the SMS has of a batch of events. */
struct intake {
	uint64_t epoch, next;               /* all before it is there, or refused for good */
	uint64_t stored, repeated, refused; /* lines */
};

/* SL_EMALFORMED. */
int answer_intake(const json_t *value, struct intake *ret_intake) SL_NONNULL(1, 2) SL_MUST;

/* Hexadecimal: exactly `len` bytes, in either case. */
bool answer_unhex(const char *text, uint8_t *ret_data, size_t len) SL_NONNULL(1, 2);
