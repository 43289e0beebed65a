/* SPDX-License-Identifier: Apache-2.0 */
/*
 * RFC 4648: base64 (section 4) with its padding, and base64url (section 5) without. What is read is
 * read strictly: no blanks, no line breaks, no bit that is left over set, so that bytes have one
 * spelling. Any thread.
 */
#pragma once

#include <stddef.h>

#include "lib/base/attr.h"

/* Characters that `len` bytes take, without NUL. */
#define BASE64_CHARS(len)    (((len) + 2) / 3 * 4)
#define BASE64URL_CHARS(len) (((len)*8 + 5) / 6)

/* Bytes that so many characters of base64 may be. */
#define BASE64_BYTES(chars) ((chars) / 4 * 3)

/* BASE64_CHARS characters and a NUL; returns their number. */
size_t base64_encode(const void *data, size_t len, char *ret_text) SL_NONNULL(3);

/* At most `max` bytes; their number goes to `ret_len`, which may be 0. SL_EMALFORMED; SL_ELIMIT:
 * they would be more. Then `ret_data` may have some of them. */
int base64_decode(const char *text, size_t chars, void *ret_data, size_t max, size_t *ret_len)
        SL_NONNULL(1, 3, 5) SL_MUST;

/* BASE64URL_CHARS characters and a NUL; returns their number. */
size_t base64url_encode(const void *data, size_t len, char *ret_text) SL_NONNULL(3);

/* Exactly `len` bytes. SL_EMALFORMED: then `ret_data` may have some of them. */
int base64url_decode(const char *text, size_t chars, void *ret_data, size_t len)
        SL_NONNULL(1, 3) SL_MUST;
