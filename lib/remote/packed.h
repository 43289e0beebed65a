/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What comes by the thousand between a device and its SMS is bytes, not JSON: on both ends the
 * reading and writing of JSON cost more than all else that a private key or a certificate needs.
 * Numbers are big-endian. Three layouts, which call.def names:
 *
 *   DIGESTS   32 bytes each: files that are asked for, or ids of private keys
 *   FILES     32 bytes of SHA-256 and 8 of size each: what a document names
 *   KEYS      32 bytes of RFC 9180's enc; then, for each id in the order of the question, a byte
 *             REMOTE_KEY_*, 2 bytes of length, and so many bytes: a key's PKCS8 in DER, sealed as
 *             the message whose number is how many sealed ones came before it, or in words why
 *             there is none
 *
 * Any thread.
 */
#pragma once

#include <stddef.h>
#include <stdint.h>

#include "lib/base/attr.h"
#include "lib/base/buf.h"
#include "lib/base/bytes.h"

enum {
	REMOTE_DIGEST = 32,
	REMOTE_ENCAPSULATED = 32,
	REMOTE_FILE_ROW = REMOTE_DIGEST + 8,
	REMOTE_KEY_HEAD = 1 + 2,
};

enum remote_key_kind { REMOTE_KEY_REFUSED, REMOTE_KEY_SEALED };

/* How many digests these bytes are. SL_EINVAL: not whole ones, none, or more than `max`. */
int remote_digests_count(size_t len, size_t max, size_t *ret_count) SL_NONNULL(3) SL_MUST;

/* A row of FILES, written and read. SL_ENOMEM, SL_ELIMIT. */
int remote_file_put(struct buf *rows, const uint8_t sha256[REMOTE_DIGEST], uint64_t size)
        SL_NONNULL(1, 2) SL_MUST;
uint64_t remote_file_size(const uint8_t row[REMOTE_FILE_ROW]) SL_NONNULL(1);

/* Room for a key of `len` bytes (UINT16_MAX at most: SL_ERANGE) and its head, which is written;
 * *ret_bytes is where they go, valid until the next change. SL_ENOMEM, SL_ELIMIT. */
int remote_key_put(struct buf *keys, enum remote_key_kind kind, size_t len, uint8_t **ret_bytes)
        SL_NONNULL(1, 4) SL_MUST;

/* Reads KEYS. What it gives are places in the bytes that were given to it. */
struct remote_keys {
	const uint8_t *encapsulated;
	struct reader rest;
	uint32_t sealed; /* that came so far */
};

struct remote_key {
	enum remote_key_kind kind;
	uint32_t number; /* of the message, of a sealed one */
	const uint8_t *bytes;
	size_t len;
};

/* SL_EMALFORMED. */
int remote_keys_begin(const uint8_t *data, size_t len, struct remote_keys *ret_keys)
        SL_NONNULL(1, 3) SL_MUST;
/* SL_ENOENT: there is no other; SL_EMALFORMED: of no kind, empty, or longer than what is there. */
int remote_keys_next(struct remote_keys *keys, struct remote_key *ret_key) SL_NONNULL(1, 2) SL_MUST;
