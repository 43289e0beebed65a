/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The token by which a device enrols, once: "slt1.ID.SECRET.PIN", three parts in base64url without
 * padding. PIN is the SHA-256 of the public key (SubjectPublicKeyInfo in DER) of the SMS's device
 * CA: the device speaks to none whose certificate is not issued by that key. SECRET is wiped where
 * it was used, never logged, and the SMS has its SHA-256 alone. Any thread.
 */
#pragma once

#include <stdint.h>

#include "lib/base/attr.h"

enum { REMOTE_TOKEN_ID = 9, REMOTE_TOKEN_SECRET = 32, REMOTE_PIN = 32, REMOTE_TOKEN_MAX = 128 };

struct remote_token {
	uint8_t id[REMOTE_TOKEN_ID];
	uint8_t secret[REMOTE_TOKEN_SECRET];
	uint8_t pin[REMOTE_PIN];
};

/* `ret_text` has NUL at its end. */
void remote_token_format(const struct remote_token *token, char ret_text[REMOTE_TOKEN_MAX])
        SL_NONNULL(1, 2);

/* Blanks around it are passed over. SL_EMALFORMED: no token, or one of another version; nothing of
 * `ret_token` is set then. */
int remote_token_parse(const char *text, struct remote_token *ret_token) SL_NONNULL(1, 2) SL_MUST;
