/* SPDX-License-Identifier: Apache-2.0 */
#include "lib/remote/token.h"

#include <ctype.h>
#include <openssl/crypto.h>
#include <stdbool.h>
#include <stddef.h>
#include <string.h>

#include "lib/base/err.h"

static const char prefix[] = "slt1";
static const char alphabet[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_";

/* RFC 4648 section 5, without padding. Returns the place behind what it wrote. */
static char *encode(const uint8_t *data, size_t len, char *out)
{
	for (size_t i = 0; i < len; i += 3) {
		size_t n = len - i < 3 ? len - i : 3;
		uint32_t bits = (uint32_t)data[i] << 16;

		if (n > 1)
			bits |= (uint32_t)data[i + 1] << 8;
		if (n > 2)
			bits |= data[i + 2];
		for (size_t k = 0; k <= n; k++)
			*out++ = alphabet[bits >> (18 - 6 * k) & 63];
	}
	return out;
}

/* Exactly `len` bytes; bits that are left over have to be zero, so that a token has one spelling.
 */
static bool decode(const char *text, size_t chars, uint8_t *ret_data, size_t len)
{
	uint32_t bits = 0;
	unsigned have = 0;
	size_t done = 0;

	if (chars != (len * 8 + 5) / 6)
		return false;
	for (size_t i = 0; i < chars; i++) {
		const char *at = text[i] ? strchr(alphabet, text[i]) : NULL;

		if (!at)
			return false;
		bits = (bits << 6 | (uint32_t)(at - alphabet)) & 0xffffff;
		have += 6;
		if (have >= 8 && done < len) {
			have -= 8;
			ret_data[done++] = (uint8_t)(bits >> have);
		}
	}
	return (bits & ((1u << have) - 1)) == 0;
}

void remote_token_format(const struct remote_token *token, char ret_text[REMOTE_TOKEN_MAX])
{
	char *at = ret_text;

	memcpy(at, prefix, sizeof(prefix) - 1);
	at += sizeof(prefix) - 1;
	*at++ = '.';
	at = encode(token->id, sizeof(token->id), at);
	*at++ = '.';
	at = encode(token->secret, sizeof(token->secret), at);
	*at++ = '.';
	at = encode(token->pin, sizeof(token->pin), at);
	*at = '\0';
}

/* The next part, up to a dot or the end; false when there is none. */
static bool next_part(const char **at, const char *end, const char **ret_part, size_t *ret_len)
{
	const char *dot;

	if (*at > end)
		return false;
	dot = memchr(*at, '.', (size_t)(end - *at));
	*ret_part = *at;
	*ret_len = (size_t)((dot ? dot : end) - *at);
	*at = dot ? dot + 1 : end + 1;
	return true;
}

int remote_token_parse(const char *text, struct remote_token *ret_token)
{
	struct remote_token token;
	struct {
		uint8_t *data;
		size_t len;
	} const parts[] = {{token.id, sizeof(token.id)},
	                   {token.secret, sizeof(token.secret)},
	                   {token.pin, sizeof(token.pin)}};
	const char *end, *part;
	bool good;
	size_t len;

	while (isspace((unsigned char)*text))
		text++;
	end = text + strlen(text);
	while (end > text && isspace((unsigned char)end[-1]))
		end--;
	good = next_part(&text, end, &part, &len) && len == sizeof(prefix) - 1 &&
	       memcmp(part, prefix, len) == 0;
	for (size_t i = 0; good && i < SL_ARRAY_LEN(parts); i++)
		good = next_part(&text, end, &part, &len) &&
		       decode(part, len, parts[i].data, parts[i].len);
	good = good && text == end + 1;
	if (good)
		*ret_token = token;
	OPENSSL_cleanse(&token, sizeof(token));
	return good ? 0 : SL_EMALFORMED;
}
