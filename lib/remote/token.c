/* SPDX-License-Identifier: Apache-2.0 */
#include "lib/remote/token.h"

#include <ctype.h>
#include <openssl/crypto.h>
#include <stdbool.h>
#include <stddef.h>
#include <string.h>

#include "lib/base/base64.h"
#include "lib/base/err.h"

static const char prefix[] = "slt1";

void remote_token_format(const struct remote_token *token, char ret_text[REMOTE_TOKEN_MAX])
{
	char *at = ret_text;

	memcpy(at, prefix, sizeof(prefix) - 1);
	at += sizeof(prefix) - 1;
	*at++ = '.';
	at += base64url_encode(token->id, sizeof(token->id), at);
	*at++ = '.';
	at += base64url_encode(token->secret, sizeof(token->secret), at);
	*at++ = '.';
	(void)base64url_encode(token->pin, sizeof(token->pin), at);
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
		       base64url_decode(part, len, parts[i].data, parts[i].len) == 0;
	good = good && text == end + 1;
	if (good)
		*ret_token = token;
	OPENSSL_cleanse(&token, sizeof(token));
	return good ? 0 : SL_EMALFORMED;
}
